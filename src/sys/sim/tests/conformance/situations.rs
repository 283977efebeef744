//! The situations that ops are put into.

use std::net::Shutdown;
use std::os::fd::AsFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};

use super::kernel::{Item, Kernel};
use super::subjects::{Stage, Subject};
use crate::sys::socket;

/// What happens to the op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Situation {
    Ready,
    GetsReady,
    GetsReadyTwice,
    Cancelled,
    CancelledInItsBatch,
    CancelledBeforeItIsThere,
    CancelledWhenReady,
    CancelledByDescriptor,
    CancelledTwice,
    TimedOut,
    TimedAndReady,
    TimedAndCancelled,
    BadTimeout,
    PeerCloses,
    PeerShutsDown,
    ShutDown,
    HeadOfAChain,
    HeadOfACancelledChain,
    HeadOfAHardChain,
    BehindAFailure,
    SkipsItsSuccess,
    OnAWorker,
    Twice,
}

pub(super) const SITUATIONS: [Situation; 23] = [
    Situation::Ready,
    Situation::GetsReady,
    Situation::GetsReadyTwice,
    Situation::Cancelled,
    Situation::CancelledInItsBatch,
    Situation::CancelledBeforeItIsThere,
    Situation::CancelledWhenReady,
    Situation::CancelledByDescriptor,
    Situation::CancelledTwice,
    Situation::TimedOut,
    Situation::TimedAndReady,
    Situation::TimedAndCancelled,
    Situation::BadTimeout,
    Situation::PeerCloses,
    Situation::PeerShutsDown,
    Situation::ShutDown,
    Situation::HeadOfAChain,
    Situation::HeadOfACancelledChain,
    Situation::HeadOfAHardChain,
    Situation::BehindAFailure,
    Situation::SkipsItsSuccess,
    Situation::OnAWorker,
    Situation::Twice,
];

const OP: u64 = 1;
const OTHER: u64 = 2;
const CANCEL: u64 = 11;
const TIMEOUT: u64 = 12;
const NEXT: u64 = 13;

static SHORT: types::Timespec = types::Timespec::new().nsec(1_000_000);
static LONG: types::Timespec = types::Timespec::new().sec(3600);

/// A script on its way.
struct Script {
    kernel: Kernel,
    stage: Stage,
    subject: Subject,
    entry: Entry,
    cancel: Entry,
    next: Entry,
}

/// Plays one script on the kernel of this thread.
pub(super) fn play(subject: Subject, situation: Situation, patience_ms: u64) -> Vec<Item> {
    let mut kernel = Kernel::new(subject.accepts(), patience_ms);
    let stage = Stage::new(&mut kernel);
    let entry = stage.entry(subject).user_data(OP);
    let cancel = opcode::AsyncCancel::new(OP).build().user_data(CANCEL);
    let next = opcode::Nop::new().build().user_data(NEXT);
    let mut script = Script { kernel, stage, subject, entry, cancel, next };
    let known = script.readiness(situation)
        || script.cancels(situation)
        || script.limits(situation)
        || script.ends(situation)
        || script.chains(situation);
    assert!(known, "{situation:?} belongs to no kind");
    script.kernel.settle();
    script.kernel.finish()
}

fn limit(time: &'static types::Timespec) -> Entry {
    opcode::LinkTimeout::new(time).build().user_data(TIMEOUT)
}

/// Each kind of situations; whether the one that was asked for is of it.
impl Script {
    fn readiness(&mut self, situation: Situation) -> bool {
        let Script { kernel, stage, subject, entry, next, .. } = self;
        let subject = *subject;
        let entry = entry.clone();
        match situation {
            Situation::Ready => {
                stage.make_ready(kernel, subject);
                kernel.push(&entry);
            }
            Situation::GetsReady => {
                kernel.push(&entry);
                kernel.enter(0);
                stage.make_ready(kernel, subject);
            }
            Situation::GetsReadyTwice => {
                kernel.push(&entry);
                kernel.enter(0);
                stage.make_ready(kernel, subject);
                kernel.settle();
                stage.make_ready(kernel, subject);
            }
            Situation::SkipsItsSuccess => {
                stage.make_ready(kernel, subject);
                kernel.push(&entry.flags(Flags::SKIP_SUCCESS));
                kernel.push(next);
            }
            Situation::OnAWorker => {
                kernel.push(&entry.flags(Flags::ASYNC));
                kernel.enter(0);
                stage.make_ready(kernel, subject);
            }
            Situation::Twice => {
                kernel.push(&entry);
                kernel.push(&stage.entry(subject).user_data(OTHER));
                kernel.enter(0);
                stage.make_ready(kernel, subject);
            }
            _ => return false,
        }
        true
    }

    fn cancels(&mut self, situation: Situation) -> bool {
        let Script { kernel, stage, subject, entry, cancel, .. } = self;
        let subject = *subject;
        let entry = entry.clone();
        match situation {
            Situation::Cancelled => {
                kernel.push(&entry);
                kernel.enter(0);
                kernel.push(cancel);
            }
            Situation::CancelledInItsBatch => {
                kernel.push(&entry);
                kernel.push(cancel);
            }
            Situation::CancelledBeforeItIsThere => {
                kernel.push(cancel);
                kernel.push(&entry);
            }
            Situation::CancelledWhenReady => {
                stage.make_ready(kernel, subject);
                kernel.push(&entry);
                kernel.push(cancel);
            }
            Situation::CancelledByDescriptor => {
                kernel.push(&entry);
                kernel.enter(0);
                let by = types::CancelBuilder::fd(types::Fd(stage.target(subject))).all();
                kernel.push(&opcode::AsyncCancel2::new(by).build().user_data(CANCEL));
            }
            Situation::CancelledTwice => {
                kernel.push(&entry);
                kernel.enter(0);
                kernel.push(cancel);
                kernel.push(cancel);
            }
            _ => return false,
        }
        true
    }

    fn limits(&mut self, situation: Situation) -> bool {
        let Script { kernel, stage, subject, entry, cancel, .. } = self;
        let subject = *subject;
        let entry = entry.clone();
        match situation {
            Situation::TimedOut => {
                kernel.push(&entry.flags(Flags::IO_LINK));
                kernel.push(&limit(&SHORT));
            }
            Situation::TimedAndReady => {
                stage.make_ready(kernel, subject);
                kernel.push(&entry.flags(Flags::IO_LINK));
                kernel.push(&limit(&LONG));
            }
            Situation::TimedAndCancelled => {
                kernel.push(&entry.flags(Flags::IO_LINK));
                kernel.push(&limit(&LONG));
                kernel.enter(0);
                kernel.push(cancel);
            }
            Situation::BadTimeout => {
                kernel.push(&entry.flags(Flags::IO_LINK));
                let bad: &'static mut [i64; 2] = Box::leak(Box::new([-1, 0]));
                let bad = opcode::LinkTimeout::new(bad.as_ptr().cast()).build().user_data(TIMEOUT);
                kernel.push(&bad);
            }
            _ => return false,
        }
        true
    }

    fn ends(&mut self, situation: Situation) -> bool {
        let Script { kernel, stage, subject, entry, .. } = self;
        let subject = *subject;
        let entry = entry.clone();
        match situation {
            Situation::PeerCloses => {
                kernel.push(&entry);
                kernel.enter(0);
                stage.close_peer(kernel, subject);
            }
            Situation::PeerShutsDown => {
                kernel.push(&entry);
                kernel.enter(0);
                stage.make_ready(kernel, subject);
                kernel.settle();
                if let Some(client) = &stage.client {
                    socket::shutdown(client.as_fd(), Shutdown::Write).expect("a connection");
                }
            }
            Situation::ShutDown => {
                kernel.push(&entry);
                kernel.enter(0);
                let ended = if subject.is_datagram() { &stage.receiver } else { &stage.server };
                socket::shutdown(ended.as_fd(), Shutdown::Read).expect("a connection");
            }
            _ => return false,
        }
        true
    }

    fn chains(&mut self, situation: Situation) -> bool {
        let Script { kernel, stage, subject, entry, cancel, next, .. } = self;
        let subject = *subject;
        let entry = entry.clone();
        match situation {
            Situation::HeadOfAChain | Situation::HeadOfAHardChain => {
                let hard = situation == Situation::HeadOfAHardChain;
                let flag = if hard { Flags::IO_HARDLINK } else { Flags::IO_LINK };
                kernel.push(&entry.flags(flag));
                kernel.push(next);
                kernel.enter(0);
                stage.make_ready(kernel, subject);
            }
            Situation::HeadOfACancelledChain => {
                kernel.push(&entry.flags(Flags::IO_LINK));
                kernel.push(next);
                kernel.enter(0);
                kernel.push(cancel);
            }
            Situation::BehindAFailure => {
                let bad = opcode::Read::new(types::Fd(-1), std::ptr::null_mut(), 0).build();
                kernel.push(&bad.user_data(NEXT).flags(Flags::IO_LINK));
                kernel.push(&entry);
            }
            _ => return false,
        }
        true
    }
}
