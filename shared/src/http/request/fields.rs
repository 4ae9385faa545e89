//! The fields of a request, parsed from JSON, a form, multipart or a query string under the same rules.

use axum::{
    body::{self, Body, Bytes},
    extract::{FromRequest as _, Multipart, Request},
    http::{HeaderValue, header::CONTENT_TYPE},
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::http::{
    error::{Error, FieldError},
    request::{
        body::{BodyType, MAX_BODY},
        media_type,
    },
};

/// Most parts of a multipart body.
const MAX_PARTS: usize = 64;

/// The fields that a route reads, each at most once. All others are ignored.
///
/// ```
/// use shared::http::request::fields::Fields;
///
/// let fields = Fields::from_query("limit=5&cursor=&other=1", &["limit", "cursor"])?;
/// assert_eq!(fields.get("limit"), Some("5"));
/// assert_eq!(fields.get("cursor"), None);
/// assert!(Fields::from_query("limit=5&limit=6", &["limit"]).is_err());
/// # Ok::<_, shared::http::error::Error>(())
/// ```
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses the fields called `known` from a body. An empty body has no fields, whatever its `Content-Type`: many
    /// clients send one with every request.
    pub async fn from_body(request: Request, known: &[&str]) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        if body.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let entries = match BodyType::of(&parts.headers)? {
            BodyType::Json => json(&body)?,
            BodyType::Form => form(&body)?,
            BodyType::Multipart => multipart(Request::from_parts(parts, Body::from(body))).await?,
        };
        entries.pick(known)
    }

    /// Parses the fields called `known` from a query string.
    pub fn from_query(query: &str, known: &[&str]) -> Result<Self, Error> {
        form(query.as_bytes())?.pick(known)
    }

    /// The value of a field. `None` if the field is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// The value of a field that must not be missing or empty.
    pub fn required(&self, name: &str) -> Result<&str, FieldError> {
        self.get(name).ok_or_else(|| FieldError::required(name))
    }

    /// The value of a required field, parsed by `parse`.
    pub fn parse<T, E: Into<FieldError>>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        parse(self.required(name)?).map_err(Into::into)
    }
}

/// All fields of a request in order. Only JSON has values that are not strings.
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
                    format!("The field {name} appears more than once. Send it once."),
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

/// Preserves duplicate fields, which a map would lose.
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

fn json(body: &[u8]) -> Result<Entries, Error> {
    serde_json::from_slice(body).map_err(|_| {
        malformed("malformed-json", r#"The body must be a single JSON object in UTF-8, such as {"email": "…"}."#)
    })
}

/// `application/x-www-form-urlencoded` (WHATWG URL 5.1) without its leniency: invalid percent-encoding and invalid
/// UTF-8 are refused, because the standard's replacements would silently change a password.
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
            "Form fields and query parameters must be percent-encoded UTF-8, such as email=ada%40example.com.",
        )
    })
}

/// `multipart/form-data` (RFC 7578) without files.
async fn multipart(mut request: Request) -> Result<Entries, Error> {
    let broken = || {
        malformed(
            "malformed-multipart",
            "The body must be multipart/form-data with a boundary, a name for each part, and UTF-8 text.",
        )
    };
    // axum reads the boundary from the header with a parser that refuses space before a semicolon.
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(media_type::without_optional_space).unwrap_or_default();
    let content_type = HeaderValue::try_from(content_type).map_err(|_| broken())?;
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut entries = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        if part.file_name().is_some() {
            return Err(malformed("file-part", "File uploads are not accepted. Send text fields only."));
        }
        if entries.len() == MAX_PARTS {
            return Err(malformed("too-many-parts", format!("The body must not contain more than {MAX_PARTS} parts.")));
        }
        let name = part.name().ok_or_else(broken)?.to_owned();
        let value = part.bytes().await.map_err(|_| broken())?;
        let value = String::from_utf8(value.into()).map_err(|_| broken())?;
        entries.push((name, Value::String(value)));
    }
    Ok(Entries(entries))
}

/// The body, which [`crate::http::service`] has already collected.
async fn read(body: Body) -> Result<Bytes, Error> {
    body::to_bytes(body, MAX_BODY).await.map_err(|_| Error::BodyTooLarge)
}

fn malformed(code: &'static str, detail: impl Into<String>) -> Error {
    Error::Malformed { code, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    async fn all_body_types_give_the_same_fields_and_ignore_unknown_ones() {
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
    async fn a_duplicate_field_is_refused() {
        let duplicate = Err("duplicate-field".to_owned());
        assert_eq!(parsed("application/json", r#"{"email": "a", "email": "a"}"#).await, duplicate);
        assert_eq!(parsed("application/x-www-form-urlencoded", "email=a&%65mail=b").await, duplicate);
        let twice = part("name=\"email\"", "a").repeat(2);
        assert_eq!(parsed(MULTIPART, format!("{twice}--b--\r\n")).await, duplicate);
    }

    #[tokio::test]
    async fn a_field_that_is_not_a_string_is_refused() {
        for value in ["null", "1", "1.5", "true", "[]", "[\"a\"]", "{}", "{\"a\": \"b\"}"] {
            let body = format!(r#"{{"email": {value}}}"#);
            assert_eq!(parsed("application/json", body).await, Err("not-a-string".to_owned()), "{value}");
        }
    }

    #[tokio::test]
    async fn json_other_than_one_object_is_refused() {
        let deep = format!("{{\"x\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        for body in [
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
    async fn invalid_percent_encoding_and_invalid_utf8_are_refused() {
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
    async fn malformed_multipart_is_refused() {
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
    async fn other_missing_and_duplicate_types_are_refused() {
        for content_type in [
            "text/plain",
            "application/xml",
            "json",
            "",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=latin1",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8x",
            "application /json",
            "application/json charset=utf-8",
            ";application/json",
            "application/json, application/json",
            "a/b; c",
        ] {
            assert_eq!(parsed(content_type, "{}").await, Err("UnsupportedMediaType".to_owned()), "{content_type}");
        }
        let duplicate = Request::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        assert!(matches!(Fields::from_body(duplicate, &["email"]).await, Err(Error::UnsupportedMediaType)));
        let missing = Request::new(Body::from("{}"));
        assert!(matches!(Fields::from_body(missing, &["email"]).await, Err(Error::UnsupportedMediaType)));
    }

    #[tokio::test]
    async fn an_empty_body_has_no_fields_whatever_its_type() {
        for content_type in [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=b",
            "text/plain; charset=utf-16",
            "application/octet-stream",
            "",
            "\u{e9}",
        ] {
            assert_eq!(parsed(content_type, Body::empty()).await, Ok(Vec::new()), "{content_type}");
        }
        let fields = Fields::from_body(Request::new(Body::empty()), &["email"]).await.unwrap();
        assert_eq!(fields.get("email"), None);
        let doubled = Request::builder().header(CONTENT_TYPE, "a/b").header(CONTENT_TYPE, "application/json");
        assert!(Fields::from_body(doubled.body(Body::empty()).unwrap(), &["email"]).await.is_ok());
    }

    #[tokio::test]
    async fn a_content_type_may_have_space_around_semicolons_and_any_common_label_of_utf8() {
        for parameters in [
            " ; charset=utf-8",
            "\t;\tcharset=UTF-8",
            ";charset=utf8",
            "; charset=UTF8 ",
            "; charset=\"utf-8\"",
            " ; charset=\"Utf8\" ; x=y",
            ";",
            " ;; charset=utf-8;",
            "; CHARSET=UTF-8",
        ] {
            let json = format!("application/json{parameters}");
            assert_eq!(parsed(&json, r#"{"email": "ada+é@x"}"#).await, Ok(ada()), "{json}");
            let form = format!("Application/X-WWW-Form-Urlencoded{parameters}");
            assert_eq!(parsed(&form, "email=ada%2B%C3%A9%40x").await, Ok(ada()), "{form}");
            let multipart = format!("multipart/form-data{parameters};boundary=b");
            let body = format!("{}--b--\r\n", part("name=\"email\"", "ada+é@x"));
            assert_eq!(parsed(&multipart, body).await, Ok(ada()), "{multipart}");
        }
        let body = format!("{}--a ;b--\r\n", part("name=\"email\"", "ada+é@x").replace("--b", "--a ;b"));
        assert_eq!(parsed("multipart/form-data ; boundary=\"a ;b\"", body).await, Ok(ada()));
    }

    proptest! {
        #[test]
        fn any_form_is_handled_and_encoded_text_survives_the_round_trip(text in any::<String>()) {
            let _ = form(text.as_bytes());
            let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            let Ok(fields) = Fields::from_query(&format!("name={encoded}"), &["name"]) else { panic!("refused") };
            prop_assert_eq!(fields.get("name").unwrap_or_default(), text.as_str());
        }

        #[test]
        fn any_json_is_handled(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = json(&body);
        }
    }
}
