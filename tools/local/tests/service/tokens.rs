//! The claims of issued tokens, and the rejection of all others.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use shared::domain::user::PublicId;
use testkit::{ADA, Service, forge, service::KEY};

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

async fn assert_refused(service: &Service, what: &str, token: &str) {
    for path in ["/user", "/user/me"] {
        let answer = service.get(path, token).await;
        let expected = (401, "invalid-token".to_owned(), "Token is invalid !!".to_owned());
        assert_eq!(answer.problem(), expected, "{what}: {token:.200}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"Login required\", error=\"invalid_token\""),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_token_has_the_documented_claims() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(part(&token, 0), json!({ "alg": "HS256", "typ": "JWT" }));
    let claims = part(&token, 1);
    let issued = claims["iat"].as_i64().unwrap();
    assert!((forge::now() - 5..=forge::now()).contains(&issued));
    let expected = json!({
        "iss": "postern", "sub": id, "public_id": id, "iat": issued, "nbf": issued, "exp": issued + 1800,
        "jti": claims["jti"], "sid": claims["sid"], "auth_time": issued, "amr": ["pwd"],
    });
    assert_eq!(claims, expected);
    assert_eq!(claims["sid"].as_str().unwrap().len(), 43, "the session");
    let other = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(part(&other, 1)["jti"], claims["jti"], "each token has its own identifier");
}

#[tokio::test]
async fn a_token_signed_by_another_library_with_the_same_key_is_accepted() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    assert_eq!(service.get("/user", &forge::with_claims(&forge::claims(&id))).await.status, 200);
    assert_eq!(
        service.get("/user", &forge::token(r#"{"alg":"HS256"}"#, &forge::claims(&id).to_string())).await.status,
        200
    );
}

#[tokio::test]
async fn a_token_of_a_deleted_user_is_rejected_immediately() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(service.get("/user", &token).await.status, 200);
    service.delete_user(&id).await;
    assert_refused(&service, "deleted user", &token).await;
    assert_eq!(service.get("/user?limit=0&limit=0", &token).await.status, 401, "whatever else is invalid");
    assert_refused(&service, "unknown user", &forge::with_claims(&forge::claims(&PublicId::random().to_string())))
        .await;
}

#[tokio::test]
async fn a_token_of_a_disabled_user_is_rejected_immediately() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    for value in [AttributeValue::Bool(true), AttributeValue::S("yes".to_owned()), AttributeValue::N("1".to_owned())] {
        service.set_on_user(&id, "disabled", value).await;
        assert_refused(&service, "disabled user", &token).await;
    }
    service.set_on_user(&id, "disabled", AttributeValue::Bool(false)).await;
    assert_eq!(service.get("/user", &token).await.status, 200);
}

#[tokio::test]
async fn tokens_with_an_invalid_signature_or_algorithm_are_rejected() {
    let service = Service::start().await;
    let (id, good) = service.member(ADA).await;
    let claims = forge::encode(forge::claims(&id).to_string());
    let key = KEY.as_bytes();
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let header = forge::encode(format!(r#"{{"alg":"{name}","typ":"JWT"}}"#));
        assert_refused(&service, name, &forge::sign(&header, &claims, key, algorithm)).await;
    }
    // The header names another algorithm than the signature, which is HS256.
    for name in [
        "none", "None", "NONE", "nOnE", "", "RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "EdDSA",
        "HS384", "hs256", "HS256 ", "A128KW", "dir",
    ] {
        let header = forge::encode(format!(r#"{{"alg":"{name}","typ":"JWT"}}"#));
        assert_refused(&service, name, &forge::sign(&header, &claims, key, Algorithm::HS256)).await;
        assert_refused(&service, name, &format!("{header}.{claims}.")).await;
    }
    let header = forge::encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let public_key = "-----BEGIN PUBLIC KEY-----\n\
         MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
         -----END PUBLIC KEY-----\n";
    for wrong in [
        "",
        "secret",
        "super-secret",
        "your secret key",
        &KEY[1..],
        &KEY.to_uppercase(),
        &format!("{KEY} "),
        public_key,
    ] {
        assert_refused(&service, wrong, &forge::sign(&header, &claims, wrong.as_bytes(), Algorithm::HS256)).await;
    }
    let (message, signature) = good.rsplit_once('.').unwrap();
    for (what, token) in [
        ("no signature", format!("{message}.")),
        ("a signature cut short", format!("{message}.{}", &signature[..20])),
        ("another signature", format!("{message}.{}", forge::encode([0; 32]))),
        ("a changed payload", good.replacen(message.split_once('.').unwrap().1, &claims, 1)),
    ] {
        assert_refused(&service, what, &token).await;
    }
}

#[tokio::test]
async fn tokens_outside_their_validity_period_are_rejected() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let now = forge::now();
    let changed = |changes: Value| {
        let mut claims = forge::claims(&id);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    for changes in [
        json!({ "exp": now - 6 }),
        json!({ "exp": 0 }),
        json!({ "exp": 1 }),
        json!({ "exp": now - 1_000_000 }),
        json!({ "nbf": now + 60 }),
        json!({ "iat": now + 60 }),
        json!({ "exp": "9999999999" }),
        json!({ "exp": format!("{}", now + 600) }),
        json!({ "exp": 9_999_999_999.5 }),
        json!({ "exp": -1 }),
        json!({ "exp": i64::MIN }),
        json!({ "exp": u64::MAX }),
        json!({ "exp": 253_402_300_800_u64 }),
        json!({ "exp": 1e300 }),
        json!({ "exp": 1e10 }),
        json!({ "exp": null }),
        json!({ "exp": true }),
        json!({ "exp": [now + 600] }),
        json!({ "exp": { "$gt": 0 } }),
        json!({ "nbf": "0" }),
        json!({ "nbf": -1 }),
        json!({ "nbf": null }),
        json!({ "iat": "0" }),
        json!({ "iat": u64::MAX }),
    ] {
        assert_refused(&service, &changes.to_string(), &forge::with_claims(&changed(changes))).await;
    }
    let huge = forge::claims(&id)
        .to_string()
        .replace(&format!("\"exp\":{}", now + 600), &format!("\"exp\":{}", "9".repeat(400)));
    assert_refused(&service, "exp of 400 digits", &forge::token(r#"{"alg":"HS256"}"#, &huge)).await;
    for missing in ["exp", "iat", "nbf", "iss", "sub"] {
        let mut claims = forge::claims(&id);
        claims.as_object_mut().unwrap().remove(missing);
        assert_refused(&service, missing, &forge::with_claims(&claims)).await;
    }
    assert_eq!(
        service.get("/user", &forge::with_claims(&changed(json!({ "exp": forge::now() - 2 })))).await.status,
        200,
        "within the leeway"
    );
}

#[tokio::test]
async fn tokens_with_invalid_claims_are_rejected() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let other = PublicId::random().to_string();
    let good = forge::claims(&id).to_string();
    for (what, payload) in [
        ("another issuer", good.replace("postern", "postern ")),
        ("issuer as list", good.replace("\"postern\"", "[\"postern\"]")),
        ("an audience", good.replacen('{', "{\"aud\":\"other\",", 1)),
        ("an audience as number", good.replacen('{', "{\"aud\":1,", 1)),
        ("an audience list with a number", good.replacen('{', "{\"aud\":[\"other\",1],", 1)),
        ("an empty audience list", good.replacen('{', "{\"aud\":[],", 1)),
        (
            "sub in upper case",
            good.replace(&format!("\"sub\":\"{id}\""), &format!("\"sub\":\"{}\"", id.to_uppercase())),
        ),
        ("a malformed sub", good.replace(&format!("\"sub\":\"{id}\""), "\"sub\":\"admin\"")),
        ("sub as number", good.replace(&format!("\"sub\":\"{id}\""), "\"sub\":1")),
        ("two subjects", good.replace(&format!("\"public_id\":\"{id}\""), &format!("\"public_id\":\"{other}\""))),
        ("sub twice", good.replacen('{', &format!("{{\"sub\":\"{id}\","), 1)),
        ("exp twice", good.replacen('{', "{\"exp\":99999999999,", 1)),
        ("iss twice", good.replacen('{', "{\"iss\":\"x\",", 1)),
        ("an array", "[]".to_owned()),
        ("malformed JSON", "{".to_owned()),
        ("an empty payload", String::new()),
        ("a string", format!("\"{id}\"")),
        ("trailing text", format!("{good} x")),
        ("a control character", good.replace("postern", "post\u{0}ern")),
        ("deep nesting", format!("{{\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000))),
    ] {
        assert_ne!(payload, good, "{what}");
        assert_refused(&service, what, &forge::token(r#"{"alg":"HS256"}"#, &payload)).await;
    }
}

#[tokio::test]
async fn tokens_with_critical_header_extensions_are_rejected() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let claims = forge::claims(&id);
    for parameters in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":{}"#,
        r#""b64":true"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""crit":"exp""#,
        r#""crit":["http://example.com/x"],"http://example.com/x":1"#,
        r#""alg":"none""#,
    ] {
        assert_refused(&service, parameters, &forge::with_header(parameters, &claims)).await;
    }
}

#[tokio::test]
async fn other_kinds_of_tokens_that_the_same_key_signed_are_rejected() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let claims = forge::claims(&id);
    for parameters in [
        r#""typ":"logout+jwt""#,
        r#""typ":"id+jwt""#,
        r#""typ":"application/logout+jwt""#,
        r#""typ":"""#,
        r#""typ":null"#,
        r#""typ":["JWT"]"#,
        r#""typ":"JWT","typ":"at+jwt""#,
        r#""typ":"JWT","cty":"JWT""#,
        r#""kid":null"#,
        r#""unknown":1,"unknown":1"#,
    ] {
        assert_refused(&service, parameters, &forge::with_header(parameters, &claims)).await;
    }
    for typ in ["JWT", "jwt", "application/JWT", "at+jwt", "AT+JWT", "application/at+jwt"] {
        let token = forge::with_header(&format!(r#""typ":"{typ}""#), &claims);
        assert_eq!(service.get("/user", &token).await.status, 200, "{typ}");
    }
}

#[tokio::test]
async fn a_header_or_claims_that_are_not_utf8_or_name_a_member_twice_are_rejected() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let (header, claims) = (r#"{"alg":"HS256","x":"?"}"#.to_owned(), forge::claims(&id).to_string());
    let claims = claims.replacen('{', r#"{"x":{"y":["?"]},"#, 1);
    let sign = |header: &[u8], claims: &[u8]| {
        forge::sign(&forge::encode(header), &forge::encode(claims), KEY.as_bytes(), Algorithm::HS256)
    };
    assert_eq!(service.get("/user", &sign(header.as_bytes(), claims.as_bytes())).await.status, 200);
    // A lone byte, an overlong form, a surrogate, a truncated sequence and a code point that does not exist.
    for bytes in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\xf5\x80\x80\x80"] {
        let insert = |text: &str| {
            let (before, after) = text.split_once('?').unwrap();
            [before.as_bytes(), bytes, after.as_bytes()].concat()
        };
        assert_refused(&service, "header", &sign(&insert(&header), claims.as_bytes())).await;
        assert_refused(&service, "claims", &sign(header.as_bytes(), &insert(&claims))).await;
    }
    for twice in [r#"{"role":"user","role":"admin","#, r#"{"\u0073ub":"x","#] {
        let claims = claims.replacen('{', twice, 1);
        assert_refused(&service, twice, &sign(header.as_bytes(), claims.as_bytes())).await;
    }
}

#[tokio::test]
async fn key_references_in_a_token_header_do_not_affect_verification() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let claims = forge::claims(&id);
    let parameters = [
        r#""kid":"../../../../dev/null""#,
        r#""kid":"/dev/null""#,
        r#""kid":"x' UNION SELECT 'secret'--""#,
        r#""jku":"http://127.0.0.1:1/jwks.json""#,
        r#""x5u":"http://127.0.0.1:1/cert.pem""#,
        r#""jwk":{"kty":"oct","k":"c2VjcmV0"}"#,
        r#""x5c":["MIIB"]"#,
    ];
    for parameter in parameters {
        let header = format!(r#"{{"alg":"HS256",{parameter}}}"#);
        // Signed with the embedded key (`secret`), with an empty key, and with a zero byte.
        for key in ["secret", "", "\0"] {
            let token = forge::sign(
                &forge::encode(&header),
                &forge::encode(claims.to_string()),
                key.as_bytes(),
                Algorithm::HS256,
            );
            assert_refused(&service, parameter, &token).await;
        }
    }
    assert_eq!(service.get("/user", &forge::with_header(parameters[3], &claims)).await.status, 200, "correctly signed");
}

#[tokio::test]
async fn malformed_tokens_are_rejected() {
    let service = Service::start().await;
    let (_, good) = service.member(ADA).await;
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    let mut other_last = signature.to_owned();
    let last = other_last.pop().unwrap();
    // The last of 43 characters has two unused bits. Another character with the same four used bits decodes equally.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.find(last).unwrap();
    other_last.push(alphabet.as_bytes()[index ^ 1] as char);
    for (what, token) in [
        ("a word", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("five parts, as a JWE has", format!("{header}.{payload}.{signature}.{payload}.{signature}")),
        ("a part before", format!(".{good}")),
        ("a part behind", format!("{good}.")),
        ("padding", format!("{good}=")),
        ("padding within", format!("{header}=.{payload}.{signature}")),
        ("non-canonical base64url", format!("{header}.{payload}.{other_last}")),
        ("trailing bytes", format!("{good}AAAA")),
        ("a comma", format!("{good},{good}")),
        ("a space", format!("{header} .{payload}.{signature}")),
        ("quotes", format!("\"{good}\"")),
        ("percent-encoding", good.replace('.', "%2E")),
        ("100 KB", format!("{header}.{}.{signature}", "A".repeat(100_000))),
        ("long header", format!("{}.{payload}.{signature}", "A".repeat(5_000))),
    ] {
        let answer = service
            .request(reqwest::Method::GET, "/user")
            .header("x-access-token", token.as_bytes())
            .send()
            .await
            .unwrap();
        assert!([401, 431].contains(&answer.status().as_u16()), "{what}: {}", answer.status());
    }
    // A token in the standard base64 alphabet is rejected.
    let mut different = good.clone();
    while standard(&different) == different {
        different = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
    }
    assert_refused(&service, "the wrong base64 alphabet", &standard(&different)).await;
}

#[tokio::test]
async fn a_token_expires() {
    let service = Service::with(&[("JWT_LEEWAY", "0")]).await;
    let (_, token) = service.member(ADA).await;
    service.clock.advance(Duration::from_secs(1700));
    assert_eq!(service.get("/user", &token).await.status, 200);
    service.clock.advance(Duration::from_secs(100));
    assert_refused(&service, "expired", &token).await;
}
