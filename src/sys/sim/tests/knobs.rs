//! Each knob by itself: it does what it says, and nothing does it where all are off.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use super::super::faults::{Fault, Faults};
use super::rare::{crowd, play_with, streams};
use crate::net::{TcpListener, TcpStream};
use crate::runtime::Builder;

/// What a run comes by with this knob alone and never without it.
const KNOBS: [(Fault, &str); Fault::COUNT] = [
    (Fault::Latency, "late completion"),
    (Fault::Reorder, "completion overtakes another"),
    (Fault::Deferred, "completion put off"),
    (Fault::Worker, "op goes by a worker for once"),
    (Fault::Uncancellable, "cancel while it runs"),
    (Fault::CancelLost, "cancel lost with data"),
    (Fault::AcceptWins, "accept waits on after its cancel"),
    (Fault::WorkCap, "work past a smaller cap"),
    (Fault::ShortRead, "short read"),
    (Fault::ShortWrite, "short write"),
    (Fault::Interrupted, "worker interrupted"),
    (Fault::OpError, "op failed for its own reason"),
    (Fault::EnterInterrupted, "enter interrupted"),
    (Fault::EnterBusy, "enter busy"),
    (Fault::ShortSubmit, "short submit"),
    (Fault::NoDescriptors, "out of descriptors"),
    (Fault::NoBuffers, "out of provided buffers"),
    (Fault::MultishotEnds, "multishot ended by the kernel"),
    (Fault::LateNotification, "late notification"),
    (Fault::Garbage, "garbage in a lent buffer"),
    (Fault::Reset, "connection reset on its way"),
    (Fault::ClockJump, "clock jump"),
    (Fault::SmallWindow, "small window is full"),
    (Fault::SmallBacklog, "small backlog"),
    (Fault::TinyCompletionQueue, "completion queue overflow"),
    (Fault::DiskError, "write failed"),
    (Fault::SpuriousWake, "wake for nothing"),
    (Fault::OldKernel, "setup by an older kernel"),
    (Fault::LostDatagram, "datagram lost"),
    (Fault::DoubledDatagram, "datagram doubled"),
    (Fault::LateDatagram, "datagram late"),
];

/// Reads that are given up in the very enter that brings their bytes.
async fn crossed() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _peer) = listener.accept().await?;
    for _ in 0..20 {
        let mut read = Box::pin(server.read(vec![0; 4]));
        begin(read.as_mut()).await;
        crate::op::nop().await?;
        let mut write = Box::pin(client.write(vec![7; 4]));
        begin(write.as_mut()).await;
        drop(read);
        write.await.into_result()?;
    }
    Ok(())
}

/// Polls it once.
async fn begin<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        let _not_asked = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// The strength at which it shows: windows and queues are the smaller the weaker.
fn strength(fault: Fault) -> u32 {
    match fault {
        Fault::SmallWindow => 64,
        _ => u32::MAX,
    }
}

/// What one seed's programs come by under these faults.
fn met(faults: &Faults, seed: u64) -> BTreeSet<&'static str> {
    let settings = || Builder::new().raise_nofile_limit(false);
    let _before = crate::marks::visited_here();
    play_with(faults.clone(), seed, settings(), streams());
    play_with(faults.clone(), seed, settings(), crowd());
    play_with(faults.clone(), seed, settings(), crossed());
    play_with(faults.clone(), seed, settings(), super::datagrams::exercise());
    play_with(faults.clone(), seed, settings(), super::files::exercise());
    play_with(faults.clone(), seed, settings(), super::sweep::storm(seed));
    crate::marks::visited_here()
}

#[test]
fn a_knob_does_what_it_says_and_nothing_does_it_where_all_are_off() {
    let off: BTreeSet<&str> = (0..10).flat_map(|seed| met(&Faults::none(), seed)).collect();
    let mut wrong = Vec::new();
    for (index, (fault, mark)) in KNOBS.into_iter().enumerate() {
        assert_eq!(fault as usize, index, "each knob has its row, in order");
        let name = Faults::NAMES[index];
        if off.contains(mark) {
            wrong.push(format!("{name}: {mark} is met without it"));
        }
        let alone = Faults::none().with(fault, strength(fault));
        if !(0..40).any(|seed| met(&alone, seed).contains(mark)) {
            wrong.push(format!("{name}: {mark} is not met with it"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
