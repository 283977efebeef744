//! A subscriber may wake a task of the loop that it listens to, as one does that hands events on.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Who hands events on, and how many there were.
#[derive(Default)]
struct Forwarder {
    task: Mutex<Option<Waker>>,
    events: AtomicU64,
}

struct Forwarding(Arc<Forwarder>);

impl Subscriber for Forwarding {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("annulus")
    }

    fn event(&self, _: &Event<'_>) {
        self.0.events.fetch_add(1, Ordering::Relaxed);
        if let Some(task) = &*self.0.task.lock().unwrap() {
            task.wake_by_ref();
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn every_event_may_wake_a_task_of_the_loop_that_it_is_about() {
    let forwarder = Arc::new(Forwarder::default());
    let (own, told) = (Arc::clone(&forwarder), Arc::clone(&forwarder));
    tracing::subscriber::with_default(Forwarding(Arc::clone(&forwarder)), || {
        annulus::run(async move {
            let forwarding = annulus::spawn(poll_fn(move |cx| {
                own.task.lock().unwrap().replace(cx.waker().clone());
                Poll::<()>::Pending
            }));
            annulus::yield_now().await;
            let before = told.events.load(Ordering::Relaxed);
            for _ in 0..10 {
                annulus::op::nop().await.unwrap();
                let abandoned = annulus::op::nop();
                drop(annulus::time::timeout(std::time::Duration::ZERO, abandoned).await);
            }
            assert!(told.events.load(Ordering::Relaxed) >= before + 20, "pushed and reaped");
            forwarding.abort();
        })
        .unwrap();
    });
}
