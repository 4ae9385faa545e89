//! Text that is safe on a terminal, and tables that fit it.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _},
};

use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::failure::Failure;

/// Escapes characters that control a terminal, or that are invisible: a name must not change what is printed
/// elsewhere.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Controls, and the characters that change the direction of text or separate lines.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A value as one line of JSON. Characters that control a terminal are escaped, also those that JSON allows.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(safe_json(&text) + "\n")
}

/// A value as indented JSON.
pub(crate) fn json_text(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(text.split('\n').map(safe_json).collect::<Vec<_>>().join("\n") + "\n")
}

/// Outside of strings, JSON has none of these characters.
fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// `text` with spaces up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Lines on standard output, written as they come. On a terminal, each is cut to its width.
pub(crate) struct Lines {
    out: BufWriter<StdoutLock<'static>>,
    width: Option<usize>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        let width = io::stdout().is_terminal().then(terminal_width).flatten();
        Self { out: BufWriter::new(io::stdout().lock()), width }
    }

    /// Writes a line of a table. Returns false if the reader has closed the pipe, as `head` does.
    pub(crate) fn row(&mut self, line: &str) -> Result<bool, Failure> {
        let line = self.width.map_or_else(|| line.to_owned(), |width| cut(line, width));
        self.write(&(line.trim_end().to_owned() + "\n"))
    }

    /// Writes text as it is. Returns false if the reader has closed the pipe.
    pub(crate) fn write(&mut self, text: &str) -> Result<bool, Failure> {
        is_open(self.out.write_all(text.as_bytes()))
    }

    /// Writes what is buffered. Returns false if the reader has closed the pipe.
    pub(crate) fn flush(&mut self) -> Result<bool, Failure> {
        is_open(self.out.flush())
    }
}

fn is_open(outcome: io::Result<()>) -> Result<bool, Failure> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Failed(format!("cannot write to standard output: {error}"))),
    }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// The start of a line that has at most `width` columns. An ellipsis shows that the rest is missing.
fn cut(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let (mut columns, mut short) = (0, String::new());
    for c in line.chars() {
        columns += c.width().unwrap_or(0);
        if columns >= width {
            break;
        }
        short.push(c);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_in_names_are_made_visible() {
        assert_eq!(escape("A\u{1b}[31mda\n\u{9b}2J\u{202e}x"), r"A\u{1b}[31mda\u{a}\u{9b}2J\u{202e}x");
        assert_eq!(escape("Zoë 李 👩‍💻"), "Zoë 李 👩‍💻");
        let json = json_line(&"\u{1b}\u{9b}\u{7f}\u{202e}é").unwrap();
        assert_eq!(json, "\"\\u001b\\u009b\\u007f\\u202eé\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{1b}\u{9b}\u{7f}\u{202e}é");
    }

    #[test]
    fn a_line_is_cut_to_the_width_of_the_terminal() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("李李李李", 5), "李李…");
        assert_eq!(pad("李", 4), "李  ");
    }
}
