//! Hosts that talk to each other.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream, lookup_host};
use annulus::sim::World;
use annulus::time::{Instant, sleep, timeout};
use annulus::{spawn, spawn_blocking};

pub(crate) async fn echo(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(async move {
            while let Ok(bytes) = stream.recv().await {
                if bytes.is_empty() || stream.write_all(bytes).await.into_result().is_err() {
                    return;
                }
            }
        })
        .detach();
    }
}

/// An echo server with the default port.
pub(crate) async fn echo_many() -> io::Result<()> {
    echo(7).await
}

/// So many bytes there and back, one by one.
pub(crate) async fn ping_many(times: usize) -> io::Result<()> {
    let stream = TcpStream::connect("server:7").await?;
    for _ in 0..times {
        stream.write_all("x").await.into_result()?;
        read_exactly(&stream, 1).await?;
    }
    Ok(())
}

pub(crate) async fn read_exactly(stream: &TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let more = stream.recv().await?;
        if more.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more);
    }
    Ok(bytes)
}

#[test]
fn a_client_finds_a_server_by_its_name_and_is_seen_with_its_own_address() {
    let mut world = World::new(1);
    let server = world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (stream, peer) = listener.accept().await?;
        stream.write_all(peer.ip().to_string()).await.into_result()?;
        io::Result::Ok(())
    });
    let client = world.client("client", move || async move {
        let found: Vec<SocketAddr> = lookup_host("server:80").await?.collect();
        assert_eq!(found, [SocketAddr::new(server, 80)]);
        assert!(lookup_host("nobody:80").await.is_err());
        let stream = TcpStream::connect("server:80").await?;
        let own = stream.local_addr()?.ip().to_string();
        let seen = read_exactly(&stream, own.len()).await?;
        assert_eq!(seen, own.as_bytes());
        io::Result::Ok(())
    });
    assert_ne!(server, client);
    let report = world.run();
    assert!(report.operations > 4 && report.time > Duration::from_micros(200), "{report:?}");
}

#[test]
fn hosts_have_ports_of_their_own() {
    let mut world = World::new(2);
    for name in ["one", "two", "three"] {
        world.host(name, || echo(7));
    }
    world.client("client", || async {
        for name in ["one", "two", "three"] {
            let stream = TcpStream::connect((name, 7)).await?;
            stream.write_all(name).await.into_result()?;
            assert_eq!(read_exactly(&stream, name.len()).await?, name.as_bytes());
        }
        assert!(TcpStream::connect("127.0.0.1:7").await.is_err(), "nobody listens at home");
        io::Result::Ok(())
    });
    world.run();
}

#[test]
fn a_year_passes_in_no_time_and_is_the_same_for_all() {
    let mut world = World::new(3);
    for name in ["one", "two"] {
        world.client(name, || async {
            let started = Instant::now();
            for day in 1..=365 {
                sleep(Duration::from_secs(24 * 3600)).await;
                assert_eq!(started.elapsed().as_secs(), day * 24 * 3600);
            }
        });
    }
    world.time_limit(Duration::from_secs(366 * 24 * 3600));
    assert_eq!(world.run().time.as_secs(), 365 * 24 * 3600);
}

#[test]
fn a_link_takes_the_time_it_is_told_to() {
    let mut world = World::new(4);
    world.host("server", || echo(7));
    world.client("client", || async {
        let started = Instant::now();
        let stream = TcpStream::connect("server:7").await?;
        for _ in 0..3 {
            stream.write_all("x").await.into_result()?;
            read_exactly(&stream, 1).await?;
        }
        let took = started.elapsed();
        // Three times there and back, and the handshake.
        assert!((Duration::from_secs(6)..Duration::from_secs(9)).contains(&took), "{took:?}");
        let slow = timeout(Duration::from_millis(1999), async {
            stream.write_all("x").await.into_result()?;
            read_exactly(&stream, 1).await
        });
        assert!(slow.await.is_err());
        io::Result::Ok(())
    });
    world.link("server", "client", Duration::from_secs(1), Duration::ZERO);
    world.run();
}

#[test]
fn blocking_jobs_run_on_the_worlds_thread() {
    let mut world = World::new(5);
    let here = std::thread::current().id();
    world.client("client", move || async move {
        let jobs: Vec<_> =
            (0..20).map(|n| spawn_blocking(move || (n, std::thread::current().id()))).collect();
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.expect("a job"), (n, here));
        }
        let panicked = spawn_blocking(|| panic!("in a job")).await;
        assert!(panicked.expect_err("a panic").is_panic());
    });
    world.run();
}

#[test]
fn a_channel_between_hosts_wakes_the_one_that_sleeps() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        let (to, from) = annulus::sync::cross::mpsc::unbounded_channel();
        let from = std::rc::Rc::new(std::cell::RefCell::new(Some(from)));
        world.client("receiver", move || {
            let from = from.clone();
            async move {
                let mut from = from.borrow_mut().take().expect("started once");
                for expected in 0..10 {
                    assert_eq!(from.recv().await, Some(expected));
                }
            }
        });
        world.client("sender", move || {
            let to = to.clone();
            async move {
                for number in 0..10 {
                    to.send(number).expect("a receiver");
                    sleep(Duration::from_micros(annulus::sim::random() % 5)).await;
                }
            }
        });
        world.run();
    }
}
