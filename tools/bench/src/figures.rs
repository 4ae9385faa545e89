//! Statistics of repeated measurements, and the format of large numbers.

use std::fmt::Display;

/// Measurements of one quantity, in the order of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The quantile `q`, interpolated linearly. NaN without measurements.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let place = (0..last).find(|place| index(*place + 1) > q * index(last)).unwrap_or(last);
        let (low, high) = (sorted[place], sorted[last.min(place + 1)]);
        low + (high - low) * (q * index(last) - index(place))
    }

    /// Median of the ratios to `baseline`, round by round, so that machine noise affects both sides.
    pub(crate) fn ratio(&self, baseline: &Self) -> f64 {
        let ratios = self.0.iter().zip(&baseline.0).map(|(value, baseline)| value / baseline);
        Self(ratios.collect()).median()
    }
}

impl IntoIterator for Samples {
    type Item = f64;
    type IntoIter = std::vec::IntoIter<f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<f64> for Samples {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A whole number with thousands separators.
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

    #[expect(clippy::float_cmp, reason = "the results are exact")]
    fn is(value: f64, expected: f64) {
        assert_eq!(value, expected);
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        is(Samples::from_iter([5.0, 1.0, 3.0]).median(), 3.0);
        is(Samples::from_iter([4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        is(Samples::from_iter([7.0]).median(), 7.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn quantiles_range_from_the_minimum_to_the_maximum() {
        let samples: Samples = (0..=100).map(f64::from).collect();
        is(samples.quantile(0.0), 0.0);
        is(samples.quantile(0.99), 99.0);
        is(samples.quantile(1.0), 100.0);
    }

    #[test]
    fn large_numbers_have_thousands_separators() {
        assert_eq!([0, 999, 1000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(grouped(1000.0), "1,000");
    }

    #[test]
    fn ratios_are_computed_per_round() {
        // In the second round the machine was ten times slower for both.
        let (baseline, subject) = (Samples::from_iter([1.0, 10.0, 1.0]), Samples::from_iter([2.0, 20.0, 3.0]));
        is(subject.ratio(&baseline), 2.0);
    }
}
