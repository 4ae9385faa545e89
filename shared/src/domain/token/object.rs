//! The JSON objects of a token: its header and its claims set.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::TokenError;

/// Decodes a part of a token. The names of its members must be unique (RFC 7515 section 4, RFC 7519 section 4): another
/// parser might use another one of two members.
pub(super) fn decode(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Unreadable)?;
    let text = str::from_utf8(&bytes).map_err(|_| TokenError::Unreadable)?;
    let UniqueMembers(members) = serde_json::from_str(text).map_err(|_| TokenError::Unreadable)?;
    Ok(members)
}

/// serde_json itself keeps the last of two members with the same name.
struct UniqueMembers(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = UniqueMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMembers, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name occurs twice"));
                    }
                }
                Ok(UniqueMembers(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_bytes(bytes: &[u8]) -> Result<Map<String, Value>, TokenError> {
        decode(&URL_SAFE_NO_PAD.encode(bytes))
    }

    #[test]
    fn a_part_is_an_object_in_utf8_with_unique_names() {
        let members = decode_bytes(r#" {"name":"Zoë","list":[1,{"a":1,"a":2}]} "#.as_bytes()).unwrap();
        assert_eq!(members["name"], "Zoë");
        for bad in [
            &b""[..],
            b"[]",
            b"null",
            b"\"text\"",
            b"{} x",
            b"\xef\xbb\xbf{}",
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":1,\"\\u0061\":2}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":[{\"b\":\"\xc3\x28\"}]}",
            b"{\"a\":\"\xed\xa0\x80\"}",
            b"{\"\xc0\xaf\":1}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":1e999}",
        ] {
            assert!(matches!(decode_bytes(bad), Err(TokenError::Unreadable)), "{}", String::from_utf8_lossy(bad));
        }
        assert!(decode("e30").is_ok() && decode("e30=").is_err() && decode("e31").is_err(), "canonical base64url");
    }
}
