//! Tests of the content and of the length of issued tokens.

use std::time::Duration;

use aws_lc_rs::rsa::KeySize;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    ClaimSelection, Grant, IssueError, Issuer, IssuerConfig, MAX_TOKEN_BYTES, TokenBinding, Verifier, VerifierConfig,
};
use crate::domain::{
    deployment::Deployment,
    keys::{Algorithm, Jwk, JwkSet, SigningKey, SigningKeySet, rsa_signing_keys},
    session::SessionId,
    time::UnixSeconds,
    user::{MAX_CLAIMS_BYTES, MAX_EMAIL_BYTES, PublicId, PublicUser, User, UserClaims},
};

const NOW: UnixSeconds = UnixSeconds::new(1_795_334_400);

/// Issuer and audience of a usual length.
const URL: &str = "https://auth.example.com";

fn issuer(issuer: &str, audience: &[&str], claims: &[&str]) -> Issuer {
    Issuer::new(IssuerConfig {
        issuer: issuer.to_owned(),
        audience: audience.iter().map(|&entry| entry.to_owned()).collect(),
        lifetime: Duration::from_secs(900),
        not_before_delay: Duration::ZERO,
        user_claims: ClaimSelection::parse(claims).unwrap(),
    })
}

fn keys(algorithm: Algorithm) -> SigningKeySet {
    let key = Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap();
    SigningKeySet::parse(&JwkSet::new(vec![key]).to_json(), algorithm, Deployment::Aws).unwrap()
}

fn signer(keys: &SigningKeySet) -> &SigningKey {
    keys.signer(NOW, Duration::ZERO)
}

fn user(name: &str, email: &str, groups: &[&str], claims: &str) -> User {
    User {
        profile: PublicUser { public_id: PublicId::random(), name: name.to_owned(), email: email.to_owned() },
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        claims: UserClaims::parse(claims).unwrap(),
        disabled: false,
        version: 0,
    }
}

fn grant(issuer: &Issuer, user: &User) -> Grant {
    let binding = TokenBinding::Session(SessionId::from_bytes([0xff; 32]));
    let grant = Grant::new(user.profile.public_id, binding);
    Grant { auth_time: Some(UnixSeconds::new(1_795_000_000)), user_claims: issuer.claims_of(user), ..grant }
}

fn payload(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// A user whose name, address, groups and claims are as long as they may be together.
fn largest_user() -> User {
    let (name, email) = ("\u{1f469}".repeat(80), format!("{}@{}", "e".repeat(64), "d".repeat(189)));
    assert_eq!(email.len(), MAX_EMAIL_BYTES);
    let claims_of = |length: usize| format!(r#"{{"tier":"{}"}}"#, "\\u0001".repeat(200) + &"x".repeat(length));
    let fits = |length: &usize| {
        let user = user(&name, &email, &["admin"], &claims_of(*length));
        user.claims.check_total(&name, &email, &user.groups).is_ok()
    };
    let length = (0..MAX_CLAIMS_BYTES).take_while(fits).last().unwrap();
    user(&name, &email, &["admin"], &claims_of(length))
}

#[test]
fn a_token_carries_the_selected_claims_beside_its_own() {
    let (keys, user) =
        (keys(Algorithm::Hs256), user("Ada", "ada@example.com", &["admin"], r#"{"tier":[1,{"a":null}]}"#));
    let issuer = issuer(URL, &[], &["email", "groups", "tier", "absent"]);
    let (token, _) = issuer.issue(signer(&keys), grant(&issuer, &user), NOW).unwrap();
    let claims = payload(&token);
    let id = user.profile.public_id.to_string();
    let expected = json!({
        "iss": URL, "sub": id, "public_id": id, "iat": NOW, "nbf": NOW, "exp": NOW + Duration::from_secs(900),
        "jti": claims["jti"], "sid": SessionId::from_bytes([0xff; 32]), "auth_time": 1_795_000_000, "amr": ["pwd"],
        "email": "ada@example.com", "groups": ["admin"], "tier": [1, { "a": null }],
    });
    assert_eq!(claims, expected);
}

#[test]
fn the_largest_user_gets_a_token_that_fits_and_verifies_with_every_algorithm() {
    let user = largest_user();
    for (keys, algorithm) in Algorithm::ALL
        .map(|algorithm| (keys(algorithm), algorithm))
        .into_iter()
        .chain([(rsa_signing_keys(KeySize::Rsa3072), Algorithm::Rs256)])
    {
        let issuer = issuer(URL, &[URL], &["name", "email", "groups", "tier"]);
        assert_eq!(issuer.check_length(&keys), Ok(()), "{algorithm}");
        let (token, _) = issuer.issue(signer(&keys), grant(&issuer, &user), NOW).unwrap();
        assert!(token.len() <= MAX_TOKEN_BYTES, "{algorithm}: {}", token.len());
        let config = VerifierConfig {
            issuer: URL.to_owned(),
            audience: Some(URL.to_owned()),
            leeway: Duration::ZERO,
            nbf: true,
            iat: true,
            required: Vec::new(),
        };
        let verified = Verifier::new(algorithm, config).verify(&token, keys.as_ref(), NOW).unwrap();
        assert_eq!(verified.subject, user.profile.public_id);
    }
}

#[test]
fn the_longest_token_is_predicted_to_the_byte() {
    let (user, latest) = (largest_user(), UnixSeconds::LATEST);
    for keys in Algorithm::ALL.map(keys).into_iter().chain([rsa_signing_keys(KeySize::Rsa4096)]) {
        // So long an issuer that the longest token is rejected, and thus its length is known.
        let name = "i".repeat(1500);
        let issuer = issuer(&name, &[], &["name", "email", "groups", "tier"]);
        let predicted = issuer.check_length(&keys).unwrap_err().bytes;
        let grant = Grant { auth_time: Some(latest), ..grant(&issuer, &user) };
        let Err(IssueError::TooLong { bytes, .. }) = issuer.issue(signer(&keys), grant, latest) else {
            panic!("it is too long")
        };
        // `exp` is 900 seconds after the latest time, which has as many digits.
        assert_eq!(predicted, bytes);
    }
}

#[test]
fn a_check_accepts_exactly_the_tokens_that_can_be_issued() {
    for keys in Algorithm::ALL.map(keys).into_iter().chain([rsa_signing_keys(KeySize::Rsa4096)]) {
        let issuer = issuer(URL, &[URL], &["name", "groups"]);
        // Quotes and control characters, which JSON escapes, and letters of several bytes.
        let grant_of = |length| {
            let user = user("李\"\u{1}", "ada@example.com", &[&"g".repeat(length)], "{}");
            grant(&issuer, &user)
        };
        let is_accepted = |length: &usize| issuer.check(signer(&keys), grant_of(*length), NOW).is_ok();
        let longest = (1000..4000).take_while(is_accepted).last().unwrap();
        for (length, is_issued) in [(longest - 1, true), (longest, true), (longest + 1, false), (longest + 2, false)] {
            let issued = issuer.issue(signer(&keys), grant_of(length), NOW);
            assert_eq!(issued.is_ok(), is_issued, "{length}: {issued:?}");
        }
    }
}

#[test]
fn settings_whose_tokens_could_be_too_long_are_rejected_with_the_claim_or_setting_to_change() {
    let (eddsa, rsa4096) = (keys(Algorithm::EdDsa), rsa_signing_keys(KeySize::Rsa4096));
    let remedy = |issuer: &Issuer, keys: &SigningKeySet| issuer.check_length(keys).unwrap_err().to_string();
    let long = "a".repeat(1000);
    for (issuer, keys, change) in [
        (issuer(URL, &[URL], &["email", "groups", "tier"]), &rsa4096, "remove groups, tier from JWT_CLAIMS"),
        (issuer(URL, &[URL], &["tier"]), &rsa4096, "remove tier from JWT_CLAIMS"),
        (issuer(URL, &[&long], &["groups", "name"]), &eddsa, "remove groups from JWT_CLAIMS"),
        (issuer(&"i".repeat(2400), &[], &["name", "email"]), &eddsa, "remove name, email from JWT_CLAIMS"),
        (issuer(URL, &[&long, &"b".repeat(2000)], &["name"]), &eddsa, "shorten JWT_AUDIENCE"),
        (issuer(&"i".repeat(3000), &[&long], &[]), &eddsa, "shorten JWT_ISSUER"),
    ] {
        let text = remedy(&issuer, keys);
        assert!(text.ends_with(&format!("{change}, or sign with shorter keys")), "{text}");
    }
    for keys in [&eddsa, &rsa4096] {
        assert_eq!(issuer(URL, &[URL], &["name", "email"]).check_length(keys), Ok(()));
        assert_eq!(issuer(&"i".repeat(256), &[&"a".repeat(256)], &[]).check_length(keys), Ok(()));
    }
}

#[test]
fn a_token_that_would_be_too_long_is_not_issued_and_its_largest_claim_is_named() {
    let (small, large) = (keys(Algorithm::Rs256), rsa_signing_keys(KeySize::Rsa4096));
    let issuer = issuer(URL, &[URL], &["name", "groups", "tier"]);
    let huge = "g".repeat(3000);
    for (keys, user, expected) in [
        (&small, user("Ada", "ada@example.com", &[&huge], "{}"), "groups"),
        (&small, user(&huge, "ada@example.com", &["admin"], "{}"), "name"),
        // Keys that were rotated to larger ones after the start.
        (&large, user("Ada", "ada@example.com", &[], &format!(r#"{{"tier":"{}"}}"#, "x".repeat(2037))), "tier"),
    ] {
        let error = issuer.issue(signer(keys), grant(&issuer, &user), NOW).unwrap_err();
        let text = error.to_string();
        let checked = issuer.check(signer(keys), grant(&issuer, &user), NOW).unwrap_err();
        assert_eq!(checked.to_string(), text);
        assert!(matches!(&error, IssueError::TooLong { claim, .. } if claim == expected), "{text}");
        assert!(text.contains(&user.profile.public_id.to_string()) && !text.contains("ggg"), "{text}");
    }
}
