//! Access tokens of the Flask application that Postern replaces: JWTs in HS256 with `public_id` and `exp`, or with
//! Flask-JWT's `identity`.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Map, Value};

use super::{TokenBinding, TokenError, VerifiedToken, object, verifier::MAX_BYTES};
use crate::domain::{
    deployment::Deployment,
    keys::{VerifyingKeySet, WeakSecret, hmac_secret},
    time::UnixSeconds,
    user::PublicId,
};

/// Claims of Postern's own tokens that the old application does not write. A token with one of them was issued by
/// Postern, or by a service that neither of the two trusts.
const FOREIGN_CLAIMS: [&str; 8] = ["iss", "sub", "aud", "jti", "sid", "ver", "auth_time", "amr"];

/// A rejected token that may be one of the old application. Clients are not told the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyTokenError {
    /// At or after `JWT_LEGACY_UNTIL`. The signature is not verified any more.
    #[error("tokens of the old application are not accepted any more")]
    Ended,
    /// Signed with the old key, and at or after `exp`.
    #[error("token of the old application is expired")]
    Expired,
    /// Signed with the old key, and before `nbf` or `iat`.
    #[error("token of the old application is not valid yet")]
    NotYetValid,
    /// Signed with the old key, and without a numeric `exp` or without the `public_id` of a user.
    #[error("token of the old application lacks a claim or has an invalid one")]
    Claims,
}

impl LegacyTokenError {
    /// A stable code for audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ended => "legacy-tokens-ended",
            Self::Expired => "legacy-token-expired",
            Self::NotYetValid => "legacy-token-not-yet-valid",
            Self::Claims => "legacy-token-invalid",
        }
    }
}

/// A rejected key of the old application. The text follows the name of the variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyKeyError {
    /// JSON, such as the key-value pairs that the console of Secrets Manager stores.
    #[error("holds JSON, but it must be the old application's SECRET_KEY itself")]
    Json,
    /// Text that ends in a line break, which a shell or an editor appends.
    #[error("ends in a line break, which would be a part of the key; `printf %s` writes none")]
    LineBreak,
    /// No key at all.
    #[error("is empty")]
    Empty,
    /// A key or a certificate in PEM, whose public part may be widely known.
    #[error("is in PEM format, but tokens in HS256 are signed with a shared secret")]
    Pem,
    /// Short, guessable or published.
    #[error(
        "is short, guessable or published in a tutorial, so an attacker can sign tokens with it; \
         JWT_LEGACY_ACCEPT_WEAK_KEY=on accepts it until JWT_LEGACY_UNTIL"
    )]
    Weak,
    /// The same as one of Postern's own keys.
    #[error("is one of Postern's own keys, which the old application must not have; generate a new key for Postern")]
    OwnKey,
}

/// Verifies tokens of the old application, until a date.
#[derive(Clone)]
pub struct LegacyVerifier {
    /// `None` if the date has passed when the function starts.
    key: Option<DecodingKey>,
    until: UnixSeconds,
    leeway: Duration,
}

impl LegacyVerifier {
    /// A verifier with the old application's `key`, which is accepted before `until`. A weak key is rejected unless
    /// `accepts_weak_key`, and one of Postern's own keys in any case.
    pub fn new(
        key: &str,
        accepts_weak_key: bool,
        own: &VerifyingKeySet,
        until: UnixSeconds,
        leeway: Duration,
    ) -> Result<Self, LegacyKeyError> {
        check(key, accepts_weak_key)?;
        if is_own(key, own) {
            return Err(LegacyKeyError::OwnKey);
        }
        Ok(Self { key: Some(DecodingKey::from_secret(key.as_bytes())), until, leeway })
    }

    /// A verifier that rejects every token, because the date has passed.
    pub fn ended(until: UnixSeconds) -> Self {
        Self { key: None, until, leeway: Duration::ZERO }
    }

    /// Whether a token that the ordinary verification rejected may be one of the old application: only if no key of
    /// Postern's verified it.
    pub fn may_verify(rejected: &TokenError) -> bool {
        matches!(rejected, TokenError::Algorithm | TokenError::UnknownKey | TokenError::Signature)
    }

    /// Verifies a token at the time `now`. `None`: the token is not one of the old application, so the error of the
    /// ordinary verification applies.
    ///
    /// The token is bound to version 0, with which users are imported: it is revoked when all sessions of the user are
    /// ended together, as by a password change.
    pub fn verify(&self, token: &str, now: UnixSeconds) -> Option<Result<VerifiedToken, LegacyTokenError>> {
        let (message, signature, claims) = parse(token)?;
        if now >= self.until {
            return Some(Err(LegacyTokenError::Ended));
        }
        let is_signed = crypto::verify(signature, message.as_bytes(), self.key.as_ref()?, Algorithm::HS256);
        if !is_signed.is_ok_and(|valid| valid) {
            return None;
        }
        let subject = self.verify_times(&claims, now).and_then(|()| subject(&claims));
        Some(subject.map(|subject| VerifiedToken { subject, binding: TokenBinding::Version(0) }))
    }

    fn verify_times(&self, claims: &Map<String, Value>, now: UnixSeconds) -> Result<(), LegacyTokenError> {
        let time = |name| claims.get(name).map(|value| numeric_date(value).ok_or(LegacyTokenError::Claims)).transpose();
        let (exp, nbf, iat) = (time("exp")?, time("nbf")?, time("iat")?);
        if exp.ok_or(LegacyTokenError::Claims)? + self.leeway <= now {
            return Err(LegacyTokenError::Expired);
        }
        if [nbf, iat].into_iter().flatten().any(|time| time > now + self.leeway) {
            return Err(LegacyTokenError::NotYetValid);
        }
        Ok(())
    }
}

fn check(key: &str, accepts_weak_key: bool) -> Result<(), LegacyKeyError> {
    if key.trim().is_empty() {
        return Err(LegacyKeyError::Empty);
    }
    if key.trim_start().starts_with(['{', '[']) {
        return Err(LegacyKeyError::Json);
    }
    if key.ends_with(['\n', '\r']) {
        return Err(LegacyKeyError::LineBreak);
    }
    match hmac_secret::check_strength(key.as_bytes(), Deployment::Aws) {
        Err(WeakSecret::Pem) => Err(LegacyKeyError::Pem),
        Err(_) if !accepts_weak_key => Err(LegacyKeyError::Weak),
        _ => Ok(()),
    }
}

/// Whether a key of the set verifies what `key` signs. Unlike a comparison of bytes, this recognizes a key that differs
/// only by zeros at its end, which HMAC ignores (RFC 2104 section 2).
fn is_own(key: &str, own: &VerifyingKeySet) -> bool {
    const PROBE: &[u8] = b"a message that both keys sign";
    let signature = crypto::sign(PROBE, &EncodingKey::from_secret(key.as_bytes()), Algorithm::HS256);
    let verifies = |signature: &String| own.verifies(signature, PROBE, Algorithm::HS256);
    signature.is_ok_and(|signature| verifies(&signature))
}

/// The signed part, the signature and the claims of a token as PyJWT writes them for the old application: the header
/// has `alg` and `typ` only, and no claim is Postern's.
fn parse(token: &str) -> Option<(&str, &str, Map<String, Value>)> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let header = object::decode(header).ok()?;
    let is_expected = |(name, value): (&String, &Value)| match name.as_str() {
        "alg" => value == "HS256",
        "typ" => value.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")),
        _ => false,
    };
    if !header.contains_key("alg") || !header.iter().all(is_expected) {
        return None;
    }
    let claims = object::decode(payload).ok()?;
    let is_foreign = FOREIGN_CLAIMS.iter().any(|claim| claims.contains_key(*claim));
    (!is_foreign).then_some((message, signature, claims))
}

/// The user: `public_id`, or else Flask-JWT's `identity`. A token with both names the same user twice. The old
/// application may write the identifier in another form than Postern, such as `uuid4().hex`.
fn subject(claims: &Map<String, Value>) -> Result<PublicId, LegacyTokenError> {
    let mut ids = ["public_id", "identity"].into_iter().filter_map(|name| claims.get(name));
    let parse = |value: &Value| value.as_str().and_then(PublicId::parse_any_form).ok_or(LegacyTokenError::Claims);
    let first = parse(ids.next().ok_or(LegacyTokenError::Claims)?)?;
    match ids.next().map(parse).transpose()? {
        Some(second) if second != first => Err(LegacyTokenError::Claims),
        _ => Ok(first),
    }
}

/// A NumericDate (RFC 7519 section 2), which may have a fraction: Python's `time.time()` has one.
fn numeric_date(value: &Value) -> Option<UnixSeconds> {
    let seconds = value.as_u64().or_else(|| Some(Duration::try_from_secs_f64(value.as_f64()?).ok()?.as_secs()))?;
    Some(UnixSeconds::new(seconds)).filter(|time| *time <= UnixSeconds::LATEST)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::domain::keys::{Algorithm as OwnAlgorithm, Jwk, JwkSet, SigningKeySet};

    const KEY: &str = "the secret of an old application: 81c2";
    const OWN: &str = "a key that only this test uses: 7d3e";
    const ID: &str = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55";
    const NOW: UnixSeconds = UnixSeconds::new(1_795_334_400);
    const UNTIL: UnixSeconds = UnixSeconds::new(NOW.get() + 86_400);
    const LEEWAY: Duration = Duration::from_secs(5);

    fn own_keys(text: &str) -> VerifyingKeySet {
        SigningKeySet::parse(text, OwnAlgorithm::Hs256, Deployment::Loopback).unwrap().into_verifying()
    }

    fn with_key(key: &str, accepts_weak_key: bool) -> Result<LegacyVerifier, LegacyKeyError> {
        LegacyVerifier::new(key, accepts_weak_key, &own_keys(OWN), UNTIL, LEEWAY)
    }

    fn sign(header: &str, claims: &str, key: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_secret(key.as_bytes());
        format!("{message}.{}", crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap())
    }

    const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

    fn token(claims: &Value) -> String {
        sign(HEADER, &claims.to_string(), KEY)
    }

    fn verify(token: &str, now: UnixSeconds) -> Option<Result<VerifiedToken, LegacyTokenError>> {
        with_key(KEY, false).unwrap().verify(token, now)
    }

    fn exp() -> u64 {
        NOW.get() + 600
    }

    #[test]
    fn a_token_names_its_user_by_public_id_or_identity() {
        let verified = VerifiedToken { subject: PublicId::parse(ID).unwrap(), binding: TokenBinding::Version(0) };
        for claims in [
            json!({ "public_id": ID, "exp": exp() }),
            json!({ "identity": ID, "exp": exp(), "iat": NOW.get(), "nbf": NOW.get() }),
            json!({ "public_id": ID, "identity": ID, "exp": exp() }),
            json!({ "public_id": ID, "exp": exp(), "name": "Ada", "admin": true }),
            json!({ "public_id": ID, "exp": 1_795_335_000.25 }),
            json!({ "public_id": ID.to_uppercase(), "exp": exp() }),
            json!({ "public_id": ID.replace('-', ""), "exp": exp() }),
            json!({ "identity": format!("urn:uuid:{ID}"), "public_id": ID.to_uppercase(), "exp": exp() }),
        ] {
            assert_eq!(verify(&token(&claims), NOW), Some(Ok(verified)), "{claims}");
        }
        let claims = json!({ "public_id": ID, "exp": exp() }).to_string();
        for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"jwt"}"#] {
            assert_eq!(verify(&sign(header, &claims, KEY), NOW), Some(Ok(verified)), "{header}");
        }
    }

    #[test]
    fn a_signed_token_without_a_numeric_exp_or_a_user_is_rejected() {
        for claims in [
            json!({ "public_id": ID }),
            json!({ "exp": exp() }),
            json!({ "public_id": ID, "exp": null }),
            json!({ "public_id": ID, "exp": exp().to_string() }),
            json!({ "public_id": ID, "exp": true }),
            json!({ "public_id": ID, "exp": -1 }),
            json!({ "public_id": ID, "exp": exp() * 1000 }),
            json!({ "public_id": ID, "exp": u64::MAX }),
            json!({ "public_id": ID, "exp": 1e300 }),
            json!({ "public_id": ID, "exp": exp(), "nbf": "now" }),
            json!({ "public_id": ID, "exp": exp(), "iat": [] }),
            json!({ "public_id": 17, "exp": exp() }),
            json!({ "public_id": "17", "exp": exp() }),
            json!({ "public_id": format!(" {ID}"), "exp": exp() }),
            json!({ "public_id": ID.replace("-4c43", "4c43"), "exp": exp() }),
            json!({ "public_id": format!("{ID}{ID}"), "exp": exp() }),
            json!({ "public_id": "0".repeat(32), "exp": exp() }),
            json!({ "public_id": [ID], "exp": exp() }),
            json!({ "identity": 1, "exp": exp() }),
            json!({ "public_id": ID, "identity": 1, "exp": exp() }),
            json!({ "public_id": ID, "identity": ID.replace('4', "5"), "exp": exp() }),
        ] {
            assert_eq!(verify(&token(&claims), NOW), Some(Err(LegacyTokenError::Claims)), "{claims}");
        }
    }

    #[test]
    fn the_times_of_a_token_are_verified_with_the_leeway() {
        let at = |changes: Value, now: u64| {
            let mut claims = json!({ "public_id": ID, "exp": exp() });
            claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            verify(&token(&claims), UnixSeconds::new(now)).unwrap().err()
        };
        assert_eq!(at(json!({}), exp() + 4), None);
        assert_eq!(at(json!({}), exp() + 5), Some(LegacyTokenError::Expired));
        for claim in ["nbf", "iat"] {
            assert_eq!(at(json!({ claim: NOW.get() + 5 }), NOW.get()), None);
            assert_eq!(at(json!({ claim: NOW.get() + 6 }), NOW.get()), Some(LegacyTokenError::NotYetValid));
        }
    }

    #[test]
    fn tokens_are_accepted_until_the_second_before_the_date() {
        let token = token(&json!({ "public_id": ID, "exp": UNTIL.get() + 1000 }));
        assert!(verify(&token, UnixSeconds::new(UNTIL.get() - 1)).unwrap().is_ok());
        for now in [UNTIL, UNTIL + LEEWAY, UNTIL + Duration::from_secs(1_000_000)] {
            assert_eq!(verify(&token, now), Some(Err(LegacyTokenError::Ended)));
            assert_eq!(LegacyVerifier::ended(UNTIL).verify(&token, now), Some(Err(LegacyTokenError::Ended)));
        }
        assert_eq!(LegacyVerifier::ended(UNTIL).verify(&token, NOW), None, "a clock that was set back");
    }

    #[test]
    fn a_token_that_the_old_application_did_not_write_is_left_to_the_ordinary_verification() {
        let claims = json!({ "public_id": ID, "exp": exp() }).to_string();
        for header in [
            r#"{"typ":"JWT","alg":"none"}"#,
            r#"{"typ":"JWT","alg":"HS384"}"#,
            r#"{"typ":"JWT","alg":"HS512"}"#,
            r#"{"typ":"JWT","alg":"hs256"}"#,
            r#"{"typ":"JWT","alg":["HS256"]}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            r#"{"alg":"HS256","typ":"refresh"}"#,
            r#"{"alg":"HS256","typ":null}"#,
            r#"{"alg":"HS256","kid":"a"}"#,
            r#"{"alg":"HS256","kid":null}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","cty":"JWT"}"#,
            r#"{"alg":"HS256","jwk":{}}"#,
        ] {
            assert_eq!(verify(&sign(header, &claims, KEY), NOW), None, "{header}");
        }
        for name in ["iss", "sub", "aud", "jti", "sid", "ver", "auth_time", "amr"] {
            let claims = json!({ "public_id": ID, "exp": exp(), name: ID });
            assert_eq!(verify(&token(&claims), NOW), None, "{claims}");
            assert_eq!(verify(&token(&claims), UNTIL), None, "{claims}");
        }
        let twice = format!(r#"{{"public_id":"{ID}","exp":1,"exp":{}}}"#, exp());
        assert_eq!(verify(&sign(HEADER, &twice, KEY), NOW), None);
        let good = sign(HEADER, &claims, KEY);
        for token in [
            sign(HEADER, &claims, OWN),
            sign(HEADER, &claims, &format!("{KEY} ")),
            good.rsplit_once('.').unwrap().0.to_owned() + ".",
            format!("{good}."),
            format!("{good}="),
            good.replacen('.', "..", 1),
            good[1..].to_owned(),
            token(&json!({ "public_id": ID, "exp": exp(), "padding": "x".repeat(MAX_BYTES) })),
        ] {
            assert_eq!(verify(&token, NOW), None, "{token:.100}");
        }
    }

    #[test]
    fn only_tokens_that_no_key_of_postern_verifies_are_considered() {
        let considered = [TokenError::Algorithm, TokenError::UnknownKey, TokenError::Signature];
        assert!(considered.iter().all(LegacyVerifier::may_verify));
        let others = [
            TokenError::TooLong,
            TokenError::Unreadable,
            TokenError::Type,
            TokenError::Audience,
            TokenError::Extension,
            TokenError::Expired,
            TokenError::NotYetValid,
            TokenError::ImpossibleTime,
            TokenError::Issuer,
            TokenError::MissingClaim,
            TokenError::Subject,
        ];
        assert!(!others.iter().any(LegacyVerifier::may_verify));
    }

    #[test]
    fn a_weak_key_is_accepted_only_if_the_operator_says_so() {
        for key in ["super-secret", "your secret key", "k", "your secret key, your secret key!", &"ab".repeat(40)] {
            assert_eq!(with_key(key, false).err(), Some(LegacyKeyError::Weak), "{key}");
            assert!(with_key(key, true).is_ok(), "{key}");
        }
        assert!(with_key(KEY, false).is_ok());
    }

    #[test]
    fn text_that_is_not_the_key_itself_is_rejected_in_any_case() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                   -----END PUBLIC KEY-----";
        for (key, error) in [
            ("", LegacyKeyError::Empty),
            (" \t", LegacyKeyError::Empty),
            (r#"{"SECRET_KEY":"x"}"#, LegacyKeyError::Json),
            (&format!("{KEY}\n"), LegacyKeyError::LineBreak),
            (&format!("{KEY}\r\n"), LegacyKeyError::LineBreak),
            (pem, LegacyKeyError::Pem),
            (OWN, LegacyKeyError::OwnKey),
            (&format!("{OWN}\0"), LegacyKeyError::OwnKey),
        ] {
            for accepts_weak_key in [false, true] {
                assert_eq!(with_key(key, accepts_weak_key).err(), Some(error), "{key}");
            }
        }
    }

    #[test]
    fn a_key_of_a_set_is_recognized_as_postern_s_own() {
        let jwk = Jwk::generate(OwnAlgorithm::Hs256, NOW).unwrap();
        let set = JwkSet::new(vec![Jwk::generate(OwnAlgorithm::Hs256, NOW).unwrap(), jwk]).to_json();
        let own = own_keys(&set);
        assert!(LegacyVerifier::new(KEY, false, &own, UNTIL, LEEWAY).is_ok());
        let text = format!(
            r#"{{"keys":[{{"kty":"oct","alg":"HS256","use":"sig","kid":"one","k":"{}"}}]}}"#,
            URL_SAFE_NO_PAD.encode(KEY)
        );
        let outcome = LegacyVerifier::new(KEY, false, &own_keys(&text), UNTIL, LEEWAY);
        assert_eq!(outcome.err(), Some(LegacyKeyError::OwnKey));
    }
}
