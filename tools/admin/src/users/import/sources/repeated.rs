//! Objects that give a member twice. Readers of JSON differ in which of the two they take (RFC 8259 section 4).

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The name of a member that an object in a JSON value has twice, at any depth.
pub(super) struct Repeated(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Search;
        impl<'de> Visitor<'de> for Search {
            type Value = Option<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
                let (mut names, mut found) = (HashSet::new(), None);
                while let Some((name, Repeated(inner))) = members.next_entry::<String, _>()? {
                    found = found.or(inner).or_else(|| names.contains(&name).then(|| name.clone()));
                    names.insert(name);
                }
                Ok(found)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<String>, A::Error> {
                let mut found = None;
                while let Some(Repeated(inner)) = elements.next_element()? {
                    found = found.or(inner);
                }
                Ok(found)
            }

            fn visit_unit<E>(self) -> Result<Option<String>, E> {
                Ok(None)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Option<String>, E> {
                Ok(None)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Option<String>, E> {
                Ok(None)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Option<String>, E> {
                Ok(None)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Option<String>, E> {
                Ok(None)
            }

            fn visit_str<E>(self, _: &str) -> Result<Option<String>, E> {
                Ok(None)
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
            (r#"{"a":1,"a":2}"#, Some("a")),
            (r#"{"a":1,"\u0061":1}"#, Some("a")),
            (r#"{"a":{"b":null,"b":null}}"#, Some("b")),
            (r#"[1,[{"c":{"d":true,"e":[],"d":false}}]]"#, Some("d")),
            (r#"[{"a":{},"a":{}},{}]"#, Some("a")),
            (r#"{"a":1,"A":2,"b":{"a":-1.5}}"#, None),
            (r#"[{"a":"a"},{"a":[null,true,-1,1e9]}]"#, None),
            (r#"{"a":"{\"a\":1,\"a\":2}"}"#, None),
        ] {
            assert_eq!(serde_json::from_str::<Repeated>(text).unwrap().0.as_deref(), expected, "{text}");
        }
    }
}
