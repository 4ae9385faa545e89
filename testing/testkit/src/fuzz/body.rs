//! Fuzz target for request bodies.

use std::{collections::BTreeMap, str};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header::CONTENT_TYPE},
};
use serde_json::{Value, json};
use shared::http::{error::Error, request::fields::Fields};

use super::fields::{KNOWN, block_on, values};

/// Parses a request body. The first byte is its content type: `j` for JSON, `f` for a form, `m` for multipart with the
/// boundary `b`, `n` for none. Otherwise the first line is the content type.
///
/// The body is rejected with a status of its own, or it parses to fields. The same fields must result in every content
/// type.
pub fn body(data: &[u8]) {
    const MULTIPART: &str = "multipart/form-data; boundary=b";
    let Some((&kind, rest)) = data.split_first() else { return };
    let (content_type, body) = match kind {
        b'j' => (Some("application/json".into()), rest),
        b'f' => (Some("application/x-www-form-urlencoded".into()), rest),
        b'm' => (Some(MULTIPART.into()), rest),
        b'n' => (None, rest),
        _ => {
            let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
            (Some(data[..end].to_vec()), data.get(end + 1..).unwrap_or_default())
        }
    };
    // An invalid header value cannot reach a handler.
    let content_type = content_type.map(HeaderValue::try_from).transpose();
    let Ok(content_type) = content_type else { return };
    let fields = match parsed(content_type, body) {
        Ok(fields) => fields,
        Err(error) => return assert_is_body_error(&error),
    };
    if kind == b'j' && !body.is_empty() {
        let json: Value = serde_json::from_slice(body).expect("fields come from JSON");
        assert!(json.is_object(), "{json}");
        // An empty value is a missing value.
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        assert!(KNOWN.iter().all(|name| fields.get(*name).map(String::as_str) == text(name)), "{json} {fields:?}");
    }
    if kind == b'f' {
        let bytes = fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec()));
        assert_eq!(bytes.collect::<BTreeMap<_, _>>(), decoded(body), "{:?}", String::from_utf8_lossy(body));
    }
    let again = |content_type: &'static str, body: &str| {
        let parsed = parsed(Some(HeaderValue::from_static(content_type)), body.as_bytes());
        assert_eq!(parsed.unwrap_or_else(|error| panic!("{error}: {body:?}")), fields, "{body:?}");
    };
    let form = urlencoded(&fields);
    again("application/x-www-form-urlencoded", &form);
    again("application/json; charset=utf-8", &json!(fields).to_string());
    if fields.values().all(|value| !value.contains("--b")) {
        let part = |(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let parts: String = fields.iter().map(part).collect();
        again(MULTIPART, &format!("{parts}--b--\r\n"));
    }
    let query = Fields::from_query(&form, &KNOWN).unwrap_or_else(|error| panic!("{error}: {form}"));
    assert_eq!(values(&query, &KNOWN), fields, "{form}");
}

/// The fields of a body, by name.
fn parsed(content_type: Option<HeaderValue>, body: &[u8]) -> Result<BTreeMap<&'static str, String>, Error> {
    let mut request = Request::new(Body::from(body.to_vec()));
    if let Some(content_type) = content_type {
        request.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(values(&block_on(Fields::from_body(request, &KNOWN))?, &KNOWN))
}

/// The known fields of an accepted form, decoded byte by byte.
fn decoded(form: &[u8]) -> BTreeMap<&'static str, Vec<u8>> {
    let unescape = |text: &[u8]| {
        let (mut bytes, mut rest) = (Vec::new(), text);
        while let Some((&first, behind)) = rest.split_first() {
            rest = behind;
            bytes.push(match first {
                b'+' => b' ',
                b'%' => {
                    let digits = str::from_utf8(&behind[..2]).expect("two digits");
                    rest = &behind[2..];
                    u8::from_str_radix(digits, 16).expect("two digits")
                }
                other => other,
            });
        }
        bytes
    };
    let pairs = form.split(|&byte| byte == b'&').filter_map(|pair| {
        let end = pair.iter().position(|&byte| byte == b'=')?;
        let name = unescape(&pair[..end]);
        let name = KNOWN.into_iter().find(|known| known.as_bytes() == name)?;
        Some((name, unescape(&pair[end + 1..]))).filter(|(_, value)| !value.is_empty())
    });
    pairs.collect()
}

/// A form with every byte escaped. Parsing must not depend on which bytes a client escapes.
fn urlencoded(fields: &BTreeMap<&'static str, String>) -> String {
    let escaped = |value: &str| value.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// Checks that an error is 400, 413 or 415, and that a 400 has a code and a detail.
fn assert_is_body_error(error: &Error) {
    match error {
        Error::Malformed { code, detail } => assert!(!code.is_empty() && !detail.is_empty(), "{error:?}"),
        Error::UnsupportedMediaType | Error::BodyTooLarge => {}
        other => panic!("not an error of a body: {other:?}"),
    }
}
