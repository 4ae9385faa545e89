//! Issuing and verifying access tokens. The names that begin with `JWT_` are Flask-JWT's.

use std::time::Duration;

use super::env::{ConfigError, Env, Variable, is_printable};
use crate::domain::{
    keys::Algorithm,
    token::{Claim, ClaimSelection, IssuerConfig, VerifierConfig},
};

pub(super) const ISSUER: Variable = Variable::fixed("JWT_ISSUER", "postern");
pub(super) const AUDIENCE: Variable = Variable::unset("JWT_AUDIENCE");
pub(super) const LIFETIME: Variable = Variable::per_profile("JWT_EXPIRATION_DELTA", "1800", "900");
pub(super) const NOT_BEFORE: Variable = Variable::fixed("JWT_NOT_BEFORE_DELTA", "0");
pub(super) const LEEWAY: Variable = Variable::fixed("JWT_LEEWAY", "5");
pub(super) const VERIFIED_CLAIMS: Variable = Variable::fixed("JWT_VERIFY_CLAIMS", "signature,exp,nbf,iat");
pub(super) const REQUIRED_CLAIMS: Variable = Variable::fixed("JWT_REQUIRED_CLAIMS", "exp,iat,nbf");
pub(super) const USER_CLAIMS: Variable = Variable::unset("JWT_CLAIMS");
pub(super) const HEADER_PREFIX: Variable = Variable::fixed("JWT_AUTH_HEADER_PREFIX", "JWT");

/// Options of Flask-JWT that would disable verification or have no meaning here. Ignoring them would suggest that
/// they work.
const UNSUPPORTED: [(&str, &str); 3] = [
    ("JWT_VERIFY", "would disable verification, and tokens are always verified: remove it"),
    ("JWT_VERIFY_EXPIRATION", "would accept expired tokens, and expiration is always verified: remove it"),
    (
        "JWT_AUTH_ENDPOINT",
        "names a Flask endpoint, which does not exist here: remove it; JWT_AUTH_URL_RULE sets the path",
    ),
];

/// Longest lifetime of an access token, in seconds: 30 days. Services that verify tokens offline accept them until they
/// expire.
const MAX_LIFETIME: u64 = 30 * 24 * 60 * 60;

/// How tokens are issued and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// The content of new tokens.
    pub issuer: IssuerConfig,
    /// What is required of presented tokens.
    pub verifier: VerifierConfig,
    /// `JWT_AUTH_HEADER_PREFIX`: a scheme of `Authorization` that is accepted besides `Bearer`.
    pub header_prefix: String,
}

impl TokenSettings {
    pub(super) fn read(env: &Env<'_>, algorithm: Algorithm) -> Result<Self, ConfigError> {
        if let Some((name, problem)) = UNSUPPORTED.into_iter().find(|(name, _)| env.is_set(name)) {
            return Err(ConfigError::new(name, problem));
        }
        let issuer = env.matching(&ISSUER, is_printable, "must be 1 to 256 characters without control characters")?;
        let audience = audience(env, &issuer, algorithm)?;
        let (nbf, iat) = verified_claims(env)?;
        let verifier = VerifierConfig {
            required: required_claims(env, !audience.is_empty())?,
            issuer: issuer.clone(),
            audience: audience.first().cloned(),
            leeway: Duration::from_secs(env.number(&LEEWAY, 0..=300)?),
            nbf,
            iat,
        };
        Ok(Self { issuer: issuer_config(env, issuer, audience)?, verifier, header_prefix: header_prefix(env)? })
    }
}

/// The entries of `JWT_AUDIENCE`, the first of which is Postern's own.
fn audience(env: &Env<'_>, issuer: &str, algorithm: Algorithm) -> Result<Vec<String>, ConfigError> {
    let Some(text) = env.text(&AUDIENCE)? else {
        // RFC 9068 section 2.2 requires an audience: without one, every service that trusts the public keys would
        // accept the tokens, whatever they are meant for.
        return Ok(if algorithm.is_asymmetric() { vec![issuer.to_owned()] } else { Vec::new() });
    };
    let entries: Vec<String> = text.split(',').map(|entry| entry.trim().to_owned()).collect();
    let is_distinct = (1..entries.len()).all(|index| !entries[..index].contains(&entries[index]));
    if text.chars().count() <= 256 && is_distinct && entries.iter().all(|entry| is_printable(entry)) {
        return Ok(entries);
    }
    let problem = "must be an audience or a comma-separated list of different ones, of at most 256 characters without \
                   control characters";
    Err(AUDIENCE.error(problem))
}

fn issuer_config(env: &Env<'_>, issuer: String, audience: Vec<String>) -> Result<IssuerConfig, ConfigError> {
    let lifetime = env.number(&LIFETIME, 1..=MAX_LIFETIME)?;
    let delay = env.number(&NOT_BEFORE, 0..=MAX_LIFETIME)?;
    if delay >= lifetime {
        return Err(NOT_BEFORE.error("must be less than JWT_EXPIRATION_DELTA, or no token would ever be valid"));
    }
    Ok(IssuerConfig {
        issuer,
        audience,
        lifetime: Duration::from_secs(lifetime),
        not_before_delay: Duration::from_secs(delay),
        user_claims: user_claims(env)?,
    })
}

fn user_claims(env: &Env<'_>) -> Result<ClaimSelection, ConfigError> {
    if env.text(&USER_CLAIMS)?.is_none() {
        return Ok(ClaimSelection::default());
    }
    ClaimSelection::parse(&env.list(&USER_CLAIMS)?).map_err(|error| {
        USER_CLAIMS
            .error(format!("must be a comma-separated list of name, email, groups and users' own claims: {error}"))
    })
}

/// Whether `nbf` and `iat` are verified.
fn verified_claims(env: &Env<'_>) -> Result<(bool, bool), ConfigError> {
    let claims = env.list(&VERIFIED_CLAIMS)?;
    let has = |claim: &str| claims.iter().any(|entry| entry == claim);
    if !(has("signature") && has("exp")) {
        let problem = "must contain signature and exp: without them forged or expired tokens would be accepted";
        return Err(VERIFIED_CLAIMS.error(problem));
    }
    // `iss`, `sub` and `aud` are always verified, so naming them is correct.
    let known = ["signature", "exp", "nbf", "iat", "iss", "sub", "aud"];
    if !claims.iter().all(|claim| known.contains(&claim.as_str())) {
        return Err(
            VERIFIED_CLAIMS.error("must be a comma-separated list of signature, exp, nbf, iat, iss, sub and aud")
        );
    }
    Ok((has("nbf"), has("iat")))
}

fn required_claims(env: &Env<'_>, has_audience: bool) -> Result<Vec<Claim>, ConfigError> {
    let claims: Option<Vec<Claim>> = env.list(&REQUIRED_CLAIMS)?.iter().map(|name| Claim::parse(name)).collect();
    let claims = claims.ok_or_else(|| {
        REQUIRED_CLAIMS.error(
            "must be a comma-separated list of claims that Postern's tokens carry (iss, sub, public_id, iat, nbf, exp, \
             jti, aud)",
        )
    })?;
    if claims.contains(&Claim::Aud) && !has_audience {
        let problem = "must not contain aud while JWT_AUDIENCE is not set: with HS256, tokens have no aud then";
        return Err(REQUIRED_CLAIMS.error(problem));
    }
    if !claims.contains(&Claim::Exp) {
        return Err(REQUIRED_CLAIMS.error("must contain exp: a token without it would never expire"));
    }
    Ok(claims)
}

fn header_prefix(env: &Env<'_>) -> Result<String, ConfigError> {
    // A scheme is a token (RFC 9110 section 11.1), and Basic does not carry JWTs.
    let is_scheme = |text: &str| {
        text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
            && !text.eq_ignore_ascii_case("Basic")
    };
    env.matching(&HEADER_PREFIX, is_scheme, "must be one word of letters, digits and !#$%&'*+-.^_`|~, and not Basic")
}
