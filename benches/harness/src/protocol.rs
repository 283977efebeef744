//! What contenders say, a line each; the other side is `annulus_bench_kit`.

use std::collections::BTreeMap;

use crate::Error;

/// One line of a contender.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// Something that it can do.
    Work(Work),
    /// A server listens.
    Ready { port: u16, counters: u64 },
    /// A job that ends by itself has ended.
    Result(BTreeMap<String, f64>),
    /// It gave up, for this reason.
    Failed(String),
}

/// Something that a contender can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub name: String,
    /// The ways of doing it, the best first.
    pub forms: Vec<String>,
}

/// Reads a line, or says what is wrong with it.
pub fn parse(line: &str) -> Result<Line, Error> {
    let line = line.trim();
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    match head {
        "work" => parse_work(rest),
        "ready" => {
            let words = words(rest)?;
            Ok(Line::Ready {
                port: get(&words, "port")?.parse().map_err(|_| wrong(line))?,
                counters: parse_address(get(&words, "counters")?).ok_or_else(|| wrong(line))?,
            })
        }
        "result" => {
            let mut numbers = BTreeMap::new();
            for (key, value) in words(rest)? {
                numbers.insert(key.to_owned(), value.parse().map_err(|_| wrong(line))?);
            }
            Ok(Line::Result(numbers))
        }
        "failed" => Ok(Line::Failed(rest.to_owned())),
        _ => Err(wrong(line)),
    }
}

fn parse_work(rest: &str) -> Result<Line, Error> {
    let (name, rest) = rest.split_once(' ').ok_or_else(|| wrong(rest))?;
    let forms = get(&words(rest)?, "forms")?.split(',').map(str::to_owned).collect();
    Ok(Line::Work(Work { name: name.to_owned(), forms }))
}

fn words(text: &str) -> Result<BTreeMap<&str, &str>, Error> {
    text.split_whitespace().map(|word| word.split_once('=').ok_or_else(|| wrong(word))).collect()
}

fn get<'a>(words: &BTreeMap<&str, &'a str>, key: &str) -> Result<&'a str, Error> {
    words.get(key).copied().ok_or_else(|| format!("a contender did not say `{key}`").into())
}

fn parse_address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn wrong(line: &str) -> Error {
    format!("a contender said `{line}`, which means nothing here").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_understood() {
        let work = parse("work echo kind=server forms=recv,owned\n").expect("work");
        let forms = vec!["recv".to_owned(), "owned".to_owned()];
        assert_eq!(work, Line::Work(Work { name: "echo".into(), forms }));
        let ready = parse("ready port=40001 counters=0x55d2c0de1000").expect("ready");
        assert_eq!(ready, Line::Ready { port: 40_001, counters: 0x55d2_c0de_1000 });
        let result = parse("result operations=10 wall_ns=1.5").expect("a result");
        let Line::Result(numbers) = result else { panic!("{result:?}") };
        assert_eq!(numbers["wall_ns"], 1.5);
        let failed = parse("failed no memory may be locked").expect("a failure");
        assert_eq!(failed, Line::Failed("no memory may be locked".into()));
    }

    #[test]
    fn nonsense_is_an_error_that_names_it() {
        for line in ["", "hello", "ready port=x counters=0x1", "ready counters=0x1", "result a"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
