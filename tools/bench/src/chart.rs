//! A bar chart as SVG.

use askama::Template;

use crate::row::Row;

/// Left edge of the bars, in pixels.
const LEFT: f64 = 230.0;

/// Length of the longest bar, in pixels.
const MAX_LENGTH: f64 = 440.0;

#[derive(Template)]
#[template(path = "chart.svg")]
struct Chart<'c> {
    title: &'c str,
    height: u32,
    bars: Vec<Bar<'c>>,
}

struct Bar<'c> {
    name: &'c str,
    label: String,
    is_ours: bool,
    y: u32,
    text_y: u32,
    width: String,
    text_x: String,
}

/// Draws the medians of the rows as bars on a linear scale. `is_ours` selects the highlighted ones.
pub(crate) fn draw(title: &str, rows: &[&Row], is_ours: impl Fn(&Row) -> bool) -> Result<String, askama::Error> {
    let longest = rows.iter().map(|row| row.median()).fold(f64::MIN_POSITIVE, f64::max);
    let bars = rows.iter().zip(0..).map(|(row, place): (_, u32)| {
        let width = (row.median() / longest * MAX_LENGTH).max(1.0);
        let y = 40 + place * 26;
        Bar {
            name: &row.subject,
            label: format!("{:.1} ms", row.median()),
            is_ours: is_ours(row),
            y,
            text_y: y + 14,
            width: format!("{width:.1}"),
            text_x: format!("{:.1}", LEFT + width + 8.0),
        }
    });
    let bars: Vec<_> = bars.collect();
    let height = bars.last().map_or(40, |bar| bar.y + 34);
    Chart { title, height, bars }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{figures::Samples, row::Unit};

    #[test]
    fn bar_lengths_are_proportional_to_the_medians() {
        let row = |name, value| Row::new("start", name, Unit::Milliseconds, &Samples::from_iter([value]));
        let (short, long) = (row("Postern <&>", 2.0), row("Flask", 400.0));
        let chart = draw("Cold start", &[&short, &long], |row| row.subject != "Flask").unwrap();
        assert!(chart.contains(r#"class="bar ours" x="230" y="40" width="2.2""#), "{chart}");
        assert!(chart.contains(r#"class="bar" x="230" y="66" width="440.0""#), "{chart}");
        assert!(chart.contains("400.0 ms") && chart.contains("Postern &#60;&#38;&#62;"), "{chart}");
    }
}
