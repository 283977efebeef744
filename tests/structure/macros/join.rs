//! `join!` and `try_join!`.

use std::cell::Cell;
use std::future::{Ready, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use annulus::{join, spawn, try_join};

use crate::support::{Log, OnDrop, run, yields};

#[test]
fn join_takes_none_one_or_many_of_any_type() {
    run(async {
        let () = join!();
        assert_eq!(join!(async { 1 }), (1,));
        assert_eq!(join!(async { 1 }, ready("two"),), (1, "two"));
        assert_eq!(join!(biased; ready('a'), ready(None::<u8>)), ('a', None));
        assert_eq!(try_join!(ready(Ok::<_, ()>(1))), Ok((1,)));
        assert_eq!(try_join!(biased; ready(Ok::<_, ()>(1)), ready(Ok('b')),), Ok((1, 'b')));
    });
}

#[test]
fn join_polls_in_order_and_nothing_that_is_done() {
    run(async {
        let log = Log::default();
        let step = |what, turns| {
            let log = log.clone();
            let mut left = turns;
            poll_fn(move |cx| {
                log.push(what);
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
        };
        join!(step("a", 0), step("b", 2), step("c", 1));
        assert_eq!(log.take(), ["a", "b", "c", "b", "c", "b"]);
    });
}

#[test]
fn join_drops_a_future_when_it_is_done() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let mut guard = Some(guard);
        let holds = poll_fn(move |_| {
            let _held = &mut guard;
            Poll::Ready(())
        });
        let looks = poll_fn(|_| Poll::Ready(dropped.get()));
        assert_eq!(join!(holds, looks), ((), 1));
    });
}

#[test]
fn join_awaits_at_the_same_time() {
    run(async {
        let turns = Cell::new(0);
        let count = async |many| {
            yields(many).await;
            turns.set(turns.get() + 1);
            turns.get()
        };
        assert_eq!(join!(count(5), count(1), count(3)), (3, 1, 2));
    });
}

#[test]
fn join_lets_its_futures_borrow_from_the_task_and_from_temporaries() {
    async fn length(text: &str) -> usize {
        yields(1).await;
        text.len()
    }
    run(async {
        let mut counter = 0;
        let text = String::from("four");
        let (a, b, ()) = join!(length(&text), length(&String::from("temporary")), async {
            counter += 1;
        });
        assert_eq!((a, b, counter), (4, 9, 1));
    });
}

#[test]
fn join_takes_what_turns_into_a_future_and_handles_of_tasks() {
    struct Later(u8);
    impl IntoFuture for Later {
        type Output = u8;
        type IntoFuture = Ready<u8>;
        fn into_future(self) -> Ready<u8> {
            ready(self.0)
        }
    }
    run(async {
        let task = spawn(async { 2 });
        let (a, b) = join!(Later(1), task);
        assert_eq!((a, b.unwrap()), (1, 2));
    });
}

#[test]
fn join_works_in_functions_that_use_the_question_mark_in_its_arguments() {
    async fn sum(a: &str, b: &str) -> Result<i32, std::num::ParseIntError> {
        let (a, b) = join!(ready(a.parse::<i32>()?), ready(b.parse::<i32>()?));
        Ok(a + b)
    }
    run(async {
        assert_eq!(sum("1", "2").await, Ok(3));
        assert!(sum("1", "x").await.is_err());
    });
}

#[test]
fn join_allocates_nothing_and_is_no_larger_than_its_parts() {
    fn size_of_future<F: Future>(_: &F) -> usize {
        size_of::<F>()
    }
    let part = yields(3);
    let alone = size_of_future(&part);
    let joined = async { join!(yields(3), yields(3), yields(3)) };
    assert!(size_of_future(&joined) <= 8 * alone, "{} {alone}", size_of_future(&joined));
    let joined = std::hint::black_box(joined);
    assert_eq!(run(joined), ((), (), ()));
    drop(part);
}

#[test]
fn join_has_room_for_sixty_four() {
    run(async {
        let n = Rc::new(Cell::new(0));
        let f = || {
            let n = n.clone();
            async move { n.set(n.get() + 1) }
        };
        join!(
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
        );
        assert_eq!(n.get(), 64);
    });
}

#[test]
fn the_first_error_ends_try_join_and_drops_the_others() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let held = async move {
            let _guard = guard;
            pending::<Result<(), &str>>().await
        };
        let fails = async {
            yields(2).await;
            Err::<u8, _>("failed")
        };
        assert_eq!(try_join!(held, fails), Err("failed"));
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn try_join_reports_the_first_in_the_text_when_two_fail_at_once_and_polls_no_more() {
    run(async {
        let log = Log::default();
        let fail = async |what: &'static str| {
            log.push(what);
            Err::<(), _>(what)
        };
        assert_eq!(try_join!(fail("first"), fail("second")), Err("first"));
        assert_eq!(log.take(), ["first"]);
    });
}

#[test]
fn try_join_keeps_values_until_all_are_there() {
    run(async {
        let slow = async {
            yields(3).await;
            Ok::<_, ()>("slow")
        };
        assert_eq!(try_join!(ready(Ok("quick")), slow), Ok(("quick", "slow")));
    });
}

#[test]
fn a_join_dropped_in_the_middle_drops_outputs_and_futures_once() {
    for polls in 0..4 {
        let (dropped, first) = OnDrop::new();
        let second = OnDrop(dropped.clone());
        let mut joined = Box::pin(async {
            let slow = async move {
                yields(2).await;
                second
            };
            join!(async move { first }, slow)
        });
        let mut cx = Context::from_waker(Waker::noop());
        let done = (0..polls).any(|_| pin!(&mut joined).poll(&mut cx).is_ready());
        assert_eq!(done, polls == 3);
        drop(joined);
        assert_eq!(dropped.get(), 2, "{polls}");
    }
}
