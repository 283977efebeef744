//! The few statistics of the report.

/// The middle of a set of samples, and its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// The spread of `values`, or `None` if there is none. Values that are no number are left out.
pub fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some(Spread { median, min, max })
}

/// A number with as many digits as a reader can use: 4 287, 0.031, 1.25 M.
pub fn readable(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".into(),
        0.0 => "0".into(),
        10_000_000.0.. => format!("{:.1} M", value / 1e6),
        1_000_000.0.. => format!("{:.2} M", value / 1e6),
        1_000.0.. => grouped(value.round() as i64),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number in groups of three digits.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        let odd = spread([3.0, 1.0, 2.0]).expect("a spread");
        assert_eq!(odd, Spread { median: 2.0, min: 1.0, max: 3.0 });
        let even = spread([4.0, 1.0, 2.0, 3.0]).expect("a spread");
        assert_eq!(even.median, 2.5);
    }

    #[test]
    fn nothing_has_no_spread_and_no_number_is_left_out() {
        assert_eq!(spread([]), None);
        assert_eq!(spread([f64::NAN]), None);
        assert_eq!(spread([f64::NAN, 5.0]).expect("a spread").median, 5.0);
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown: Vec<String> = [
            0.0,
            0.0312,
            4.567,
            45.67,
            456.7,
            4567.0,
            45_670.0,
            1_250_000.0,
            84_000_000.0,
            -1234.0,
        ]
        .map(readable)
        .to_vec();
        let wanted =
            ["0", "0.031", "4.57", "45.7", "457", "4 567", "45 670", "1.25 M", "84.0 M", "-1 234"];
        assert_eq!(shown, wanted);
    }
}
