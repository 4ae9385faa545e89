//! How a JSON file that starts with an object arranges its users.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, error::Category};

use super::members::Object;

/// How a source arranges its objects, other than in an array.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The member of the outer object that is the array.
    pub(super) member: Option<&'static str>,
    /// One object a line.
    pub(super) lines: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In an array that is a member of one outer object.
    Array,
    /// One user a line.
    Lines,
    /// One after the other, each over several lines.
    Values,
}

/// The layout of a file, by its start: at most one row, or the whole file.
pub(super) fn of(start: &[u8], shape: Shape) -> Layout {
    let Some(member) = shape.member else { return of_users(start) };
    if !shape.lines {
        return Layout::Array;
    }
    let (line, rest) = first_line(start);
    match serde_json::from_slice::<Object>(line) {
        // A user may have a member of that name too.
        Ok(object) if is_outer(&object, member) && rest.trim_ascii().is_empty() => Layout::Array,
        Err(error) if error.classify() == Category::Eof && opens_array(start, member) => Layout::Array,
        _ => of_users(start),
    }
}

/// A first line that is damaged does not change the layout: only what continues in the next line does.
fn of_users(start: &[u8]) -> Layout {
    let (line, rest) = first_line(start);
    let rest = rest.trim_ascii_start();
    match serde_json::from_slice::<IgnoredAny>(line) {
        Err(error) if error.classify() == Category::Eof && !rest.is_empty() && !rest.starts_with(b"{") => {
            Layout::Values
        }
        _ => Layout::Lines,
    }
}

fn first_line(start: &[u8]) -> (&[u8], &[u8]) {
    start.split_at(start.iter().position(|&b| b == b'\n').unwrap_or(start.len()))
}

fn is_outer(object: &Object, member: &str) -> bool {
    object.get(member).and_then(Value::as_array).is_some_and(|users| users.iter().all(Value::is_object))
}

/// Whether text starts with an object that has an array as this member, however the text continues.
fn opens_array(start: &[u8], member: &str) -> bool {
    let mut found = false;
    let search = Search { member, found: &mut found };
    // The search ends with an error where the array starts, or where the text ends.
    let _ = serde_json::Deserializer::from_slice(start).deserialize_map(search);
    found
}

struct Search<'s> {
    member: &'s str,
    found: &'s mut bool,
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == self.member {
                return members.next_value_seed(Array(self.found));
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Notes that there is an array, without its elements.
struct Array<'f>(&'f mut bool);

impl<'de> DeserializeSeed<'de> for Array<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Array<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        *self.0 = true;
        Err(A::Error::custom("found"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_follows_from_the_first_value_and_what_is_behind_it() {
        let shape = Shape { member: Some("users"), lines: true };
        for (start, expected) in [
            (r#"{"users":[]}"#, Layout::Array),
            (r#"{"users":[{"email":"a"}],"next":""}"#, Layout::Array),
            ("{\n  \"next\": {},\n  \"users\": [\n    {", Layout::Array),
            ("{\"users\":[\n{\"email\":\"a\"}\n]}", Layout::Array),
            (r#"{"users":[{"email":"a"#, Layout::Array),
            // A user with a member of that name.
            (r#"{"email":"a","users":3}"#, Layout::Lines),
            (r#"{"email":"a","users":["b"]}"#, Layout::Lines),
            ("{\"email\":\"a\",\"users\":[]}\n{\"email\":\"b\"}", Layout::Lines),
            ("{\"email\":\"a\",\"app\":{\"users\":[]}}\n", Layout::Lines),
            ("{\n\"email\":\"a\",\n\"app\":{\"users\":[]}}\n", Layout::Values),
            // A damaged first line.
            ("{\"email\":\n{\"email\":\"b\"}\n", Layout::Lines),
            ("{\"email\":\"a\"\n\n {\"email\":\"b\"}\n", Layout::Lines),
            ("{email}\n{\"email\":\"b\"}\n", Layout::Lines),
            (r#"{"email":"aaaaaaaaaaaa"#, Layout::Lines),
            ("{\n  \"email\": \"a\"\n}\n", Layout::Values),
        ] {
            assert_eq!(of(start.as_bytes(), shape), expected, "{start}");
        }
        assert_eq!(of(b"{}", Shape { lines: false, ..shape }), Layout::Array);
        assert_eq!(of(b"{\n\"pk\":1}", Shape { member: None, lines: true }), Layout::Values);
    }
}
