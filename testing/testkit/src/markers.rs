//! Markers in all that a client can send, to look for in what a function writes.

use serde_json::{Value, json};

use crate::{events, lambda::Function};

/// What no line of a log may hold.
pub const MARKER: &str = "m4rk3r";

/// The levels that a log can have.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// At each level of the log, sends the calls that `calls` has for it, which are to be answered with the statuses beside them, and,
/// to each of `paths`, requests that are wrong in every way, all of them full of markers. Fails where a function writes a marker, a
/// token or a hash, to standard error or standard output, and gives the log of the last level.
pub async fn leave_no_trace(
    binary: &str,
    variables: &[(&str, &str)],
    paths: &[&str],
    calls: impl AsyncFn(&str) -> Vec<(Value, u16)>,
) -> String {
    let mut log = String::new();
    for level in LEVELS {
        let variables = [variables, &[("RUST_LOG", level), ("AUDIT_ADDRESS", "hash")]].concat();
        let function = Function::start(binary, &variables).await;
        // Of every token in JSON, and of every password's hash, the beginning.
        let mut secrets = vec![MARKER.to_owned(), "eyj".to_owned(), "$argon2".to_owned()];
        for (event, status) in calls(level).await {
            let answer = events::read(&function.invoke(event.clone()).await.expect("the invocation succeeds"));
            assert_eq!(answer.status, status, "at {level}: {event}: {answer:?}");
            secrets.extend(
                [event["body"].as_str().unwrap_or_default(), &answer.text].into_iter().filter_map(refresh_token),
            );
        }
        for event in paths.iter().flat_map(|path| wrong_in_every_way(path)) {
            let answer = events::read(&function.invoke(event.clone()).await.expect("the invocation succeeds"));
            assert!(
                (400..500).contains(&answer.status) || matches!(answer.status, 200..=204 | 303),
                "{event}: {answer:?}"
            );
        }
        let output;
        (log, output) = function.stop_with_output().await;
        for text in [&log, &output] {
            for secret in &secrets {
                assert!(!text.to_lowercase().contains(secret), "{secret} at {level}: {text}");
            }
            // The client's address, of which the hash alone is asked for.
            assert!(!text.contains("198.51.100."), "at {level}: {text}");
        }
        assert!(log.contains("\"target\":\"audit\""), "audit lines are there at {level}: {log}");
    }
    log
}

/// The refresh token in a body, in lower case.
fn refresh_token(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body["refresh_token"].as_str()?.to_lowercase())
}

fn wrong_in_every_way(path: &str) -> Vec<Value> {
    let fields = json!({
        "name": MARKER, "email": format!("{MARKER}@example.com"), "password": format!("{MARKER} a password"),
        "current_password": MARKER, "new_password": format!("{MARKER} another password"), "refresh_token": MARKER, "scope": MARKER,
    });
    let header = |name: &str, value: String| json!({ "content-type": "application/json", name: value });
    let client = "198.51.100.77";
    let mut events = vec![
        events::post(path, client, None, &fields),
        events::post(path, client, Some(&format!("eyJhbGciOiJIUzI1NiJ9.{MARKER}.{MARKER}")), &fields),
        events::post(path, client, Some(MARKER), &json!([MARKER])),
        events::post(path, client, None, &json!({ "email": [MARKER], MARKER: MARKER })),
        events::request(MARKER, path, client, &json!({}), None),
        events::request("POST", &format!("{path}/{MARKER}"), client, &json!({}), None),
        events::request("POST", path, client, &json!({ "content-type": MARKER }), Some(MARKER)),
        events::request("POST", path, client, &header("authorization", format!("Basic {MARKER}")), Some("{}")),
        events::request(
            "POST",
            path,
            client,
            &json!({ "content-type": "application/json" }),
            Some(&format!("{{{MARKER}")),
        ),
        events::request("GET", path, client, &header("x-access-token", MARKER.to_owned()), None),
    ];
    // What a browser sends, from a page of ours and from another site.
    for (method, site, body) in [("POST", "same-origin", true), ("POST", "cross-site", true), ("GET", "none", false)] {
        let headers = json!({
            "accept": "text/html", "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": site,
            "cookie": format!("access_token={MARKER}; refresh_token={MARKER}"), "origin": format!("https://{MARKER}.example.com"),
        });
        let form = format!(
            "name={MARKER}&email={MARKER}@example.com&password={MARKER}&scope={MARKER}&return_to={MARKER}&_method={MARKER}"
        );
        events.push(events::request(method, path, client, &headers, body.then_some(&form)));
    }
    for name in ["x-forwarded-for", "user-agent", "cookie", "referer", "origin", "host", "x-amzn-trace-id", MARKER] {
        events.push(events::request("POST", path, client, &header(name, MARKER.to_owned()), Some(&fields.to_string())));
    }
    for event in &mut events {
        event["rawQueryString"] = json!(format!("{MARKER}={MARKER}"));
        event["requestContext"]["http"]["userAgent"] = json!(MARKER);
        event["requestContext"]["domainName"] = json!(format!("{MARKER}.example.com"));
    }
    events
}
