//! The client address that the real binary uses for rate limiting, in both payload formats.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use serde_json::{Value, json};
use testkit::{
    FunctionEnv,
    events::{self, SampleFixture},
};

/// A log-in with a wrong password from `source`, with headers that claim another address.
fn guess(mut event: Value, source: &str, claimed: &str) -> Value {
    event["body"] = json!(json!({ "email": "ada@example.com", "password": "a wrong guess" }).to_string());
    event["headers"]["x-forwarded-for"] = json!(claimed);
    if event["version"] == "1.0" {
        event["headers"]["X-Forwarded-For"] = json!(claimed);
        event["multiValueHeaders"]["X-Forwarded-For"] = json!([claimed]);
        event["requestContext"]["identity"]["sourceIp"] = json!(source);
    } else {
        event["requestContext"]["http"]["sourceIp"] = json!(source);
    }
    event
}

#[tokio::test]
async fn guesses_count_against_the_source_ip_of_the_event_whatever_the_headers_say() {
    let fixture = SampleFixture::new(FunctionEnv::login().with("THROTTLE_PAIR_FAILURES", "2"), "login").await;
    let function = fixture.env.start(env!("CARGO_BIN_EXE_login")).await;
    let guess_at = async |sample: &str, source: &str, claimed: &str| {
        let event = guess(fixture.event(sample).await, source, claimed);
        events::read(&function.invoke(event).await.expect("the invocation succeeds")).status
    };
    for (sample, network) in [("login", "192.0.2"), ("login-v1", "198.51.100")] {
        let (one, other) = (format!("{network}.7"), format!("{network}.8"));
        let mut statuses = Vec::new();
        for number in 0..4 {
            statuses.push(guess_at(sample, &one, &format!("203.0.113.{number}")).await);
        }
        assert_eq!(statuses, [403, 403, 429, 429], "{sample}");
        assert_eq!(guess_at(sample, &other, &one).await, 403, "{sample}: a claimed address has no effect");
    }
    // An IPv6 /64 is one client, in either format.
    for (number, expected) in [403, 403, 429].into_iter().enumerate() {
        let sample = ["login", "login-v1"][number % 2];
        assert_eq!(guess_at(sample, &format!("2001:db8:1:2::{number}"), "203.0.113.1").await, expected);
    }
}
