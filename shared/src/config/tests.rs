//! Tests that concern several sections.

use std::{collections::BTreeSet, ffi::OsString, sync::Mutex, time::Duration};

use super::*;
use crate::domain::{
    keys::{Algorithm, hmac_secret},
    password::OWASP_MINIMUM,
    session::Lifetime,
    token::{Claim, ClaimSelection, IssuerConfig, VerifierConfig},
};

pub(super) const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf";

pub(super) fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::read(|name| variables.iter().rev().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value)))
}

/// Settings with which every function starts.
pub(super) fn complete(variables: &[(&str, &str)]) -> Settings {
    let required = [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("SESSIONS_TABLE", "Sessions"),
        ("THROTTLE_TABLE", "Throttle"),
        ("JWT_SECRET_ARN", ARN),
    ];
    read(&[&required, variables].concat()).unwrap()
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let settings = read(&[]).unwrap();
    assert_eq!(
        settings.responses,
        ResponseSettings { profile: SecurityProfile::Tutorial, realm: None, hsts_subdomains: false }
    );
    let [path, email_field, password_field] = ["/login", "email", "password"].map(str::to_owned);
    assert_eq!(settings.log_in, LogInSettings { path, email_field, password_field });
    let seconds = Duration::from_secs;
    let issuer = "postern".to_owned();
    let issued = IssuerConfig {
        issuer: issuer.clone(),
        audience: vec![],
        lifetime: seconds(1800),
        not_before_delay: seconds(0),
        user_claims: ClaimSelection::default(),
    };
    assert_eq!(settings.tokens.issuer, issued);
    let required = vec![Claim::Exp, Claim::Iat, Claim::Nbf];
    let verified = VerifierConfig { issuer, audience: None, leeway: seconds(5), nbf: true, iat: true, required };
    assert_eq!(settings.tokens.verifier, verified);
    assert_eq!((settings.keys.policy.algorithm, settings.keys.policy.refresh), (Algorithm::Hs256, seconds(300)));
    assert_eq!(settings.sessions, Some(Lifetime { idle: seconds(2_592_000), max: seconds(7_776_000) }));
    assert_eq!(settings.tokens.header_prefix, "JWT");
    assert_eq!(settings.list_users_group, None);
    assert_eq!((settings.passwords.min_length, settings.passwords.cost), (8, OWASP_MINIMUM));
}

#[test]
fn every_variable_that_is_read_is_listed() {
    let names = Mutex::new(BTreeSet::new());
    Settings::read(|name| {
        names.lock().unwrap().insert(name);
        // Lambda's variables are read only if the database is local.
        (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| "http://127.0.0.1:8000".into())
    })
    .unwrap();
    let set_by_others = [
        // Lambda, the AWS SDK and OpenSSL.
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        // Options of Flask-JWT that are rejected.
        "JWT_AUTH_ENDPOINT",
        "JWT_VERIFY",
        "JWT_VERIFY_EXPIRATION",
    ];
    let listed: BTreeSet<&str> = VARIABLES.iter().map(|variable| variable.name).chain(set_by_others).collect();
    assert_eq!(names.into_inner().unwrap(), listed);
}

#[test]
fn an_empty_value_counts_as_unset() {
    let empty = ["AUTH_PROFILE", "JWT_LEEWAY", "JWT_SECRET_KEY", "USERS_TABLE"].map(|name| (name, ""));
    let settings = read(&[&empty[..], &[("JWT_SECRET_ARN", ARN)]].concat()).unwrap();
    assert_eq!(settings.signup().unwrap_err().variable, "USERS_TABLE");
    assert!(
        matches!(settings.keys.secret, Some(KeySource::Stored(key_location::KeyLocation::Secret(arn), _)) if arn == ARN)
    );
}

#[test]
fn the_error_for_an_invalid_value_names_the_variable_and_not_the_value() {
    let long = "x".repeat(257);
    for (variable, values) in INVALID {
        // The last value is invalid for every variable.
        for value in values.iter().chain(&["c4n4ry\u{7}"]) {
            let value = if *value == LONG { long.as_str() } else { value };
            let error = read(&[(variable, value)]).expect_err(&format!("{variable}={value}"));
            assert_eq!(error.variable, *variable);
            let text = error.to_string();
            assert!(text.starts_with(&format!("environment variable {variable} ")), "{text}");
            assert!(!text.contains("c4n4ry"), "{text}");
        }
    }
}

#[test]
fn a_value_that_is_not_utf8_is_rejected() {
    use std::os::unix::ffi::OsStringExt as _;
    let error = Settings::read(|name| (name == "JWT_ISSUER").then(|| OsString::from_vec(vec![0xff]))).unwrap_err();
    assert_eq!(error.to_string(), "environment variable JWT_ISSUER is not UTF-8");
}

#[test]
fn a_missing_table_is_named() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.signup().unwrap_err().variable, "USERS_TABLE");
    assert_eq!(settings.all_tables().unwrap_err().variable, "USERS_TABLE");
    for table in ["USERS_TABLE", "CREDENTIALS_TABLE", "SESSIONS_TABLE", "THROTTLE_TABLE"] {
        assert_eq!(complete(&[(table, "")]).login().unwrap_err().variable, table);
    }
}

#[test]
fn the_strict_profile_has_its_own_defaults() {
    let settings = complete(&[("AUTH_PROFILE", "strict")]);
    let login = settings.login().unwrap();
    assert_eq!((login.issuer.lifetime, login.passwords.min_length), (Duration::from_secs(900), 15));
    assert_eq!(settings.list_users().unwrap().group.as_deref(), Some("admin"));
    assert!(settings.responses.hsts_subdomains);
}

#[test]
fn an_explicit_setting_overrides_the_profile() {
    let settings = complete(&[
        ("AUTH_PROFILE", "strict"),
        ("JWT_EXPIRATION_DELTA", "3600"),
        ("PASSWORD_MIN_LENGTH", "10"),
        ("LIST_USERS_GROUP", ""),
        ("HSTS_SUBDOMAINS", "off"),
    ]);
    let (login, list_users) = (settings.login().unwrap(), settings.list_users().unwrap());
    assert_eq!((login.issuer.lifetime.as_secs(), login.passwords.min_length), (3600, 10));
    assert_eq!(list_users.group, None);
    assert!(!settings.responses.hsts_subdomains);
    let staff = complete(&[("LIST_USERS_GROUP", "staff")]);
    assert_eq!(staff.list_users().unwrap().group.as_deref(), Some("staff"));
}

#[test]
fn the_audience_of_an_asymmetric_algorithm_defaults_to_the_issuer() {
    let audience = |variables: &[(&str, &str)]| {
        let tokens = read(variables).unwrap().tokens;
        assert_eq!(tokens.verifier.audience.as_ref(), tokens.issuer.audience.first());
        tokens.issuer.audience
    };
    let issuer = ("JWT_ISSUER", "https://auth.example.com");
    for algorithm in ["EdDSA", "ES256", "RS256"].map(|name| ("JWT_ALGORITHM", name)) {
        assert_eq!(audience(&[algorithm]), ["postern"]);
        assert_eq!(audience(&[algorithm, issuer, ("JWT_AUDIENCE", "")]), ["https://auth.example.com"]);
        assert_eq!(audience(&[algorithm, issuer, ("JWT_AUDIENCE", "orders")]), ["orders"]);
        assert!(read(&[algorithm, ("JWT_REQUIRED_CLAIMS", "exp,aud")]).is_ok());
    }
    assert!(audience(&[issuer]).is_empty(), "HS256");
    let comma = audience(&[("JWT_ALGORITHM", "EdDSA"), ("JWT_ISSUER", "https://auth.example.com/a,b")]);
    assert_eq!(comma, ["https://auth.example.com/a,b"], "an issuer is not a list");
    assert_eq!(audience(&[("JWT_AUDIENCE", " auth , orders,reports ")]), ["auth", "orders", "reports"]);
}

#[test]
fn the_error_for_a_claim_that_cannot_be_selected_names_it() {
    for (value, problem) in [
        ("email,sub", "entry 2 cannot be selected: claim sub is reserved"),
        ("Groups", "entry 1 cannot be selected: claim Groups is reserved"),
        ("tier,email,tier", "tier occurs twice"),
        ("email, ", "entry 2 cannot be selected: the name of a claim must have 1 to 64 ASCII letters"),
    ] {
        let error = read(&[("JWT_CLAIMS", value)]).unwrap_err().to_string();
        assert!(error.contains(problem), "{value}: {error}");
    }
    let selected = complete(&[("JWT_CLAIMS", " email ,groups,https://example.com/tier")]).login().unwrap();
    let names: Vec<&str> = selected.issuer.user_claims.names().collect();
    assert_eq!(names, ["email", "groups", "https://example.com/tier"]);
}

/// Replaced by 257 characters.
const LONG: &str = "LONG";

/// Invalid values of each variable. `LONG` stands for 257 characters.
const INVALID: &[(&str, &[&str])] = &[
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
    ("JWT_AUDIENCE", &["a\nb", LONG, ",", "a,", ",a", "a,,b", "a, ,b", "a,a", "a,b, a", "a,b\u{7f}"]),
    ("JWT_KEYS_REFRESH", &["0", "86401", "5m"]),
    ("JWT_PUBLIC_KEYS_ARN", &["postern", "file:keys.json", "arn:aws:ssm:eu-west-1:123456789012:parameter/keys"]),
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
    ("HSTS_SUBDOMAINS", &["true", "ON", "includeSubDomains"]),
    ("TLS_ROOTS", &["none", "Amazon", "/etc/ssl/certs"]),
    ("WARM_UP", &["true", "OFF", "1"]),
    ("JWT_ISSUER", &["a\nissuer", LONG]),
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
            "/sessions",
            "/sessions/login",
            "/sessions/a/b",
            "/.well-known/jwks.json",
            "/..",
            "/log?in",
        ],
    ),
    ("JWT_AUTH_USERNAME_KEY", &["a\tname", LONG]),
    ("JWT_AUTH_PASSWORD_KEY", &["a\tname", "email"]),
    ("JWT_AUTH_HEADER_PREFIX", &["two words", "Basic", "bAsIc", "tok\"en", "pre:fix"]),
    ("JWT_DEFAULT_REALM", &["a\"quote", "back\\slash", "line\nbreak", "Bücher"]),
    ("JWT_VERIFY_CLAIMS", &["exp,nbf", "signature,nbf", "signature,exp,crit", "signature exp", "signature,exp,"]),
    ("JWT_REQUIRED_CLAIMS", &["iat,nbf", "exp,aud", "exp,email", "exp,,iat", "EXP"]),
    (
        "JWT_CLAIMS",
        &[
            ",",
            " ",
            "email,",
            ",email",
            "name,,email",
            "name,name",
            "tier, tier",
            "sub",
            "email,exp",
            "AUTH_TIME",
            "Email",
            "roles",
            "two words",
            "zoë",
            "name;email",
            LONG,
        ],
    ),
    ("LIST_USERS_GROUP", &[" admin", "ad\nmin", LONG]),
    ("PASSWORD_MIN_LENGTH", &["7", "0", "129", "eight"]),
    ("ARGON2_MEMORY_KIB", &["19455", "8", "1048577", "19 MiB"]),
    ("ARGON2_ITERATIONS", &["1", "0", "101"]),
    ("ARGON2_PARALLELISM", &["0", "17"]),
    (
        "LEGACY_HASHES",
        &[
            "bcrypt",
            "bcrypt:15",
            "bcrypt:12,",
            "md5:1",
            "scrypt:15",
            "scrypt:1:1:524288",
            "bcrypt:4,bcrypt:5",
            "bcrypt:14,pbkdf2-sha512:1000000",
            LONG,
        ],
    ),
    ("USERS_TABLE", &["ab", "Users Table", "arn:aws:dynamodb:x", LONG]),
    ("CREDENTIALS_TABLE", &["ab", "Credentials/Table"]),
    ("JWT_VERIFY", &["True", "False"]),
    ("JWT_VERIFY_EXPIRATION", &["False"]),
    ("JWT_AUTH_ENDPOINT", &["jwt"]),
];
