//! Reads what part of a file a request asks for.

use std::str::FromStr;

/// The part of a file that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    Part {
        begin: u64,
        len: u64,
    },
    /// The file has no byte in the range.
    None,
}

/// Reads the value of a `Range` field, for a file of `whole` bytes.
///
/// What is no range, and several ranges at once, select the whole file, as RFC 9110 allows.
pub(crate) fn select(value: &[u8], whole: u64) -> Selection {
    let selected = std::str::from_utf8(value).ok().and_then(|value| parse(value, whole));
    selected.unwrap_or(Selection::Whole)
}

fn parse(value: &str, whole: u64) -> Option<Selection> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match range.trim().split_once('-')? {
        ("", suffix) => {
            let len = number(suffix)?.min(whole);
            Some(part(whole - len, len))
        }
        (first, "") => {
            let begin = number(first)?;
            Some(part(begin, whole.saturating_sub(begin)))
        }
        (first, last) => {
            let (begin, last) = (number(first)?, number(last)?);
            if last < begin {
                return None;
            }
            Some(part(begin, whole.min(last.saturating_add(1)).saturating_sub(begin)))
        }
    }
}

fn part(begin: u64, len: u64) -> Selection {
    if len == 0 { Selection::None } else { Selection::Part { begin, len } }
}

/// Digits and nothing else; a number past all files is one, too.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| u64::from_str(text).unwrap_or(u64::MAX))
}
