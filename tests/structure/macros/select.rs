//! `select!`.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use annulus::time::{sleep, timeout};
use annulus::{select, spawn, yield_now};

use crate::support::{Log, OnDrop, poll_catching, run, yields};

#[test]
fn the_one_that_is_done_gives_its_value() {
    run(async {
        let value = select! {
            () = pending() => 1,
            text = ready("four") => text.len(),
        };
        assert_eq!(value, 4);
        select!(_ = ready(()) => {});
        select! { biased; _ = ready(()) => {}, }
    });
}

#[test]
fn the_first_in_the_text_wins_always() {
    run(async {
        for _ in 0..20 {
            let value = select! {
                value = ready(1) => value,
                value = ready(2) => value,
                value = ready(3) => value,
            };
            assert_eq!(value, 1);
        }
    });
}

#[test]
fn the_losers_are_dropped_before_the_handler_runs() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let held = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let seen = select! {
            () = held => unreachable!(),
            () = yields(2) => dropped.get(),
        };
        assert_eq!(seen, 1);
    });
}

#[test]
fn a_handler_may_borrow_what_the_futures_borrowed() {
    async fn push(list: &mut Vec<u32>, n: u32) {
        yields(1).await;
        list.push(n);
    }
    run(async {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for n in 0..3 {
            select! {
                () = push(&mut a, n) => { b.push(n); a.push(10 * n) }
                () = push(&mut b, n) => a.clear(),
            }
        }
        assert_eq!((a, b), (vec![0, 0, 1, 10, 2, 20], vec![0, 1, 2]));
    });
}

#[test]
fn a_branch_whose_condition_is_false_is_dropped_without_a_poll() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let log = Log::default();
        let off = poll_fn(|_| {
            let _held = &guard;
            unreachable!("polled")
        });
        let looks = poll_fn(|_| {
            log.push("polled");
            Poll::Ready(())
        });
        let value = select! {
            () = off, if false => 1,
            () = looks, if log.take().is_empty() => 2,
        };
        drop(guard);
        assert_eq!((value, dropped.get(), log.take()), (2, 1, vec!["polled"]));
    });
}

#[test]
fn conditions_come_before_futures_and_both_in_order() {
    run(async {
        let log = Log::default();
        let condition = |what| {
            log.push(what);
            true
        };
        let future = |what| {
            log.push(what);
            pending::<()>()
        };
        select! {
            () = future("future 1"), if condition("condition 1") => {}
            () = future("future 2"), if condition("condition 2") => {}
            () = ready(()) => {}
        }
        assert_eq!(log.take(), ["condition 1", "condition 2", "future 1", "future 2"]);
    });
}

#[test]
fn a_value_that_does_not_match_takes_its_branch_out_and_the_others_go_on() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let mut guard = Some(guard);
        let none = poll_fn(move |_| {
            let _held = &mut guard;
            Poll::Ready(None::<u32>)
        });
        let late = async {
            yields(2).await;
            (Some(5), dropped.get())
        };
        let value = select! {
            Some(value) = none => value,
            (Some(value @ 1..=9), dropped) = late => value + dropped as u32,
        };
        assert_eq!(value, 6);
    });
}

#[test]
fn when_all_are_out_else_is_run() {
    run(async {
        let value = select! {
            Some(value) = ready(None::<u32>) => value,
            Ok(value) = async { yields(1).await; Err::<u32, ()>(()) } => value,
            value = ready(3), if false => value,
            else => 9,
        };
        assert_eq!(value, 9);
        let value = select! { else => 1 };
        assert_eq!(value, 1);
    });
}

#[test]
fn when_all_are_out_and_there_is_no_else_it_panics() {
    run(async {
        let out = async {
            select! {
                Some(()) = ready(None::<()>) => {}
            }
        };
        let payload = poll_catching(AssertUnwindSafe(out)).await.unwrap_err();
        let message = payload.downcast_ref::<&str>().unwrap();
        assert!(message.contains("no `else`"), "{message}");
    });
}

#[test]
fn patterns_may_move_and_be_mutable_and_refer() {
    run(async {
        let text = || ready(Some(String::from("text")));
        let moved = select! {
            Some(mut owned) = text() => { owned.push('!'); owned }
            else => String::new(),
        };
        assert_eq!(moved, "text!");
        let length = select! {
            Some(ref borrowed) = text() => borrowed.len(),
            else => 0,
        };
        assert_eq!(length, 4);
        let first = select! {
            &byte = ready(&7_u8) => byte,
        };
        assert_eq!(first, 7);
        let either = select! {
            Ok(value) | Err(value) = ready(Err::<u8, u8>(8)) => value,
        };
        assert_eq!(either, 8);
        let nested = select! {
            (mut a, [b, .., c]) = ready((vec![1], [2, 3, 4])) => { a.extend([b, c]); a }
        };
        assert_eq!(nested, [1, 2, 4]);
    });
}

#[test]
fn handlers_may_use_the_question_mark_return_break_continue_and_await() {
    async fn first_even(mut list: Vec<Result<u32, String>>) -> Result<u32, String> {
        loop {
            select! {
                next = ready(list.pop()) => {
                    let Some(next) = next else { return Ok(0) };
                    let next = next?;
                    yield_now().await;
                    if next % 2 == 1 { continue }
                    break Ok(next);
                }
            }
        }
    }
    run(async {
        assert_eq!(first_even(vec![]).await, Ok(0));
        assert_eq!(first_even(vec![Ok(4), Ok(3)]).await, Ok(4));
        assert_eq!(first_even(vec![Ok(4), Err("bad".into()), Ok(3)]).await, Err("bad".into()));
    });
}

#[test]
fn a_future_by_reference_goes_on_over_many_selects() {
    run(async {
        let mut slow = pin!(async {
            yields(10).await;
            "slow"
        });
        let mut quick = 0;
        let value = loop {
            select! {
                value = &mut slow => break value,
                () = yields(2) => quick += 1,
            }
        };
        assert_eq!(value, "slow");
        assert!((3..=5).contains(&quick), "{quick}");
    });
}

#[test]
fn selects_nest_and_share_names_with_the_code_around_them() {
    run(async {
        // The names that the macro makes up are none of these.
        let (future, is_in, output, _cx) = (1, 2, 3, 4);
        let sum = select! {
            inner = async {
                select! { value = ready(future) => value + is_in, () = pending() => 0 }
            } => inner + output + _cx,
            () = pending() => 0,
        };
        assert_eq!(sum, 10);
    });
}

#[test]
fn values_without_a_value_and_values_that_cannot_be_are_fine() {
    run(async {
        let value = select! {
            never = pending::<std::convert::Infallible>() => match never {},
            value = ready(1) => value,
        };
        assert_eq!(value, 1);
    });
}

#[test]
fn a_tick_beside_work_and_a_timeout_around_all() {
    run(async {
        let ticks = Cell::new(0);
        let work = async {
            while ticks.get() < 3 {
                yield_now().await;
            }
        };
        let limited = timeout(Duration::from_secs(600), async {
            let mut work = pin!(work);
            loop {
                select! {
                    () = &mut work => return,
                    () = sleep(Duration::from_micros(200)) => ticks.set(ticks.get() + 1),
                }
            }
        });
        limited.await.unwrap();
        assert_eq!(ticks.get(), 3);
    });
}

#[test]
fn dropped_at_every_poll_each_future_is_dropped_once() {
    for polls in 0..5 {
        run(async {
            let (dropped, first) = OnDrop::new();
            let second = OnDrop(dropped.clone());
            let mut selected = Box::pin(async {
                select! {
                    () = async move { let _held = first; yields(3).await } => {}
                    () = async move { let _held = second; pending().await } => {}
                }
            });
            for _ in 0..polls {
                let _either = crate::polls::poll_once(&mut selected).await;
                if dropped.get() == 2 {
                    break;
                }
            }
            drop(selected);
            assert_eq!(dropped.get(), 2, "{polls}");
        });
    }
}

#[test]
fn a_panic_in_a_branch_drops_the_others() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let task = spawn(async move {
            select! {
                () = async move { let _held = guard; pending().await } => {}
                () = async { panic!("on purpose") } => {}
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_future_that_wakes_itself_leaves_the_others_their_turn() {
    run(async {
        let order = RefCell::new(Vec::new());
        let busy = async {
            for n in 0..3 {
                order.borrow_mut().push(n);
                yield_now().await;
            }
            pending::<()>().await
        };
        let other = poll_fn(|cx| {
            order.borrow_mut().push(9);
            cx.waker().wake_by_ref();
            if order.borrow().len() > 5 { Poll::Ready(()) } else { Poll::Pending }
        });
        select! { () = busy => {} () = other => {} }
        assert_eq!(*order.borrow(), [0, 9, 1, 9, 2, 9]);
    });
}

#[test]
fn there_is_room_for_sixty_four_branches() {
    macro_rules! many {
        ([$($branch:tt)*] $last:expr) => {
            select! { $($branch)* value = ready($last) => value }
        };
    }
    run(async {
        let p = || pending::<u32>();
        let value = many!([
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v, v = p() => v,
            v = p() => v, v = p() => v, v = p() => v,
        ] 64);
        assert_eq!(value, 64);
    });
}
