//! What is made of many measurements of one thing, and how large numbers are written.

use std::fmt::Display;

/// Measurements of one thing, in the order of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// One more.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The one that a share of `q` does not exceed, between neighbours in proportion. Of no measurements it is NaN.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let place = (0..last).find(|place| index(*place + 1) > q * index(last)).unwrap_or(last);
        let (low, high) = (sorted[place], sorted[last.min(place + 1)]);
        low + (high - low) * (q * index(last) - index(place))
    }

    /// How many times as much as `floor`, round by round: the machine's moods then count on both sides.
    pub(crate) fn ratio(&self, floor: &Self) -> f64 {
        let ratios = self.0.iter().zip(&floor.0).map(|(value, floor)| value / floor);
        Self(ratios.collect()).median()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A whole number with a comma before each three digits.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn index(place: usize) -> f64 {
    u32::try_from(place).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::float_cmp, reason = "these come out even")]
    fn is(value: f64, expected: f64) {
        assert_eq!(value, expected);
    }

    #[test]
    fn the_median_is_the_middle_one_and_halfway_between_two() {
        is(Samples::from_iter([5.0, 1.0, 3.0]).median(), 3.0);
        is(Samples::from_iter([4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        is(Samples::from_iter([7.0]).median(), 7.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn quantiles_reach_from_the_least_to_the_greatest() {
        let samples: Samples = (0..=100).map(f64::from).collect();
        is(samples.quantile(0.0), 0.0);
        is(samples.quantile(0.99), 99.0);
        is(samples.quantile(1.0), 100.0);
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!([0, 999, 1000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(grouped(1000.0), "1,000");
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine was ten times as slow in the second round, for both.
        let (floor, subject) = (Samples::from_iter([1.0, 10.0, 1.0]), Samples::from_iter([2.0, 20.0, 3.0]));
        is(subject.ratio(&floor), 2.0);
    }
}
