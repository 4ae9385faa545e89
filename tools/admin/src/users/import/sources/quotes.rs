//! A reader that fails at quotation marks that RFC 4180 does not allow.
//!
//! The `csv` crate accepts them, and takes the rows up to the next quotation mark as a part of the field.

use std::{
    io::{self, Read},
    rc::Rc,
};

use super::limited::Meter;

const UNCLOSED: &str = "a quotation mark is not closed";
const UNDOUBLED: &str = "a quotation mark within a quoted field must be doubled";

/// Passes on the bytes before a quotation mark that RFC 4180 section 2 does not allow, and then fails. Notes the line
/// in which each row starts.
pub(super) struct Quotes<R> {
    file: R,
    meter: Rc<Meter>,
    state: State,
    is_row_start: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quotation mark in a quoted field: its end, or the first of two.
    Closed,
    Invalid,
}

impl<R: Read> Quotes<R> {
    /// The meter is that of `file`.
    pub(super) fn new(file: R, meter: &Rc<Meter>) -> Self {
        Self { file, meter: Rc::clone(meter), state: State::FieldStart, is_row_start: true }
    }

    fn add(&mut self, byte: u8) {
        let is_end = matches!(byte, b'\r' | b'\n');
        if self.is_row_start && !is_end {
            self.meter.start_row();
            self.is_row_start = false;
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Closed,
            (State::FieldStart | State::Closed, b'"') | (State::Quoted, _) => State::Quoted,
            (State::FieldStart | State::Unquoted | State::Closed, b',' | b'\r' | b'\n') => State::FieldStart,
            (State::FieldStart | State::Unquoted, _) => State::Unquoted,
            (State::Closed | State::Invalid, _) => State::Invalid,
        };
        self.is_row_start |= is_end && self.state == State::FieldStart;
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.state == State::Invalid {
            return Err(io::Error::other(UNDOUBLED));
        }
        let length = self.file.read(buffer)?;
        if length == 0 && !buffer.is_empty() && self.state == State::Quoted {
            return Err(io::Error::other(UNCLOSED));
        }
        for (index, &byte) in buffer[..length].iter().enumerate() {
            self.add(byte);
            if self.state == State::Invalid {
                // No bytes would be the end of the file.
                return if index == 0 { Err(io::Error::other(UNDOUBLED)) } else { Ok(index) };
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::limited::Limited, *};

    /// What is read before the end or the error, with buffers of several sizes.
    fn read(text: &str) -> (String, Result<(), String>) {
        let outcomes = [1, 2, 7, 4096].map(|size| {
            let meter = Meter::new();
            let mut quotes = Quotes::new(Limited::new(Cursor::new(text), &meter), &meter);
            let (mut found, mut buffer) = (Vec::new(), vec![0; size]);
            let end = loop {
                match quotes.read(&mut buffer) {
                    Ok(0) => break Ok(()),
                    Ok(length) => found.extend_from_slice(&buffer[..length]),
                    Err(error) => {
                        assert!(quotes.read(&mut buffer).is_err(), "the error stays");
                        break Err(error.to_string());
                    }
                }
            };
            (String::from_utf8(found).unwrap(), end)
        });
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        outcomes[0].clone()
    }

    #[test]
    fn csv_of_rfc_4180_is_passed_on() {
        for text in [
            "",
            "a,b\r\n",
            "a",
            "\"a\",\"b\"\n\"\",\"\"",
            "\"a\nb\",\"c\r\n\r\nd\"\r\ne,f\r\n",
            "\"\"\"a\"\"\",\"\"\"\"\n",
            "\"a,b\"\r\"c\"\r",
            // Not at the start of a field: literal.
            "a\"b,c\"\"d,e\"\n \"f\n'\"g\"'\n",
        ] {
            assert_eq!(read(text), (text.to_owned(), Ok(())));
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_or_not_doubled_is_an_error() {
        for (text, rest, error) in [
            ("\"", "", UNCLOSED),
            ("a,\"b", "", UNCLOSED),
            ("a,\"b\n", "", UNCLOSED),
            ("a\n\"b\r\nc,d\r\n", "", UNCLOSED),
            ("a\n\"\"\"", "", UNCLOSED),
            ("a\n\"b\"\"\nc", "", UNCLOSED),
            ("a,\"b", "\nc,\"\"\n", UNCLOSED),
            ("a\n\"b\"", "c\nd\n", UNDOUBLED),
            ("a,\"b\"", " ,c\n", UNDOUBLED),
            ("\"\"", "a", UNDOUBLED),
            ("\"a\nb,\"", "c\"\n", UNDOUBLED),
        ] {
            let whole = format!("{text}{rest}");
            let before = if error == UNCLOSED { &whole } else { text };
            assert_eq!(read(&whole), (before.to_owned(), Err(error.to_owned())));
        }
    }

    #[test]
    fn a_row_starts_where_its_first_byte_is() {
        let text = "a\r\n\r\n\"b\n\n\",c\n\nd";
        let meter = Meter::new();
        let mut quotes = Quotes::new(Limited::new(Cursor::new(text), &meter), &meter);
        let mut lines = Vec::new();
        while quotes.read(&mut [0; 4096]).unwrap() > 0 {
            lines.push(meter.row());
        }
        assert_eq!(lines, [1, 1, 3, 3, 3, 3, 7]);
    }
}
