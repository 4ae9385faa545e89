//! Objects that give a member twice. Readers of JSON differ in which of the two they take (RFC 8259 section 4).

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Whether any object in a JSON value has a member twice, at any depth.
pub(super) struct Repeated(pub(super) bool);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Search;
        impl<'de> Visitor<'de> for Search {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
                let (mut names, mut found) = (HashSet::new(), false);
                while let Some((name, Repeated(inner))) = members.next_entry::<String, _>()? {
                    found |= !names.insert(name) | inner;
                }
                Ok(found)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
                let mut found = false;
                while let Some(Repeated(inner)) = elements.next_element()? {
                    found |= inner;
                }
                Ok(found)
            }

            fn visit_unit<E>(self) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_str<E>(self, _: &str) -> Result<bool, E> {
                Ok(false)
            }
        }
        json.deserialize_any(Search).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_given_twice_are_found_at_any_depth() {
        for (text, expected) in [
            (r#"{"a":1,"a":2}"#, true),
            (r#"{"a":1,"\u0061":1}"#, true),
            (r#"{"a":{"b":null,"b":null}}"#, true),
            (r#"[1,[{"c":{"d":true,"e":[],"d":false}}]]"#, true),
            (r#"[{"a":{},"a":{}},{}]"#, true),
            (r#"{"a":1,"A":2,"b":{"a":-1.5}}"#, false),
            (r#"[{"a":"a"},{"a":[null,true,-1,1e9]}]"#, false),
            (r#"{"a":"{\"a\":1,\"a\":2}"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Repeated>(text).unwrap().0, expected, "{text}");
        }
    }
}
