//! What the real binary writes: audit lines and metrics, and nothing of what anybody sent.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::json;
use testkit::{
    events::{self, Setting},
    markers::{self, MARKER},
};

#[tokio::test]
async fn at_no_level_does_a_listing_good_or_bad_leave_what_was_sent_or_listed_in_the_log() {
    let setting = Setting::new("list-users").await;
    let variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let who = [MARKER, &format!("{MARKER}@example.com"), &format!("{MARKER} a better password")];
    let (_, token) = setting.service.member(who).await;
    let good = ["/user", "/user/me"]
        .map(|path| events::request("GET", path, "198.51.100.1", &json!({ "x-access-token": token }), None));
    let log =
        markers::leave_no_trace(env!("CARGO_BIN_EXE_list-users"), &variables, &["/user", "/user/me"], &good).await;
    assert!(log.contains("\"event\":\"listed\"") && log.contains("token-unreadable"), "{log}");
    assert!(!log.contains("eyJ"), "{log}");
}
