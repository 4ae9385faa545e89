//! Fields of a request, from JSON, a form, multipart or a query string, all to the same rules.

use axum::{
    body::{self, Bytes},
    extract::{FromRequest as _, Multipart, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use mime::Mime;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::http::{error::Error, service::MAX_BODY};

/// Most parts of a multipart body that are looked at.
const MAX_PARTS: usize = 64;

/// The fields that a call knows, each at most once. Others are dropped, whatever they hold.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the fields called `known` from a body. No body and no `Content-Type`: no fields.
    pub async fn from_body(request: Request, known: &[&str]) -> Result<Self, Error> {
        let entries = match BodyType::of(request.headers())? {
            BodyType::None => nothing(&read(request).await?)?,
            BodyType::Json => json(&read(request).await?)?,
            BodyType::Form => form(&read(request).await?)?,
            BodyType::Multipart => multipart(request).await?,
        };
        entries.pick(known)
    }

    /// Reads the fields called `known` from a query string.
    pub fn from_query(query: &str, known: &[&str]) -> Result<Self, Error> {
        form(query.as_bytes())?.pick(known)
    }

    /// The value of a field. An empty one counts as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}

/// What a body is, by its `Content-Type`.
enum BodyType {
    None,
    Json,
    Form,
    Multipart,
}

impl BodyType {
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(Self::None),
            (Some(value), None) => value.to_str().ok(),
            // Two types: whichever one is right, somebody on the way may see the other.
            (Some(_), Some(_)) => None,
        };
        let mime = value.and_then(|value| value.parse::<Mime>().ok()).ok_or(Error::UnsupportedMediaType)?;
        if mime.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
            return Err(Error::UnsupportedMediaType);
        }
        match mime.essence_str() {
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => Ok(Self::Multipart),
            _ => Err(Error::UnsupportedMediaType),
        }
    }
}

/// All fields of a request, as they came. Only JSON has values that are no text.
#[derive(Default)]
struct Entries(Vec<(String, Value)>);

impl Entries {
    fn pick(self, known: &[&str]) -> Result<Fields, Error> {
        let mut picked = Vec::new();
        for (name, value) in self.0 {
            if !known.contains(&name.as_str()) {
                continue;
            }
            if picked.iter().any(|(earlier, _)| *earlier == name) {
                return Err(malformed(
                    "duplicate-field",
                    format!("The field {name} comes more than once; send it once."),
                ));
            }
            let Value::String(value) = value else {
                return Err(malformed("not-a-string", format!("The field {name} must be a string.")));
            };
            picked.push((name, value));
        }
        Ok(Fields(picked))
    }
}

/// Keeps fields that come twice, which a map would not show.
impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> de::Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Without a type, only no body at all can be read.
fn nothing(body: &[u8]) -> Result<Entries, Error> {
    if body.is_empty() { Ok(Entries::default()) } else { Err(Error::UnsupportedMediaType) }
}

fn json(body: &[u8]) -> Result<Entries, Error> {
    serde_json::from_slice(body)
        .map_err(|_| malformed("malformed-json", "The body must be one JSON object in UTF-8, like {\"email\": \"…\"}."))
}

/// `application/x-www-form-urlencoded` (WHATWG URL 5.1), without its leniency: a `%` that begins no octet and octets
/// that are no UTF-8 are refused, so that no password is taken for another than the one that was typed.
fn form(body: &[u8]) -> Result<Entries, Error> {
    let decoded = |text: &str| -> Option<String> {
        let mut escapes = text.split('%').skip(1);
        if !escapes.all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit)) {
            return None;
        }
        Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned())
    };
    let entry = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, Value::String(decoded(value)?)))
    };
    let entries = std::str::from_utf8(body)
        .ok()
        .and_then(|body| body.split('&').filter(|pair| !pair.is_empty()).map(entry).collect());
    entries.map(Entries).ok_or_else(|| {
        malformed(
            "malformed-form",
            "Fields in a form or a query must be percent-encoded UTF-8, like email=ada%40example.com.",
        )
    })
}

/// `multipart/form-data` (RFC 7578) with text only.
async fn multipart(request: Request) -> Result<Entries, Error> {
    let broken = || {
        malformed(
            "malformed-multipart",
            "The body must be multipart/form-data with a boundary, a name for each part, and UTF-8.",
        )
    };
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut entries = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        if part.file_name().is_some() {
            return Err(malformed("file-part", "A part is a file; send fields only."));
        }
        if entries.len() == MAX_PARTS {
            return Err(malformed("too-many-parts", format!("The body must not have more than {MAX_PARTS} parts.")));
        }
        let name = part.name().ok_or_else(broken)?.to_owned();
        let value = part.bytes().await.map_err(|_| broken())?;
        let value = String::from_utf8(value.into()).map_err(|_| broken())?;
        entries.push((name, Value::String(value)));
    }
    Ok(Entries(entries))
}

/// The body, which [`crate::http::service`] has collected already.
async fn read(request: Request) -> Result<Bytes, Error> {
    body::to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| Error::BodyTooLarge)
}

fn malformed(code: &'static str, detail: impl Into<String>) -> Error {
    Error::Malformed { code, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use proptest::prelude::*;

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        Request::builder().header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
    }

    async fn parsed(content_type: &str, body: impl Into<Body>) -> Result<Vec<(String, String)>, String> {
        let fields = Fields::from_body(request(content_type, body), &["email", "name"]).await;
        fields.map(|fields| fields.0).map_err(|error| match error {
            Error::Malformed { code, .. } => code.to_owned(),
            other => format!("{other:?}"),
        })
    }

    fn ada() -> Vec<(String, String)> {
        vec![("email".to_owned(), "ada+é@x".to_owned())]
    }

    const MULTIPART: &str = "multipart/form-data; boundary=b";

    fn part(disposition: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
    }

    #[tokio::test]
    async fn all_body_types_give_the_same_fields_and_drop_unknown_ones() {
        assert_eq!(
            parsed("application/json", r#"{"email": "ada+\u00e9@x", "admin": true, "admin": [1]}"#).await,
            Ok(ada())
        );
        assert_eq!(parsed("application/json; charset=UTF-8", r#"{"email": "ada+é@x"}"#).await, Ok(ada()));
        assert_eq!(
            parsed("application/x-www-form-urlencoded", "email=ada%2B%C3%A9%40x&admin=1&admin=2").await,
            Ok(ada())
        );
        let body = format!("{}{}--b--\r\n", part("name=\"email\"", "ada+é@x"), part("name=\"admin\"", "1"));
        assert_eq!(parsed(MULTIPART, body).await, Ok(ada()));
    }

    #[tokio::test]
    async fn a_plus_in_a_form_is_a_space_and_an_escaped_one_is_a_plus() {
        let fields = parsed("application/x-www-form-urlencoded", "name=Ada+L%2B").await;
        assert_eq!(fields, Ok(vec![("name".to_owned(), "Ada L+".to_owned())]));
    }

    #[tokio::test]
    async fn a_field_that_comes_twice_is_refused() {
        let duplicate = Err("duplicate-field".to_owned());
        assert_eq!(parsed("application/json", r#"{"email": "a", "email": "a"}"#).await, duplicate);
        assert_eq!(parsed("application/x-www-form-urlencoded", "email=a&%65mail=b").await, duplicate);
        let twice = part("name=\"email\"", "a").repeat(2);
        assert_eq!(parsed(MULTIPART, format!("{twice}--b--\r\n")).await, duplicate);
    }

    #[tokio::test]
    async fn a_field_that_is_no_string_is_refused() {
        for value in ["null", "1", "1.5", "true", "[]", "[\"a\"]", "{}", "{\"a\": \"b\"}"] {
            let body = format!(r#"{{"email": {value}}}"#);
            assert_eq!(parsed("application/json", body).await, Err("not-a-string".to_owned()), "{value}");
        }
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_refused() {
        let deep = format!("{{\"x\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        for body in [
            "",
            " ",
            "[]",
            "\"email\"",
            "null",
            "{",
            "{\"email\": \"a\"} x",
            "{'email': 'a'}",
            "{\"email\": \"\\ud800\"}",
            deep.as_str(),
        ] {
            assert_eq!(
                parsed("application/json", body.to_owned()).await,
                Err("malformed-json".to_owned()),
                "{body:.40}"
            );
        }
        assert_eq!(parsed("application/json", &b"{\"email\": \"\xff\"}"[..]).await, Err("malformed-json".to_owned()));
    }

    #[tokio::test]
    async fn broken_percent_encoding_and_broken_utf8_are_refused() {
        for body in ["email=%", "email=%4", "email=%zz", "email=%+1", "email=%ff", "%c3=a", "email=%ED%A0%80"] {
            assert_eq!(
                parsed("application/x-www-form-urlencoded", body).await,
                Err("malformed-form".to_owned()),
                "{body}"
            );
        }
        assert_eq!(
            parsed("application/x-www-form-urlencoded", &b"email=\xff"[..]).await,
            Err("malformed-form".to_owned())
        );
    }

    #[tokio::test]
    async fn broken_multipart_is_refused() {
        let fine = format!("{}--b--\r\n", part("name=\"email\"", "a"));
        assert_eq!(parsed("multipart/form-data", fine.clone()).await, Err("malformed-multipart".to_owned()));
        assert_eq!(parsed("multipart/form-data; boundary=other", fine).await, Err("malformed-multipart".to_owned()));
        assert_eq!(parsed(MULTIPART, part("name=\"email\"", "a")).await, Err("malformed-multipart".to_owned()));
        assert_eq!(
            parsed(MULTIPART, format!("{}--b--\r\n", part("x=\"y\"", "a"))).await,
            Err("malformed-multipart".to_owned())
        );
        let file = part("name=\"email\"; filename=\"a.txt\"", "a");
        assert_eq!(parsed(MULTIPART, format!("{file}--b--\r\n")).await, Err("file-part".to_owned()));
        let many = part("name=\"x\"", "").repeat(1000);
        assert_eq!(parsed(MULTIPART, format!("{many}--b--\r\n")).await, Err("too-many-parts".to_owned()));
    }

    #[tokio::test]
    async fn other_missing_and_doubled_types_are_refused() {
        for content_type in [
            "text/plain",
            "application/xml",
            "json",
            "",
            "application/json; charset=latin1",
            "application/json, application/json",
            "a/b; c",
        ] {
            assert_eq!(parsed(content_type, "{}").await, Err("UnsupportedMediaType".to_owned()), "{content_type}");
        }
        let doubled = Request::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        assert!(matches!(Fields::from_body(doubled, &["email"]).await, Err(Error::UnsupportedMediaType)));
        let missing = Request::new(Body::from("{}"));
        assert!(matches!(Fields::from_body(missing, &["email"]).await, Err(Error::UnsupportedMediaType)));
        let empty = Fields::from_body(Request::new(Body::empty()), &["email"]).await.unwrap();
        assert_eq!(empty.get("email"), None);
    }

    proptest! {
        #[test]
        fn any_form_is_fields_or_a_refusal_and_encoded_text_comes_back(text in any::<String>()) {
            let _ = form(text.as_bytes());
            let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            let Ok(fields) = Fields::from_query(&format!("name={encoded}"), &["name"]) else { panic!("refused") };
            prop_assert_eq!(fields.get("name").unwrap_or_default(), text.as_str());
        }

        #[test]
        fn any_json_is_fields_or_a_refusal(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = json(&body);
        }

        #[test]
        fn any_content_type_is_known_or_refused(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = axum::http::HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, value);
                let _ = BodyType::of(&headers);
            }
        }
    }
}
