//! Items and their attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use metrics::counter;
use tracing::warn;

use super::error::StoreError;
use crate::domain::{
    error_chain::causes,
    time::{UnixMillis, UnixSeconds},
    user::{PublicId, PublicUser},
};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn seconds(time: UnixSeconds) -> AttributeValue {
    number(time.get())
}

pub(super) fn millis(time: UnixMillis) -> AttributeValue {
    number(time.get())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(value.to_vec().into())
}

pub(super) fn public_user(item: &mut Item) -> Result<PublicUser, StoreError> {
    Ok(PublicUser {
        public_id: public_id(item, "Users")?,
        name: take_text(item, "Users", "name")?,
        email: take_text(item, "Users", "email")?,
    })
}

pub(super) fn public_id(item: &Item, table: &'static str) -> Result<PublicId, StoreError> {
    let id = item.get("public_id").and_then(|value| value.as_s().ok()).and_then(|id| PublicId::parse(id));
    id.ok_or(StoreError::Corrupt { table, attribute: "public_id" })
}

pub(super) fn take_text(item: &mut Item, table: &'static str, attribute: &'static str) -> Result<String, StoreError> {
    match item.remove(attribute) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(StoreError::Corrupt { table, attribute }),
    }
}

pub(super) fn get_number(item: &Item, table: &'static str, attribute: &'static str) -> Result<u64, StoreError> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    number.ok_or(StoreError::Corrupt { table, attribute })
}

/// The content of an item of a list. An item without usable content is skipped, logged with the user's identifier, and
/// counted, because one of them must not make the others unreachable.
pub(super) fn usable_or_skip<T>(
    content: Result<T, StoreError>,
    public_id: Option<&AttributeValue>,
    list: &str,
) -> Option<T> {
    if let Err(error) = &content {
        let id = public_id.and_then(|id| id.as_s().ok()).map_or("", String::as_str);
        let public_id = if is_loggable(id) { id } else { "not an identifier" };
        warn!(public_id, cause = causes(error), "an item is missing from a list of {list}");
        counter!("CorruptItems").increment(1);
    }
    content.ok()
}

/// Whether a key looks like an identifier. The key of an item that this service did not write may be anything, even an
/// email address.
pub(super) fn is_loggable(key: &str) -> bool {
    key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// How often all sessions were ended together. A new account lacks the attribute.
pub(super) fn version(item: &Item, table: &'static str) -> Result<u64, StoreError> {
    optional_number(item, table, "version")
}

/// Any value except `false` disables the user: an operator who sets the attribute by hand intends that.
pub(super) fn is_disabled(item: &Item) -> bool {
    !matches!(item.get("disabled"), None | Some(AttributeValue::Bool(false)))
}

/// A number, or 0 if the attribute is absent.
pub(super) fn optional_number(item: &Item, table: &'static str, attribute: &'static str) -> Result<u64, StoreError> {
    if item.contains_key(attribute) { get_number(item, table, attribute) } else { Ok(0) }
}
