//! Signature algorithms and key sets.

use std::{path::PathBuf, time::Duration};

use jsonwebtoken::{Algorithm as Jws, EncodingKey, Header, jwk::JwkSet as PublicSet};
use serde_json::{Value, json};
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, Jwk, JwkSet, SigningKeySet},
    time::UnixSeconds,
    token::{ClaimSelection, Grant, Issuer, IssuerConfig, TokenBinding},
    user::PublicId,
};
use testkit::{ADA, Service, forge};

/// A temporary file with a key set.
pub(crate) struct KeyFile {
    path: PathBuf,
    /// The path as a setting.
    location: String,
}

impl KeyFile {
    pub(crate) fn new(keys: &[&Jwk]) -> Self {
        let path = std::env::temp_dir().join(format!("postern-{}.json", PublicId::random()));
        let file = Self { location: format!("file:{}", path.display()), path };
        file.set(keys);
        file
    }

    /// Replaces the keys atomically, as `admin` does.
    pub(crate) fn set(&self, keys: &[&Jwk]) {
        let next = self.path.with_extension("next");
        std::fs::write(&next, JwkSet::new(keys.iter().map(|key| (*key).clone()).collect()).to_json()).unwrap();
        std::fs::rename(next, &self.path).unwrap();
    }

    /// The settings of a service that uses the file.
    pub(crate) fn settings<'s>(&'s self, algorithm: &'s str) -> [(&'s str, &'s str); 3] {
        [("JWT_ALGORITHM", algorithm), ("JWT_SECRET_ARN", &self.location), ("JWT_SECRET_KEY", "")]
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A key from long ago, which signs at once.
pub(crate) fn key(algorithm: Algorithm) -> Jwk {
    Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap()
}

async fn service(algorithm: Algorithm, keys: &KeyFile, more: &[(&str, &str)]) -> Service {
    Service::with(&[&keys.settings(algorithm.name()), more].concat()).await
}

#[tokio::test]
async fn each_algorithm_signs_with_its_first_key_and_accepts_tokens_of_all_its_keys() {
    for algorithm in Algorithm::ALL {
        let (first, second) = (key(algorithm), key(algorithm));
        let file = KeyFile::new(&[&second]);
        let before = service(algorithm, &file, &[]).await;
        let (_, earlier) = before.member(ADA).await;
        file.set(&[&first, &second]);
        let settings = file.settings(algorithm.name());
        let service = before.another(&settings).await;
        let token = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
        let typ = if algorithm == Algorithm::Hs256 { "JWT" } else { "at+jwt" };
        assert_eq!(forge::header(&token), json!({ "alg": algorithm.name(), "typ": typ, "kid": first.kid() }));
        assert_eq!(forge::header(&earlier)["kid"], second.kid());
        for token in [&token, &earlier] {
            assert_eq!(service.get("/user", token).await.status, 200, "{algorithm}");
        }
        file.set(&[&first]);
        let service = before.another(&settings).await;
        assert_eq!(service.get("/user", &token).await.status, 200, "{algorithm}");
        assert_eq!(service.get("/user", &earlier).await.code(), (401, "invalid-token".to_owned()), "{algorithm}");
    }
}

/// A token that an attacker with the public keys can create.
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
        let signing = key(algorithm);
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
    let (signing, own) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let file = KeyFile::new(&[&signing]);
    let target = service(Algorithm::EdDsa, &file, &[]).await;
    let (id, _) = target.member(ADA).await;
    let other = KeyFile::new(&[&own]);
    let attacker = service(Algorithm::EdDsa, &other, &[("SESSION_IDLE", "0")]).await;
    let (_, token) = attacker.member(ADA).await;
    assert_eq!(target.get("/user", &token).await.status, 401, "signed with another key: {id}");
    let set: PublicSet = serde_json::from_str(&JwkSet::new(vec![own.public().unwrap()]).to_json()).unwrap();
    for header in [
        Header { jwk: Some(set.keys[0].clone()), ..Header::new(Jws::EdDSA) },
        Header { jku: Some(format!("{}/.well-known/jwks.json", attacker.url)), ..Header::new(Jws::EdDSA) },
        Header { kid: Some("../../etc/passwd".to_owned()), ..Header::new(Jws::EdDSA) },
        Header { kid: Some(signing.kid().to_owned()), ..Header::new(Jws::EdDSA) },
    ] {
        let header = forge::encode(serde_json::to_string(&header).unwrap());
        let rest = token.split_once('.').unwrap().1;
        assert_eq!(target.get("/user", &format!("{header}.{rest}")).await.status, 401);
    }
}

#[tokio::test]
async fn the_jwks_document_is_public_and_contains_only_public_keys() {
    for algorithm in Algorithm::ALL {
        let keys = [key(algorithm), key(algorithm)];
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
    let signing = key(Algorithm::Es256);
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

/// A token for `user` and this audience, signed with a key of the service.
fn signed(key: &Jwk, issuer: &str, audience: &[&str], user: &str, service: &Service) -> String {
    let set = JwkSet::new(vec![key.clone()]).to_json();
    let keys = SigningKeySet::parse(&set, key.algorithm(), Deployment::Aws).unwrap();
    let issuer = Issuer::new(IssuerConfig {
        issuer: issuer.to_owned(),
        audience: audience.iter().map(|&entry| entry.to_owned()).collect(),
        lifetime: Duration::from_secs(600),
        not_before_delay: Duration::ZERO,
        user_claims: ClaimSelection::default(),
    });
    let (signer, now) = (keys.signer(UnixSeconds::new(2), Duration::ZERO), service.clock.now().seconds());
    issuer.issue(signer, Grant::new(PublicId::parse(user).unwrap(), TokenBinding::Version(0)), now).unwrap().0
}

#[tokio::test]
async fn with_an_asymmetric_algorithm_the_issuer_is_the_default_audience() {
    let issuer = "https://auth.example.com";
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let signing = key(algorithm);
        let file = KeyFile::new(&[&signing]);
        let service = service(algorithm, &file, &[("JWT_ISSUER", issuer)]).await;
        let (id, token) = service.member(ADA).await;
        assert_eq!(forge::payload(&token)["aud"], issuer);
        assert_eq!(service.get("/user", &token).await.status, 200, "{algorithm}");
        for (audience, status) in
            [(&[][..], 401), (&["orders"][..], 401), (&["postern"], 401), (&[issuer], 200), (&["orders", issuer], 200)]
        {
            let token = signed(&signing, issuer, audience, &id, &service);
            assert_eq!(service.get("/user", &token).await.status, status, "{algorithm} {audience:?}");
        }
    }
}

#[tokio::test]
async fn tokens_carry_every_configured_audience_and_postern_requires_the_first() {
    let signing = key(Algorithm::EdDsa);
    let file = KeyFile::new(&[&signing]);
    let service = service(Algorithm::EdDsa, &file, &[("JWT_AUDIENCE", "auth, orders,reports")]).await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(forge::payload(&token)["aud"], json!(["auth", "orders", "reports"]));
    for (audience, status) in
        [(&["auth"][..], 200), (&["reports", "auth"], 200), (&["orders", "reports"], 401), (&["postern"], 401)]
    {
        let token = signed(&signing, "postern", audience, &id, &service);
        assert_eq!(service.get("/user", &token).await.status, status, "{audience:?}");
    }
}
