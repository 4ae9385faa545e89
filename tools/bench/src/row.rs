//! One measurement, and its limits.

use serde::Serialize;

use crate::figures::Samples;

/// Unit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Milliseconds of elapsed time.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Milliseconds of CPU time of all threads of the process.
    #[serde(rename = "ms CPU")]
    Cpu,
    /// 2^20 bytes.
    #[serde(rename = "MiB")]
    MiB,
    /// 10^6 bytes.
    #[serde(rename = "MB")]
    MB,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Cpu => "ms CPU",
            Self::MiB => "MiB",
            Self::MB => "MB",
        }
    }
}

/// Limit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) enum Bound {
    /// Upper limit of the ratio to the baseline.
    MaxRatio(f64),
    /// Upper limit of the median, in the unit of the row.
    Max(f64),
    /// Lower limit of the ratio to the baseline.
    MinRatio(f64),
    /// Lower and upper limit of the ratio to the baseline.
    RatioBetween(f64, f64),
}

/// The statistics of one measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: String,
    /// The measured program.
    pub(crate) subject: String,
    pub(crate) unit: Unit,
    pub(crate) median: f64,
    pub(crate) p10: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    /// Ratio to the baseline, and the name of the baseline.
    pub(crate) ratio: Option<(f64, String)>,
}

impl Row {
    /// A row without a baseline.
    pub(crate) fn new(what: &str, subject: &str, unit: Unit, samples: &Samples) -> Self {
        Self {
            what: what.to_owned(),
            subject: subject.to_owned(),
            unit,
            median: samples.median(),
            p10: samples.quantile(0.1),
            p90: samples.quantile(0.9),
            p99: samples.quantile(0.99),
            ratio: None,
        }
    }

    /// Adds the ratio to a baseline that was measured in the same rounds.
    pub(crate) fn relative_to(mut self, name: &str, samples: &Samples, baseline: &Samples) -> Self {
        self.ratio = Some((samples.ratio(baseline), name.to_owned()));
        self
    }

    /// Prefixes the label with the name of a group.
    pub(crate) fn in_group(mut self, group: &str) -> Self {
        self.what = format!("{group}: {}", self.what);
        self
    }

    pub(crate) fn median(&self) -> f64 {
        self.median
    }

    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    pub(crate) fn has_ratio(&self) -> bool {
        self.ratio.is_some()
    }

    /// A sentence that says by how much the row exceeds the bound, or `None`.
    pub(crate) fn violation(&self, bound: Bound) -> Option<String> {
        let ratio = self.ratio.as_ref().map_or(f64::NAN, |(ratio, _)| *ratio);
        let (value, limit, is_met, kind) = match bound {
            Bound::Max(max) => (self.median, max, self.median <= max, "at most"),
            Bound::MinRatio(min) => (ratio, min, ratio >= min, "at least"),
            Bound::RatioBetween(min, _) if ratio < min => (ratio, min, false, "at least"),
            Bound::MaxRatio(max) | Bound::RatioBetween(_, max) => (ratio, max, ratio <= max, "at most"),
        };
        (!is_met).then(|| format!("{}, {}: {value:.3}, and {kind} {limit} is allowed", self.what, self.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, baseline: f64) -> Row {
        let samples = |value: f64| Samples::from_iter([value]);
        Row::new("start", "login", Unit::Milliseconds, &samples(value)).relative_to(
            "hello",
            &samples(value),
            &samples(baseline),
        )
    }

    #[test]
    fn only_an_exceeded_bound_is_reported() {
        assert_eq!(row(2.6, 2.0).violation(Bound::MaxRatio(1.35)), None);
        let sentence = "start, login: 1.400, and at most 1.35 is allowed";
        assert_eq!(row(2.8, 2.0).violation(Bound::MaxRatio(1.35)).as_deref(), Some(sentence));
        assert!(row(7.0, 1.0).violation(Bound::Max(6.0)).is_some());
        assert!(row(7.0, 1.0).violation(Bound::MinRatio(200.0)).is_some());
        let between = Bound::RatioBetween(0.05, 3.0);
        assert_eq!(row(2.6, 2.0).violation(between), None);
        let sentences = [(0.04, "at least 0.05"), (3.5, "at most 3")];
        for (ratio, limit) in sentences {
            let sentence = format!("start, login: {ratio:.3}, and {limit} is allowed");
            assert_eq!(row(ratio, 1.0).violation(between), Some(sentence));
        }
    }

    #[test]
    fn no_bound_is_met_without_measurements() {
        let empty = Samples::default();
        let row = Row::new("start", "login", Unit::Milliseconds, &empty).relative_to("hello", &empty, &empty);
        assert!(row.violation(Bound::MaxRatio(1.35)).is_some());
        assert!(row.violation(Bound::Max(6.0)).is_some());
        assert!(row.violation(Bound::MinRatio(200.0)).is_some());
        assert!(row.violation(Bound::RatioBetween(0.05, 3.0)).is_some());
    }
}
