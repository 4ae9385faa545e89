//! The lines of a file, in bounded memory.

use std::{
    io::{self, BufRead},
    path::Path,
};

use super::{MAX_ROW, Unreadable};

/// The lines of a file that are not blank, with their numbers.
pub(super) struct Lines<R> {
    file: R,
    number: i64,
    line: Vec<u8>,
}

pub(super) enum Line<'l> {
    Text(&'l [u8]),
    /// Longer than [`MAX_ROW`]. The rest was skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, number: 0, line: Vec::new() }
    }

    pub(super) fn next(&mut self, path: &Path) -> Result<Option<(i64, Line<'_>)>, Unreadable> {
        loop {
            let read = self.read_line();
            let is_whole = read.map_err(|error| {
                Unreadable(format!("cannot read {} after line {}: {error}", path.display(), self.number))
            })?;
            let Some(is_whole) = is_whole else { return Ok(None) };
            self.number += 1;
            if !is_whole {
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.number, Line::Text(&self.line))));
            }
        }
    }

    /// Whether the line is whole, or `None` at the end of the file.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut is_whole, mut is_end) = (true, true);
        loop {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!is_end).then_some(is_whole));
            }
            is_end = false;
            let end = buffer.iter().position(|&b| b == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            is_whole &= self.line.len() + length <= MAX_ROW;
            if is_whole {
                self.line.extend_from_slice(&buffer[..length]);
            }
            self.file.consume(length);
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}
