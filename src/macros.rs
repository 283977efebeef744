//! `join!`, `try_join!`, `select!`.
//!
//! They are plain `macro_rules!`: each branch is pinned on the stack, nothing is allocated, and the
//! branches are polled in the order in which they are written.

/// Awaits several futures at the same time, in this task, and gives their outputs as a tuple.
///
/// All are polled when any of them is woken. To run them as tasks of their own,
/// [`spawn`](crate::spawn) them; for a list, see [`task::join_all`](crate::task::join_all). Up to
/// sixteen futures.
///
/// # Cancellation
///
/// Dropping the `join!` drops every future that is not done, and the outputs of those that are.
///
/// ```
/// # annulus::run(async {
/// let (one, two) = annulus::join!(async { 1 }, async { "two" });
/// assert_eq!((one, two), (1, "two"));
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! join {
    ($($future:expr),+ $(,)?) => {
        $crate::__branches! { join [] [a b c d e f g h i j k l m n o p] $($future,)+ }
    };
}

/// Awaits several futures that give a `Result`, at the same time: their values as a tuple, or the
/// first error, which drops the others where they are.
///
/// Up to sixteen futures. Cancellation is as for [`join!`](crate::join).
///
/// ```
/// # annulus::run(async {
/// let both = annulus::try_join!(async { Ok::<_, String>(1) }, async { Ok(2) });
/// assert_eq!(both, Ok((1, 2)));
/// let failed = annulus::try_join!(async { Err::<(), _>("no") }, std::future::pending());
/// let _: Result<((), ()), &str> = failed;
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! try_join {
    ($($future:expr),+ $(,)?) => {
        $crate::__branches! { try_join [] [a b c d e f g h i j k l m n o p] $($future,)+ }
    };
}

/// Names the branches, then builds the join.
#[doc(hidden)]
#[macro_export]
macro_rules! __branches {
    ($kind:ident [$($named:tt)*] [$name:ident $($names:ident)*] $future:expr, $($rest:expr,)*) => {
        $crate::__branches! { $kind [$($named)* ($name $future)] [$($names)*] $($rest,)* }
    };
    (join [$(($name:ident $future:expr))+] [$($unused:ident)*]) => {{
        $(
            let $name = ::std::pin::pin!(::std::option::Option::Some(
                ::std::future::IntoFuture::into_future($future)
            ));
            let mut $name = $crate::task::Branch::new($name);
        )+
        ::std::future::poll_fn(move |cx| {
            let mut all = true;
            $(all &= $name.poll(cx);)+
            if all {
                ::std::task::Poll::Ready(($($name.take().expect("the branch is done"),)+))
            } else {
                ::std::task::Poll::Pending
            }
        })
        .await
    }};
    (try_join [$(($name:ident $future:expr))+] [$($unused:ident)*]) => {{
        $(
            let $name = ::std::pin::pin!(::std::option::Option::Some(
                ::std::future::IntoFuture::into_future($future)
            ));
            let mut $name = $crate::task::Branch::new($name);
        )+
        ::std::future::poll_fn(move |cx| {
            let mut all = true;
            $(
                all &= $name.poll(cx);
                if let ::std::option::Option::Some(::std::result::Result::Err(_)) = $name.output() {
                    if let ::std::option::Option::Some(::std::result::Result::Err(error)) =
                        $name.take()
                    {
                        return ::std::task::Poll::Ready(::std::result::Result::Err(error));
                    }
                }
            )+
            if !all {
                return ::std::task::Poll::Pending;
            }
            ::std::task::Poll::Ready(::std::result::Result::Ok(($(
                match $name.take() {
                    ::std::option::Option::Some(::std::result::Result::Ok(value)) => value,
                    _ => ::std::unreachable!("the branch is done and has not failed"),
                },
            )+)))
        })
        .await
    }};
}

/// Awaits the first of several futures, drops the others, and runs the code of the one that won.
///
/// ```text
/// select! {
///     pattern = future => code,
///     pattern = future, if condition => { code }
///     else => code,
/// }
/// ```
///
/// The branches are polled in the order in which they are written: when two are ready, the one
/// above wins. A branch whose condition is false, or whose output does not match its pattern, takes
/// no part; when none is left, `else` runs, and without it the macro panics. The futures are gone
/// before the code runs. A pattern binds with plain names: bind `mut` in the code. Up to sixteen
/// branches. `biased;` may stand in front, as elsewhere; it is the default.
///
/// # Cancellation
///
/// The futures that lose are dropped where they are. An operation that loses keeps what it had
/// received for the next one of its handle; one that is to go on is polled by reference:
/// `read = &mut read => …`.
///
/// ```
/// use std::time::Duration;
///
/// # annulus::run(async {
/// let winner = annulus::select! {
///     () = annulus::time::sleep(Duration::from_secs(60)) => "the sleep",
///     value = async { 7 } => { if value == 7 { "the value" } else { "nobody" } }
/// };
/// assert_eq!(winner, "the value");
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)+) => { $crate::select! { $($branches)+ } };
    ($($branches:tt)+) => {
        $crate::__select! {
            @parse [] [(a 0) (b 1) (c 2) (d 3) (e 4) (f 5) (g 6) (h 7) (i 8) (j 9) (k 10) (l 11)
                       (m 12) (n 13) (o 14) (p 15)]
            $($branches)+
        }
    };
}

/// Parses the branches of a `select!` one by one, then builds it.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@parse [$($done:tt)+] [$($names:tt)*] else => $code:expr $(,)?) => {
        $crate::__select! { @build [$($done)+] { $code } }
    };
    (@parse [$($done:tt)+] [$($names:tt)*]) => {
        $crate::__select! {
            @build [$($done)+] {
                ::std::panic!("every branch of a `select!` is disabled and there is no `else`")
            }
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $code:block, $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) ($condition) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr => $code:block, $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) (true) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $code:block $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) ($condition) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr => $code:block $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) (true) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $code:expr, $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) ($condition) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr => $code:expr, $($rest:tt)*) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) (true) ($code))] [$($names)*]
            $($rest)*
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $code:expr) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) ($condition) ($code))] [$($names)*]
        }
    };
    (@parse [$($done:tt)*] [($name:ident $place:tt) $($names:tt)*]
        $pattern:pat = $future:expr => $code:expr) => {
        $crate::__select! {
            @parse [$($done)* ($name $place ($pattern) ($future) (true) ($code))] [$($names)*]
        }
    };
    (@build [$(($name:ident $place:tt ($pattern:pat) ($future:expr) ($condition:expr)
        ($code:expr)))+] $otherwise:block) => {{
        let (winner, outputs) = {
            $(
                let $name = ::std::pin::pin!(if $condition {
                    ::std::option::Option::Some(::std::future::IntoFuture::into_future($future))
                } else {
                    ::std::option::Option::None
                });
                let mut $name = $crate::task::Branch::new($name);
            )+
            ::std::future::poll_fn(move |cx| {
                let mut winner = ::std::option::Option::None;
                let mut enabled = false;
                $(
                    if winner.is_none() && $name.poll(cx) {
                        #[allow(unused_variables, unreachable_patterns)]
                        match $name.output() {
                            ::std::option::Option::Some($pattern) => {
                                winner = ::std::option::Option::Some($place);
                            }
                            _ => ::std::mem::drop($name.take()),
                        }
                    }
                    enabled |= $name.is_enabled();
                )+
                if winner.is_none() && enabled {
                    return ::std::task::Poll::Pending;
                }
                ::std::task::Poll::Ready((winner, ($($name.take(),)+)))
            })
            .await
        };
        let ($($name,)+) = outputs;
        match winner {
            $(
                ::std::option::Option::Some($place) => {
                    #[allow(unreachable_patterns)]
                    match $name {
                        ::std::option::Option::Some($pattern) => $code,
                        _ => ::std::unreachable!("the winner's output matches its pattern"),
                    }
                }
            )+
            _ => $otherwise,
        }
    }};
}
