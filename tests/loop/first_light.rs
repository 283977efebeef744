//! The least that a loop does.

use std::time::Duration;

#[test]
fn nops_and_tasks() {
    let n = annulus::run(async {
        annulus::op::nop().await.unwrap();
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                annulus::spawn(async move {
                    annulus::op::nop().await.unwrap();
                    annulus::time::sleep(Duration::from_millis(3)).await;
                    i
                })
            })
            .collect();
        let mut sum = 0;
        for h in handles {
            sum += h.await.unwrap();
        }
        sum
    })
    .unwrap();
    assert_eq!(n, 499500);
}

#[test]
fn drop_in_flight() {
    annulus::run(async {
        use std::future::Future;
        let mut op = annulus::op::nop();
        std::future::poll_fn(|cx| {
            let _ = std::pin::Pin::new(&mut op).poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
        drop(op);
        annulus::time::sleep(Duration::from_millis(3)).await;
    })
    .unwrap();
}
