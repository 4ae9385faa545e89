//! What the real binary writes: audit lines and metrics, and nothing of what anybody sent.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::json;
use testkit::{
    events::{self, Setting},
    markers::{self, MARKER},
};

#[tokio::test]
async fn at_no_level_does_a_sign_up_good_or_bad_leave_what_was_sent_in_the_log() {
    let setting = Setting::new("signup").await;
    let variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let good = json!({ "name": MARKER, "email": format!("{MARKER}.ada@example.com"), "password": format!("{MARKER} a better password") });
    let good = events::post("/signup", "198.51.100.1", None, &good);
    let log =
        markers::leave_no_trace(env!("CARGO_BIN_EXE_signup"), &variables, &["/signup", "/"], &[good.clone(), good])
            .await;
    assert!(log.contains("\"event\":\"sign-up-failed\",\"reason\":\"email-taken\""), "{log}");
}
