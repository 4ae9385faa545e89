//! JSON files of any size: an array, an array in an object, or one object a line.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    ops::ControlFlow,
    path::Path,
};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
    },
    MAX_ROW, Sink, Unreadable,
    layout::{self, Layout, Shape},
    limited::{Limited, Meter, is_too_long},
    lines::{Line, Lines},
    members::Object,
    too_long,
};

/// Receives the objects in order, with their number from 1.
pub(super) type Each<'e> = dyn FnMut(i64, Result<Object, Rejection>) -> ControlFlow<()> + 'e;

/// Reads every object. Syntax errors end the import, except in a file of lines.
pub(super) fn read(
    mut file: BufReader<File>,
    path: &Path,
    shape: Shape,
    each: &mut Each<'_>,
) -> Result<(), Unreadable> {
    let failed = |error: &io::Error| Unreadable(format!("cannot read {}: {error}", path.display()));
    match first_byte(&mut file).map_err(|error| failed(&error))? {
        None => Err(Unreadable(format!("{} is empty", path.display()))),
        Some(b'[') => elements(file, path, None, each),
        Some(b'{') => {
            let mut start = Vec::new();
            (&mut file).take(MAX_ROW as u64).read_to_end(&mut start).map_err(|error| failed(&error))?;
            let arrangement = layout::of(&start, shape);
            let rest = Cursor::new(start).chain(file);
            match arrangement {
                Layout::Array => elements(rest, path, shape.member, each),
                Layout::Lines => lines(rest, path, each),
                Layout::Values => values(rest, path, each),
            }
        }
        Some(_) => Err(Unreadable(format!("{} is not JSON", path.display()))),
    }
}

/// Sends a user for every object. `email` is the address for the report of a rejected row.
pub(super) fn users(
    file: BufReader<File>,
    path: &Path,
    shape: Shape,
    sink: &mut Sink<'_>,
    email: impl Fn(&Object) -> Result<String, Rejection>,
    user: impl Fn(&Object) -> Result<SourceUser, Rejection>,
) -> Result<(), Unreadable> {
    read(file, path, shape, &mut |number, object| {
        let email = object.as_ref().ok().and_then(|object| email(object).ok()).unwrap_or_default();
        sink(Row { number, email, user: object.and_then(|object| user(&object)) })
    })
}

/// The first byte after white space, which stays in the reader.
fn first_byte(file: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = file.fill_buf()?;
        match buffer.iter().position(|b| !b.is_ascii_whitespace()) {
            Some(start) => {
                let first = buffer[start];
                file.consume(start);
                return Ok(Some(first));
            }
            None if buffer.is_empty() => return Ok(None),
            None => {
                let length = buffer.len();
                file.consume(length);
            }
        }
    }
}

fn lines(file: impl BufRead, path: &Path, each: &mut Each<'_>) -> Result<(), Unreadable> {
    let mut lines = Lines::new(file);
    while let Some((number, line)) = lines.next(path)? {
        if each(number, parse(&line)).is_break() {
            break;
        }
    }
    Ok(())
}

/// Parses a line that is a JSON object.
pub(super) fn parse<T: DeserializeOwned>(line: &Line<'_>) -> Result<T, Rejection> {
    match line {
        Line::TooLong => Err(too_long()),
        Line::Text(line) => serde_json::from_slice(line)
            .map_err(|error| Rejection::new(Reason::MalformedRow, format!("not a JSON object: {}", kind(&error)))),
    }
}

/// What is wrong with JSON, without a quotation from it.
fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it is cut off",
        serde_json::error::Category::Syntax if !error.to_string().starts_with("invalid unicode") => "syntax error",
        serde_json::error::Category::Syntax => "invalid UTF-8",
        serde_json::error::Category::Data => "another type",
        serde_json::error::Category::Io => "it cannot be read",
    }
}

fn elements(
    file: impl BufRead,
    path: &Path,
    member: Option<&'static str>,
    each: &mut Each<'_>,
) -> Result<(), Unreadable> {
    let meter = Meter::new();
    let mut elements = Elements { each, meter: &meter, number: 0, stopped: false, found: member.is_none() };
    let mut json = serde_json::Deserializer::from_reader(Limited::new(file, &meter));
    let outcome = match member {
        Some(member) => json.deserialize_map(Outer { member, elements: &mut elements }),
        None => json.deserialize_seq(&mut elements),
    };
    meter.lift();
    let (number, stopped, found) = (elements.number, elements.stopped, elements.found);
    match outcome.and_then(|()| json.end()) {
        _ if stopped => Ok(()),
        Ok(()) if found => Ok(()),
        Ok(()) => {
            let member = member.unwrap_or_default();
            Err(Unreadable(format!("{} has no member \"{member}\": is it another kind of file?", path.display())))
        }
        Err(error) => Err(unreadable(path, number, &error)),
    }
}

/// Objects one after the other, each over several lines, as `jq` prints them.
fn values(file: impl BufRead, path: &Path, each: &mut Each<'_>) -> Result<(), Unreadable> {
    let meter = Meter::new();
    meter.limit();
    let json = serde_json::Deserializer::from_reader(Limited::new(file, &meter));
    let mut number = 0;
    for value in json.into_iter::<Value>() {
        let value = value.map_err(|error| unreadable(path, number, &error))?;
        meter.limit();
        number += 1;
        if each(number, as_object(value)).is_break() {
            break;
        }
    }
    Ok(())
}

fn as_object(value: Value) -> Result<Object, Rejection> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Rejection::new(Reason::MalformedRow, "not a JSON object")),
    }
}

/// The entry after `number` cannot be read.
fn unreadable(path: &Path, number: i64, error: &serde_json::Error) -> Unreadable {
    let problem = if error.is_io() && is_too_long(error) {
        format!("longer than {MAX_ROW} bytes")
    } else {
        format!("{} in line {}", kind(error), error.line())
    };
    let after = if number == 0 { "at the first entry".to_owned() } else { format!("after entry {number}") };
    Unreadable(format!("{} cannot be read {after}: {problem}", path.display()))
}

struct Elements<'e, 's> {
    each: &'e mut Each<'s>,
    meter: &'e Meter,
    number: i64,
    stopped: bool,
    found: bool,
}

impl<'de> Visitor<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        loop {
            self.meter.limit();
            let Some(element) = elements.next_element::<Value>()? else { break };
            self.number += 1;
            if (self.each)(self.number, as_object(element)).is_break() {
                self.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        self.meter.lift();
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

/// The object around the array.
struct Outer<'o, 'e, 's> {
    member: &'static str,
    elements: &'o mut Elements<'e, 's>,
}

impl<'de> Visitor<'de> for Outer<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        loop {
            self.elements.meter.limit();
            let Some(name) = members.next_key::<String>()? else { break };
            self.elements.meter.lift();
            if name == self.member {
                self.elements.found = true;
                members.next_value_seed(&mut *self.elements)?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        self.elements.meter.lift();
        Ok(())
    }
}
