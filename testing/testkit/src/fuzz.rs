//! What must hold for any octets that somebody sends: one function for each place where they are read.
//!
//! `testing/fuzz/` hands them libFuzzer's inputs, and `tests/corpus.rs` those that are kept in `testing/fuzz/corpus/`. Each panics where
//! Postern would be wrong; that it does not crash by itself is the least of it.

use std::{
    collections::BTreeMap,
    str,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::{self, Body, Bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Uri,
        header::{CONTENT_TYPE, COOKIE, HOST},
    },
    routing::{any, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{EncodingKey, crypto};
use lambda_http::{
    Context, LambdaEvent, aws_lambda_events::query_map::QueryMap, request::LambdaRequest, tower::ServiceExt as _,
};
use list_users::{DEFAULT_LIMIT, Paging};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use shared::{
    config::SecurityProfile,
    domain::{
        client_ip::AddressForm,
        keys::{Algorithm, SigningKeySet, VerifyingKeySet},
        token::{Claim, TokenBinding, Verifier, VerifierConfig},
        user::{Email, PublicId, email},
    },
    http::{
        error::{Error, ErrorStyle},
        lambda,
        request::{authorization, fields::Fields},
        service::ResponseOptions,
    },
};
use tokio::runtime;

use crate::{events, forge, service::KEY};

/// A text as a token, which the first octet says how to make of the others:
///
/// - `r`: they are the token;
/// - `s`, `a`: a line of header and one of claims, signed with the right key, for a verifier without and with an audience;
/// - an odd one: changes to a good token that is signed with HS256, three octets for each;
/// - an even one: the same to one that is signed with Ed25519.
///
/// A token is taken if it is, letter by letter, the one that was issued, or if it is signed with the right key and all that it
/// says is right.
pub fn token(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    match kind {
        b'r' => {
            let text = String::from_utf8_lossy(rest);
            HMAC.assert_takes_its_own(&text);
            ED25519.assert_takes_its_own(&text);
        }
        b's' => signed_token(rest, None),
        b'a' => signed_token(rest, Some(AUDIENCE)),
        _ => {
            let (issuer, other) = if kind % 2 == 1 { (&*HMAC, &*ED25519) } else { (&*ED25519, &*HMAC) };
            issuer.assert_takes_its_own(&changed(&issuer.good, &other.good, rest));
        }
    }
}

/// When the tokens here are checked: 2026-11-22, in seconds since 1970. Inputs have to mean the same next year.
const NOW: u64 = 1_795_334_400;

/// The subject of the good tokens here.
const SUBJECT: &str = "0b6a9f0e-3c55-4d0c-9c39-6f5a0c9b8d21";

const ISSUER: &str = "postern";

const AUDIENCE: &str = "postern-api";

/// The private key of RFC 8037 A.1, and its public half.
const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// What stands in front of an Ed25519 seed in PKCS #8 (RFC 8410 7).
const SEED_HEAD: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// Who issued one token and takes no other.
struct Issuer {
    keys: VerifyingKeySet,
    verifier: Verifier,
    good: String,
}

static HMAC: LazyLock<Issuer> = LazyLock::new(|| {
    let good = forge::token(r#"{"typ":"JWT","alg":"HS256"}"#, &good_claims().to_string());
    let keys = SigningKeySet::parse(KEY, Algorithm::Hs256, false).expect("the key is good");
    Issuer { keys: keys.into_verifying(), verifier: verifier(Algorithm::Hs256, None), good }
});

static ED25519: LazyLock<Issuer> = LazyLock::new(|| {
    let header = forge::encode(r#"{"typ":"JWT","alg":"EdDSA","kid":"one"}"#);
    let message = format!("{header}.{}", forge::encode(good_claims().to_string()));
    let key = EncodingKey::from_ed_der(&[SEED_HEAD, &forge::decode(SEED)].concat());
    let signature = crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA).expect("the key signs");
    let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": POINT }] }).to_string();
    let keys = VerifyingKeySet::parse_public(&set, Algorithm::EdDsa, false).expect("the key is good");
    Issuer { keys, verifier: verifier(Algorithm::EdDsa, None), good: format!("{message}.{signature}") }
});

fn good_claims() -> Value {
    let (iat, exp) = (NOW - 60, NOW + 600);
    json!({ "iss": ISSUER, "sub": SUBJECT, "public_id": SUBJECT, "iat": iat, "nbf": iat, "exp": exp, "jti": "3f0f3d7e-0c5c-4a39-9a0e-6f1f0b1f7a51", "ver": 3 })
}

/// The strictest one there is, so that whatever it takes has been looked at closely.
fn verifier(algorithm: Algorithm, audience: Option<&str>) -> Verifier {
    let required = vec![Claim::Iss, Claim::Sub, Claim::PublicId, Claim::Iat, Claim::Nbf, Claim::Exp, Claim::Jti];
    let (issuer, audience) = (ISSUER.to_owned(), audience.map(str::to_owned));
    Verifier::new(
        algorithm,
        VerifierConfig { issuer, audience, leeway: Duration::ZERO, nbf: true, iat: true, required },
    )
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

impl Issuer {
    fn assert_takes_its_own(&self, text: &str) {
        match self.verifier.verify(text, &self.keys, now()) {
            Ok(verified) => {
                assert_eq!(text, self.good, "a token that nobody issued is taken");
                assert_eq!(verified.subject.to_string(), SUBJECT);
                assert_eq!(verified.binding, TokenBinding::Version(3));
            }
            Err(error) => assert_ne!(text, self.good, "{error}"),
        }
    }
}

/// `token` after the changes that `steps` name: a kind, a place and a value each.
fn changed(token: &str, other: &str, steps: &[u8]) -> String {
    /// The most changes that are made. More only take time.
    const MOST: usize = 16;
    let mut text = token.as_bytes().to_vec();
    for step in steps.chunks_exact(3).take(MOST) {
        let &[kind, place, value] = step else { break };
        // Every place of a token of up to 500 octets has a number.
        let at = (usize::from(place) * 2 + usize::from(kind >> 7)) % text.len().max(1);
        match kind % 8 {
            0 => text.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << (value % 8)),
            1 => text.iter_mut().skip(at).take(1).for_each(|octet| *octet = value),
            // From the end, where the spare bits of base64url are.
            2 => text.iter_mut().rev().skip(usize::from(place)).take(1).for_each(|octet| *octet = value),
            3 => text.insert(at, value),
            4 => drop(text.drain(at..text.len().min(at + usize::from(value)))),
            5 => text.truncate(at),
            kind => {
                let mut parts: Vec<Vec<u8>> = text.split(|&octet| octet == b'.').map(<[u8]>::to_vec).collect();
                let (one, two) = (usize::from(place) % parts.len(), usize::from(value) % parts.len());
                if kind == 6 {
                    parts.swap(one, two);
                } else if let Some(part) = other.split('.').nth(usize::from(value) % 3) {
                    parts[one] = part.as_bytes().to_vec();
                }
                text = parts.join(&b'.');
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A part of a token that was taken: JSON in any case. `None` where a member that nobody reads is a number beyond all floats, which
/// JSON knows and a [`Value`] does not.
fn json_of(part: &str) -> Option<Value> {
    assert!(serde_json::from_str::<IgnoredAny>(part).is_ok(), "a part that was taken is JSON: {part}");
    serde_json::from_str(part).ok()
}

/// A token of any header and any claims, with the right signature: taken only if all of it is right, by another reading than
/// the verifier's.
fn signed_token(data: &[u8], audience: Option<&str>) {
    let text = String::from_utf8_lossy(data);
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &text));
    let token = forge::token(header, claims);
    if let Ok(verified) = verifier(Algorithm::Hs256, audience).verify(&token, &HMAC.keys, now()) {
        let (Some(header), Some(claims)) = (json_of(header), json_of(claims)) else { return };
        assert_eq!(header["alg"], "HS256", "{header}");
        assert!(header.get("b64").is_none() && header["crit"].is_null(), "{header}");
        let time = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name} is no whole number: {claims}"));
        assert_eq!(claims["iss"], ISSUER, "{claims}");
        assert!(time("exp") > NOW && time("nbf") <= NOW && time("iat") <= NOW, "{claims}");
        let subject = verified.subject.to_string();
        assert!(claims["sub"] == *subject && claims["public_id"] == *subject, "{claims}");
        assert!(claims["jti"].is_string(), "{claims}");
        let for_us = match (&claims["aud"], audience) {
            (aud, None) => aud.is_null(),
            (Value::Array(several), Some(audience)) => several.iter().any(|one| one == audience),
            (one, Some(audience)) => one == audience,
        };
        assert!(for_us, "{claims}");
        match verified.binding {
            TokenBinding::Session(session) => assert_eq!(claims["sid"], session.to_string(), "{claims}"),
            TokenBinding::Version(version) => {
                assert!(claims["sid"].is_null(), "{claims}");
                assert_eq!(claims["ver"].as_u64().unwrap_or_default(), version, "{claims}");
            }
        }
    }
    // The public half as an HMAC key: who has only that can sign nothing.
    let (header, claims) = (forge::encode(header), forge::encode(claims));
    for key in [POINT.as_bytes(), &forge::decode(POINT)] {
        let forged = forge::sign(&header, &claims, key, jsonwebtoken::Algorithm::HS256);
        assert!(ED25519.verifier.verify(&forged, &ED25519.keys, now()).is_err(), "{forged}");
    }
}

/// Every field that a call of Postern's knows.
const KNOWN: [&str; 6] = ["name", "email", "password", "new_password", "refresh_token", "scope"];

/// A body, of the type that the first octet tells: `j` JSON, `f` a form, `m` multipart with the boundary `b`, `n` none; else the
/// first line is the type.
///
/// It is fields or a refusal with a status of its own, and fields are the same however they are sent.
pub fn body(data: &[u8]) {
    const MULTIPART: &str = "multipart/form-data; boundary=b";
    let Some((&kind, rest)) = data.split_first() else { return };
    let (content_type, body) = match kind {
        b'j' => (Some("application/json".into()), rest),
        b'f' => (Some("application/x-www-form-urlencoded".into()), rest),
        b'm' => (Some(MULTIPART.into()), rest),
        b'n' => (None, rest),
        _ => {
            let end = data.iter().position(|&octet| octet == b'\n').unwrap_or(data.len());
            (Some(data[..end].to_vec()), data.get(end + 1..).unwrap_or_default())
        }
    };
    // A type that is no header's value reaches nobody.
    let content_type = content_type.map(HeaderValue::try_from).transpose();
    let Ok(content_type) = content_type else { return };
    let fields = match parsed(content_type, body) {
        Ok(fields) => fields,
        Err(error) => return assert_is_about_the_body(&error),
    };
    if kind == b'j' {
        let json: Value = serde_json::from_slice(body).expect("fields come from JSON");
        assert!(json.is_object(), "{json}");
        // An empty value counts as none.
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        assert!(KNOWN.iter().all(|name| fields.get(*name).map(String::as_str) == text(name)), "{json} {fields:?}");
    }
    if kind == b'f' {
        let octets = fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec()));
        assert_eq!(octets.collect::<BTreeMap<_, _>>(), decoded(body), "{:?}", String::from_utf8_lossy(body));
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

fn values(fields: &Fields, names: &[&'static str]) -> BTreeMap<&'static str, String> {
    names.iter().filter_map(|name| Some((*name, fields.get(name)?.to_owned()))).collect()
}

/// The known fields of a form that was taken, octet by octet.
fn decoded(form: &[u8]) -> BTreeMap<&'static str, Vec<u8>> {
    let unescape = |text: &[u8]| {
        let (mut octets, mut rest) = (Vec::new(), text);
        while let Some((&first, behind)) = rest.split_first() {
            rest = behind;
            octets.push(match first {
                b'+' => b' ',
                b'%' => {
                    let digits = str::from_utf8(&behind[..2]).expect("two digits");
                    rest = &behind[2..];
                    u8::from_str_radix(digits, 16).expect("two digits")
                }
                other => other,
            });
        }
        octets
    };
    let pairs = form.split(|&octet| octet == b'&').filter_map(|pair| {
        let end = pair.iter().position(|&octet| octet == b'=')?;
        let name = unescape(&pair[..end]);
        let name = KNOWN.into_iter().find(|known| known.as_bytes() == name)?;
        Some((name, unescape(&pair[end + 1..]))).filter(|(_, value)| !value.is_empty())
    });
    pairs.collect()
}

/// Every octet escaped: what is taken apart must not depend on which ones a client escapes.
fn urlencoded(fields: &BTreeMap<&'static str, String>) -> String {
    let escaped = |value: &str| value.bytes().map(|octet| format!("%{octet:02x}")).collect::<Vec<_>>().concat();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// 400, 413 or 415, and for the first one words that name the mistake.
fn assert_is_about_the_body(error: &Error) {
    match error {
        Error::Malformed { code, detail } => assert!(!code.is_empty() && !detail.is_empty(), "{error:?}"),
        Error::UnsupportedMediaType | Error::BodyTooLarge => {}
        other => panic!("no refusal of a body: {other:?}"),
    }
}

/// A text as an e-mail address: refused, or in the one spelling that stays the same in capitals and with space around it.
pub fn email(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parsed = Email::parse(&text);
    assert_eq!(Email::parse(&format!("\u{3000}{text}\r\n")), parsed, "space around {text:?} makes a difference");
    let Ok(email) = parsed else { return };
    let spelling = email.as_str();
    assert!(spelling.len() <= email::MAX_BYTES, "{spelling}");
    assert!(!spelling.chars().any(|c| c.is_whitespace() || c.is_control()), "{spelling:?}");
    let Some((local, domain)) = spelling.split_once('@') else { panic!("no @: {spelling}") };
    assert!((1..=64).contains(&local.len()), "{spelling}");
    assert!(!local.contains(|c: char| "\"(),:;<>[\\]".contains(c)), "{spelling}");
    let is_label = |label: &str| {
        let is_let_dig_hyp = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_let_dig_hyp) && !label.starts_with('-')
    };
    assert!(domain.contains('.') && domain.split('.').all(is_label), "{spelling}");
    // Letters such as ß, which become two, are others in capitals.
    let capital = |c: char| Some(c.to_uppercase()).filter(|capital| capital.len() == 1).and_then(|mut one| one.next());
    let capitals: String = spelling.chars().map(|c| capital(c).unwrap_or(c)).collect();
    for other in [spelling, &spelling.to_lowercase(), &capitals] {
        let again = Email::parse(other);
        assert_eq!(again.as_ref().map(Email::as_str), Ok(spelling), "from {text:?} by way of {other:?}");
    }
    assert!(!format!("{email:?}").contains(spelling), "addresses belong in no log");
}

/// A query of `GET /user`: a page of 1 to 1000 users behind the one whose cursor it names in its one spelling, or a refusal that
/// says which parameter is wrong.
pub fn cursor(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    match Paging::parse(&query, DEFAULT_LIMIT) {
        Ok(paging) => {
            assert!((1..=1000).contains(&paging.limit), "{query} {paging:?}");
            let Ok(fields) = Fields::from_query(&query, &["limit", "cursor"]) else { panic!("{query}: no fields") };
            let limit = fields.get("limit").map_or("100", |limit| limit.trim_start_matches('0'));
            assert_eq!(limit, paging.limit.to_string(), "{query}");
            let cursor = paging.after.map(list_users::cursor);
            assert_eq!(cursor.as_deref(), fields.get("cursor"), "{query}");
            let link = format!("limit={}&cursor={}", paging.limit, cursor.unwrap_or_default());
            let Ok(again) = Paging::parse(&link, DEFAULT_LIMIT) else { panic!("{link} is refused") };
            assert_eq!(again, paging, "{query}");
        }
        Err(Error::Malformed { code: "malformed-form" | "duplicate-field", .. }) => {}
        Err(Error::Invalid(errors)) => {
            let names: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert!(matches!(names[..], ["limit" | "cursor"] | ["limit", "cursor"]), "{query} {names:?}");
        }
        Err(other) => panic!("{query}: {other:?}"),
    }
    if let Some(octets) = data.first_chunk() {
        let last = PublicId::from_bytes(*octets);
        let Ok(paging) = Paging::parse(&format!("cursor={}", list_users::cursor(last)), DEFAULT_LIMIT) else {
            panic!("{last}")
        };
        assert_eq!(paging.after, Some(last));
    }
}

/// The parameters of a query that [`event`] looks at.
const PARAMETERS: [&str; 3] = ["limit", "cursor", "scope"];

/// An event, on the way that it takes in a function: whatever API Gateway may hand over gets an answer as every answer is, no 5xx
/// among them, and what the handler sees of path, headers, query and body is what the event says.
///
/// It is an object of JSON, or else a request, of which an event is made: a line of format (`1` or `2`; `A` or `B` with a body that
/// is said to be base64) and method, one of path, one of query, then headers and body as in HTTP.
///
/// What is no event of API Gateway's reaches no function: Lambda's runtime refuses it.
pub fn event(data: &[u8]) {
    let written = if data.starts_with(b"{") { None } else { Some(written(data).to_string()) };
    let text = written.as_ref().map_or(data, |event| event.as_bytes());
    let Ok(event) = serde_json::from_slice::<LambdaRequest>(text) else { return };
    let sent = Sent::of(&event);
    let seen = Arc::new(Mutex::new(None));
    let routes = Router::new()
        .route("/{call}", any(echo))
        .route("/user/me", post(echo))
        .route("/.well-known/{document}", any(echo))
        .with_state(Arc::clone(&seen));
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    let handler = lambda::handler(routes, MANNER);
    let answer = block_on(handler.oneshot(LambdaEvent::new(event, context)));
    let answer = serde_json::to_value(answer.expect("handlers do not fail")).expect("the answer is JSON");
    // That the answer is no base64 is checked there.
    let answer = events::read(&answer);
    answer.check();
    assert!((200..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.header("x-request-id"), Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
    if let Some(seen) = seen.lock().expect("nobody panicked").take() {
        sent.assert_is_what_was(&seen);
    }
}

/// The event of a request that is written down in lines.
fn written(data: &[u8]) -> Value {
    let text = String::from_utf8_lossy(data);
    let mut kind = text.chars();
    let (is_first, is_base64) = match kind.next() {
        Some('1') => (true, false),
        Some('A') => (true, true),
        Some('B') => (false, true),
        _ => (false, false),
    };
    let mut lines = kind.as_str().splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query, rest) = (line(), line(), line(), line());
    let (head, body) =
        rest.strip_prefix('\n').map_or_else(|| rest.split_once("\n\n"), |body| Some(("", body))).unwrap_or((rest, ""));
    let headers: Vec<_> = head.split('\n').filter_map(|line| line.split_once(": ")).collect();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('=')).collect::<Vec<_>>();
    if is_first {
        json!({
            "version": "1.0", "resource": "/", "path": path, "httpMethod": method,
            "headers": single(&headers), "multiValueHeaders": several(&headers),
            "queryStringParameters": single(&pairs), "multiValueQueryStringParameters": several(&pairs),
            "requestContext": { "httpMethod": method, "path": path, "stage": "$default", "identity": {} },
            "body": body, "isBase64Encoded": is_base64,
        })
    } else {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": single(&headers),
            "requestContext": { "http": { "method": method, "path": path }, "stage": "$default", "timeEpoch": 0 },
            "body": body, "isBase64Encoded": is_base64,
        })
    }
}

/// The last value of each name, as API Gateway puts it beside the list of all.
fn single<'t>(pairs: &[(&'t str, &'t str)]) -> BTreeMap<&'t str, &'t str> {
    pairs.iter().copied().collect()
}

fn several<'t>(pairs: &[(&'t str, &'t str)]) -> BTreeMap<&'t str, Vec<&'t str>> {
    let mut several = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        several.entry(*name).or_default().push(*value);
    }
    several
}

/// A request as a handler has it.
struct Seen {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Writes down what it sees, and answers with the fields of the body and of the query.
async fn echo(State(seen): State<Arc<Mutex<Option<Seen>>>>, request: Request) -> Result<Json<Value>, Error> {
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, usize::MAX).await.expect("the body is there");
    let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
    *seen.lock().expect("nobody panicked") = Some(Seen { uri, headers, body: body.clone() });
    // Refused or not: that they can be read decides nothing here.
    let _ = authorization::bearer_token(&parts.headers, "JWT");
    let _ = authorization::basic(&parts.headers);
    let query = values(&Fields::from_query(parts.uri.query().unwrap_or_default(), &PARAMETERS)?, &PARAMETERS);
    let path = parts.uri.path().to_owned();
    let fields = values(&Fields::from_body(Request::from_parts(parts, Body::from(body)), &KNOWN).await?, &KNOWN);
    // No field may look like a member of a document that is published.
    let marked = |fields: BTreeMap<_, String>| -> BTreeMap<&str, String> {
        fields.into_iter().map(|(name, value)| (name, format!("={value}"))).collect()
    };
    Ok(Json(json!({ "path": path, "query": marked(query), "fields": marked(fields) })))
}

/// What an event says of its request.
struct Sent {
    path: String,
    headers: HeaderMap,
    query: Query,
    body: Vec<u8>,
}

/// Format 2.0 has the query as it was sent, 1.0 has its parts.
enum Query {
    Text(String),
    Parts(QueryMap),
}

impl Sent {
    fn of(event: &LambdaRequest) -> Self {
        let (path, headers, query, body, is_base64) = match event {
            LambdaRequest::ApiGatewayV1(event) => {
                let mut headers = event.multi_value_headers.clone();
                let single = event.headers.iter().filter(|(name, _)| !event.multi_value_headers.contains_key(*name));
                headers.extend(single.map(|(name, value)| (name.clone(), value.clone())));
                let (several, one) = (&event.multi_value_query_string_parameters, &event.query_string_parameters);
                let query = Query::Parts(if several.is_empty() { one } else { several }.clone());
                (&event.path, headers, query, event.body.as_deref(), event.is_base64_encoded)
            }
            LambdaRequest::ApiGatewayV2(event) => {
                let query = Query::Text(event.raw_query_string.clone().unwrap_or_default());
                (&event.raw_path, event.headers.clone(), query, event.body.as_deref(), event.is_base64_encoded)
            }
            other => panic!("{other:?} is of no format that we ask for"),
        };
        let text = body.unwrap_or_default();
        let decoded = STANDARD.decode(text).ok().filter(|_| is_base64);
        let body = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
        Self { path: path.clone().unwrap_or_default(), headers: comparable(headers), query, body }
    }

    fn assert_is_what_was(&self, seen: &Seen) {
        let path = percent_decode_str(seen.uri.path()).decode_utf8_lossy();
        // Escapes are left alone, and `.` and `..` taken as everywhere (RFC 3986 5.2.4).
        let is_plain = !self.path.contains(['%', '.']);
        assert!(if is_plain { path == self.path } else { path.starts_with('/') }, "{:?} {}", self.path, seen.uri);
        assert_eq!(seen.body, self.body, "the body is another one");
        assert_eq!(comparable(seen.headers.clone()), self.headers, "the headers are others");
        let fields = Fields::from_query(seen.uri.query().unwrap_or_default(), &PARAMETERS);
        let fields = fields.map(|fields| values(&fields, &PARAMETERS)).ok();
        match &self.query {
            Query::Text(query) => {
                let sent = Fields::from_query(query, &PARAMETERS).map(|fields| values(&fields, &PARAMETERS));
                assert_eq!(fields, sent.ok(), "{query:?} {}", seen.uri);
            }
            Query::Parts(parts) => {
                let parts: Vec<_> = PARAMETERS.map(|name| (name, parts.all(name).unwrap_or_default())).into();
                let sent = parts.iter().all(|(_, all)| all.len() <= 1).then(|| {
                    let values = parts.iter().filter_map(|(name, all)| Some((*name, (*all.first()?).to_owned())));
                    values.filter(|(_, value)| !value.is_empty()).collect::<BTreeMap<_, _>>()
                });
                assert_eq!(fields, sent, "{parts:?} {}", seen.uri);
            }
        }
    }
}

/// Without those that do not arrive as they come: the host is kept under another name, and format 2.0 has cookies in a list as
/// well.
fn comparable(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(HOST);
    headers.remove("x-forwarded-host");
    headers.remove(COOKIE);
    headers
}

/// As a function in the strict profile answers.
const MANNER: ResponseOptions = ResponseOptions {
    style: ErrorStyle { profile: SecurityProfile::Strict, realm: None },
    address: AddressForm::Network,
};

/// Nothing here waits for a network; the clock is for the time limit of requests.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: runtime::Runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
