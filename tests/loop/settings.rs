//! What a builder sets is what the loop does.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::time::{Instant, sleep};
use annulus::{BufResult, Builder, Opcode};

use crate::common::bound::bound_loop;
use crate::common::metrics;
use crate::common::net::{half_pair, loopback};
use crate::common::poll::poll_once;

/// The system calls of a loop that has nothing to do for a while, with a read in flight.
fn enters_while_idle(spin: Duration) -> u64 {
    let runtime = Builder::new().spin_before_park(spin).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, mut far) = half_pair();
        let mut read = near.read(vec![0; 5]);
        assert!(poll_once(&mut read).await.is_none());
        let before = metrics::here().enters;
        sleep(Duration::from_millis(100)).await;
        let enters = metrics::here().enters - before;
        // What comes from the kernel, from a timer and from another thread ends either wait.
        far.write_all(b"hello").unwrap();
        assert_eq!(read.await.unwrap().1, b"hello");
        assert_eq!(annulus::spawn_blocking(|| 7).await.unwrap(), 7);
        enters
    })
}

#[test]
fn a_loop_that_spins_looks_again_and_again_before_it_sleeps() {
    let asleep = enters_while_idle(Duration::ZERO);
    let spinning = enters_while_idle(Duration::from_secs(1));
    let both = enters_while_idle(Duration::from_millis(1));
    println!("{asleep} system calls without spinning, {both} with a little, {spinning} with much");
    assert!(asleep <= 10, "{asleep}");
    assert!(spinning > 10 * asleep, "{spinning} and {asleep}");
}

/// The system calls of sleeps one after another.
fn enters_of_sleeps(wakes_ahead: bool, sleeps: u32) -> u64 {
    let runtime = Builder::new().wake_ahead(wakes_ahead).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let before = metrics::here().enters;
        for nap in 0..sleeps {
            let asked = Duration::from_micros(500 + u64::from(nap * 37 % 500));
            let began = Instant::now();
            sleep(asked).await;
            assert!(began.elapsed() >= asked);
        }
        metrics::here().enters - before
    })
}

#[test]
fn a_loop_that_is_woken_ahead_of_a_timer_waits_for_the_rest_in_the_kernel() {
    assert_eq!(enters_of_sleeps(false, 50), 50);
    let enters = enters_of_sleeps(true, 200);
    println!("{enters} system calls for 200 sleeps");
    assert!((200..=400).contains(&enters), "{enters}");
}

/// One of everything that a server does with its connections.
async fn serve() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = annulus::spawn(async move {
        let mut incoming = listener.incoming();
        let first = incoming.next().await.unwrap();
        let mut items = first.recv_stream();
        let hello = items.next().await.unwrap().unwrap();
        first.write_all(hello).await.0.unwrap();
        let bytes = first.recv().timeout(Duration::from_secs(60)).await.unwrap();
        let BufResult(sent, _) = first.writev(vec![bytes.to_vec(), b"!".to_vec()]).await;
        sent.unwrap();
        let error = first.readable().timeout(Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        first.close().await.unwrap();
    });
    let client = TcpStream::connect(address).await.unwrap();
    client.write_all("hello").await.0.unwrap();
    assert_eq!(&*client.recv().await.unwrap(), b"hello");
    client.write_all("again").await.0.unwrap();
    assert_eq!(client.read(vec![0; 6]).await.unwrap().1, b"again!");
    server.await.unwrap();
    assert_eq!(annulus::spawn_blocking(|| 7).await.unwrap(), 7);
}

#[test]
fn a_restricted_loop_serves_with_what_it_is_allowed_and_does_nothing_else() {
    let server = [Opcode::Accept, Opcode::Connect, Opcode::Recv, Opcode::Send, Opcode::SendMsg];
    for coop_only in [false, true] {
        let builder = Builder::new().allow_ops(server).coop_only(coop_only);
        let runtime = builder.iowq_max_workers(2).build().unwrap();
        let _bound = bound_loop(&runtime);
        runtime.block_on(async {
            serve().await;
            let refused = annulus::fs::File::open("/dev/null").await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            assert_eq!(refused.raw_os_error(), Some(libc::EACCES));
            let refused = annulus::fs::metadata("/").await.unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EACCES));
            let (near, _far) = half_pair();
            let BufResult(refused, _) = near.readv(vec![vec![0; 2]]).await;
            assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EACCES), "RECVMSG");
            serve().await;
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    }
}

#[test]
fn a_loop_that_may_do_nothing_still_keeps_time_and_ends() {
    let runtime = Builder::new().allow_ops([]).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        sleep(Duration::from_millis(1)).await;
        annulus::op::nop().await.unwrap();
        assert_eq!(annulus::spawn_blocking(|| 7).await.unwrap(), 7);
        let (near, _far) = half_pair();
        let refused = near.recv().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

#[test]
fn a_loop_that_polls_devices_serves_as_before() {
    for prefer in [false, true] {
        let builder = Builder::new().napi(Duration::from_micros(20), prefer);
        let runtime = builder.build().unwrap();
        let _bound = bound_loop(&runtime);
        runtime.block_on(serve());
    }
}

#[test]
fn a_loop_that_gathers_serves_as_before() {
    let runtime = Builder::new().min_wait(Duration::from_micros(200)).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(serve());
}

#[test]
fn a_loop_that_gathers_takes_completions_that_come_one_by_one_in_one_system_call() {
    let runtime = Builder::new().min_wait(Duration::from_millis(300)).build().unwrap();
    if runtime.features().explain().contains("waits cannot gather") {
        println!("skipped: this kernel cannot gather");
        return;
    }
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, far): (Vec<_>, Vec<_>) = (0..8).map(|_| half_pair()).unzip();
        let reads: Vec<_> = near
            .into_iter()
            .map(|near| annulus::spawn(async move { near.read(vec![0; 1]).await.0 }))
            .collect();
        annulus::yield_now().await;
        let before = metrics::here().enters;
        let writer = std::thread::spawn(move || {
            for mut far in far {
                far.write_all(b"x").unwrap();
                // A loop that does not gather has been there by then.
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        for read in reads {
            assert_eq!(read.await.unwrap().unwrap(), 1);
        }
        let enters = metrics::here().enters - before;
        assert!(enters < 8, "{enters} system calls for eight completions");
        writer.join().unwrap();
    });
}
