//! JSON files whose layout is not plain from their start.

use serde_json::{Value, json};

use super::{WERKZEUG, reasons};
use crate::harness::Sandbox;

const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW";

fn user(n: usize) -> Value {
    json!({ "user_id": format!("auth0|{n}"), "email": format!("u{n}@example.com"), "passwordHash": BCRYPT })
}

fn identity(n: usize) -> Value {
    let credentials = json!({ "password": { "config": { "hashed_password": WERKZEUG } } });
    json!({ "traits": { "email": format!("u{n}@example.com") }, "credentials": credentials })
}

#[tokio::test]
async fn a_damaged_first_line_rejects_that_line_only() {
    let long = format!("{{\"email\":\"{}\"}}", "a".repeat(2_000_000));
    for first in ["{\"email\":", "{\"email\":\"x@example.com\"", "{email}", "{} {}", "{\"a\":[", &long] {
        for (format, one, two) in [("auth0", user(1), user(2)), ("kratos", identity(1), identity(2))] {
            let sandbox = Sandbox::new().await;
            let outcome = sandbox.import(format, format!("{first}\n{one}\n{two}\n")).await;
            outcome.assert_exit(1, &["entry 1: "]);
            assert_eq!(reasons(&outcome), json!({ "malformed-row": 1 }), "{format}: {outcome:?}");
            assert_eq!(sandbox.accounts().await.len(), 2);
        }
    }
}

#[tokio::test]
async fn a_member_of_a_user_does_not_change_the_layout() {
    for value in [json!(3), json!(["x"]), json!([]), json!({ "a": [] }), json!([{ "email": "eve@example.com" }])] {
        let sandbox = Sandbox::new().await;
        let mut first = user(1);
        first["users"] = value;
        sandbox.import("auth0", format!("{first}\n{}\n", user(2))).await.assert_success();
        assert_eq!(sandbox.accounts().await.len(), 2, "{first}");
    }
}

#[tokio::test]
async fn objects_over_several_lines_are_read() {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let sandbox = Sandbox::new().await;
    sandbox.import("kratos", pretty(&identity(1))).await.assert_success();
    // As `jq '.[]'` prints them.
    let several = format!("{}\n{}\n{}", pretty(&identity(1)), pretty(&identity(2)), pretty(&identity(3)));
    sandbox.import("kratos", &several).await.assert_success();
    assert_eq!(sandbox.accounts().await.len(), 3);
    let outcome = sandbox.import("kratos", &several[..several.len() - 3]).await;
    outcome.assert_exit(1, &["after entry 2: it is cut off"]);
    sandbox.import("auth0", pretty(&json!({ "next": 1, "users": [user(4)] }))).await.assert_success();
    sandbox.import("auth0", format!("{{\"users\":[\n{},\n{}\n]}}", user(5), user(6))).await.assert_success();
    assert_eq!(sandbox.accounts().await.len(), 6);
}
