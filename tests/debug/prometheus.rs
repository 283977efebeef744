//! The text for Prometheus.

use annulus::{Builder, Handle};

use super::common::bound::bound;
use super::common::prometheus::{check, check_histogram, parse};

#[test]
fn the_text_is_in_the_format_and_says_what_the_metrics_say() {
    let _bound = bound();
    let runtime = Builder::new().histograms(true).build().expect("a loop");
    let metrics = runtime.block_on(async {
        for _ in 0..10 {
            annulus::spawn(annulus::op::nop()).await.expect("the task").expect("a nop");
        }
        annulus::spawn_blocking(|| ()).await.expect("the job");
        Handle::current().metrics().expect("a loop")
    });
    let mut text = String::new();
    metrics.prometheus_text(&mut text);
    let families = parse(&text);
    families.iter().for_each(|(name, family)| check(name, family));
    for (name, kind, value) in metrics.iter() {
        let suffix = if kind == annulus::runtime::MetricKind::Counter { "_total" } else { "" };
        let family = &families[&format!("annulus_{name}{suffix}")];
        assert_eq!(family.samples[0].value, value as f64, "{name}");
        assert_eq!(family.samples[0].labels["loop"], metrics.id.to_string());
    }
    for (name, count) in
        [("annulus_poll_seconds", metrics.task_polls), ("annulus_enter_seconds", metrics.enters)]
    {
        assert_eq!(check_histogram(name, &families[name]), count);
    }
}

#[test]
fn without_histograms_there_are_none_in_the_text() {
    let _bound = bound();
    let runtime = Builder::new().debug(false).build().expect("a loop");
    let mut text = String::new();
    runtime.metrics().prometheus_text(&mut text);
    assert!(!text.contains("histogram"), "{text}");
    assert!(parse(&text).contains_key("annulus_task_slots"));
}
