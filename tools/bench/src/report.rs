//! One table of everything that was measured, as text or as JSON, and the bounds that it has to keep.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::figures::Samples;

/// What a row is measured in.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Unit {
    /// Milliseconds of time.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Milliseconds of CPU time, of all threads of the process.
    #[serde(rename = "ms CPU")]
    Cpu,
    /// 2^20 octets.
    #[serde(rename = "MiB")]
    MiB,
    /// 10^6 octets.
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

/// What one row has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) enum Bound {
    /// The ratio to the floor is at most so much.
    Ratio(f64),
    /// The median is at most so much.
    Most(f64),
    /// The ratio is at least so much.
    AtLeast(f64),
}

/// One measured thing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: String,
    /// Of which program.
    pub(crate) subject: String,
    unit: Unit,
    median: f64,
    /// A tenth of the measurements is below.
    p10: f64,
    /// A tenth of the measurements is above.
    p90: f64,
    p99: f64,
    /// How many times the floor, and what that is.
    ratio: Option<(f64, String)>,
    bound: Option<Bound>,
}

impl Row {
    /// A row without a floor.
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
            bound: None,
        }
    }

    /// Beside its floor, measured in the same rounds.
    pub(crate) fn beside(mut self, floor: &str, samples: &Samples, floors: &Samples) -> Self {
        self.ratio = Some((samples.ratio(floors), floor.to_owned()));
        self
    }

    /// With what it should keep.
    pub(crate) fn bound(mut self, bound: Bound) -> Self {
        self.bound = Some(bound);
        self
    }

    /// Under the heading of a group.
    pub(crate) fn named(mut self, group: &str) -> Self {
        self.what = format!("{group}: {}", self.what);
        self
    }

    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        self.median
    }

    /// Whether this is the row of what is measured of a program, with a ratio where the bound is one.
    pub(crate) fn is(&self, what: &str, subject: &str, bound: Bound) -> bool {
        let fits = self.ratio.is_some() || matches!(bound, Bound::Most(_));
        self.what == what && self.subject == subject && fits
    }

    /// That the row does not keep this, in a sentence.
    pub(crate) fn breaks(&self, bound: Bound) -> Option<String> {
        let ratio = self.ratio.as_ref().map_or(f64::NAN, |(ratio, _)| *ratio);
        let (value, limit, kept, kind) = match bound {
            Bound::Ratio(most) => (ratio, most, ratio <= most, "at most"),
            Bound::Most(most) => (self.median, most, self.median <= most, "at most"),
            Bound::AtLeast(least) => (ratio, least, ratio >= least, "at least"),
        };
        (!kept).then(|| format!("{}, {}: {value:.3}, and {kind} {limit} is allowed", self.what, self.subject))
    }
}

/// The bounds that are not kept, a sentence each. What was not measured keeps none.
pub(crate) fn unkept_bounds(rows: &[Row]) -> Vec<String> {
    rows.iter().filter_map(|row| row.breaks(row.bound?)).collect()
}

/// The rows as a table for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "of", "median", "p10 to p90", "p99", "ratio", "floor", "bound"]);
    for row in rows {
        let (ratio, floor) = row.ratio.clone().map_or_else(Default::default, |(ratio, floor)| (digits(ratio), floor));
        let bound = row.bound.map_or_else(String::new, |bound| match bound {
            Bound::Ratio(most) => format!("<= {most} x"),
            Bound::Most(most) => format!("<= {most} {}", row.unit.name()),
            Bound::AtLeast(least) => format!(">= {least} x"),
        });
        table.add_row([
            row.what.clone(),
            row.subject.clone(),
            format!("{} {}", digits(row.median), row.unit.name()),
            format!("{} to {}", digits(row.p10), digits(row.p90)),
            digits(row.p99),
            ratio,
            floor,
            bound,
        ]);
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Three digits that count, and no more than three behind the point.
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

    fn row(value: f64, floor: f64) -> Row {
        let samples = |value: f64| Samples::from_iter([value]);
        Row::new("start", "login", Unit::Milliseconds, &samples(value)).beside(
            "hello",
            &samples(value),
            &samples(floor),
        )
    }

    #[test]
    fn a_bound_that_is_kept_says_nothing_and_one_that_is_not_is_named() {
        assert!(unkept_bounds(&[row(2.6, 2.0).bound(Bound::Ratio(1.35)), row(9.0, 1.0)]).is_empty());
        let sentence = "start, login: 1.400, and at most 1.35 is allowed";
        assert_eq!(unkept_bounds(&[row(2.8, 2.0).bound(Bound::Ratio(1.35))]), [sentence]);
        assert_eq!(unkept_bounds(&[row(7.0, 1.0).bound(Bound::Most(6.0))]).len(), 1);
        assert_eq!(unkept_bounds(&[row(7.0, 1.0).bound(Bound::AtLeast(200.0))]).len(), 1);
    }

    #[test]
    fn what_could_not_be_measured_keeps_no_bound() {
        let nothing = Samples::default();
        let row = Row::new("start", "login", Unit::Milliseconds, &nothing).beside("hello", &nothing, &nothing);
        assert_eq!(unkept_bounds(&[row.clone().bound(Bound::Ratio(1.35))]).len(), 1);
        assert_eq!(unkept_bounds(&[row.bound(Bound::Most(6.0))]).len(), 1);
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([0.0564, 1.2345, 12.345, 123.45].map(digits), ["0.056", "1.23", "12.3", "123"]);
    }
}
