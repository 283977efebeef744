//! The echo server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::process::{Server, pattern};

#[test]
fn what_goes_in_comes_out_on_every_connection() {
    let server = Server::start::<&str>("echo", &[]);
    let address = server.address;
    let clients = (1..=8).map(|number| {
        std::thread::spawn(move || {
            let sent = pattern(number * 300_000);
            let mut stream = TcpStream::connect(address).expect("the server listens");
            let mut writer = stream.try_clone().expect("a descriptor");
            let bytes = sent.clone();
            let sender = std::thread::spawn(move || {
                writer.write_all(&bytes).expect("the server reads");
                writer.shutdown(Shutdown::Write).expect("a connection");
            });
            let mut received = Vec::new();
            stream.read_to_end(&mut received).expect("the server writes");
            sender.join().expect("all was sent");
            assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().expect("all came back");
    }
    server.interrupt();
    let bytes: usize = (1..=8).map(|number| number * 300_000).sum();
    assert_eq!(server.end(), (format!("echo: 8 connections, {bytes} bytes\n"), Some(0)));
}

#[test]
fn connections_leave_no_descriptor_behind() {
    for example in ["echo", "http"] {
        let server = Server::start::<&str>(example, &[]);
        drop(TcpStream::connect(server.address).expect("the server listens"));
        let connect = || drop(TcpStream::connect(server.address).expect("the server listens"));
        (0..2000).for_each(|_| connect());
        // The server learns of the last ones a little later: its descriptors come down to the
        // ring, the listener, stdio and few more, or the test does not end well.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while server.descriptors() > 20 {
            assert!(std::time::Instant::now() < deadline, "{} left", server.descriptors());
            std::thread::yield_now();
        }
    }
}
