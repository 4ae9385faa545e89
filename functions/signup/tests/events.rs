//! The samples in `events/` through `lambda_http`, in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use signup::Signup;
use testkit::{
    events::{self, Sample, Setting},
    lambda::Function,
};

const SAMPLES: [Sample; 25] = [
    ("signup-browser", 200, "Sign up"),
    ("signup-browser-form", 303, "/?notice=signed-up"),
    ("signup-browser-invalid-fields", 422, "Error: Sign up"),
    ("signup-browser-email-taken", 202, "Error: Sign up"),
    ("signup-browser-cross-site", 403, "Error: Not allowed"),
    ("signup", 201, "-"),
    ("signup-form", 201, "-"),
    ("signup-form-base64", 201, "-"),
    ("signup-multipart", 201, "-"),
    ("signup-v1", 201, "-"),
    ("signup-form-v1", 201, "-"),
    ("signup-multipart-v1", 201, "-"),
    ("signup-international", 201, "-"),
    ("signup-unknown-fields", 201, "-"),
    ("signup-email-taken", 202, "email-taken"),
    ("signup-invalid-fields", 422, "invalid-fields"),
    ("signup-well-known-password", 422, "invalid-fields"),
    ("signup-no-body", 422, "invalid-fields"),
    ("signup-malformed-json", 400, "malformed-json"),
    ("signup-broken-base64", 400, "malformed-json"),
    ("signup-duplicate-field", 400, "duplicate-field"),
    ("signup-not-a-string", 400, "not-a-string"),
    ("signup-unsupported-type", 415, "unsupported-media-type"),
    ("signup-wrong-method", 405, "method-not-allowed"),
    ("signup-options", 204, "-"),
];

#[tokio::test]
async fn each_sample_is_answered_as_it_should_be() {
    events::assert_complete(&SAMPLES, &["signup"]);
    for sample @ (name, status, _) in SAMPLES {
        let setting = Setting::new(name).await;
        let settings = setting.settings();
        let routes = signup::routes(Signup::new(&settings, setting.service.database.clone()).unwrap());
        events::assert_answer(sample, &events::through_lambda_http(routes, &settings, setting.event(name).await).await);
        let users = usize::from(matches!(status, 201 | 303) || name.ends_with("email-taken"));
        assert_eq!(setting.service.items("Users").await.len(), users, "{name}: refusals store nothing");
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_alike_and_logs_nothing_of_it() {
    for sample @ (name, ..) in SAMPLES {
        let setting = Setting::new(name).await;
        let mut variables: Vec<(&str, &str)> =
            setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Sign-up has no use for the key, and in production it is not given one.
        variables.retain(|(name, _)| *name != "JWT_SECRET_KEY");
        variables.push(("RUST_LOG", "trace"));
        let function = Function::start(env!("CARGO_BIN_EXE_signup"), &variables).await;
        events::assert_answer(
            sample,
            &function.invoke(setting.event(name).await).await.expect("the invocation succeeds"),
        );
        let log = function.stop().await;
        assert!(log.contains("PASSWORD_MIN_LENGTH"), "the relaxed rule is named: {log}");
        for secret in ["tortoise", "battery", "@example.com", "Hopper", "Lovelace"] {
            assert!(!log.contains(secret), "{name} leaves {secret} in the log: {log}");
        }
    }
}

#[tokio::test]
async fn a_bad_or_missing_setting_stops_the_start_and_names_the_variable() {
    let tables = [("USERS_TABLE", "Users"), ("CREDENTIALS_TABLE", "Credentials"), ("THROTTLE_TABLE", "Throttle")];
    for (variables, named) in [
        (vec![tables[2]], "USERS_TABLE"),
        (vec![tables[0], tables[2]], "CREDENTIALS_TABLE"),
        (vec![tables[0], tables[1]], "THROTTLE_TABLE"),
        (vec![tables[0], tables[1], tables[2], ("PASSWORD_MIN_LENGTH", "four")], "PASSWORD_MIN_LENGTH"),
        (vec![tables[0], tables[1], tables[2], ("JWT_VERIFY", "False")], "JWT_VERIFY"),
        // Each of the two is good by itself, and Argon2 asks for 8 KiB a lane: 16 lanes have them with any memory that is taken.
        (vec![tables[0], tables[1], tables[2], ("ARGON2_MEMORY_KIB", "1024")], "ARGON2_MEMORY_KIB"),
    ] {
        let (code, log) = Function::start(env!("CARGO_BIN_EXE_signup"), &variables).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named) && !log.contains("four"), "{log}");
    }
}
