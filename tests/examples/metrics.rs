//! The metrics that `http` serves, read as Prometheus would.

use std::collections::BTreeMap;

use super::client::Client;
use super::process::Server;
use super::prometheus::{Family, check, check_histogram, parse};

/// How many requests are made between two looks.
const REQUESTS: usize = 100;

fn look(client: &mut Client) -> BTreeMap<String, Family> {
    let page = client.get("/metrics", "");
    assert_eq!(page.field("content-type"), Some("text/plain; version=0.0.4"));
    let families = parse(page.text());
    families.iter().for_each(|(name, family)| check(name, family));
    families
}

fn value(families: &BTreeMap<String, Family>, name: &str) -> u64 {
    let family = families.get(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(family.samples.len(), 1, "{name}");
    family.samples[0].value as u64
}

fn histogram(families: &BTreeMap<String, Family>, name: &str) -> u64 {
    check_histogram(name, families.get(name).unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn the_page_is_in_the_format_and_counts_each_poll_and_enter_in_a_histogram() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    let before = look(&mut client);
    for _ in 0..REQUESTS {
        client.get("/", "");
    }
    let after = look(&mut client);
    for families in [&before, &after] {
        // The page is made in a poll, which is counted when it begins and measured when it ends, and
        // between two enters.
        let measured = histogram(families, "annulus_poll_seconds");
        assert_eq!(measured + 1, value(families, "annulus_task_polls_total"));
        let counted = histogram(families, "annulus_enter_seconds");
        assert_eq!(counted, value(families, "annulus_enters_total"));
        let [submitted, completed, in_flight] =
            ["annulus_ops_submitted_total", "annulus_ops_completed_total", "annulus_ops_in_flight"]
                .map(|name| value(families, name));
        assert_eq!(submitted, completed + in_flight);
    }
    let grown = |name: &str| value(&after, name) - value(&before, name);
    assert!(grown("annulus_ops_submitted_total") >= 2 * REQUESTS as u64, "a read and a write each");
    assert!(grown("annulus_task_polls_total") >= REQUESTS as u64);
    assert_eq!(value(&after, "annulus_tasks_alive"), 1, "the connection's");
}

#[test]
fn histograms_may_be_left_out() {
    let server = Server::start("http", &["--no-histograms"]);
    let families = look(&mut Client::connect(&server));
    assert!(!families.values().any(|family| family.kind == "histogram"));
}
