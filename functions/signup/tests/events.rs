//! The sample events in `events/`, through `lambda_http` in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use shared::config::clock::Clock;
use signup::Signup;
use testkit::{
    FunctionEnv,
    events::{self, Sample, SampleFixture},
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

const BINARY: &str = env!("CARGO_BIN_EXE_signup");

async fn fixture(sample: &str) -> SampleFixture {
    SampleFixture::new(FunctionEnv::signup(), sample).await
}

#[tokio::test]
async fn each_sample_event_gets_the_expected_response() {
    events::assert_complete(&SAMPLES, "signup");
    for sample @ (name, status, _) in SAMPLES {
        let fixture = fixture(name).await;
        let (settings, database) = (fixture.settings(), fixture.service.database.clone());
        let routes = signup::routes(Signup::new(&settings.signup().unwrap(), database, Clock::system()).unwrap());
        events::assert_answer(sample, &events::through_lambda_http(routes, &settings, fixture.event(name).await).await);
        let users = usize::from(matches!(status, 201 | 303) || name.ends_with("email-taken"));
        assert_eq!(fixture.service.items("Users").await.len(), users, "{name}: rejected requests store nothing");
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_and_logs_no_personal_data() {
    for sample @ (name, ..) in SAMPLES {
        let fixture = fixture(name).await;
        let function = fixture.env.clone().with("RUST_LOG", "trace").start(BINARY).await;
        let answer = function.invoke(fixture.event(name).await).await.expect("the invocation succeeds");
        events::assert_answer(sample, &answer);
        let log = function.stop().await;
        assert!(log.contains("PASSWORD_MIN_LENGTH"), "relaxed rules are logged: {log}");
        for secret in ["tortoise", "battery", "@example.com", "Hopper", "Lovelace"] {
            assert!(!log.contains(secret), "{secret} is in the log of {name}: {log}");
        }
    }
}

#[tokio::test]
async fn an_invalid_or_missing_setting_stops_startup_and_names_the_variable() {
    let env = FunctionEnv::signup();
    for (env, named) in [
        (env.clone().without("USERS_TABLE"), "USERS_TABLE"),
        (env.clone().without("CREDENTIALS_TABLE"), "CREDENTIALS_TABLE"),
        (env.clone().without("THROTTLE_TABLE"), "THROTTLE_TABLE"),
        (env.clone().with("PASSWORD_MIN_LENGTH", "four"), "PASSWORD_MIN_LENGTH"),
        (env.clone().with("JWT_VERIFY", "False"), "JWT_VERIFY"),
        (env.with("ARGON2_MEMORY_KIB", "1024"), "ARGON2_MEMORY_KIB"),
    ] {
        let (code, log) = env.start(BINARY).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named) && !log.contains("four"), "{log}");
    }
}
