//! `select!` over operations: nothing is lost by value, and nothing interrupted by reference.

use std::io::{Read, Write};

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, join, op, select};

use crate::support::{run_really, yields};

async fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap().0, peer)
}

#[test]
fn an_operation_by_reference_goes_on_with_its_buffer() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        let mut read = stream.read(Vec::with_capacity(64));
        let mut turns = 0;
        let BufResult(read, buf) = loop {
            select! {
                done = &mut read => break done,
                () = yields(3) => turns += 1,
            }
            if turns == 2 {
                peer.write_all(b"by reference").unwrap();
            }
        };
        assert_eq!((read.unwrap(), &buf[..]), (12, &b"by reference"[..]));
    });
}

#[test]
fn an_operation_that_lost_can_be_cancelled_for_its_exact_outcome() {
    run_really(async {
        let (stream, _peer) = pair().await;
        let mut read = stream.read(vec![0; 32]);
        select! {
            _ = &mut read => unreachable!("the peer is silent"),
            () = yields(2) => {}
        }
        let BufResult(read, buf) = read.cancel().await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        assert_eq!(buf, [0; 32]);
    });
}

#[test]
fn reads_by_value_that_lose_lose_no_byte() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    run_really(async {
        let (stream, mut peer) = pair().await;
        let writer = std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            for byte in 0..=255u8 {
                peer.write_all(&[byte]).unwrap();
                (0..random.u32(0..20_000)).for_each(|_| std::hint::spin_loop());
            }
        });
        let (mut got, mut lost) = (Vec::new(), 0);
        loop {
            select! {
                BufResult(read, buf) = stream.read(Vec::with_capacity(9)) => match read.unwrap() {
                    0 => break,
                    _ => got.extend(buf),
                },
                _ = async { op::nop().await } => lost += 1,
            }
        }
        eprintln!("lost {lost} selects");
        writer.join().unwrap();
        assert_eq!(got, (0..=255).collect::<Vec<u8>>());
    });
}

#[test]
fn a_read_and_a_write_are_joined_on_one_stream() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        let echo = std::thread::spawn(move || {
            let mut bytes = [0; 5];
            peer.read_exact(&mut bytes).unwrap();
            peer.write_all(&bytes).unwrap();
        });
        let (read, written) = join!(stream.read(Vec::with_capacity(8)), stream.write("hello"));
        assert_eq!(written.0.unwrap(), 5);
        assert_eq!(&read.1[..], b"hello");
        echo.join().unwrap();
    });
}
