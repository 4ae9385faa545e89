//! Relaxed rules: settings that are weaker than recommended, which each function names when it starts.

use super::{
    connection,
    env::{ConfigError, Env, Variable},
    keys::{self, KeySource},
    listing, log_in, passwords, profile,
    security_profile::SecurityProfile,
    sessions,
    settings::Settings,
    tables, telemetry, throttle, tokens,
};
use crate::domain::{client_ip::AddressForm, deployment::Deployment, keys::Algorithm, token::Claim};

/// A function, which names only its own variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Signup,
    Login,
    ListUsers,
}

/// A variable whose value is weaker than recommended, and the functions that it concerns.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelaxedRule {
    variable: &'static str,
    functions: &'static [Function],
}

/// The values of a variable that are weaker than recommended.
enum Weaker {
    /// None: security does not depend on the variable, or its section rejects every weaker value.
    Never,
    /// A number above the strict profile's default.
    Above,
    /// A number below the strict profile's default.
    Below,
    /// A limit or a lifetime above the strict profile's default, or 0, which turns the protection off.
    AboveOrZero,
    /// Anything else.
    If(fn(&Settings) -> bool),
}

const ALL: &[Function] = &[Function::Signup, Function::Login, Function::ListUsers];
const PASSWORDS: &[Function] = &[Function::Signup, Function::Login];
const TOKENS: &[Function] = &[Function::Login, Function::ListUsers];
const SIGNUP: &[Function] = &[Function::Signup];
const LOGIN: &[Function] = &[Function::Login];
const LIST_USERS: &[Function] = &[Function::ListUsers];

/// Every variable. A test compares the list with [`super::VARIABLES`], so each new variable must be classified.
const RULES: [(Variable, &[Function], Weaker); 44] = [
    (profile::PROFILE, ALL, Weaker::If(|settings| settings.responses.profile == SecurityProfile::Tutorial)),
    (profile::REALM, ALL, Weaker::Never),
    (profile::HSTS_SUBDOMAINS, ALL, Weaker::If(|settings| !settings.responses.hsts_subdomains)),
    (tokens::ISSUER, TOKENS, Weaker::Never),
    (tokens::AUDIENCE, TOKENS, Weaker::If(|settings| settings.tokens.verifier.audience.is_none())),
    (tokens::LIFETIME, LOGIN, Weaker::Above),
    (tokens::NOT_BEFORE, LOGIN, Weaker::Never),
    (tokens::LEEWAY, TOKENS, Weaker::Above),
    (tokens::VERIFIED_CLAIMS, TOKENS, Weaker::If(|s| !(s.tokens.verifier.nbf && s.tokens.verifier.iat))),
    (
        tokens::REQUIRED_CLAIMS,
        TOKENS,
        Weaker::If(|s| ![Claim::Iat, Claim::Nbf].iter().all(|claim| s.tokens.verifier.required.contains(claim))),
    ),
    (tokens::HEADER_PREFIX, TOKENS, Weaker::Never),
    (log_in::PATH, LOGIN, Weaker::Never),
    (log_in::EMAIL_FIELD, LOGIN, Weaker::Never),
    (log_in::PASSWORD_FIELD, LOGIN, Weaker::Never),
    // Every verifier of HS256 can also sign.
    (keys::ALGORITHM, TOKENS, Weaker::If(|settings| settings.keys.policy.algorithm == Algorithm::Hs256)),
    // The console and the API of Lambda show the variables of a function.
    (keys::SECRET_KEY, TOKENS, Weaker::If(has_deployed_inline_key)),
    (keys::SECRET_ARN, TOKENS, Weaker::Never),
    (keys::PUBLIC_KEYS_ARN, TOKENS, Weaker::Never),
    // A retired key is accepted for this time.
    (keys::KEYS_REFRESH, TOKENS, Weaker::Above),
    // Without sessions, an access token cannot be revoked alone.
    (sessions::IDLE, LOGIN, Weaker::AboveOrZero),
    (sessions::MAX, LOGIN, Weaker::Above),
    (sessions::GRACE, LOGIN, Weaker::Above),
    (listing::GROUP, LIST_USERS, Weaker::If(|settings| settings.list_users_group.is_none())),
    (passwords::MIN_LENGTH, PASSWORDS, Weaker::Below),
    (passwords::MEMORY, PASSWORDS, Weaker::Below),
    (passwords::ITERATIONS, PASSWORDS, Weaker::Below),
    (passwords::PARALLELISM, PASSWORDS, Weaker::Below),
    (throttle::PAIR_FAILURES, LOGIN, Weaker::Above),
    (throttle::PAIR_WAIT, LOGIN, Weaker::Below),
    (throttle::PAIR_MAX_WAIT, LOGIN, Weaker::Below),
    (throttle::PAIR_LOG_INS, LOGIN, Weaker::AboveOrZero),
    // 0 lets an attacker who exhausts the limit of an account lock out its owner.
    (throttle::KNOWN, LOGIN, Weaker::AboveOrZero),
    (throttle::DEVICE, LOGIN, Weaker::AboveOrZero),
    (throttle::ACCOUNT_GUESSES, LOGIN, Weaker::AboveOrZero),
    (throttle::ADDRESS_GUESSES, LOGIN, Weaker::AboveOrZero),
    (throttle::ADDRESS_SIGN_UPS, SIGNUP, Weaker::AboveOrZero),
    (tables::USERS, ALL, Weaker::Never),
    (tables::CREDENTIALS, PASSWORDS, Weaker::Never),
    (tables::SESSIONS, TOKENS, Weaker::Never),
    (tables::THROTTLE, PASSWORDS, Weaker::Never),
    (telemetry::AUDIT_ADDRESS, ALL, Weaker::If(is_address_missing_or_complete)),
    // The audit log is written in any case.
    (telemetry::METRICS, ALL, Weaker::Never),
    // The system's trust store is the fallback in any case.
    (connection::TLS_ROOTS, ALL, Weaker::Never),
    (connection::WARM_UP, ALL, Weaker::Never),
];

fn has_deployed_inline_key(settings: &Settings) -> bool {
    settings.deployment == Deployment::Aws && matches!(settings.keys.secret, Some(KeySource::Inline(_)))
}

/// Without addresses an attack cannot be traced, and complete ones are more personal data than that needs.
fn is_address_missing_or_complete(settings: &Settings) -> bool {
    matches!(settings.telemetry.audit_address, AddressForm::None | AddressForm::Full)
}

/// The rules that `settings`, which were read from `env`, relax.
pub(super) fn rules(env: &Env<'_>, settings: &Settings) -> Result<Vec<RelaxedRule>, ConfigError> {
    let mut relaxed = Vec::new();
    for (variable, functions, weaker) in &RULES {
        let (value, strict) = (env.text(variable)?, variable.default_in(SecurityProfile::Strict));
        // Both are numbers: the section of the variable has validated the value, and a test the default.
        let number = value.and_then(|text| text.parse::<u64>().ok());
        let numbers = number.zip(strict.and_then(|text| text.parse::<u64>().ok()));
        let is_weaker = match weaker {
            Weaker::Never => false,
            Weaker::Above => numbers.is_some_and(|(value, strict)| value > strict),
            Weaker::Below => numbers.is_some_and(|(value, strict)| value < strict),
            Weaker::AboveOrZero => numbers.is_some_and(|(value, strict)| value == 0 || value > strict),
            Weaker::If(is_weaker) => is_weaker(settings),
        };
        if is_weaker {
            relaxed.push(RelaxedRule { variable: variable.name, functions });
        }
    }
    Ok(relaxed)
}

impl Settings {
    /// The variables of `function` whose values are weaker than recommended.
    pub(super) fn relaxed_rules(&self, function: Function) -> Vec<&'static str> {
        self.relaxed.iter().filter(|rule| rule.functions.contains(&function)).map(|rule| rule.variable).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            VARIABLES,
            tests::{ARN, complete},
        },
        *,
    };

    /// The settings that the strict profile recommends. Two of them depend on other services and have no default.
    const RECOMMENDED: [(&str, &str); 3] =
        [("AUTH_PROFILE", "strict"), ("JWT_ALGORITHM", "EdDSA"), ("JWT_PUBLIC_KEYS_ARN", ARN)];

    fn relaxed(variables: &[(&str, &str)]) -> [Vec<&'static str>; 3] {
        let settings = complete(variables);
        assert_eq!(settings.signup().unwrap().relaxed_rules, settings.relaxed_rules(Function::Signup));
        assert_eq!(settings.login().unwrap().relaxed_rules, settings.relaxed_rules(Function::Login));
        assert_eq!(
            settings.list_users_beside_login().unwrap().relaxed_rules,
            settings.relaxed_rules(Function::ListUsers)
        );
        [Function::Signup, Function::Login, Function::ListUsers].map(|function| settings.relaxed_rules(function))
    }

    #[test]
    fn every_variable_is_classified() {
        let classified = RULES.map(|(variable, ..)| variable);
        assert_eq!(classified, VARIABLES);
        for (variable, functions, weaker) in RULES {
            assert!(!functions.is_empty(), "{}", variable.name);
            if matches!(weaker, Weaker::Above | Weaker::Below | Weaker::AboveOrZero) {
                let strict = variable.default_in(SecurityProfile::Strict).unwrap();
                assert!(strict.parse::<u64>().is_ok(), "{}: {strict}", variable.name);
            }
        }
    }

    #[test]
    fn the_recommended_settings_relax_no_rule() {
        assert_eq!(relaxed(&RECOMMENDED).concat(), [""; 0]);
    }

    #[test]
    fn the_defaults_of_the_strict_profile_leave_the_algorithm_and_the_audience_to_the_operator() {
        let of_tokens = vec!["JWT_AUDIENCE", "JWT_ALGORITHM"];
        assert_eq!(relaxed(&[("AUTH_PROFILE", "strict")]), [vec![], of_tokens.clone(), of_tokens]);
        let with_audience = relaxed(&[("AUTH_PROFILE", "strict"), ("JWT_AUDIENCE", "orders")]);
        assert_eq!(with_audience[1], ["JWT_ALGORITHM"]);
    }

    #[test]
    fn the_tutorial_profile_relaxes_its_own_defaults() {
        let tutorial = [&[("AUTH_PROFILE", "tutorial")], &RECOMMENDED[1..]].concat();
        let [signup, login, list_users] = relaxed(&tutorial);
        assert_eq!(signup, ["AUTH_PROFILE", "HSTS_SUBDOMAINS", "PASSWORD_MIN_LENGTH"]);
        assert_eq!(
            login,
            ["AUTH_PROFILE", "HSTS_SUBDOMAINS", "JWT_EXPIRATION_DELTA", "SESSION_MAX", "PASSWORD_MIN_LENGTH"]
        );
        assert_eq!(list_users, ["AUTH_PROFILE", "HSTS_SUBDOMAINS", "LIST_USERS_GROUP"]);
    }

    #[test]
    fn each_weaker_value_is_named_by_the_functions_that_it_concerns() {
        let (signup, login, list_users) = (Function::Signup, Function::Login, Function::ListUsers);
        for (variable, values, functions) in [
            ("HSTS_SUBDOMAINS", &["off"][..], &[signup, login, list_users][..]),
            ("JWT_EXPIRATION_DELTA", &["901", "2592000"], &[login]),
            ("JWT_LEEWAY", &["6", "300"], &[login, list_users]),
            ("JWT_VERIFY_CLAIMS", &["signature,exp", "signature,exp,nbf"], &[login, list_users]),
            ("JWT_REQUIRED_CLAIMS", &["exp", "exp,nbf,jti"], &[login, list_users]),
            ("JWT_KEYS_REFRESH", &["301", "7200"], &[login, list_users]),
            ("SESSION_IDLE", &["0"], &[login]),
            ("SESSION_MAX", &["2592001", "31536000"], &[login]),
            ("SESSION_GRACE", &["11", "60"], &[login]),
            ("LIST_USERS_GROUP", &[""], &[list_users]),
            ("PASSWORD_MIN_LENGTH", &["8", "14"], &[signup, login]),
            ("THROTTLE_PAIR_FAILURES", &["6", "100"], &[login]),
            ("THROTTLE_PAIR_WAIT", &["1", "29"], &[login]),
            ("THROTTLE_PAIR_MAX_WAIT", &["30", "899"], &[login]),
            ("THROTTLE_PAIR_LOGINS", &["0", "61"], &[login]),
            ("THROTTLE_KNOWN", &["0", "2592001"], &[login]),
            ("THROTTLE_DEVICE", &["0"], &[login]),
            ("THROTTLE_ACCOUNT_GUESSES", &["0", "101"], &[login]),
            ("THROTTLE_ADDRESS_GUESSES", &["0", "301"], &[login]),
            ("THROTTLE_ADDRESS_SIGNUPS", &["0", "101"], &[signup]),
            ("AUDIT_ADDRESS", &["none", "full"], &[signup, login, list_users]),
        ] {
            for value in values {
                let settings = complete(&[&RECOMMENDED[..], &[(variable, value)]].concat());
                for function in [signup, login, list_users] {
                    let expected: &[&str] = if functions.contains(&function) { &[variable] } else { &[] };
                    assert_eq!(settings.relaxed_rules(function), expected, "{variable}={value}, {function:?}");
                }
            }
        }
    }

    #[test]
    fn a_value_as_strict_as_recommended_is_not_named() {
        for (variable, value) in [
            ("JWT_EXPIRATION_DELTA", "60"),
            ("JWT_LEEWAY", "0"),
            ("JWT_VERIFY_CLAIMS", "signature,exp,nbf,iat,sub"),
            ("JWT_REQUIRED_CLAIMS", "nbf,iat,exp,aud"),
            ("JWT_AUDIENCE", "orders,reports"),
            ("JWT_KEYS_REFRESH", "60"),
            ("SESSION_IDLE", "60"),
            ("SESSION_MAX", "86400"),
            ("LIST_USERS_GROUP", "staff"),
            ("PASSWORD_MIN_LENGTH", "20"),
            ("ARGON2_MEMORY_KIB", "65536"),
            ("THROTTLE_PAIR_FAILURES", "1"),
            ("THROTTLE_PAIR_WAIT", "3600"),
            ("THROTTLE_KNOWN", "60"),
            ("THROTTLE_ACCOUNT_GUESSES", "2"),
            ("THROTTLE_ADDRESS_SIGNUPS", "20"),
            ("AUDIT_ADDRESS", "hash"),
            ("METRICS", "off"),
            ("TLS_ROOTS", "system"),
        ] {
            let variables = [&RECOMMENDED[..], &[(variable, value)]].concat();
            assert_eq!(relaxed(&variables).concat(), [""; 0], "{variable}={value}");
        }
    }

    #[test]
    fn a_key_in_the_environment_is_named_if_the_function_is_deployed() {
        let inline = [
            ("AUTH_PROFILE", "strict"),
            ("JWT_AUDIENCE", "orders"),
            ("JWT_SECRET_ARN", ""),
            ("JWT_SECRET_KEY", "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c"),
        ];
        assert_eq!(relaxed(&inline)[2], ["JWT_ALGORITHM", "JWT_SECRET_KEY"]);
        let local = [&inline[..], &[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000")]].concat();
        assert_eq!(relaxed(&local)[2], ["JWT_ALGORITHM"]);
    }
}
