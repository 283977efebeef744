//! The HTTP server: whole answers, or none; and nobody keeps it waiting.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::sim::{Faults, World, explore};
use annulus::time::{Instant, sleep, timeout};

use crate::accept::accept;
use crate::limits::Limits;
use crate::server::Server;

async fn server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let limits = Limits { connections: 8, ..Limits::default() };
    accept(listener, &Rc::new(Server::new(limits, None))).await;
    Ok(())
}

/// Asks for the page and reads until the server closes.
async fn get() -> io::Result<String> {
    let stream = TcpStream::connect("server:80").await?;
    let request = "GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.into_result()?;
    read_to_end(&stream).await
}

async fn read_to_end(stream: &TcpStream) -> io::Result<String> {
    let mut answer = Vec::new();
    loop {
        let bytes = stream.recv().await?;
        if bytes.is_empty() {
            return Ok(String::from_utf8(answer).expect("text"));
        }
        answer.extend_from_slice(&bytes);
    }
}

fn check_page(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    assert_eq!(length, Some(body.len()), "{head}");
}

#[test]
fn a_page_is_whole_or_the_connection_breaks() {
    explore(0..40, |world| {
        world.time_limit(Duration::from_secs(120));
        world.host("server", server);
        for name in ["one", "two", "three"] {
            world.client(name, || async {
                loop {
                    match timeout(Duration::from_secs(20), get()).await {
                        // A server that crashes may close before it has said anything.
                        Ok(Ok(answer)) if !answer.is_empty() => return check_page(&answer),
                        _ => sleep(Duration::from_millis(50)).await,
                    }
                }
            });
        }
        world.faults(Faults::network(world.seed()));
        world.run();
    });
}

#[test]
fn who_does_not_finish_its_request_is_told_so_after_ten_seconds() {
    let mut world = World::new(1);
    world.host("server", server);
    // As many as the server takes connections, and one who waits for a place.
    for number in 0..8 {
        world.client(&format!("slow-{number}"), || async {
            let stream = TcpStream::connect("server:80").await?;
            let started = Instant::now();
            stream.write_all("GET / HTTP/1.1\r\nHo").await.into_result()?;
            let answer = read_to_end(&stream).await?;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!((10..16).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
            io::Result::Ok(())
        });
    }
    world.client("patient", || async {
        sleep(Duration::from_secs(1)).await;
        check_page(&get().await?);
        io::Result::Ok(())
    });
    world.run();
}
