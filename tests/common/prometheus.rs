//! Prometheus' text format, read as it is written down.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// What the text says of one metric.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    help: String,
    pub(crate) samples: Vec<Sample>,
}

fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
    begins && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a value"));
    assert!(is_name(name), "a name of a metric: {line}");
    let mut labels = BTreeMap::new();
    let value = match rest.strip_prefix('{') {
        None => rest,
        Some(rest) => {
            let (inside, value) = rest.split_once('}').expect("the end of the labels");
            for label in inside.split(',') {
                let (label, text) = label.split_once('=').expect("a label");
                assert!(is_name(label) && !label.contains(':'), "a name of a label: {line}");
                let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                let text = text.expect("a quoted value");
                assert!(!text.contains(['"', '\\', '\n']), "nothing to escape: {line}");
                assert_eq!(labels.insert(label.into(), text.into()), None, "twice: {line}");
            }
            value
        }
    };
    let value = value.strip_prefix(' ').expect("one space").parse().expect("a number");
    Sample { name: name.into(), labels, value }
}

/// Reads the text; panics where it is not in the format.
pub(crate) fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!families.contains_key(name), "the lines of {name} are not together");
            current = name.to_owned();
            families.entry(current.clone()).or_default().help = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, current, "a type follows its help");
            families.entry(current.clone()).or_default().kind = kind.to_owned();
        } else {
            let sample = sample(line);
            let family = families.get_mut(&current).expect("a help and a type first");
            let is_histogram = family.kind == "histogram";
            let suffix = sample.name.strip_prefix(&current).expect("a sample of its metric");
            assert!(suffix.is_empty() != is_histogram, "{line}");
            family.samples.push(sample);
        }
    }
    families
}

/// A family is named, described and labelled as it should be.
pub(crate) fn check(name: &str, family: &Family) {
    assert!(name.starts_with("annulus_"), "{name}");
    assert!(family.help.ends_with('.'), "{name}: {}", family.help);
    match family.kind.as_str() {
        "counter" => assert!(name.ends_with("_total"), "{name}"),
        "gauge" => assert!(!name.ends_with("_total") && !name.ends_with("_count"), "{name}"),
        "histogram" => assert!(name.ends_with("_seconds"), "{name}"),
        other => panic!("{name} is a {other}"),
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        assert!(sample.value >= 0.0 && sample.value.is_finite(), "{sample:?}");
        assert!(sample.labels.contains_key("loop"), "{sample:?}");
        assert!(seen.insert(format!("{}{:?}", sample.name, sample.labels)), "twice: {sample:?}");
    }
}

/// The buckets grow towards the count, bound after bound.
pub(crate) fn check_histogram(name: &str, family: &Family) -> u64 {
    let one = |suffix: &str| {
        let name = format!("{name}{suffix}");
        let mut found = family.samples.iter().filter(|sample| sample.name == name);
        let sample = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none() && sample.labels.len() == 1, "{name}");
        sample.value
    };
    let buckets: Vec<(f64, f64)> = family
        .samples
        .iter()
        .filter(|sample| sample.name == format!("{name}_bucket"))
        .map(|sample| (sample.labels["le"].parse().expect("a bound"), sample.value))
        .collect();
    assert!(buckets.len() > 20, "{buckets:?}");
    for pair in buckets.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1, "{pair:?}");
    }
    let (last_bound, last) = buckets[buckets.len() - 1];
    assert_eq!((last_bound, last), (f64::INFINITY, one("_count")));
    assert!(one("_sum") > 0.0);
    last as u64
}
