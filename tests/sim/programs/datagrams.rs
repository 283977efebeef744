//! Datagrams that say their number: none is made up or changed, and none is lost, doubled or overtaken
//! unless the world's knobs allow that.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use annulus::BufResult;
use annulus::net::UdpSocket;
use annulus::sim::Faults;
use annulus::spawn;
use annulus::time::{sleep, timeout};

use super::disturb::polled;

/// What a world's knobs leave out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// None is lost between two sockets of one host.
    are_all_there: bool,
    come_once: bool,
    come_in_order: bool,
}

impl Rules {
    pub(crate) fn of(faults: &Faults) -> Rules {
        let line = faults.to_string();
        let is_on = |knob: &str| line.split(' ').any(|word| word.split('=').next() == Some(knob));
        Rules {
            are_all_there: !is_on("lost-datagrams") && !is_on("small-window"),
            come_once: !is_on("doubled-datagrams"),
            come_in_order: !is_on("late-datagrams"),
        }
    }
}

/// What is known of a datagram: whether it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Sent,
    NotSent,
    /// Its send was given up.
    Unknown,
}

/// The datagram with this number of a conversation: its length and bytes follow from both.
fn datagram(talk: u16, number: u32) -> Vec<u8> {
    let word = (number ^ u32::from(talk) << 16).wrapping_mul(2_654_435_761);
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..word >> 24).map(|at| (at ^ word) as u8));
    bytes
}

/// The number of a datagram that is as it was sent.
fn number_of(talk: u16, bytes: &[u8]) -> u32 {
    let front = bytes.first_chunk().unwrap_or_else(|| panic!("a made-up datagram: {bytes:?}"));
    let number = u32::from_le_bytes(*front);
    assert!(bytes == datagram(talk, number), "datagram {number} of {talk} is {bytes:?}");
    number
}

/// Between two sockets of one host, of which one may be connected; every receive and many of the
/// sends are given up at times.
pub(crate) async fn exchange(mut rng: fastrand::Rng, rules: Rules) -> io::Result<()> {
    let receiver = UdpSocket::bind("127.0.0.1:0").await?;
    let sender = UdpSocket::bind("127.0.0.1:0").await?;
    let (to, own) = (receiver.local_addr()?, sender.local_addr()?);
    let talk = own.port();
    let is_connected = rng.bool() && sender.connect(to).await.is_ok();
    if rng.bool() {
        let _refused = receiver.connect(own).await;
    }
    // So few that a receive buffer has room for all of them.
    let count = rng.u32(1..120);
    let fates = Rc::new(RefCell::new(Vec::new()));
    let (told, seed) = (Rc::clone(&fates), rng.u64(..));
    let sending = spawn(async move {
        let mut rng = fastrand::Rng::with_seed(seed);
        for number in 0..count {
            let by_address = (!is_connected || rng.bool()).then_some(to);
            let fate = send(&sender, datagram(talk, number), by_address, &mut rng).await;
            told.borrow_mut().push(fate);
            if rng.u8(..4) == 0 {
                sleep(Duration::from_micros(rng.u64(..500))).await;
            }
        }
        // The socket lives on, so that nothing is refused.
        sender
    });
    let mut seen = vec![0_u8; count as usize];
    let mut last = 0;
    let mut quiet = 0;
    loop {
        let is_over = sending.is_finished();
        let is_missing = |number: usize| fates.borrow()[number] == Fate::Sent && seen[number] == 0;
        if is_over && rules.are_all_there {
            let all = fates.borrow().len();
            if (0..all).all(|number| !is_missing(number)) {
                break;
            }
        } else if is_over && quiet > 20 {
            break;
        }
        let Some((bytes, from)) = receive(&receiver, &mut rng).await? else {
            quiet += 1;
            // Seconds, when what is late is so by milliseconds.
            let is_lost = is_over && rules.are_all_there && quiet > 5000;
            assert!(!is_lost, "of {count} datagrams some are lost: {seen:?}");
            if quiet > 20 {
                sleep(Duration::from_millis(1)).await;
            }
            continue;
        };
        quiet = 0;
        assert!(from.is_none_or(|from| from == own), "{from:?} has sent nothing");
        let number = number_of(talk, &bytes);
        assert!(number < count, "number {number} of {count}");
        assert!(!rules.come_in_order || number >= last, "{number} behind {last}");
        last = number;
        seen[number as usize] += 1;
        let most = if rules.come_once { 1 } else { 2 };
        assert!(seen[number as usize] <= most, "number {number} came too often");
    }
    for (number, fate) in fates.borrow().iter().enumerate() {
        assert!(*fate != Fate::NotSent || seen[number] == 0, "number {number} was not sent");
    }
    let _sender = sending.await;
    receiver.close().await
}

/// Sends in one way or another.
async fn send(
    socket: &UdpSocket,
    bytes: Vec<u8>,
    to: Option<SocketAddr>,
    rng: &mut fastrand::Rng,
) -> Fate {
    let limit = Duration::from_micros(rng.u64(..200));
    let len = bytes.len();
    let done = match (to, rng.u8(..6)) {
        (Some(to), 0) => timeout(limit, socket.send_to(bytes, to)).await.ok(),
        (None, 0) => timeout(limit, socket.send(bytes)).await.ok(),
        (Some(to), 1) => polled(socket.send_to(bytes, to), rng.usize(1..3)).await,
        (None, 1) => polled(socket.send(bytes), rng.usize(1..3)).await,
        (Some(to), 2) => Some(socket.send_to(bytes, to).cancel().await),
        (None, 2) => Some(socket.send(bytes).timeout(limit).await),
        (Some(to), _) => Some(socket.send_to(bytes, to).await),
        (None, _) => Some(socket.send(bytes).await),
    };
    match done {
        None => Fate::Unknown,
        Some(BufResult(Ok(count), _)) => {
            assert_eq!(count, len, "a datagram is sent whole");
            Fate::Sent
        }
        Some(BufResult(Err(_), _)) => Fate::NotSent,
    }
}

/// Receives in one way or another; nothing if it was given up.
async fn receive(
    socket: &UdpSocket,
    rng: &mut fastrand::Rng,
) -> io::Result<Option<(Vec<u8>, Option<SocketAddr>)>> {
    let limit = Duration::from_micros(rng.u64(..1000));
    let buf = vec![0xee; 300];
    let done = match rng.u8(..9) {
        0 => timeout(limit, socket.recv(buf)).await.ok().map(unnamed),
        1 => timeout(limit, socket.recv_from(buf)).await.ok(),
        2 => Some(unnamed(socket.recv(buf).timeout(limit).await)),
        3 => Some(socket.recv_from(buf).timeout(limit).await),
        4 => Some(unnamed(socket.recv(buf).cancel().await)),
        5 => polled(socket.recv_from(buf), rng.usize(1..4)).await,
        6 => {
            annulus::select! {
                got = socket.recv_from(buf) => Some(got),
                () = sleep(limit) => None,
            }
        }
        7 => {
            let _readable = timeout(limit, socket.readable()).await;
            None
        }
        _ => {
            let _left = timeout(limit, socket.peek_from(buf)).await;
            None
        }
    };
    match done {
        None => Ok(None),
        Some(BufResult(Ok((len, from)), mut buf)) => {
            buf.truncate(len);
            Ok(Some((buf, (from.port() != 0).then_some(from))))
        }
        Some(BufResult(Err(error), _)) if super::besides::is_harmless(&error) => Ok(None),
        Some(BufResult(Err(error), _)) => Err(error),
    }
}

/// Of a sender without a port.
fn unnamed(got: BufResult<usize, Vec<u8>>) -> BufResult<(usize, SocketAddr), Vec<u8>> {
    let BufResult(received, buf) = got;
    BufResult(received.map(|len| (len, SocketAddr::from(([0, 0, 0, 0], 0)))), buf)
}

/// Answers each datagram with itself, as long as the host is there.
pub(super) async fn answer(port: u16, mut rng: fastrand::Rng) {
    loop {
        let Ok(socket) = UdpSocket::bind(("0.0.0.0", port)).await else {
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        loop {
            let limit = Duration::from_micros(rng.u64(..3000));
            let got = match rng.u8(..3) {
                0 => timeout(limit, socket.recv_from(vec![0; 300])).await.ok(),
                _ => Some(socket.recv_from(vec![0; 300]).await),
            };
            if let Some(BufResult(Ok((len, from)), mut buf)) = got {
                buf.truncate(len);
                let _sent = socket.send_to(buf, from).await;
            }
        }
    }
}

/// Asks a host, and takes what comes back: what was asked, as often as the network may double it.
pub(super) async fn ask(port: u16, mut rng: fastrand::Rng, rules: Rules) -> io::Result<()> {
    let socket = Rc::new(UdpSocket::bind("0.0.0.0:0").await?);
    socket.connect(("server", port)).await?;
    let talk = socket.local_addr()?.port();
    let (count, asked) = (rng.u32(1..40), Rc::new(Cell::new(0)));
    let (out, number) = (Rc::clone(&socket), Rc::clone(&asked));
    let seed = rng.u64(..);
    let asking = spawn(async move {
        let mut rng = fastrand::Rng::with_seed(seed);
        while number.get() < count {
            let bytes = datagram(talk, number.get());
            number.set(number.get() + 1);
            let _fate = send(&out, bytes, None, &mut rng).await;
            sleep(Duration::from_micros(rng.u64(..300))).await;
        }
    });
    let mut seen = vec![0_u8; count as usize];
    let mut quiet = 0;
    while !asking.is_finished() || quiet < 30 {
        match receive(&socket, &mut rng).await {
            Ok(Some((bytes, _))) => {
                quiet = 0;
                let number = number_of(talk, &bytes);
                assert!(number < asked.get(), "an answer to what was not asked");
                seen[number as usize] += 1;
                let most = if rules.come_once { 1 } else { 4 };
                assert!(seen[number as usize] <= most, "{number} was answered too often");
            }
            // Nobody is there, or not yet.
            Ok(None) | Err(_) => {
                quiet += 1;
                sleep(Duration::from_micros(rng.u64(..400))).await;
            }
        }
    }
    asking.await.expect("it only sends");
    Ok(())
}
