//! Settings: read once from the environment, before the first request.
//!
//! The names that begin with `JWT_` are Flask-JWT's. A profile is a set of defaults and nothing else; what is set by itself wins.

use std::{env, ffi::OsString, net::IpAddr, ops::RangeInclusive, thread, time::Duration};

use axum::http::Uri;
use secrecy::SecretString;

use crate::{
    aws::keys::source::KeyLocation,
    domain::{
        client_ip::AddressForm,
        keys::{jwk::Algorithm, key_set::SigningKeySet},
        password::{Cost, OWASP_MINIMUM},
        session::Lifetime,
        throttle::{BackoffPolicy, GcraLimit, Limits},
        token::{Claim, IssuerConfig, VerifierConfig},
    },
    http::{browser::cookies::Cookies, service::ResponseOptions},
};

/// Longest life of an access token, in seconds: 30 days. One that lives longer is a password that nobody can change.
const LONGEST_LIFE: u64 = 30 * 24 * 60 * 60;

/// Longest life of a session, in seconds: a year.
const LONGEST_SESSION: u64 = 365 * 24 * 60 * 60;

/// Whose expectations the answers meet: `AUTH_PROFILE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProfile {
    /// Every status, header and sentence that the tutorials' clients know.
    Tutorial,
    /// What OWASP and NIST ask for.
    Strict,
}

/// A setting that cannot be used. The text names the variable, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} {problem}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    problem: String,
}

/// Where the keys that sign come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `JWT_SECRET_KEY`: the key itself.
    Value(SecretString),
    /// `JWT_SECRET_ARN`: where it is kept.
    KeyLocation(KeyLocation),
}

/// Which keys, and how long they are good for without another look.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// `JWT_ALGORITHM`.
    pub algorithm: Algorithm,
    /// `JWT_KEYS_REFRESH`: after this long the keys are read again.
    pub refresh: Duration,
    /// The database is on this machine, so the development key and files will do.
    pub local: bool,
    secret: Option<KeySource>,
    public: Option<KeyLocation>,
}

/// How log-in is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIn {
    /// `JWT_AUTH_URL_RULE`.
    pub path: String,
    /// `JWT_AUTH_USERNAME_KEY`: the field that holds the address.
    pub email_field: String,
    /// `JWT_AUTH_PASSWORD_KEY`.
    pub password_field: String,
}

/// How refusals are worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorStyle {
    /// Decides about statuses and sentences.
    pub profile: SecurityProfile,
    /// `JWT_DEFAULT_REALM`, if it is set.
    pub realm: Option<String>,
}

impl ErrorStyle {
    /// The realm of a challenge (RFC 9110 11.5).
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or("Login required")
    }

    /// The challenge of whoever asks for a token (RFC 6750 3).
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer realm=\"{}\"", self.realm())
    }
}

/// Whose certificates TLS takes from AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Those of Amazon's own roots, and those of the system's store where an endpoint has another issuer.
    Amazon,
    /// Those of the system's store, at once.
    System,
}

/// All settings. Tables and keys are asked for with methods, since no function needs all of them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How refusals are worded.
    pub style: ErrorStyle,
    /// How log-in is called.
    pub log_in: LogIn,
    /// What is written into tokens.
    pub issuing: IssuerConfig,
    /// What is asked of tokens.
    pub checks: VerifierConfig,
    /// Which keys sign and check.
    pub keys: KeySettings,
    /// `SESSION_IDLE`, `SESSION_MAX`. `None`: there are no sessions.
    pub sessions: Option<Lifetime>,
    /// `JWT_AUTH_HEADER_PREFIX`: a scheme of `Authorization` that is taken beside `Bearer`.
    pub header_prefix: String,
    /// `LIST_USERS_GROUP`: who may list users. `None`: every signed-in user.
    pub list_users_group: Option<String>,
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub password_min_length: usize,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`, `ARGON2_PARALLELISM`.
    pub hash_cost: Cost,
    /// `THROTTLE_…`: how often somebody may guess.
    pub limits: Limits,
    /// `AUDIT_ADDRESS`: how the log names clients.
    pub audit_address: AddressForm,
    /// `METRICS`: whether metrics are written.
    pub metrics: bool,
    /// How many processors there are, by `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` where it is set.
    pub processors: usize,
    /// `TLS_ROOTS`: whom TLS trusts at first.
    pub roots: Roots,
    /// `WARM_UP`: whether a function connects to the database while it starts.
    pub warm_up: bool,
    throttle: Throttle,
    users_table: Option<String>,
    credentials_table: Option<String>,
    sessions_table: Option<String>,
    throttle_table: Option<String>,
}

/// The limits as they were set.
#[derive(Debug, Clone, Copy)]
struct Throttle {
    failures: u32,
    wait: u64,
    max_wait: u64,
    known: u64,
    account: u32,
    address: u32,
    sign_ups: u32,
}

/// Limits that are no weaker than these are not warned of.
const THROTTLE: Throttle = Throttle {
    // Enough for somebody who tries the passwords they have in turn.
    failures: 5,
    // Long enough to make a program give up, short enough to wait for.
    wait: 30,
    // Somebody who goes on for a day has some hundred guesses.
    max_wait: 900,
    // As long as a session lives without use.
    known: 30 * 24 * 60 * 60,
    // NIST SP 800-63B-4 3.2.2: no more than 100 in a row, and here no more in an hour.
    account: 100,
    // A school or an office behind one address, and little for who tries one password with every account.
    address: 300,
    // A class that signs up together, and little for who fills the table.
    sign_ups: 100,
};

impl Settings {
    /// Reads the environment of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(env::var_os)
    }

    /// Reads settings from `env`, which gives a variable's value by its name.
    /// A variable that is set to nothing counts as not set, except for `LIST_USERS_GROUP`, where nothing means everybody.
    pub fn read(env: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let env = Env(&env);
        env.refuse_switches()?;
        let profile = env.profile()?;
        let strict = profile == SecurityProfile::Strict;
        let issuer = env.matching(
            "JWT_ISSUER",
            "postern",
            is_printable,
            "must be 1 to 256 characters, none of them a control character",
        )?;
        let leeway = Duration::from_secs(env.number("JWT_LEEWAY", 0..=300, 5)?);
        let audience = env.audience()?;
        let verified = env.verified_claims()?;
        let throttle = env.throttle()?;
        Ok(Self {
            style: ErrorStyle { profile, realm: env.realm()? },
            log_in: env.log_in()?,
            issuing: env.issuing(issuer.clone(), audience.clone(), if strict { 900 } else { 1800 })?,
            checks: VerifierConfig {
                required: env.required_claims(audience.is_some())?,
                issuer,
                audience,
                leeway,
                nbf: verified.nbf,
                iat: verified.iat,
            },
            keys: env.keys()?,
            sessions: env.sessions()?,
            header_prefix: env.header_prefix()?,
            list_users_group: env.list_users_group(strict)?,
            password_min_length: env.number("PASSWORD_MIN_LENGTH", 8..=128, if strict { 15 } else { 8 })?,
            hash_cost: env.hash_cost()?,
            limits: throttle.limits(),
            audit_address: env.audit_address()?,
            metrics: env.switch("METRICS")?,
            processors: env.processors(),
            roots: env.roots()?,
            warm_up: env.switch("WARM_UP")?,
            throttle,
            users_table: env.table("USERS_TABLE")?,
            credentials_table: env.table("CREDENTIALS_TABLE")?,
            sessions_table: env.table("SESSIONS_TABLE")?,
            throttle_table: env.table("THROTTLE_TABLE")?,
        })
    }

    /// `USERS_TABLE`.
    pub fn users_table(&self) -> Result<&str, ConfigError> {
        self.users_table.as_deref().ok_or_else(|| wrong("USERS_TABLE", "is not set"))
    }

    /// `CREDENTIALS_TABLE`.
    pub fn credentials_table(&self) -> Result<&str, ConfigError> {
        self.credentials_table.as_deref().ok_or_else(|| wrong("CREDENTIALS_TABLE", "is not set"))
    }

    /// `SESSIONS_TABLE`.
    pub fn sessions_table(&self) -> Result<&str, ConfigError> {
        self.sessions_table.as_deref().ok_or_else(|| wrong("SESSIONS_TABLE", "is not set"))
    }

    /// `THROTTLE_TABLE`.
    pub fn throttle_table(&self) -> Result<&str, ConfigError> {
        self.throttle_table.as_deref().ok_or_else(|| wrong("THROTTLE_TABLE", "is not set"))
    }

    /// How requests are answered.
    pub fn options(&self) -> ResponseOptions {
        ResponseOptions { style: self.style.clone(), address: self.audit_address }
    }

    /// What browsers keep.
    pub fn cookies(&self) -> Cookies {
        Cookies { local: self.keys.local }
    }

    /// `JWT_SECRET_KEY` or `JWT_SECRET_ARN`.
    pub fn key(&self) -> Result<&KeySource, ConfigError> {
        self.keys.secret.as_ref().ok_or_else(|| {
            wrong("JWT_SECRET_KEY", "is not set, and neither is JWT_SECRET_ARN: one of the two is needed")
        })
    }

    /// `JWT_PUBLIC_KEYS_ARN`. `None` with HS256, which has no public keys.
    pub fn public_keys(&self) -> Result<Option<&KeyLocation>, ConfigError> {
        match &self.keys.public {
            None if self.keys.algorithm.is_asymmetric() => Err(wrong(
                "JWT_PUBLIC_KEYS_ARN",
                "is not set: whoever checks tokens of this JWT_ALGORITHM does so with public keys only",
            )),
            public => Ok(public.as_ref()),
        }
    }

    /// Whether keys are kept in AWS.
    pub fn reads_keys_from_aws(&self) -> bool {
        let secret = match &self.keys.secret {
            Some(KeySource::KeyLocation(place)) => Some(place),
            Some(KeySource::Value(_)) | None => None,
        };
        secret.into_iter().chain(&self.keys.public).any(|place| !matches!(place, KeyLocation::File(_)))
    }

    /// Whether `JWT_PUBLIC_KEYS_ARN` is set.
    pub fn has_public_keys(&self) -> bool {
        self.keys.public.is_some()
    }

    /// The rules that are weaker than the strict profile's, by the names of their settings.
    pub fn relaxed_rules(&self) -> Vec<&'static str> {
        [
            ("AUTH_PROFILE", self.style.profile == SecurityProfile::Tutorial),
            ("JWT_EXPIRATION_DELTA", self.issuing.lifetime > Duration::from_secs(900)),
            ("JWT_LEEWAY", self.checks.leeway > Duration::from_secs(5)),
            ("JWT_VERIFY_CLAIMS", !(self.checks.nbf && self.checks.iat)),
            ("JWT_REQUIRED_CLAIMS", ![Claim::Iat, Claim::Nbf].iter().all(|claim| self.checks.required.contains(claim))),
            ("LIST_USERS_GROUP", self.list_users_group.is_none()),
            ("PASSWORD_MIN_LENGTH", self.password_min_length < 15),
            ("THROTTLE_PAIR_FAILURES", self.throttle.failures > THROTTLE.failures),
            ("THROTTLE_PAIR_WAIT", self.throttle.wait < THROTTLE.wait),
            ("THROTTLE_PAIR_MAX_WAIT", self.throttle.max_wait < THROTTLE.max_wait),
            ("THROTTLE_ACCOUNT_GUESSES", is_weaker(self.throttle.account, THROTTLE.account)),
            ("THROTTLE_ADDRESS_GUESSES", is_weaker(self.throttle.address, THROTTLE.address)),
            ("THROTTLE_ADDRESS_SIGNUPS", is_weaker(self.throttle.sign_ups, THROTTLE.sign_ups)),
        ]
        .into_iter()
        .filter_map(|(name, relaxed)| relaxed.then_some(name))
        .collect()
    }
}

/// Whether a rate is switched off, or lets more through.
fn is_weaker(limit: u32, default: u32) -> bool {
    limit == 0 || limit > default
}

impl Throttle {
    fn limits(self) -> Limits {
        Limits {
            pair: BackoffPolicy {
                failures: self.failures,
                wait: Duration::from_secs(self.wait),
                max_wait: Duration::from_secs(self.max_wait),
                known: Duration::from_secs(self.known),
            },
            account: GcraLimit::an_hour(self.account),
            address: GcraLimit::an_hour(self.address),
            sign_ups: GcraLimit::an_hour(self.sign_ups),
        }
    }
}

fn wrong(variable: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError { variable, problem: problem.into() }
}

/// The variables, each read by the method that knows its rules.
struct Env<'a>(&'a dyn Fn(&'static str) -> Option<OsString>);

/// The checks of `JWT_VERIFY_CLAIMS` that can be left out.
struct VerifiedClaims {
    nbf: bool,
    iat: bool,
}

impl Env<'_> {
    fn given(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let value = (self.0)(name).map(|value| value.into_string().map_err(|_| wrong(name, "is not UTF-8")));
        value.transpose()
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        Ok(self.given(name)?.filter(|value| !value.is_empty()))
    }

    fn matching(
        &self,
        name: &'static str,
        default: &str,
        rule: impl Fn(&str) -> bool,
        problem: &str,
    ) -> Result<String, ConfigError> {
        let value = self.text(name)?.unwrap_or_else(|| default.to_owned());
        if rule(&value) { Ok(value) } else { Err(wrong(name, problem)) }
    }

    fn number<N>(&self, name: &'static str, range: RangeInclusive<N>, default: N) -> Result<N, ConfigError>
    where
        N: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(value) = self.text(name)? else { return Ok(default) };
        // `+5` is a number for Rust, and a slip of the hand in a setting.
        let number = value.parse().ok().filter(|number| range.contains(number) && !value.starts_with('+'));
        number.ok_or_else(|| wrong(name, format!("must be a whole number from {} to {}", range.start(), range.end())))
    }

    fn list(&self, name: &'static str, default: &str) -> Result<Vec<String>, ConfigError> {
        let value = self.text(name)?.unwrap_or_else(|| default.to_owned());
        Ok(value.split(',').map(|entry| entry.trim().to_owned()).collect())
    }

    /// Options of Flask-JWT that have no meaning here. Ignoring them would let a reader believe that they work.
    fn refuse_switches(&self) -> Result<(), ConfigError> {
        let switches = [
            ("JWT_VERIFY", "would switch checks off; tokens are always checked: remove it"),
            ("JWT_VERIFY_EXPIRATION", "would let expired tokens in; expiry is always checked: remove it"),
            (
                "JWT_AUTH_ENDPOINT",
                "names a Flask endpoint, and there is none: remove it; the path is JWT_AUTH_URL_RULE",
            ),
        ];
        match switches.into_iter().find(|(name, _)| (self.0)(name).is_some()) {
            Some((name, problem)) => Err(wrong(name, problem)),
            None => Ok(()),
        }
    }

    fn profile(&self) -> Result<SecurityProfile, ConfigError> {
        match self.text("AUTH_PROFILE")?.as_deref() {
            None | Some("tutorial") => Ok(SecurityProfile::Tutorial),
            Some("strict") => Ok(SecurityProfile::Strict),
            Some(_) => Err(wrong("AUTH_PROFILE", "must be tutorial or strict")),
        }
    }

    fn audience(&self) -> Result<Option<String>, ConfigError> {
        match self.text("JWT_AUDIENCE")? {
            Some(audience) if !is_printable(&audience) => {
                Err(wrong("JWT_AUDIENCE", "must be at most 256 characters, none of them a control character"))
            }
            audience => Ok(audience),
        }
    }

    fn realm(&self) -> Result<Option<String>, ConfigError> {
        let realm = self.text("JWT_DEFAULT_REALM")?;
        // What a quoted-string holds without escapes (RFC 9110 5.6.4): clients get those wrong.
        let is_plain = |text: &str| {
            text.len() <= 256 && text.chars().all(|c| c == ' ' || c.is_ascii_graphic() && c != '"' && c != '\\')
        };
        match realm {
            Some(realm) if !is_plain(&realm) => {
                Err(wrong("JWT_DEFAULT_REALM", "must be at most 256 characters of printable ASCII without \" and \\"))
            }
            realm => Ok(realm),
        }
    }

    fn log_in(&self) -> Result<LogIn, ConfigError> {
        let field = "must be 1 to 256 characters, none of them a control character";
        let path =
            "must be a path like /login: segments of letters, digits, - . _ ~, and none of Postern's other paths";
        let log_in = LogIn {
            path: self.matching("JWT_AUTH_URL_RULE", "/login", is_free_path, path)?,
            email_field: self.matching("JWT_AUTH_USERNAME_KEY", "email", is_printable, field)?,
            password_field: self.matching("JWT_AUTH_PASSWORD_KEY", "password", is_printable, field)?,
        };
        if log_in.email_field == log_in.password_field {
            return Err(wrong("JWT_AUTH_PASSWORD_KEY", "must not be the same as JWT_AUTH_USERNAME_KEY"));
        }
        Ok(log_in)
    }

    fn issuing(&self, issuer: String, audience: Option<String>, lifetime: u64) -> Result<IssuerConfig, ConfigError> {
        let lifetime = self.number("JWT_EXPIRATION_DELTA", 1..=LONGEST_LIFE, lifetime)?;
        let delay = self.number("JWT_NOT_BEFORE_DELTA", 0..=LONGEST_LIFE, 0)?;
        if delay >= lifetime {
            return Err(wrong(
                "JWT_NOT_BEFORE_DELTA",
                "must be less than JWT_EXPIRATION_DELTA, or no token is ever valid",
            ));
        }
        Ok(IssuerConfig {
            issuer,
            audience,
            lifetime: Duration::from_secs(lifetime),
            not_before_delay: Duration::from_secs(delay),
        })
    }

    fn verified_claims(&self) -> Result<VerifiedClaims, ConfigError> {
        const NAME: &str = "JWT_VERIFY_CLAIMS";
        let claims = self.list(NAME, "signature,exp,nbf,iat")?;
        let has = |claim: &str| claims.iter().any(|entry| entry == claim);
        if !(has("signature") && has("exp")) {
            return Err(wrong(
                NAME,
                "must contain signature and exp: without them anybody's token is good, or for ever",
            ));
        }
        // `iss`, `sub` and `aud` are checked whatever is asked for, so asking for them is right.
        let known = ["signature", "exp", "nbf", "iat", "iss", "sub", "aud"];
        if !claims.iter().all(|claim| known.contains(&claim.as_str())) {
            return Err(wrong(
                NAME,
                "must be a list of signature, exp, nbf, iat, iss, sub and aud, with commas between them",
            ));
        }
        Ok(VerifiedClaims { nbf: has("nbf"), iat: has("iat") })
    }

    fn required_claims(&self, has_audience: bool) -> Result<Vec<Claim>, ConfigError> {
        const NAME: &str = "JWT_REQUIRED_CLAIMS";
        let claims: Option<Vec<Claim>> =
            self.list(NAME, "exp,iat,nbf")?.iter().map(|name| Claim::parse(name)).collect();
        let claims = claims.ok_or_else(|| {
            wrong(NAME, "must be a list of claims that Postern's tokens carry (iss, sub, public_id, iat, nbf, exp, jti, aud), with commas between them")
        })?;
        if claims.contains(&Claim::Aud) && !has_audience {
            return Err(wrong(NAME, "must not contain aud while JWT_AUDIENCE is not set: no token has one then"));
        }
        if !claims.contains(&Claim::Exp) {
            return Err(wrong(NAME, "must contain exp: a token without it would be good for ever"));
        }
        Ok(claims)
    }

    fn header_prefix(&self) -> Result<String, ConfigError> {
        // A scheme is a token (RFC 9110 11.1), and Basic carries no JWT.
        let is_scheme = |text: &str| {
            text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
                && !text.eq_ignore_ascii_case("Basic")
        };
        self.matching(
            "JWT_AUTH_HEADER_PREFIX",
            "JWT",
            is_scheme,
            "must be one word of letters, digits and !#$%&'*+-.^_`|~, and not Basic",
        )
    }

    fn list_users_group(&self, strict: bool) -> Result<Option<String>, ConfigError> {
        let group = self.given("LIST_USERS_GROUP")?.unwrap_or_else(|| if strict { "admin" } else { "" }.to_owned());
        if group.is_empty() {
            return Ok(None);
        }
        if !is_printable(&group) || group.trim() != group {
            return Err(wrong(
                "LIST_USERS_GROUP",
                "must be a group's name: up to 256 characters without surrounding space and control characters",
            ));
        }
        Ok(Some(group))
    }

    fn hash_cost(&self) -> Result<Cost, ConfigError> {
        // Upper bounds keep a slip of the hand from costing more memory than a function can have, or minutes.
        Ok(Cost {
            memory_kib: self.number(
                "ARGON2_MEMORY_KIB",
                OWASP_MINIMUM.memory_kib..=1_048_576,
                OWASP_MINIMUM.memory_kib,
            )?,
            iterations: self.number("ARGON2_ITERATIONS", OWASP_MINIMUM.iterations..=100, OWASP_MINIMUM.iterations)?,
            parallelism: self.number(
                "ARGON2_PARALLELISM",
                OWASP_MINIMUM.parallelism..=16,
                OWASP_MINIMUM.parallelism,
            )?,
        })
    }

    fn table(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
        let is_table = |text: &str| {
            (3..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        match self.text(name)? {
            Some(table) if !is_table(&table) => {
                Err(wrong(name, "must be a DynamoDB table's name: 3 to 255 letters, digits and _.-"))
            }
            table => Ok(table),
        }
    }

    fn throttle(&self) -> Result<Throttle, ConfigError> {
        let wait = self.number("THROTTLE_PAIR_WAIT", 1..=3600, THROTTLE.wait)?;
        Ok(Throttle {
            failures: self.number("THROTTLE_PAIR_FAILURES", 1..=100, THROTTLE.failures)?,
            wait,
            max_wait: self.number("THROTTLE_PAIR_MAX_WAIT", wait..=86_400, THROTTLE.max_wait.max(wait))?,
            known: self.number("THROTTLE_KNOWN", 0..=LONGEST_SESSION, THROTTLE.known)?,
            account: self.rate("THROTTLE_ACCOUNT_GUESSES", 10_000, THROTTLE.account)?,
            address: self.rate("THROTTLE_ADDRESS_GUESSES", 100_000, THROTTLE.address)?,
            sign_ups: self.rate("THROTTLE_ADDRESS_SIGNUPS", 100_000, THROTTLE.sign_ups)?,
        })
    }

    /// So many an hour. 0: as many as may be.
    fn rate(&self, name: &'static str, most: u32, default: u32) -> Result<u32, ConfigError> {
        match self.number(name, 0..=most, default)? {
            1 => Err(wrong(name, format!("must be 0, which sets no limit, or a whole number from 2 to {most}"))),
            limit => Ok(limit),
        }
    }

    fn audit_address(&self) -> Result<AddressForm, ConfigError> {
        match self.text("AUDIT_ADDRESS")?.as_deref() {
            None | Some("network") => Ok(AddressForm::Network),
            Some("none") => Ok(AddressForm::None),
            Some("hash") => Ok(AddressForm::Hash),
            Some("full") => Ok(AddressForm::Full),
            Some(_) => Err(wrong("AUDIT_ADDRESS", "must be none, hash, network or full")),
        }
    }

    /// What is on unless it is switched off.
    fn switch(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.text(name)?.as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(wrong(name, "must be on or off")),
        }
    }

    /// On Lambda a function sees two processors where its share is less: 1,769 MB are one, and the largest size has six. Elsewhere
    /// the system tells, which takes a twentieth of a start.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
    fn processors(&self) -> usize {
        let size = (self.0)("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|size| size.to_str()?.parse::<usize>().ok());
        size.map_or_else(
            || thread::available_parallelism().map_or(1, usize::from),
            |megabytes| (megabytes / 1769).clamp(1, 6),
        )
    }

    fn roots(&self) -> Result<Roots, ConfigError> {
        // Who names a store, as OpenSSL's variables do, means it.
        let names_a_store = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| (self.0)(name).is_some());
        match self.text("TLS_ROOTS")?.as_deref() {
            Some("system") => Ok(Roots::System),
            None if names_a_store => Ok(Roots::System),
            None | Some("amazon") => Ok(Roots::Amazon),
            Some(_) => Err(wrong("TLS_ROOTS", "must be amazon or system")),
        }
    }

    fn sessions(&self) -> Result<Option<Lifetime>, ConfigError> {
        const DAY: u64 = 24 * 60 * 60;
        let max = self.number("SESSION_MAX", 1..=LONGEST_SESSION, 90 * DAY)?;
        let idle = self.number("SESSION_IDLE", 0..=LONGEST_SESSION, max.min(30 * DAY))?;
        if idle > max {
            return Err(wrong("SESSION_IDLE", "must not be more than SESSION_MAX, after which a session ends anyway"));
        }
        Ok((idle > 0).then_some(Lifetime { idle: Duration::from_secs(idle), max: Duration::from_secs(max) }))
    }

    fn keys(&self) -> Result<KeySettings, ConfigError> {
        let algorithm = self.text("JWT_ALGORITHM")?.map_or(Some(Algorithm::Hs256), |name| Algorithm::parse(&name));
        let algorithm = algorithm.ok_or_else(|| wrong("JWT_ALGORITHM", "must be HS256, EdDSA, ES256 or RS256"))?;
        let local = self.text("AWS_ENDPOINT_URL_DYNAMODB")?.is_some_and(|url| is_on_this_machine(&url));
        let secret = match (self.text("JWT_SECRET_KEY")?, self.place("JWT_SECRET_ARN", local)?) {
            (Some(_), Some(_)) => return Err(wrong("JWT_SECRET_KEY", "and JWT_SECRET_ARN are both set: remove one")),
            (Some(key), None) => {
                // Here already, so that each function refuses a bad key, also one that does not use it.
                SigningKeySet::parse(&key, algorithm, local)
                    .map_err(|problem| wrong("JWT_SECRET_KEY", problem.to_string()))?;
                Some(KeySource::Value(key.into()))
            }
            (None, place) => place.map(KeySource::KeyLocation),
        };
        let public = self.place("JWT_PUBLIC_KEYS_ARN", local)?;
        if public.is_some() && !algorithm.is_asymmetric() {
            return Err(wrong("JWT_PUBLIC_KEYS_ARN", "is set, and JWT_ALGORITHM HS256 has no public keys: remove one"));
        }
        let refresh = Duration::from_secs(self.number("JWT_KEYS_REFRESH", 1..=86_400, 300)?);
        Ok(KeySettings { algorithm, refresh, local, secret, public })
    }

    fn place(&self, name: &'static str, local: bool) -> Result<Option<KeyLocation>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match KeyLocation::parse(&text) {
            Some(KeyLocation::File(_)) if !local => {
                Err(wrong(name, "names a file, which works with a DynamoDB on this machine only"))
            }
            Some(place) => Ok(Some(place)),
            None => Err(wrong(
                name,
                "must be the ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
            )),
        }
    }
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control)
}

fn is_free_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    path.len() <= 256
        && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
        && !OTHER_PATHS.contains(&path)
}

/// Paths that are taken, so that log-in cannot be at one of them.
const OTHER_PATHS: [&str; 8] = [
    "/signup",
    "/user",
    "/user/me",
    "/refresh",
    "/logout",
    "/password",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
];

/// A database that only this machine reaches: plain HTTP to loopback, or to the host of a container (`sam local`).
pub fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    url.scheme_str() == Some("http")
        && (address.is_ok_and(|address| address.is_loopback()) || matches!(host, "localhost" | "host.docker.internal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keys::hmac_secret;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf";

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(|name| {
            variables.iter().rev().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_function_has_the_processors_of_its_memory() {
        for (megabytes, processors) in [("128", 1), ("1769", 1), ("3538", 2), ("10240", 5), ("1000000", 6)] {
            let settings = read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)]).unwrap();
            assert_eq!(settings.processors, processors, "{megabytes} MB");
        }
        let here = thread::available_parallelism().map_or(1, usize::from);
        for unknown in [&[][..], &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")]] {
            assert_eq!(read(unknown).unwrap().processors, here);
        }
    }

    #[test]
    fn without_variables_the_defaults_are_those_of_the_contract() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.style, ErrorStyle { profile: SecurityProfile::Tutorial, realm: None });
        assert_eq!(settings.style.realm(), "Login required");
        let fields = ("email".to_owned(), "password".to_owned());
        assert_eq!(
            settings.log_in,
            LogIn { path: "/login".to_owned(), email_field: fields.0, password_field: fields.1 }
        );
        let seconds = Duration::from_secs;
        assert_eq!(
            settings.issuing,
            IssuerConfig {
                issuer: "postern".to_owned(),
                audience: None,
                lifetime: seconds(1800),
                not_before_delay: seconds(0)
            }
        );
        let required = vec![Claim::Exp, Claim::Iat, Claim::Nbf];
        assert_eq!(
            settings.checks,
            VerifierConfig {
                issuer: "postern".to_owned(),
                audience: None,
                leeway: seconds(5),
                nbf: true,
                iat: true,
                required
            }
        );
        assert_eq!((settings.keys.algorithm, settings.keys.refresh), (Algorithm::Hs256, seconds(300)));
        assert_eq!(settings.sessions, Some(Lifetime { idle: seconds(2_592_000), max: seconds(7_776_000) }));
        assert_eq!(settings.header_prefix, "JWT");
        assert_eq!(settings.list_users_group, None);
        assert_eq!(settings.password_min_length, 8);
        assert_eq!(settings.hash_cost, Cost { memory_kib: 19456, iterations: 2, parallelism: 1 });
    }

    #[test]
    fn a_session_that_lives_shorter_than_the_default_of_its_idle_time_needs_no_other_setting() {
        let seconds = |sessions: Option<Lifetime>| sessions.map(|life| (life.idle.as_secs(), life.max.as_secs()));
        assert_eq!(seconds(read(&[("SESSION_MAX", "86400")]).unwrap().sessions), Some((86_400, 86_400)));
        assert_eq!(seconds(read(&[("SESSION_IDLE", "0"), ("SESSION_MAX", "60")]).unwrap().sessions), None);
        let error = read(&[("SESSION_IDLE", "61"), ("SESSION_MAX", "60")]).unwrap_err();
        assert_eq!(error.variable, "SESSION_IDLE");
    }

    #[test]
    fn the_strict_profile_has_its_own_defaults() {
        let settings = read(&[("AUTH_PROFILE", "strict")]).unwrap();
        assert_eq!(settings.issuing.lifetime, Duration::from_secs(900));
        assert_eq!(settings.list_users_group.as_deref(), Some("admin"));
        assert_eq!(settings.password_min_length, 15);
        assert!(settings.relaxed_rules().is_empty());
        let relaxed =
            |variable: (&'static str, &str)| read(&[("AUTH_PROFILE", "strict"), variable]).unwrap().relaxed_rules();
        assert_eq!(relaxed(("THROTTLE_ACCOUNT_GUESSES", "0")), ["THROTTLE_ACCOUNT_GUESSES"]);
        assert_eq!(relaxed(("THROTTLE_PAIR_FAILURES", "6")), ["THROTTLE_PAIR_FAILURES"]);
        assert!(relaxed(("THROTTLE_ADDRESS_SIGNUPS", "20")).is_empty());
    }

    #[test]
    fn what_is_set_by_itself_wins_over_the_profile() {
        let settings = read(&[
            ("AUTH_PROFILE", "strict"),
            ("JWT_EXPIRATION_DELTA", "3600"),
            ("PASSWORD_MIN_LENGTH", "10"),
            ("LIST_USERS_GROUP", ""),
            ("JWT_LEEWAY", "10"),
            ("JWT_VERIFY_CLAIMS", "signature,exp"),
            ("JWT_REQUIRED_CLAIMS", "exp"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(
            (settings.issuing.lifetime.as_secs(), settings.password_min_length, &settings.list_users_group),
            (3600, 10, &None)
        );
        let relaxed = [
            "JWT_EXPIRATION_DELTA",
            "JWT_LEEWAY",
            "JWT_VERIFY_CLAIMS",
            "JWT_REQUIRED_CLAIMS",
            "LIST_USERS_GROUP",
            "PASSWORD_MIN_LENGTH",
        ];
        assert_eq!(settings.relaxed_rules(), relaxed);
        assert_eq!(read(&[("LIST_USERS_GROUP", "staff")]).unwrap().list_users_group.as_deref(), Some("staff"));
    }

    #[test]
    fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
        let settings = read(&[
            ("AUTH_PROFILE", ""),
            ("JWT_LEEWAY", ""),
            ("JWT_SECRET_KEY", ""),
            ("JWT_SECRET_ARN", ARN),
            ("USERS_TABLE", ""),
        ])
        .unwrap();
        assert!(settings.users_table().is_err());
        assert!(matches!(settings.key(), Ok(KeySource::KeyLocation(KeyLocation::Secret(arn))) if arn == ARN));
    }

    #[test]
    fn a_bad_value_stops_the_start_with_the_variables_name_and_without_the_value() {
        let long = "x".repeat(257);
        let bad: &[(&str, &[&str])] = &[
            ("AUTH_PROFILE", &["STRICT", "relaxed", "strict ", "tutorial,strict", "1"]),
            (
                "JWT_SECRET_KEY",
                &[
                    "short-key-1234",
                    "0123456789abcdef0123456789abcde",
                    "5791628bb0b13ce0c676dfde280ba245",
                    hmac_secret::DEVELOPMENT_KEY,
                ],
            ),
            (
                "JWT_SECRET_ARN",
                &["postern-secret", "arn:aws:s3:::bucket", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"],
            ),
            ("JWT_ALGORITHM", &["none", "hs256", "HS512", "PS256", "Ed25519", "HS256,RS256"]),
            ("JWT_AUDIENCE", &["a\nb", &long]),
            ("JWT_KEYS_REFRESH", &["0", "86401", "5m"]),
            (
                "JWT_PUBLIC_KEYS_ARN",
                &["postern", "file:keys.json", "arn:aws:ssm:eu-west-1:123456789012:parameter/keys"],
            ),
            ("SESSION_IDLE", &["-1", "7776001", "30d"]),
            ("SESSION_MAX", &["0", "31536001", "never"]),
            ("SESSIONS_TABLE", &["s", "Sessions!"]),
            ("THROTTLE_TABLE", &["t", "Throttle!"]),
            ("THROTTLE_PAIR_FAILURES", &["0", "101", "five"]),
            ("THROTTLE_PAIR_WAIT", &["0", "3601", "30s"]),
            ("THROTTLE_PAIR_MAX_WAIT", &["29", "86401"]),
            ("THROTTLE_KNOWN", &["-1", "31536001"]),
            ("THROTTLE_ACCOUNT_GUESSES", &["1", "10001", "-1"]),
            ("THROTTLE_ADDRESS_GUESSES", &["1", "100001", "off"]),
            ("THROTTLE_ADDRESS_SIGNUPS", &["1", "100001", "off"]),
            ("AUDIT_ADDRESS", &["Full", "yes", "ip"]),
            ("METRICS", &["true", "ON", "0"]),
            ("TLS_ROOTS", &["none", "Amazon", "/etc/ssl/certs"]),
            ("WARM_UP", &["true", "OFF", "1"]),
            ("JWT_ISSUER", &["a\nissuer", &long]),
            ("JWT_EXPIRATION_DELTA", &["0", "-1", "1.5", "2592001", "forever", "+30", "30 ", "0x20"]),
            ("JWT_NOT_BEFORE_DELTA", &["-1", "abc", "1800"]),
            ("JWT_LEEWAY", &["-1", "301", "ten"]),
            (
                "JWT_AUTH_URL_RULE",
                &[
                    "log-in",
                    "/login/",
                    "//login",
                    "/{login}",
                    "/a b",
                    "/signup",
                    "/user",
                    "/user/me",
                    "/*rest",
                    "/refresh",
                    "/logout",
                    "/password",
                    "/.well-known/jwks.json",
                    "/..",
                    "/log?in",
                ],
            ),
            ("JWT_AUTH_USERNAME_KEY", &["a\tname", &long]),
            ("JWT_AUTH_PASSWORD_KEY", &["a\tname", "email"]),
            ("JWT_AUTH_HEADER_PREFIX", &["two words", "Basic", "bAsIc", "tok\"en", "pre:fix"]),
            ("JWT_DEFAULT_REALM", &["a\"quote", "back\\slash", "line\nbreak", "Bücher"]),
            (
                "JWT_VERIFY_CLAIMS",
                &["exp,nbf", "signature,nbf", "signature,exp,crit", "signature exp", "signature,exp,"],
            ),
            ("JWT_REQUIRED_CLAIMS", &["iat,nbf", "exp,aud", "exp,email", "exp,,iat", "EXP"]),
            ("LIST_USERS_GROUP", &[" admin", "ad\nmin", &long]),
            ("PASSWORD_MIN_LENGTH", &["7", "0", "129", "eight"]),
            ("ARGON2_MEMORY_KIB", &["19455", "8", "1048577", "19 MiB"]),
            ("ARGON2_ITERATIONS", &["1", "0", "101"]),
            ("ARGON2_PARALLELISM", &["0", "17"]),
            ("USERS_TABLE", &["ab", "Users Table", "arn:aws:dynamodb:x", &long]),
            ("CREDENTIALS_TABLE", &["ab", "Credentials/Table"]),
            ("JWT_VERIFY", &["True", "False"]),
            ("JWT_VERIFY_EXPIRATION", &["False"]),
            ("JWT_AUTH_ENDPOINT", &["jwt"]),
        ];
        for (variable, values) in bad {
            // The last one is bad for every variable.
            for value in values.iter().chain(&["m4rk3r\u{7}"]) {
                let error = read(&[(variable, value)]).expect_err(&format!("{variable}={value}"));
                assert_eq!(error.variable, *variable);
                let text = error.to_string();
                assert!(text.starts_with(&format!("environment variable {variable} ")), "{text}");
                assert!(!text.contains("m4rk3r"), "{text}");
            }
        }
    }

    #[test]
    fn a_value_that_is_no_utf8_stops_the_start() {
        use std::os::unix::ffi::OsStringExt as _;
        let error = Settings::read(|name| (name == "JWT_ISSUER").then(|| OsString::from_vec(vec![0xff]))).unwrap_err();
        assert_eq!(error.to_string(), "environment variable JWT_ISSUER is not UTF-8");
    }

    #[test]
    fn what_a_function_needs_and_lacks_is_named() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.users_table().unwrap_err().variable, "USERS_TABLE");
        assert_eq!(settings.credentials_table().unwrap_err().variable, "CREDENTIALS_TABLE");
        assert_eq!(settings.key().unwrap_err().variable, "JWT_SECRET_KEY");
        let both =
            read(&[("JWT_SECRET_KEY", "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c"), ("JWT_SECRET_ARN", ARN)]).unwrap_err();
        assert_eq!(both.variable, "JWT_SECRET_KEY");
    }

    #[test]
    fn the_development_key_needs_a_database_on_this_machine() {
        let with = |endpoint: &str| {
            read(&[("JWT_SECRET_KEY", hmac_secret::DEVELOPMENT_KEY), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint)])
        };
        for endpoint in
            ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:8000", "http://host.docker.internal:8000"]
        {
            assert!(with(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "",
            "https://dynamodb.eu-west-1.amazonaws.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://192.0.2.1",
            "https://127.0.0.1",
            "127.0.0.1:8000",
        ] {
            assert_eq!(with(endpoint).unwrap_err().variable, "JWT_SECRET_KEY", "{endpoint}");
        }
    }
}
