//! The table of all measurements, as text or as JSON.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::{budget, figures::Samples};

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
    fn name(self) -> &'static str {
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
}

/// The statistics of one measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: String,
    /// The measured program.
    pub(crate) subject: String,
    unit: Unit,
    median: f64,
    p10: f64,
    p90: f64,
    p99: f64,
    /// Ratio to the baseline, and the name of the baseline.
    ratio: Option<(f64, String)>,
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
            Bound::MaxRatio(max) => (ratio, max, ratio <= max, "at most"),
            Bound::Max(max) => (self.median, max, self.median <= max, "at most"),
            Bound::MinRatio(min) => (ratio, min, ratio >= min, "at least"),
        };
        (!is_met).then(|| format!("{}, {}: {value:.3}, and {kind} {limit} is allowed", self.what, self.subject))
    }
}

/// The rows as JSON, each with its target.
pub(crate) fn json(rows: &[Row]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct WithTarget<'r> {
        #[serde(flatten)]
        row: &'r Row,
        target: Option<Bound>,
    }

    let rows: Vec<_> = rows.iter().map(|row| WithTarget { row, target: budget::target(row) }).collect();
    serde_json::to_string_pretty(&rows)
}

/// The rows as a text table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["measurement", "program", "median", "p10 to p90", "p99", "ratio", "baseline", "target"]);
    for row in rows {
        let (ratio, baseline) = row.ratio.clone().map_or_else(Default::default, |(ratio, name)| (digits(ratio), name));
        let target = budget::target(row).map_or_else(String::new, |target| match target {
            Bound::MaxRatio(max) => format!("<= {max} x"),
            Bound::Max(max) => format!("<= {max} {}", row.unit.name()),
            Bound::MinRatio(min) => format!(">= {min} x"),
        });
        table.add_row([
            row.what.clone(),
            row.subject.clone(),
            format!("{} {}", digits(row.median), row.unit.name()),
            format!("{} to {}", digits(row.p10), digits(row.p90)),
            digits(row.p99),
            ratio,
            baseline,
            target,
        ]);
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Three significant digits, with at most three decimals.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
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
    }

    #[test]
    fn no_bound_is_met_without_measurements() {
        let empty = Samples::default();
        let row = Row::new("start", "login", Unit::Milliseconds, &empty).relative_to("hello", &empty, &empty);
        assert!(row.violation(Bound::MaxRatio(1.35)).is_some());
        assert!(row.violation(Bound::Max(6.0)).is_some());
        assert!(row.violation(Bound::MinRatio(200.0)).is_some());
    }

    #[test]
    fn figures_have_three_significant_digits() {
        assert_eq!([0.0564, 1.2345, 12.345, 123.45].map(digits), ["0.056", "1.23", "12.3", "123"]);
    }
}
