//! Algorithms, key sets, and keys that change while the service runs.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm as Jws, EncodingKey, Header, jwk::JwkSet as PublicSet};
use serde_json::{Value, json};
use shared::domain::time::UnixSeconds;
use shared::domain::{
    keys::{Algorithm, Jwk, JwkSet},
    user::PublicId,
};
use testkit::{ADA, GRACE, Service, forge};
use tokio::{task::JoinSet, time::sleep};

/// A temporary file with a key set.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(keys: &[&Jwk]) -> Self {
        let file = Self(std::env::temp_dir().join(format!("postern-{}.json", PublicId::random())));
        file.set(keys);
        file
    }

    /// Replaces the keys atomically, as `admin` does.
    fn set(&self, keys: &[&Jwk]) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, JwkSet::new(keys.iter().map(|key| (*key).clone()).collect()).to_json()).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    fn location(&self) -> String {
        format!("file:{}", self.0.display())
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(AsRef::<Path>::as_ref(&self.0));
    }
}

fn key(algorithm: Algorithm, now: u64) -> Jwk {
    Jwk::generate(algorithm, UnixSeconds::new(now)).unwrap()
}

fn now() -> u64 {
    u64::try_from(forge::now()).unwrap()
}

async fn service(algorithm: Algorithm, keys: &KeyFile, more: &[(&str, &str)]) -> Service {
    let location = keys.location();
    let settings = [("JWT_ALGORITHM", algorithm.name()), ("JWT_SECRET_ARN", location.as_str()), ("JWT_SECRET_KEY", "")];
    Service::with(&[&settings, more].concat()).await
}

#[tokio::test]
async fn each_algorithm_signs_with_its_first_key_and_accepts_tokens_of_all_its_keys() {
    for algorithm in Algorithm::ALL {
        let (first, second) = (key(algorithm, 1), key(algorithm, 1));
        let file = KeyFile::new(&[&second]);
        let before = service(algorithm, &file, &[]).await;
        let (_, earlier) = before.member(ADA).await;
        file.set(&[&first, &second]);
        let settings =
            [("JWT_ALGORITHM", algorithm.name()), ("JWT_SECRET_ARN", &file.location()), ("JWT_SECRET_KEY", "")];
        let service = Service::over(&settings, &before.endpoint, &before.endpoint).await;
        let token = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(forge::header(&token), json!({ "alg": algorithm.name(), "typ": "JWT", "kid": first.kid() }));
        assert_eq!(forge::header(&earlier)["kid"], second.kid());
        for token in [&token, &earlier] {
            assert_eq!(service.get("/user", token).await.status, 200, "{algorithm}");
        }
        file.set(&[&first]);
        let service = Service::over(&settings, &before.endpoint, &before.endpoint).await;
        assert_eq!(service.get("/user", &token).await.status, 200, "{algorithm}");
        assert_eq!(service.get("/user", &earlier).await.code(), (401, "invalid-token".to_owned()), "{algorithm}");
    }
}

/// A token that an attacker can create who knows the public keys.
fn forged(claims: &Value, alg: &str, kid: Option<&str>, key: &EncodingKey, signed_with: Jws) -> String {
    let header = match kid {
        Some(kid) => json!({ "alg": alg, "typ": "JWT", "kid": kid }),
        None => json!({ "alg": alg, "typ": "JWT" }),
    };
    let message = format!("{}.{}", forge::encode(header.to_string()), forge::encode(claims.to_string()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, signed_with).unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn a_token_of_another_algorithm_is_rejected_even_with_the_public_key_as_hmac_secret() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let signing = key(algorithm, 1);
        let file = KeyFile::new(&[&signing]);
        let service = service(algorithm, &file, &[]).await;
        let (id, good) = service.member(ADA).await;
        let claims = forge::claims(&id);
        let kid = Some(signing.kid());
        let public = JwkSet::new(vec![signing.public().unwrap()]).to_json();
        let members = serde_json::from_str::<Value>(&public).unwrap()["keys"][0]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>();
        for secret in members.iter().chain([&public]) {
            let hmac = EncodingKey::from_secret(secret.as_bytes());
            for alg in ["HS256", algorithm.name(), "none"] {
                let token = forged(&claims, alg, kid, &hmac, Jws::HS256);
                assert_eq!(service.get("/user", &token).await.status, 401, "{algorithm} {alg}");
            }
        }
        let (message, signature) = good.rsplit_once('.').unwrap();
        for token in [format!("{message}."), format!("{message}.{}", &signature[1..]), format!("{message}.AAAA")] {
            assert_eq!(service.get("/user", &token).await.status, 401);
        }
        // The same key, without a kid or with another kid.
        let (_, without) = good.split_once('.').unwrap();
        for header in [json!({ "alg": algorithm.name() }), json!({ "alg": algorithm.name(), "kid": "other" })] {
            let token = format!("{}.{without}", forge::encode(header.to_string()));
            assert_eq!(service.get("/user", &token).await.status, 401);
        }
    }
}

#[tokio::test]
async fn keys_embedded_in_a_token_are_ignored() {
    let (signing, own) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 1));
    let file = KeyFile::new(&[&signing]);
    let service = service(Algorithm::EdDsa, &file, &[]).await;
    let (id, _) = service.member(ADA).await;
    let other = KeyFile::new(&[&own]);
    let attacker = Service::with(&[
        ("JWT_ALGORITHM", "EdDSA"),
        ("JWT_SECRET_ARN", &other.location()),
        ("JWT_SECRET_KEY", ""),
        ("SESSION_IDLE", "0"),
    ])
    .await;
    let (_, token) = attacker.member(ADA).await;
    assert_eq!(service.get("/user", &token).await.status, 401, "signed with another key: {id}");
    let set: PublicSet = serde_json::from_str(&JwkSet::new(vec![own.public().unwrap()]).to_json()).unwrap();
    for header in [
        Header { jwk: Some(set.keys[0].clone()), ..Header::new(Jws::EdDSA) },
        Header { jku: Some(format!("{}/.well-known/jwks.json", attacker.url)), ..Header::new(Jws::EdDSA) },
        Header { kid: Some("../../etc/passwd".to_owned()), ..Header::new(Jws::EdDSA) },
        Header { kid: Some(signing.kid().to_owned()), ..Header::new(Jws::EdDSA) },
    ] {
        let header = forge::encode(serde_json::to_string(&header).unwrap());
        let rest = token.split_once('.').unwrap().1;
        assert_eq!(service.get("/user", &format!("{header}.{rest}")).await.status, 401);
    }
}

#[tokio::test]
async fn the_jwks_document_is_public_and_contains_only_public_keys() {
    for algorithm in Algorithm::ALL {
        let keys = [key(algorithm, 1), key(algorithm, 1)];
        let file = KeyFile::new(&[&keys[0], &keys[1]]);
        let service = service(algorithm, &file, &[]).await;
        let answer = service.get("/.well-known/jwks.json", "an invalid token").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert!(answer.header("cache-control").unwrap().starts_with("public, max-age="), "{answer:?}");
        let set = answer.json();
        let published = set["keys"].as_array().unwrap();
        if algorithm == Algorithm::Hs256 {
            assert_eq!(published.len(), 0, "an HMAC secret is never published");
            continue;
        }
        assert_eq!(published.len(), 2);
        for (key, published) in keys.iter().zip(published) {
            assert_eq!(
                (&published["kid"], &published["alg"], &published["use"]),
                (&json!(key.kid()), &json!(algorithm.name()), &json!("sig"))
            );
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(published.get(private).is_none(), "{private} in {published}");
            }
        }
    }
}

#[tokio::test]
async fn discovery_is_available_if_the_issuer_is_an_https_url() {
    let issuer = "https://auth.example.com";
    let signing = key(Algorithm::Es256, 1);
    let file = KeyFile::new(&[&signing]);
    for (given, uri) in [(issuer, issuer), ("https://auth.example.com/", issuer)] {
        let service = service(Algorithm::Es256, &file, &[("JWT_ISSUER", given)]).await;
        let answer = service.get("/.well-known/openid-configuration", "").await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=300")));
        let configuration = answer.json();
        assert_eq!(configuration["issuer"], given, "equal to the claim iss");
        assert_eq!(configuration["jwks_uri"], format!("{uri}/.well-known/jwks.json"));
        assert_eq!(configuration["id_token_signing_alg_values_supported"], json!(["ES256"]));
        let (_, token) = service.member(ADA).await;
        assert_eq!(forge::payload(&token)["iss"], given);
    }
    for issuer in ["postern", "http://auth.example.com", "https://auth.example.com/?a=b"] {
        let service = service(Algorithm::Es256, &file, &[("JWT_ISSUER", issuer)]).await;
        let answer = service.get("/.well-known/openid-configuration", "").await;
        assert_eq!(answer.code(), (404, "no-issuer-url".to_owned()), "{issuer}");
    }
}

#[tokio::test]
async fn a_configured_audience_is_issued_and_required() {
    let service =
        Service::with(&[("JWT_AUDIENCE", "https://api.example.com"), ("JWT_REQUIRED_CLAIMS", "exp,aud")]).await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(forge::payload(&token)["aud"], "https://api.example.com");
    assert_eq!(service.get("/user", &token).await.status, 200);
    for (audience, status) in [
        (json!("https://api.example.com"), 200),
        (json!(["other", "https://api.example.com"]), 200),
        (json!("https://api.example.com/"), 401),
        (json!("other"), 401),
        (json!(["other"]), 401),
        (json!([]), 401),
        (json!(""), 401),
        (json!(7), 401),
        (Value::Null, 401),
    ] {
        let mut claims = forge::claims(&id);
        claims["aud"] = audience.clone();
        assert_eq!(service.get("/user", &forge::with_claims(&claims)).await.status, status, "{audience}");
    }
    assert_eq!(service.get("/user", &forge::with_claims(&forge::claims(&id))).await.status, 401, "without an audience");
}

/// The observations of a client during rotations.
#[derive(Default, Debug)]
struct Seen {
    listings: usize,
    log_ins: usize,
    wrongly_rejected: Vec<String>,
    wrongly_accepted: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load_without_a_wrong_rejection_and_retired_keys_are_rejected_after_the_refresh_interval() {
    let refresh = Duration::from_secs(1);
    let mut old = key(Algorithm::EdDsa, 1);
    let file = KeyFile::new(&[&old]);
    let service = Arc::new(service(Algorithm::EdDsa, &file, &[("JWT_KEYS_REFRESH", "1")]).await);
    service.signed_in(ADA).await;
    service.signed_in(GRACE).await;

    let retired = Arc::new(Mutex::new(HashMap::<String, Instant>::new()));
    let is_done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for user in [ADA, GRACE, ADA] {
        let (service, retired, is_done) = (service.clone(), retired.clone(), is_done.clone());
        clients.spawn(async move {
            let mut seen = Seen::default();
            let mut tokens: Vec<String> = Vec::new();
            while !is_done.load(Ordering::SeqCst) {
                tokens.push(service.log_in(user[1], user[2]).await.json()["token"].as_str().unwrap().to_owned());
                seen.log_ins += 1;
                // The newest tokens, and a sample of the older ones.
                for token in tokens.iter().rev().take(3).chain(tokens.iter().step_by(20)) {
                    let kid = forge::header(token)["kid"].as_str().unwrap().to_owned();
                    let asked = Instant::now();
                    let status = service.get("/user/me", token).await.status;
                    seen.listings += 1;
                    match retired.lock().unwrap().get(&kid) {
                        // A retired key may be refused from then on, and has to be once the refresh time is over.
                        Some(at) if status == 200 && asked > *at + refresh => seen.wrongly_accepted.push(kid),
                        None if status != 200 => seen.wrongly_rejected.push(kid),
                        _ => {}
                    }
                }
            }
            seen
        });
    }
    // More often than an unknown `kid` may cause a reading: nobody signs with a key that others do not know yet.
    for _ in 0..3 {
        sleep(Duration::from_millis(500)).await;
        // As `admin keys rotate` and `admin keys retire` do it.
        let new = key(Algorithm::EdDsa, now());
        file.set(&[&new, &old]);
        sleep(Duration::from_millis(3100)).await;
        let latest = service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(forge::header(latest["token"].as_str().unwrap())["kid"], new.kid(), "the new key signs by now");
        file.set(&[&new]);
        retired.lock().unwrap().insert(old.kid().to_owned(), Instant::now());
        old = new;
    }
    sleep(Duration::from_millis(1500)).await;
    is_done.store(true, Ordering::SeqCst);
    let mut listings = 0;
    for seen in clients.join_all().await {
        assert!(seen.wrongly_rejected.is_empty() && seen.wrongly_accepted.is_empty(), "{seen:?}");
        assert!(seen.log_ins > 5, "{seen:?}");
        listings += seen.listings;
    }
    assert!(listings > 50, "{listings}");
}

#[tokio::test]
async fn a_new_key_signs_only_after_every_instance_has_had_time_to_read_it() {
    let old = key(Algorithm::EdDsa, 1);
    let file = KeyFile::new(&[&old]);
    let more = [("JWT_KEYS_REFRESH", "2")];
    let one = service(Algorithm::EdDsa, &file, &more).await;
    let settings = [
        ("JWT_ALGORITHM", "EdDSA"),
        ("JWT_SECRET_ARN", &file.location()),
        ("JWT_SECRET_KEY", ""),
        ("JWT_KEYS_REFRESH", "2"),
    ];
    let other = Service::over(&settings, &one.endpoint, &one.endpoint).await;
    let token = one.signed_in(ADA).await["token"].as_str().unwrap().to_owned();
    sleep(Duration::from_millis(2100)).await;
    // The other instance has just read the keys, and has used up its reading for unknown ones.
    assert_eq!(other.get("/user/me", &token).await.status, 200);
    let strange = format!("{}.{}", forge::encode(r#"{"alg":"EdDSA","kid":"?"}"#), token.split_once('.').unwrap().1);
    assert_eq!(other.get("/user/me", &strange).await.status, 401);
    let new = key(Algorithm::EdDsa, now());
    file.set(&[&new, &old]);
    let rotated = Instant::now();
    loop {
        let token = one.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
        let kid = forge::header(&token)["kid"].clone();
        assert_eq!(other.get("/user/me", &token).await.status, 200, "{kid} after {:?}", rotated.elapsed());
        if kid == new.kid() {
            break;
        }
        assert!(rotated.elapsed() < Duration::from_secs(7), "the new key never signs");
    }
    assert!(rotated.elapsed() > Duration::from_secs(3));
}
