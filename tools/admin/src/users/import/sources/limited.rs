//! A reader that fails at a row that is too long, so that no row fills the memory.

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
    rc::Rc,
};

use super::MAX_ROW;

/// The error of a row that is longer than [`MAX_ROW`].
const TOO_LONG: &str = "row is too long";

/// What a [`Limited`] has read, and how much it may still read.
pub(super) struct Meter {
    budget: Cell<usize>,
    lines: Cell<i64>,
    row: Cell<i64>,
}

impl Meter {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { budget: Cell::new(usize::MAX), lines: Cell::new(0), row: Cell::new(0) })
    }

    /// At the start of a row.
    pub(super) fn limit(&self) {
        self.budget.set(MAX_ROW);
    }

    /// For what is not kept in memory.
    pub(super) fn lift(&self) {
        self.budget.set(usize::MAX);
    }

    /// The lines that were read so far, the last one perhaps only in part.
    pub(super) fn lines(&self) -> i64 {
        self.lines.get()
    }

    /// Notes that a row starts in the line that was read last.
    pub(super) fn start_row(&self) {
        self.row.set(self.lines.get());
    }

    /// The line in which the last row starts, if its rows are noted.
    pub(super) fn row(&self) -> i64 {
        self.row.get()
    }
}

/// Whether an error is that of a row that is too long.
pub(super) fn is_too_long(error: &dyn std::error::Error) -> bool {
    error.to_string().contains(TOO_LONG)
}

/// A reader that fails at the end of its budget. One read never goes beyond the end of a line, so that a parser that
/// has read a row has read no later line.
pub(super) struct Limited<R> {
    file: R,
    meter: Rc<Meter>,
    is_line_start: bool,
}

impl<R: BufRead> Limited<R> {
    pub(super) fn new(file: R, meter: &Rc<Meter>) -> Self {
        Self { file, meter: Rc::clone(meter), is_line_start: true }
    }
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let budget = self.meter.budget.get();
        if budget == 0 {
            return Err(io::Error::other(TOO_LONG));
        }
        let available = self.file.fill_buf()?;
        let part = &available[..available.len().min(buffer.len()).min(budget)];
        let end = part.iter().position(|&b| b == b'\n');
        let length = end.map_or(part.len(), |end| end + 1);
        buffer[..length].copy_from_slice(&part[..length]);
        self.file.consume(length);
        if length > 0 {
            self.meter.lines.set(self.meter.lines.get() + i64::from(self.is_line_start));
            self.is_line_start = end.is_some();
        }
        self.meter.budget.set(if budget == usize::MAX { budget } else { budget - length });
        Ok(length)
    }
}
