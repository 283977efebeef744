//! `join!`, `try_join!` and `select!`: several futures in one task.
//!
//! Plain `macro_rules!`, without allocation and without `unsafe`. Three tricks carry them:
//!
//! - *Names.* A macro cannot count up names, but a name that it makes up is another one in each of
//!   its expansions. So a helper macro goes through the branches one expansion at a time and hands
//!   on the list of names that came together.
//! - *Pins.* Each future is an `Option` that is pinned where it stands: `Option::as_pin_mut`
//!   reaches the future and `Pin::set` drops it in place, both safely.
//! - *Patterns.* Whether a value matches a branch's pattern has to be known while the other futures
//!   are alive, and its bindings are wanted when they are gone. A `match` with a guard that is
//!   always false tells the first without moving anything.

/// Awaits several futures at the same time and gives all their outputs, as a tuple.
///
/// The futures are polled in order, each until it is done, by the task that calls; a future that is
/// done is dropped at once. Values that are made on the way to the futures live as long as the
/// whole, as in a plain `.await`.
///
/// ```
/// # annulus::run(async {
/// let (a, b) = annulus::join!(async { 1 }, async { "two" });
/// assert_eq!((a, b), (1, "two"));
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__name_futures!(__join [] $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__name_futures!(__join [] $($future,)*)
    };
}

/// Awaits several futures that give `Result`s at the same time; the first error is the result of
/// the whole, and the other futures are dropped.
///
/// ```
/// # annulus::run(async {
/// let sum = async {
///     let (a, b) = annulus::try_join!(async { "1".parse::<u32>() }, async { "x".parse::<u32>() })?;
///     Ok::<u32, std::num::ParseIntError>(a + b)
/// };
/// assert!(sum.await.is_err());
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__name_futures!(__try_join [] $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__name_futures!(__try_join [] $($future,)*)
    };
}

/// Awaits several futures and goes on with the first that is done; the others are dropped.
///
/// A branch is `pattern = future, if condition => handler,` where the condition may be left out.
/// There may be a last branch `else => handler`. Then:
///
/// 1. All conditions are evaluated, then all futures, in order. The future of a branch whose
///    condition is false is dropped without being polled.
/// 2. The futures are polled in order: what is ready first in the text wins (tokio's `biased;` may
///    be written and changes nothing). Put the branch that must not be starved first.
/// 3. When one is done and its value matches its pattern, the futures are dropped and its handler
///    is run, which may borrow what they had borrowed. When it does not match, that branch is out,
///    and the others go on.
/// 4. When all branches are out, the `else` handler is run.
///
/// Handlers, conditions and futures belong to the task that calls: they may use `?`, `return`,
/// `break` and `.await`.
///
/// The operations of this crate may be used by value, for nothing is lost when they are dropped; one
/// that is to go on, with its buffer, is used as `&mut operation`.
///
/// ```
/// use annulus::yield_now;
///
/// # annulus::run(async {
/// let work = async {
///     for _ in 0..10 {
///         yield_now().await;
///     }
///     "done"
/// };
/// let mut work = std::pin::pin!(work);
/// let mut ticks = 0;
/// let end = loop {
///     annulus::select! {
///         end = &mut work => break end,
///         () = yield_now(), if ticks < 3 => ticks += 1,
///     }
/// };
/// assert_eq!((end, ticks), ("done", 3));
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// When all branches are out and there is no `else`.
#[macro_export]
macro_rules! select {
    () => {
        ::core::compile_error!("`select!` needs at least one branch")
    };
    (biased; $($branches:tt)*) => {
        $crate::__parse_branches!([] [] $($branches)*)
    };
    ($($branches:tt)*) => {
        $crate::__parse_branches!([] [] $($branches)*)
    };
}

/// Gives each future a name for itself and one for its output.
#[doc(hidden)]
#[macro_export]
macro_rules! __name_futures {
    ($then:ident [$($named:tt)*] $next:expr, $($rest:expr,)*) => {
        $crate::__name_futures!($then [$($named)* (future output $next)] $($rest,)*)
    };
    ($then:ident [$($named:tt)*]) => {
        $crate::$then!($($named)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __join {
    ($(($future:ident $output:ident $value:expr))*) => {
        match ($($crate::__macros::into_future($value),)*) {
            ($($future,)*) => {
                $(
                    let mut $future = ::core::pin::pin!(::core::option::Option::Some($future));
                    let mut $output = ::core::option::Option::None;
                )*
                $crate::__macros::poll_fn(|_cx| {
                    #[allow(unused_mut)]
                    let mut is_done = true;
                    $(is_done &= $crate::__macros::poll_branch($future.as_mut(), &mut $output, _cx);)*
                    if is_done {
                        $crate::__macros::Poll::Ready(($($crate::__macros::take(&mut $output),)*))
                    } else {
                        $crate::__macros::Poll::Pending
                    }
                })
                .await
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __try_join {
    ($(($future:ident $output:ident $value:expr))*) => {
        match ($($crate::__macros::into_future($value),)*) {
            ($($future,)*) => {
                $(
                    let mut $future = ::core::pin::pin!(::core::option::Option::Some($future));
                    let mut $output = ::core::option::Option::None;
                )*
                $crate::__macros::poll_fn(|_cx| {
                    #[allow(unused_mut)]
                    let mut is_done = true;
                    $(
                        is_done &= $crate::__macros::poll_branch($future.as_mut(), &mut $output, _cx);
                        if let ::core::option::Option::Some(error) =
                            $crate::__macros::take_error(&mut $output)
                        {
                            return $crate::__macros::Poll::Ready(
                                ::core::result::Result::Err(error),
                            );
                        }
                    )*
                    if is_done {
                        $crate::__macros::Poll::Ready(::core::result::Result::Ok((
                            $($crate::__macros::take_ok(&mut $output),)*
                        )))
                    } else {
                        $crate::__macros::Poll::Pending
                    }
                })
                .await
            }
        }
    };
}

/// Takes the branches of `select!` apart: each gets names for its future and its condition, and its
/// index in strokes.
#[doc(hidden)]
#[macro_export]
macro_rules! __parse_branches {
    ([$($done:tt)*] [$($index:tt)*]) => {
        $crate::__select!([$($done)*] [$($index)*] {
            ::core::panic!("all branches of `select!` are out, and it has no `else`")
        })
    };
    ([$($done:tt)*] [$($index:tt)*] else => $handler:expr $(,)?) => {
        $crate::__select!([$($done)*] [$($index)*] $handler)
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr, if $condition:expr => $handler:block, $($rest:tt)*) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, $condition, $handler)]
            [$($index)* !] $($rest)*
        )
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr, if $condition:expr => $handler:block $($rest:tt)*) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, $condition, $handler)]
            [$($index)* !] $($rest)*
        )
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr => $handler:block, $($rest:tt)*) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, true, $handler)]
            [$($index)* !] $($rest)*
        )
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr => $handler:block $($rest:tt)*) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, true, $handler)]
            [$($index)* !] $($rest)*
        )
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr, if $condition:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, $condition, $handler)]
            [$($index)* !] $($($rest)*)?
        )
    };
    ([$($done:tt)*] [$($index:tt)*]
        $pattern:pat = $value:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::__parse_branches!(
            [$($done)* (future is_in [$($index)*] $pattern, $value, true, $handler)]
            [$($index)* !] $($($rest)*)?
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (
        [$((
            $future:ident $is_in:ident [$($index:tt)*]
            $pattern:pat, $value:expr, $condition:expr, $handler:expr
        ))*]
        [$($count:tt)*] $else:expr
    ) => {{
        $(let $is_in: bool = $condition;)*
        let output = match ($($crate::__macros::into_future($value),)*) {
            ($($future,)*) => {
                $(let mut $future = ::core::pin::pin!($is_in.then_some($future));)*
                $crate::__macros::poll_fn(|_cx| {
                    #[allow(unused_mut)]
                    let mut is_waiting = false;
                    $(
                        match $crate::__macros::poll_some($future.as_mut(), _cx) {
                            ::core::option::Option::None => {}
                            ::core::option::Option::Some($crate::__macros::Poll::Pending) => {
                                is_waiting = true;
                            }
                            ::core::option::Option::Some($crate::__macros::Poll::Ready(output)) => {
                                if $crate::__matches!(output, $pattern) {
                                    return $crate::__macros::Poll::Ready($crate::__at!(
                                        [$($index)*] $crate::__macros::Out::Is(output)
                                    ));
                                }
                                $future.set(::core::option::Option::None);
                            }
                        }
                    )*
                    if is_waiting {
                        $crate::__macros::Poll::Pending
                    } else {
                        $crate::__macros::Poll::Ready($crate::__at!(
                            [$($count)*] $crate::__macros::AllOut
                        ))
                    }
                })
                .await
            }
        };
        match output {
            $($crate::__at!([$($index)*] $crate::__macros::Out::Is($pattern)) => $handler,)*
            $crate::__at!([$($count)*] $crate::__macros::AllOut) => $else,
            #[allow(unreachable_patterns)]
            _ => ::core::unreachable!("the value matched its pattern before"),
        }
    }};
}

/// Whether a value matches a pattern; it is not moved, for no arm is taken.
#[doc(hidden)]
#[macro_export]
macro_rules! __matches {
    ($value:ident, $pattern:pat) => {{
        let mut is_match = false;
        #[allow(unused_variables, unused_mut, unreachable_code, unreachable_patterns)]
        match $value {
            $pattern
                if {
                    is_match = true;
                    false
                } =>
            {
                ::core::unreachable!()
            }
            _ => {}
        }
        is_match
    }};
}

/// The place of a branch among the outputs: `Not(Not(… inner))`, one `Not` for each stroke. Eight
/// at a time, so that the last of many branches does not meet the compiler's recursion limit.
#[doc(hidden)]
#[macro_export]
macro_rules! __at {
    ([! ! ! ! ! ! ! ! $($index:tt)*] $($inner:tt)*) => {
        $crate::__macros::Out::Not($crate::__macros::Out::Not($crate::__macros::Out::Not(
            $crate::__macros::Out::Not($crate::__macros::Out::Not($crate::__macros::Out::Not(
                $crate::__macros::Out::Not($crate::__macros::Out::Not(
                    $crate::__at!([$($index)*] $($inner)*)
                ))
            )))
        )))
    };
    ([! $($index:tt)*] $($inner:tt)*) => {
        $crate::__macros::Out::Not($crate::__at!([$($index)*] $($inner)*))
    };
    ([] $($inner:tt)*) => {
        $($inner)*
    };
}

/// What the expansions use.
#[doc(hidden)]
pub mod support {
    pub use std::future::poll_fn;
    pub use std::task::Poll;

    use std::future::{Future, IntoFuture};
    use std::pin::Pin;
    use std::task::Context;

    /// The output of one of several branches.
    #[derive(Debug)]
    pub enum Out<T, Rest> {
        Is(T),
        Not(Rest),
    }

    /// No branch has an output.
    #[derive(Debug)]
    pub struct AllOut;

    pub fn into_future<F: IntoFuture>(future: F) -> F::IntoFuture {
        future.into_future()
    }

    /// Polls a branch of `join!`, unless it is done; whether it is.
    pub fn poll_branch<F: Future>(
        mut future: Pin<&mut Option<F>>,
        output: &mut Option<F::Output>,
        cx: &mut Context<'_>,
    ) -> bool {
        match poll_some(future.as_mut(), cx) {
            None => true,
            Some(Poll::Pending) => false,
            Some(Poll::Ready(value)) => {
                *output = Some(value);
                future.set(None);
                true
            }
        }
    }

    /// Polls a future that may be gone.
    #[inline]
    pub fn poll_some<F: Future>(
        future: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Option<Poll<F::Output>> {
        Some(future.as_pin_mut()?.poll(cx))
    }

    pub fn take<T>(output: &mut Option<T>) -> T {
        output.take().expect("a branch that is done has its output")
    }

    pub fn take_ok<T, E>(output: &mut Option<Result<T, E>>) -> T {
        output.take().and_then(Result::ok).expect("a branch that is done has its output")
    }

    pub fn take_error<T, E>(output: &mut Option<Result<T, E>>) -> Option<E> {
        output.take_if(|output| output.is_err())?.err()
    }
}
