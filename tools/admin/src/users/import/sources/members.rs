//! Members of JSON objects that other systems write. Absent and `null` are the same.

use serde_json::{Map, Value};

use super::super::reject::{Reason, Rejection};

pub(super) type Object = Map<String, Value>;

/// A text, or an empty one if it is absent.
pub(super) fn text(object: &Object, member: &str) -> Result<String, Rejection> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(malformed(member, "a string")),
    }
}

/// The member `email`.
pub(super) fn email(object: &Object) -> Result<String, Rejection> {
    text(object, "email")
}

/// An identifier, which may be a number.
pub(super) fn identifier(object: &Object, member: &str) -> Result<String, Rejection> {
    match object.get(member) {
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => text(object, member),
    }
}

/// A truth value, or `None` if it is absent.
pub(super) fn boolean(object: &Object, member: &str) -> Result<Option<bool>, Rejection> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(malformed(member, "true or false")),
    }
}

/// An object, or an empty one if it is absent.
pub(super) fn object(object: &Object, member: &str) -> Result<Object, Rejection> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(Object::new()),
        Some(Value::Object(value)) => Ok(value.clone()),
        Some(_) => Err(malformed(member, "an object")),
    }
}

/// An array, or an empty one if it is absent.
pub(super) fn array<'v>(object: &'v Object, member: &str) -> Result<&'v [Value], Rejection> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(malformed(member, "an array")),
    }
}

/// An array of strings, or an empty one if it is absent.
pub(super) fn texts(object: &Object, member: &str) -> Result<Vec<String>, Rejection> {
    let texts = array(object, member)?.iter().map(|value| value.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| malformed(member, "an array of strings"))
}

/// An object in the form of JSON text, or an empty one if the text is empty.
pub(super) fn parsed(member: &str, text: &str) -> Result<Object, Rejection> {
    if text.trim().is_empty() {
        return Ok(Object::new());
    }
    serde_json::from_str(text).map_err(|_| malformed(member, "a JSON object"))
}

/// The given and the family name, as far as there is either.
pub(super) fn full_name(given: &str, family: &str) -> String {
    format!("{} {}", given.trim(), family.trim()).trim().to_owned()
}

pub(super) fn malformed(member: &str, expected: &str) -> Rejection {
    Rejection::new(Reason::MalformedRow, format!("{member} must be {expected}"))
}
