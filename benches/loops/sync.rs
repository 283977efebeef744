//! Primitives between tasks of one loop.

use std::hint::black_box;
use std::rc::Rc;

use annulus::spawn;
use annulus::sync::{Mutex, Notify, Queue, Semaphore, mpsc, oneshot};

use super::{Cost, costs, on_a_loop};

pub(crate) fn ping_pongs(rounds: u64) -> Cost {
    on_a_loop(async move {
        let (ping, mut pinged) = mpsc::channel::<u64>(16);
        let (pong, mut ponged) = mpsc::channel::<u64>(16);
        let other = spawn(async move {
            while let Some(message) = pinged.recv().await {
                pong.send(message).await.expect("the other end");
            }
        });
        let took = costs(async move {
            for round in 0..rounds {
                ping.send(round).await.expect("the other end");
                assert_eq!(ponged.recv().await, Some(round));
            }
        })
        .await;
        other.await.expect("the task");
        took
    })
}

pub(crate) fn permits(rounds: u64) -> Cost {
    let semaphore = Semaphore::new(4);
    on_a_loop(costs(async move {
        for _ in 0..rounds {
            drop(black_box(semaphore.acquire().await.expect("a permit")));
        }
    }))
}

pub(crate) fn hand_overs(rounds: u64) -> Cost {
    on_a_loop(async move {
        let there = Rc::new(Semaphore::new(0));
        let back = Rc::new(Semaphore::new(0));
        let other = spawn({
            let (there, back) = (Rc::clone(&there), Rc::clone(&back));
            async move {
                for _ in 0..rounds {
                    there.acquire().await.expect("a permit").forget();
                    back.add_permits(1);
                }
            }
        });
        let took = costs(async {
            for _ in 0..rounds {
                there.add_permits(1);
                back.acquire().await.expect("a permit").forget();
            }
        })
        .await;
        other.await.expect("the task");
        took
    })
}

pub(crate) fn locks(rounds: u64) -> Cost {
    let mutex = Mutex::new(0);
    on_a_loop(costs(async move {
        for _ in 0..rounds {
            *black_box(mutex.lock().await) += 1;
        }
    }))
}

pub(crate) fn queues(rounds: u64) -> Cost {
    let queue = Queue::bounded(16);
    on_a_loop(costs(async move {
        for round in 0..rounds {
            queue.put(round).await.expect("an open queue");
            assert_eq!(black_box(queue.get().await), Ok(round));
        }
    }))
}

pub(crate) fn oneshots(rounds: u64) -> Cost {
    on_a_loop(costs(async move {
        for round in 0..rounds {
            let (sender, receiver) = oneshot::channel();
            black_box(sender).send(round).expect("the other end");
            assert_eq!(receiver.await, Ok(round));
        }
    }))
}

pub(crate) fn notifies(rounds: u64) -> Cost {
    on_a_loop(async move {
        let there = Rc::new(Notify::new());
        let back = Rc::new(Notify::new());
        let other = spawn({
            let (there, back) = (Rc::clone(&there), Rc::clone(&back));
            async move {
                for _ in 0..rounds {
                    there.notified().await;
                    back.notify_one();
                }
            }
        });
        let took = costs(async {
            for _ in 0..rounds {
                there.notify_one();
                back.notified().await;
            }
        })
        .await;
        other.await.expect("the task");
        took
    })
}
