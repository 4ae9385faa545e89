//! Tests of the classification of all variables.

use super::{
    VARIABLES,
    relaxed::{Function, RULES, Weaker},
    security_profile::SecurityProfile,
    tests::{ARN, complete},
};

/// The settings that the strict profile recommends. Two of them depend on other services and have no default.
const RECOMMENDED: [(&str, &str); 3] =
    [("AUTH_PROFILE", "strict"), ("JWT_ALGORITHM", "EdDSA"), ("JWT_PUBLIC_KEYS_ARN", ARN)];

fn relaxed(variables: &[(&str, &str)]) -> [Vec<&'static str>; 3] {
    let settings = complete(variables);
    assert_eq!(settings.signup().unwrap().relaxed_rules, settings.relaxed_rules(Function::Signup));
    assert_eq!(settings.login().unwrap().relaxed_rules, settings.relaxed_rules(Function::Login));
    assert_eq!(settings.list_users_beside_login().unwrap().relaxed_rules, settings.relaxed_rules(Function::ListUsers));
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

#[test]
fn the_key_of_an_old_application_is_named_by_the_function_that_accepts_its_tokens() {
    let until = ("JWT_LEGACY_UNTIL", "2026-12-31");
    let (inline, stored) = (("JWT_LEGACY_SECRET_KEY", "super-secret"), ("JWT_LEGACY_SECRET_ARN", ARN));
    for (variables, named) in [
        (vec![stored, until], &["JWT_LEGACY_UNTIL"][..]),
        (vec![inline, until], &["JWT_LEGACY_SECRET_KEY", "JWT_LEGACY_UNTIL"]),
        (
            vec![stored, until, ("JWT_LEGACY_ACCEPT_WEAK_KEY", "on")],
            &["JWT_LEGACY_UNTIL", "JWT_LEGACY_ACCEPT_WEAK_KEY"],
        ),
        (vec![("JWT_LEGACY_ACCEPT_WEAK_KEY", "on")], &[]),
    ] {
        let [signup, login, list_users] = relaxed(&[&RECOMMENDED[..], &variables].concat());
        assert_eq!([signup.concat(), login.concat()], ["", ""]);
        assert_eq!(list_users, named, "{variables:?}");
    }
}
