//! A process that is interrupted all the time, as by a profiler: nothing that waits may notice.

#![expect(unsafe_code, reason = "sigaction and pthread_kill are libc calls")]

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use annulus::fs::{self, File};
use annulus::net::TcpListener;
use annulus::time::{Instant, sleep, timeout};
use annulus::{Builder, spawn, spawn_blocking, try_join};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::common::metrics;
use crate::common::net::{listener, pair};
use crate::common::soak;
use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

static RECEIVED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    RECEIVED.fetch_add(1, Ordering::Relaxed);
}

/// A thread that interrupts the one that made it, again and again, until it is dropped.
struct Storm {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Storm {
    fn begin() -> Storm {
        let handler = count as extern "C" fn(libc::c_int);
        // SAFETY: all zeros is an action: no flag (so that calls are not begun anew), no mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        // SAFETY: the handler adds to an atomic, which a handler may do.
        let set =
            unsafe { libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()) };
        assert_eq!(set, 0);
        // SAFETY: asks for the name of the thread that calls.
        let target = unsafe { libc::pthread_self() };
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = 0;
            while !told.load(Ordering::Relaxed) {
                // SAFETY: the target lives until this thread was joined.
                unsafe { libc::pthread_kill(target, libc::SIGALRM) };
                // One after another: what is pending already counts once only.
                let mut patience = 1000;
                while RECEIVED.load(Ordering::Relaxed) == seen && patience > 0 {
                    patience -= 1;
                    std::thread::yield_now();
                }
                seen = RECEIVED.load(Ordering::Relaxed);
            }
        });
        Storm { stop, thread: Some(thread) }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread that sends signals");
        }
    }
}

/// A little of everything that waits; all of it must succeed.
async fn everything(dir: &TempDir, round: usize) {
    let (near, far) = pair();
    let sent: Vec<u8> = (0..100_000).map(|index| (index % 251) as u8).collect();
    let expected = sent.clone();
    let writing = async { near.write_all(sent).await.0 };
    let reading = async {
        let mut received = Vec::new();
        while received.len() < expected.len() {
            received.extend_from_slice(&far.recv().await?);
        }
        std::io::Result::Ok(received)
    };
    let ((), received) = try_join!(writing, reading).unwrap();
    assert!(received == expected);

    let path = dir.join(format!("file-{round}"));
    fs::write(&path, "content").await.unwrap();
    let file = File::open(&path).await.unwrap();
    file.sync_all().await.unwrap();
    assert_eq!(file.read_at(vec![0; 7], 0).await.unwrap(), (7, b"content".to_vec()));
    assert_eq!(file.metadata().await.unwrap().len(), 7);
    fs::remove_file(&path).await.unwrap();

    let begun = Instant::now();
    sleep(Duration::from_millis(1)).await;
    assert!(begun.elapsed() >= Duration::from_millis(1));
    assert_eq!(spawn_blocking(move || round).await.unwrap(), round);

    let (listener, address): (TcpListener, _) = listener();
    let limited = listener.accept().timeout(Duration::from_micros(100)).await;
    assert_eq!(limited.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(timeout(Duration::from_micros(100), listener.accept()).await.is_err());
    let client = spawn(async move { annulus::net::TcpStream::connect(address).await });
    listener.accept().await.unwrap();
    client.await.unwrap().unwrap();
}

#[test]
fn a_loop_that_is_interrupted_all_the_time_does_not_notice() {
    Child::of(concat!(module_path!(), "::a_loop_that_is_interrupted_all_the_time_does_not_notice"))
        .run(|| {
            for coop_only in [false, true] {
                let runtime = Builder::new().coop_only(coop_only).build().unwrap();
                let _bound = bound_loop(&runtime);
                let dir = TempDir::new();
                let storm = Storm::begin();
                runtime.block_on(async {
                    // A kernel worker waits all the time, and what interrupts others must not end it.
                    let fifo = make_fifo(&dir);
                    let waits = spawn({
                        let fifo = fifo.clone();
                        async move { File::options().write(true).open(&fifo).await }
                    });
                    let until = RECEIVED.load(Ordering::Relaxed) + 500;
                    let mut rounds = 0;
                    while rounds < 10 || RECEIVED.load(Ordering::Relaxed) < until {
                        everything(&dir, rounds).await;
                        rounds += 1;
                        assert!(rounds < 10_000 || soak::is_on(), "the signals do not come");
                    }
                    assert!(!waits.is_finished());
                    drop(storm);
                    let reader = File::open(&fifo).await.unwrap();
                    let writer = waits.await.unwrap().unwrap();
                    writer.write_all_at("late", 0).await.unwrap();
                    assert_eq!(reader.read_at(vec![0; 4], 0).await.unwrap().0, 4);
                    metrics::assert_conserved(&metrics::here());
                });
                assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
            }
            println!("{} signals", RECEIVED.load(Ordering::Relaxed));
        });
}
