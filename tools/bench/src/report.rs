//! The table of all measurements, as text or as JSON.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::{
    budget,
    row::{Bound, Row},
};

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
            Bound::RatioBetween(min, max) => format!("{min} to {max} x"),
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

    #[test]
    fn figures_have_three_significant_digits() {
        assert_eq!([0.0564, 1.2345, 12.345, 123.45].map(digits), ["0.056", "1.23", "12.3", "123"]);
    }
}
