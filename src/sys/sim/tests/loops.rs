//! One loop: the simplest programs.

use std::time::Duration;

use super::*;
use crate::net::{TcpListener, TcpStream};
use crate::time::{Instant, sleep};

#[test]
fn a_nop_completes() {
    let (done, report) = run(1, Faults::none(), crate::op::nop());
    done.unwrap();
    assert!(report.ops_done > 0);
}

#[test]
fn a_sleep_of_a_year_takes_no_time() {
    let year = Duration::from_secs(365 * 24 * 3600);
    let (slept, report) = run(1, Faults::none(), async {
        let start = Instant::now();
        sleep(year).await;
        start.elapsed()
    });
    assert!(slept >= year && slept < year + Duration::from_millis(10), "{slept:?}");
    assert!(report.now_ns > year.as_nanos() as u64);
}

/// How often a kilobyte is sent; Miri takes a second for each.
const ROUNDS: usize = if cfg!(miri) { 1 } else { 10 };

async fn echo() -> std::io::Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = crate::spawn(async move {
        let (stream, peer) = listener.accept().await?;
        assert_eq!(stream.peer_addr()?, peer);
        loop {
            let bytes = stream.recv().await?;
            if bytes.is_empty() {
                return std::io::Result::Ok(());
            }
            stream.write_all(bytes).await.into_result()?;
        }
    });
    let (reader, writer) = TcpStream::connect(address).await?.into_split();
    // Writing everything before reading anything would stand still when the windows are small.
    let sending = crate::spawn(async move {
        for round in 0..ROUNDS {
            let sent: Vec<u8> = (0..1000).map(|at| (at * 7 + round) as u8).collect();
            writer.write_all(sent).await.into_result()?;
        }
        writer.shutdown().await
    });
    let mut got = Vec::new();
    loop {
        let (count, buf) = reader.read(vec![0; 300]).await.into_result()?;
        if count == 0 {
            break;
        }
        got.extend_from_slice(&buf[..count]);
    }
    sending.await.unwrap()?;
    server.await.unwrap()?;
    Ok(got)
}

#[test]
fn two_tasks_talk_over_tcp() {
    let (got, _report) = run(1, Faults::none(), echo());
    let want: Vec<u8> =
        (0..ROUNDS).flat_map(|round| (0..1000).map(move |at| (at * 7 + round) as u8)).collect();
    assert_eq!(got.unwrap(), want);
}

#[test]
fn a_blocking_job_runs_on_the_loops_own_thread_and_without_its_loop() {
    let (outcome, _report) = run(1, Faults::none(), async {
        let here = std::thread::current().id();
        let job = crate::spawn_blocking(move || {
            let inside = std::panic::catch_unwind(|| crate::spawn(async {}).detach());
            (std::thread::current().id() == here, inside.is_err())
        });
        job.await.unwrap()
    });
    assert_eq!(outcome, (true, true));
}

#[test]
fn a_task_that_only_yields_sees_a_job_and_a_timer_come() {
    run(1, Faults::none(), async {
        let job = crate::spawn_blocking(|| 7);
        let timer = crate::spawn(sleep(Duration::from_millis(1)));
        while !job.is_finished() || !timer.is_finished() {
            crate::yield_now().await;
        }
        assert_eq!(job.await.unwrap(), 7);
    });
}

#[test]
fn names_of_hosts_are_looked_up_in_the_simulation() {
    let (found, _report) = run(1, Faults::none(), async {
        let known = crate::net::lookup_host("localhost:80").await.map(Vec::from_iter);
        (known, crate::net::lookup_host("nowhere:80").await.is_err())
    });
    assert_eq!(found.0.unwrap(), ["127.0.0.1:80".parse().unwrap()]);
    assert!(found.1);
}

#[test]
#[should_panic(expected = "deadlock: the loop of localhost waits for ever")]
fn a_loop_that_waits_for_what_never_comes_is_a_deadlock() {
    run(3, Faults::none(), std::future::pending::<()>());
}

#[test]
fn the_same_seed_and_program_give_the_same_trace_and_another_seed_another() {
    let hash = |seed| run(seed, Faults::swarm(seed), echo()).1.trace_hash;
    for seed in 0..if cfg!(miri) { 1 } else { 20 } {
        assert_eq!(hash(seed), hash(seed), "seed {seed}");
    }
    assert_ne!(hash(1), hash(2));
}
