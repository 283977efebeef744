//! Rare paths: a sweep that must have come by each of them.

use std::time::Duration;

use super::*;
use crate::net::{TcpListener, TcpStream};
use crate::runtime::Builder;
use crate::time::{sleep, timeout};

/// What a sweep must have met, in the driver and in the kernel.
const MARKS: &[&str] = &[
    "abandoned before it was submitted",
    "abandoned when it had completed",
    "attributes lost in a crash",
    "bytes for a closed connection",
    "cancel after completion",
    "cancel lost with data",
    "cancel while it runs",
    "cancelled with part of its bytes",
    "chain cancelled",
    "chain cut by its submit",
    "clock jump",
    "close with unread bytes",
    "completion queue overflow",
    "connect to a full backlog",
    "connect without an answer",
    "connection reset by its peer",
    "connection reset on its way",
    "datagram doubled",
    "datagram for a full socket",
    "datagram for nobody",
    "datagram late",
    "datagram lost",
    "end of a pipe",
    "enter busy",
    "enter interrupted",
    "entry kept in the backlog",
    "garbage in a lent buffer",
    "host crashed",
    "late completion",
    "late notification",
    "linked timeout fired",
    "linked timeout lost",
    "linked timeout without its op",
    "listener closed with connections waiting",
    "move that waits for bytes",
    "move that waits for room",
    "multishot ended by the kernel",
    "names lost in a crash",
    "op failed for its own reason",
    "op on a worker",
    "op served from what was kept",
    "op submitted again",
    "op waits for an abandoned one",
    "out of descriptors",
    "out of provided buffers",
    "packet held by a partition",
    "pair split by a short submit",
    "receive with a buffer of its own",
    "send that goes on",
    "short read",
    "short submit",
    "short write",
    "short write to a file",
    "stream paused",
    "sync failed",
    "turn that the kernel had no room for",
    "turn with an overflow",
    "wake for nothing",
    "work past the cap",
    "worker interrupted",
    "write failed",
    "write fails later",
    "write lost in a crash",
    "write to a broken pipe",
    "write to a full pipe",
    "write torn in a crash",
];

/// A stream of connections and streams of bytes that nobody reads for a while.
pub(super) async fn streams() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut incoming = listener.incoming();
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(crate::spawn(async move {
            let client = TcpStream::connect(address).await?;
            for _ in 0..80 {
                client.write_all(vec![7; 100]).await.into_result()?;
                crate::yield_now().await;
            }
            client.send_zc(vec![7; 20_000]).await.into_result()?;
            std::io::Result::Ok(client)
        }));
    }
    for _ in 0..4 {
        let Ok(Ok(stream)) = timeout(Duration::from_secs(30), incoming.next()).await else {
            continue;
        };
        let mut bytes = stream.recv_stream();
        let _first = timeout(Duration::from_millis(3), bytes.next()).await;
        sleep(Duration::from_millis(20)).await;
        while let Ok(Some(Ok(_more))) = timeout(Duration::from_millis(9), bytes.next()).await {}
    }
    drop(incoming);
    Ok(())
}

/// More ops than the ring has entries, some timed by the kernel, some given up at once.
pub(super) async fn crowd() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _peer) = listener.accept().await?;
    let mut tasks = Vec::new();
    for number in 0..40_u64 {
        tasks.push(crate::spawn(async move {
            for _ in 0..4 {
                let nop = crate::op::nop().timeout(Duration::from_millis(number));
                let _given_up = timeout(Duration::from_nanos(1), nop).await;
                let _done = crate::op::nop().await;
            }
        }));
    }
    for round in 0..20 {
        let limit = Duration::from_micros(round * 20);
        let _given_up = timeout(limit, server.read(vec![0; 8])).await;
        client.write_all("0123").await.into_result()?;
        let _read = server.read(vec![0; 3]).timeout(Duration::from_millis(1)).await;
    }
    for task in tasks {
        let _ended = task.await;
    }
    Ok(())
}

/// Chains of ops, cancelled and limited, which a short submit may cut anywhere.
async fn chains() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _peer) = listener.accept().await?;
    for round in 0..60_u64 {
        let limit = Duration::from_micros(round % 7 * 10);
        let both = crate::op::chain((server.read(vec![0; 4]), server.read(vec![0; 4])));
        let three = crate::op::chain((crate::op::nop(), crate::op::nop(), crate::op::nop()));
        let _given_up = timeout(limit, both).await;
        let _given_up = timeout(limit, three).await;
        let _sent =
            client.write_all(vec![round as u8; 100_000]).timeout(Duration::from_micros(5)).await;
        let _got = server.recv().timeout(Duration::from_micros(3)).await;
        for _ in 0..3 {
            let _done = crate::op::nop().timeout(Duration::from_millis(round)).await;
        }
    }
    Ok(())
}

/// Two hosts that lose sight of each other, of which one crashes and finds what it had synced.
fn outage(seed: u64) {
    use crate::fs::{self, File};
    use crate::sim::{Faults, World};
    let mut world = World::new(seed);
    world.host("server", || async {
        let file = File::create("/tmp/file").await?;
        fs::set_xattr("/tmp/file", "user.lost", "1").await?;
        for part in 0..8 {
            file.write_all_at(vec![7; 5000], part * 5000).await.into_result()?;
            fs::write(format!("/tmp/{part}"), "x").await?;
        }
        let listener = TcpListener::bind("0.0.0.0:7").await?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            let bytes = stream.recv().await;
            drop(bytes);
        }
        #[allow(unreachable_code)]
        std::io::Result::Ok(())
    });
    world.client("client", || async {
        let _answer = timeout(Duration::from_secs(9), async {
            let stream = loop {
                if let Ok(stream) = TcpStream::connect("server:7").await {
                    break stream;
                }
                sleep(Duration::from_micros(500)).await;
            };
            // Until the link is cut.
            sleep(Duration::from_millis(20)).await;
            stream.write_all("x").await.into_result()?;
            std::io::Result::Ok(stream.recv().await?.len())
        })
        .await;
    });
    world.faults(Faults::none());
    world.run_for(Duration::from_millis(5));
    world.partition("client", "server");
    world.run_for(Duration::from_millis(100));
    world.crash("server");
    world.heal("client", "server");
    world.restart("server");
    world.run();
}

fn play<F: Future>(seed: u64, settings: Builder, program: F) {
    play_with(Faults::swarm(seed), seed, settings, program);
}

/// Runs a program on a loop of its own under these faults.
pub(super) fn play_with<F: Future>(faults: Faults, seed: u64, settings: Builder, program: F) {
    install(seed, faults);
    super::super::set_enters_max(1_000_000);
    // A run that gets no loop for want of descriptors or of time has come by something, too.
    if let Ok(runtime) = settings.build() {
        runtime.block_on(async { timeout(Duration::from_secs(3600), program).await.is_ok() });
        // Hours pass in no time, and so does the grace time that is the default.
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(1_000_000)), 0, "seed {seed}");
    }
    uninstall();
}

#[test]
fn a_sweep_comes_by_every_rare_path() {
    for seed in 0..500 {
        let settings = || Builder::new().raise_nofile_limit(false);
        if seed < 100 {
            play(seed, settings(), super::datagrams::exercise());
        }
        match seed % 5 {
            0 => play(seed, settings(), streams()),
            1 => play(seed, settings().entries(4).cq_entries(8), crowd()),
            2 => play(seed, settings(), async {
                for _ in 0..30 {
                    let _failed = super::files::exercise().await;
                }
            }),
            3 => play(seed, settings(), async move {
                let _relayed = super::pipes::relay(20_000, Duration::from_micros(seed)).await;
                let _broken = super::pipes::break_one().await;
            }),
            _ => play(seed, settings(), super::sweep::storm(seed)),
        }
    }
    for seed in 0..100 {
        play(seed, Builder::new().entries(4).raise_nofile_limit(false), chains());
        play(seed, Builder::new().raise_nofile_limit(false), chains());
        outage(seed);
    }
    let visits = crate::marks::visits();
    let missed: Vec<&str> =
        MARKS.iter().copied().filter(|mark| !visits.contains_key(mark)).collect();
    assert!(missed.is_empty(), "never met: {missed:?}\nmet: {visits:?}");
}
