//! Ops that begin one after another, each when the one before has succeeded, by one submit.
//!
//! The entries of a chain stand next to each other in the submission queue and are linked
//! (`uring-sys-notes/links-and-timeouts.md`). A link does not reach over a submit, so a chain is
//! pushed as a whole, when there is room for it. What the kernel cannot know is looked at first: an
//! op that has to wait for an abandoned one, or for which something is kept, runs by itself, and
//! the rest of the chain begins when it has succeeded.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::op::Op;
use super::submit::Submit;
use super::{Driver, FdRef};
use crate::buf::BufResult;
use crate::sys::{self, Prepared};

/// The most ops that one chain has.
const LINKS_MAX: usize = 8;

/// Whether an op's output is an error, which ends its chain.
///
/// Sealed: it is what the outputs of the crate's ops are.
pub trait Verdict {
    #[doc(hidden)]
    fn is_failure(&self) -> bool;
}

impl<T> Verdict for io::Result<T> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

impl<T, B> Verdict for BufResult<T, B> {
    fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

/// One op of a chain and, later, its output.
#[derive(Debug)]
pub struct Member<T: Op> {
    submit: Submit<T>,
    output: Option<T::Output>,
}

/// What a chain does with each of its ops, whatever they are.
trait Link {
    /// Whether it may be pushed as it is.
    fn is_free(&self, driver: &mut Driver) -> bool;
    /// Gives it its slot; its entry.
    fn prepare(&mut self, driver: &mut Driver, waker: &Waker) -> Prepared;
    /// Has the loop keep the time of its timeout, as a linked one would stand between two links.
    fn keep_time(&mut self);
    /// Polls it until it has an output; whether that is an error.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool>;
    /// Ends it without having begun.
    fn refuse(&mut self, error: io::Error);
}

impl<T: Op> Link for Member<T>
where
    T::Output: Verdict,
{
    fn is_free(&self, driver: &mut Driver) -> bool {
        let target = self.submit.idle().and_then(Op::descriptor);
        self.submit.idle().is_some() && target.is_none_or(|fd: FdRef| driver.admits(fd))
    }

    fn prepare(&mut self, driver: &mut Driver, waker: &Waker) -> Prepared {
        self.submit.prepare_linked(driver, waker)
    }

    fn keep_time(&mut self) {
        self.submit.keep_time();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(output) = &self.output {
            return Poll::Ready(output.is_failure());
        }
        Pin::new(&mut self.submit).poll(cx).map(|output| {
            let is_failure = output.is_failure();
            self.output = Some(output);
            is_failure
        })
    }

    fn refuse(&mut self, error: io::Error) {
        self.output = Some(self.submit.take_idle().complete(Err(error)));
    }
}

/// Several operations of a [`chain`].
///
/// Sealed: tuples of two to eight operations.
#[expect(private_interfaces, reason = "sealed: only this module runs chains")]
pub trait Links: Sized {
    /// A tuple of their outputs.
    type Output;
    #[doc(hidden)]
    type Members: Unpin;
    #[doc(hidden)]
    fn into_members(self) -> Self::Members;
    #[doc(hidden)]
    fn each(members: &mut Self::Members, visit: &mut dyn FnMut(&mut [&mut dyn Link]));
    #[doc(hidden)]
    fn take(members: &mut Self::Members) -> Self::Output;
}

macro_rules! links {
    ($($name:ident $place:tt),*) => {
        #[expect(private_interfaces, reason = "sealed: only this module runs chains")]
        impl<$($name: Op),*> Links for ($(Submit<$name>,)*)
        where
            $($name::Output: Verdict + Unpin,)*
        {
            type Output = ($($name::Output,)*);
            type Members = ($(Member<$name>,)*);

            fn into_members(self) -> Self::Members {
                ($(Member { submit: self.$place, output: None },)*)
            }

            fn each(members: &mut Self::Members, visit: &mut dyn FnMut(&mut [&mut dyn Link])) {
                visit(&mut [$(&mut members.$place),*]);
            }

            fn take(members: &mut Self::Members) -> Self::Output {
                ($(members.$place.output.take().expect("every op of a chain has ended"),)*)
            }
        }
    };
}

links!(A 0, B 1);
links!(A 0, B 1, C 2);
links!(A 0, B 1, C 2, D 3);
links!(A 0, B 1, C 2, D 3, E 4);
links!(A 0, B 1, C 2, D 3, E 4, F 5);
links!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
links!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Runs operations one after another, each when the one before has succeeded, by one system call,
/// and gives the outcomes of all.
///
/// The kernel begins the next one by itself, without the loop in between. When one fails, those
/// after it are not begun, and end with an error for which [`is_cancelled`](crate::op::is_cancelled)
/// is true; of reads and writes of files, so does one that did less than it was asked to. Each
/// operation keeps its own buffer and gives it back.
///
/// It is for what is known beforehand to belong together, such as a write and the sync that makes
/// it last. Operations that wait for a device go to a thread of the kernel in a chain, so it is not
/// faster than to await one after another where each is fast. At most as many operations as the
/// submission queue has entries ([`Builder::entries`](crate::Builder::entries)); more end with
/// [`InvalidInput`](io::ErrorKind::InvalidInput). A kernel that is out of memory may take the first
/// of them only, and then the next call's do not wait for those.
///
/// # Cancellation
///
/// Dropped in between, the operations that have not been done are cancelled, each as its own
/// documentation says.
///
/// Since kernel 5.3.
///
/// ```
/// use annulus::fs::File;
/// use annulus::op;
///
/// # let path = std::env::temp_dir().join(format!("annulus-doc-chain-{}", std::process::id()));
/// annulus::run(async {
///     let file = File::create(&path).await?;
///     let (header, body, sync) = op::chain((
///         file.write_at("header\n", 0),
///         file.write_at("body\n", 7),
///         file.sync_data(),
///     ))
///     .await;
///     assert_eq!((header.0?, body.0?), (7, 5));
///     sync
/// })??;
/// assert_eq!(std::fs::read(&path)?, b"header\nbody\n");
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub fn chain<L: Links>(ops: L) -> Chain<L> {
    Chain { members: ops.into_members(), begun: 0, ended: 0, has_failed: false }
}

/// Operations that run one after another; made by [`chain`].
#[must_use = "operations do nothing unless they are awaited"]
pub struct Chain<L: Links> {
    members: L::Members,
    /// How many have been begun.
    begun: usize,
    /// How many have ended.
    ended: usize,
    has_failed: bool,
}

impl<L: Links> Unpin for Chain<L> {}

impl<L: Links> Future for Chain<L> {
    type Output = L::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<L::Output> {
        let Chain { members, begun, ended, has_failed } = self.get_mut();
        let mut is_done = false;
        L::each(members, &mut |links| {
            is_done = poll_links(links, (begun, ended, has_failed), cx).is_ready();
        });
        if is_done { Poll::Ready(L::take(members)) } else { Poll::Pending }
    }
}

fn poll_links(
    links: &mut [&mut dyn Link],
    (begun, ended, has_failed): (&mut usize, &mut usize, &mut bool),
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        while *ended < *begun {
            match links[*ended].poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(failed) => *has_failed |= failed,
            }
            *ended += 1;
        }
        if *begun == links.len() {
            return Poll::Ready(());
        }
        if *has_failed {
            links[*begun..].iter_mut().for_each(|link| link.refuse(sys::cancelled()));
            return Poll::Ready(());
        }
        match super::with(|driver| begin(driver, &mut links[*begun..], cx.waker())) {
            None => super::no_loop("chain"),
            Some(Begun::Some(count)) => *begun += count,
            Some(Begun::NoRoom) => {
                // The queue is emptied by the next turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Begun::TooMany) => {
                let refusal = || {
                    let message = "a chain has more operations than the submission queue has \
                                   entries: see `Builder::entries`";
                    io::Error::new(io::ErrorKind::InvalidInput, message)
                };
                links[*begun..].iter_mut().for_each(|link| link.refuse(refusal()));
                return Poll::Ready(());
            }
        }
    }
}

enum Begun {
    /// So many may be polled now.
    Some(usize),
    NoRoom,
    TooMany,
}

/// Begins as many of the links as can be pushed together; one that has to look at something first
/// is left to its own first poll.
fn begin(driver: &mut Driver, links: &mut [&mut dyn Link], waker: &Waker) -> Begun {
    let free = links.iter().take_while(|link| link.is_free(driver)).count();
    if free < 2 || !driver.starts_ops() {
        return Begun::Some(1);
    }
    if free > driver.queue_size() {
        return Begun::TooMany;
    }
    if !driver.has_room_for(free) {
        return Begun::NoRoom;
    }
    let mut entries: [Option<Prepared>; LINKS_MAX] = [const { None }; LINKS_MAX];
    for (place, link) in links[..free].iter_mut().enumerate() {
        link.keep_time();
        let entry = link.prepare(driver, waker);
        entries[place] = Some(if place + 1 < free { entry.linked() } else { entry });
    }
    driver.push_chain(entries.into_iter().flatten());
    Begun::Some(free)
}

impl<L: Links> std::fmt::Debug for Chain<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("begun", &self.begun).field("ended", &self.ended).finish()
    }
}
