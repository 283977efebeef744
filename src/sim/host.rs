//! A host of the world: a program, and the loop that runs it while the host is up.

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::{Builder, Runtime, Step};
use crate::sys::sim::{self as kernel, HostId};

/// What a host's program may end with: nothing, or a result. An error ends the run.
pub trait Ending: sealed::Ending {}

impl<T: sealed::Ending> Ending for T {}

mod sealed {
    use std::fmt::Debug;

    pub trait Ending {
        fn into_result(self) -> Result<(), String>;
    }

    impl Ending for () {
        fn into_result(self) -> Result<(), String> {
            Ok(())
        }
    }

    impl<E: Debug> Ending for Result<(), E> {
        fn into_result(self) -> Result<(), String> {
            self.map_err(|error| format!("{error:?}"))
        }
    }
}

type Program = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// One host.
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) name: String,
    /// Whether the run is over only when its program is.
    pub(super) is_client: bool,
    make: Box<dyn Fn() -> Program>,
    settings: Builder,
    state: State,
}

enum State {
    Up(Box<Up>),
    Down,
}

struct Up {
    runtime: Runtime,
    end: Rc<RefCell<End>>,
    step: Step,
}

/// How far a program has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Runs,
    Ended(Result<(), String>),
    /// And the world has been told.
    Told,
}

/// A program, which says how it ended also when that is by a panic.
struct Main {
    program: Program,
    end: Rc<RefCell<End>>,
}

impl Future for Main {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.program.as_mut().poll(cx)));
        let end = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Ok(()),
            Ok(Poll::Ready(Err(error))) => Err(format!("ended with {error}")),
            Err(payload) => Err(format!("panicked: {}", super::failure::message(&*payload))),
        };
        *self.end.borrow_mut() = End::Ended(end);
        Poll::Ready(())
    }
}

impl Host {
    pub(super) fn new<M, F>(id: HostId, name: &str, settings: Builder, make: M) -> Host
    where
        M: Fn() -> F + 'static,
        F: Future<Output: Ending> + 'static,
    {
        let make = Box::new(move || -> Program {
            let program = make();
            Box::pin(async move { sealed::Ending::into_result(program.await) })
        });
        let state = State::Down;
        Host { id, name: name.to_owned(), is_client: false, make, settings, state }
    }

    /// Begins the program on a new loop.
    pub(super) fn start(&mut self) {
        self.here(|host| {
            // A kernel that is out of something now has it a moment later.
            let built = (0..100).find_map(|_| host.settings.clone().build().ok());
            let runtime = built.unwrap_or_else(|| {
                let faults = kernel::faults();
                kernel::set_faults(kernel::Faults::none());
                let runtime = host.settings.clone().build();
                kernel::set_faults(faults);
                runtime.unwrap_or_else(|error| panic!("the loop of {}: {error}", host.name))
            });
            let end = Rc::new(RefCell::new(End::Runs));
            let main = Main { program: (host.make)(), end: Rc::clone(&end) };
            runtime.spawn(main).detach();
            host.state = State::Up(Box::new(Up { runtime, end, step: Step::Ready }));
        });
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Whether its program is over.
    pub(super) fn is_finished(&self) -> bool {
        matches!(&self.state, State::Up(up) if *up.end.borrow() != End::Runs)
    }

    /// Whether its loop has something to do at this time.
    pub(super) fn is_ready(&self, now_ns: u64) -> bool {
        let State::Up(up) = &self.state else { return false };
        match up.step {
            Step::Ready => true,
            Step::Parked(Some(until_ns)) if until_ns <= now_ns => true,
            Step::Parked(_) => kernel::has_work(self.id),
        }
    }

    /// When its own timers are due next, if it waits for that.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        match &self.state {
            State::Up(up) => match up.step {
                Step::Parked(until_ns) => until_ns,
                Step::Ready => None,
            },
            State::Down => None,
        }
    }

    /// Whether a message waits for its parked loop, which nothing will wake.
    pub(super) fn has_lost_wake(&self) -> bool {
        let State::Up(up) = &self.state else { return false };
        up.step != Step::Ready && up.runtime.has_messages() && !kernel::has_work(self.id)
    }

    /// Gives the loop its turn.
    ///
    /// # Errors
    ///
    /// How the program failed, if it did in this step.
    pub(super) fn step(&mut self) -> Result<(), String> {
        self.here(|host| {
            let State::Up(up) = &mut host.state else { return Ok(()) };
            if up.step == Step::Ready {
                // Tasks are polled before the first enter.
                kernel::has_run();
            }
            up.step = up.runtime.step(up.step);
            let mut end = up.end.borrow_mut();
            if *end == End::Runs {
                return Ok(());
            }
            match std::mem::replace(&mut *end, End::Told) {
                End::Ended(Err(how)) => Err(format!("the program of {} {how}", host.name)),
                _ => Ok(()),
            }
        })
    }

    /// Ends the loop in an orderly way; how many operations it leaked.
    pub(super) fn end(&mut self) -> usize {
        self.here(|host| {
            let State::Up(up) = std::mem::replace(&mut host.state, State::Down) else { return 0 };
            kernel::set_blocking(true);
            let leaked = up.runtime.shutdown_timeout(Duration::from_secs(60));
            kernel::set_blocking(false);
            leaked
        })
    }

    /// Ends the loop in the middle of what it does. Tasks are dropped where they stand.
    pub(super) fn crash(&mut self) {
        kernel::crash(self.id);
        self.here(|host| {
            if let State::Up(up) = std::mem::replace(&mut host.state, State::Down) {
                kernel::set_blocking(true);
                up.runtime.shutdown_timeout(Duration::ZERO);
                kernel::set_blocking(false);
            }
        });
    }

    /// A crashed host begins its program anew.
    pub(super) fn restart(&mut self) {
        kernel::restart(self.id);
        self.start();
    }

    pub(super) fn dump(&self) -> String {
        match &self.state {
            State::Up(up) => {
                let end = if self.is_finished() { ", its program has ended" } else { "" };
                let step = match up.step {
                    Step::Ready => "ready",
                    Step::Parked(_) => "parked",
                };
                format!("host {} ({step}{end})\n{}", self.name, up.runtime.dump_at_rest())
            }
            State::Down => format!("host {} (down)", self.name),
        }
    }

    pub(super) fn wakes(&self) -> u64 {
        match &self.state {
            State::Up(up) => up.runtime.wakes(),
            State::Down => 0,
        }
    }

    /// Runs `f` with the doors of the kernel acting for this host.
    fn here<R>(&mut self, f: impl FnOnce(&mut Host) -> R) -> R {
        struct Before(HostId);
        impl Drop for Before {
            fn drop(&mut self) {
                kernel::has_run();
                kernel::set_current(self.0);
            }
        }
        let _before = Before(kernel::set_current(self.id));
        f(self)
    }
}

impl Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}
