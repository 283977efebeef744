//! The echo server: what it sends back is what was sent, or the connection breaks.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::sim::{Faults, World, explore, random};
use annulus::time::{sleep, timeout};

use crate::echo::{Totals, accept};

async fn server() -> io::Result<()> {
    let listener = loop {
        match TcpListener::bind("0.0.0.0:7000").await {
            Ok(listener) => break listener,
            // As who starts services would: until it comes up.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    };
    accept(listener, &Rc::new(Totals::default())).await;
    Ok(())
}

/// Sends some bytes and reads what comes back, both at once.
async fn conversation() -> io::Result<()> {
    let stream = TcpStream::connect("server:7000").await?;
    let text: Vec<u8> = (0..random() % 20_000).map(|at| (at % 253) as u8).collect();
    let writing = async { stream.write_all(text.clone()).await.0 };
    let reading = async {
        let mut count = 0;
        while count < text.len() {
            let bytes = stream.recv().await?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            assert_eq!(text[count..count + bytes.len()], *bytes, "at {count}");
            count += bytes.len();
        }
        Ok(())
    };
    annulus::try_join!(writing, reading).map(drop)
}

async fn is_done() -> bool {
    matches!(timeout(Duration::from_secs(10), conversation()).await, Ok(Ok(())))
}

fn talk(world: &mut World) {
    world.time_limit(Duration::from_secs(120));
    world.host("server", server);
    for name in ["one", "two"] {
        world.client(name, || async {
            for _ in 0..3 {
                // Until one succeeds: the network and the server fail for a while, not for ever.
                while !is_done().await {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        });
    }
}

#[test]
fn every_byte_comes_back_while_connections_break_and_the_server_crashes() {
    explore(0..40, |world| {
        talk(world);
        world.faults(Faults::network(world.seed()).with("crash", 100));
        world.run();
    });
}

#[test]
fn a_server_without_descriptors_recovers() {
    explore(0..20, |world| {
        talk(world);
        world.fault_phase(Duration::from_secs(5));
        world.faults(Faults::none().with("no-descriptors", 100).with("latency", 500));
        world.run();
    });
}
