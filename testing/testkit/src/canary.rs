//! Leak tests. They put a canary into everything that a client can send and search the output of a function for it.

use serde_json::{Value, json};

use crate::{FunctionEnv, events};

/// A string that must not appear in any output.
pub const CANARY: &str = "c4n4ry";

/// The log levels.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Fails if a function writes a canary, a token or a password hash to standard error or standard output. Returns the
/// log of the last level.
///
/// At each log level it sends the calls that `calls` returns for that level, whose expected statuses are beside them,
/// and malformed requests to each of `paths`. All of them are full of canaries.
pub async fn assert_no_leaks(
    binary: &str,
    env: &FunctionEnv,
    paths: &[&str],
    calls: impl AsyncFn(&str) -> Vec<(Value, u16)>,
) -> String {
    let mut log = String::new();
    for level in LEVELS {
        let function = env.clone().with_all(&[("RUST_LOG", level), ("AUDIT_ADDRESS", "hash")]).start(binary).await;
        // The first characters of every JWT and of every password hash.
        let mut secrets = vec![CANARY.to_owned(), "eyj".to_owned(), "$argon2".to_owned()];
        for (event, status) in calls(level).await {
            let answer = events::read(&function.invoke(event.clone()).await.expect("the invocation succeeds"));
            assert_eq!(answer.status, status, "at {level}: {event}: {answer:?}");
            secrets.extend(
                [event["body"].as_str().unwrap_or_default(), &answer.text].into_iter().filter_map(refresh_token),
            );
        }
        for event in paths.iter().flat_map(|path| malformed_requests(path)) {
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
            // The IP address of the client: AUDIT_ADDRESS=hash.
            assert!(!text.contains("198.51.100."), "at {level}: {text}");
        }
        assert!(log.contains("\"target\":\"audit\""), "no audit lines at {level}: {log}");
    }
    log
}

/// The refresh token in a body, in lower case, as the search is case-insensitive.
fn refresh_token(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body["refresh_token"].as_str()?.to_lowercase())
}

fn malformed_requests(path: &str) -> Vec<Value> {
    let fields = json!({
        "name": CANARY, "email": format!("{CANARY}@example.com"), "password": format!("{CANARY} a password"),
        "current_password": CANARY, "new_password": format!("{CANARY} another password"),
        "refresh_token": CANARY, "scope": CANARY,
    });
    let header = |name: &str, value: String| json!({ "content-type": "application/json", name: value });
    let client = "198.51.100.77";
    let mut events = vec![
        events::post(path, client, None, &fields),
        events::post(path, client, Some(&format!("eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}")), &fields),
        events::post(path, client, Some(CANARY), &json!([CANARY])),
        events::post(path, client, None, &json!({ "email": [CANARY], CANARY: CANARY })),
        events::request(CANARY, path, client, &json!({}), None),
        events::request("POST", &format!("{path}/{CANARY}"), client, &json!({}), None),
        events::request("POST", path, client, &json!({ "content-type": CANARY }), Some(CANARY)),
        events::request("POST", path, client, &header("authorization", format!("Basic {CANARY}")), Some("{}")),
        events::request(
            "POST",
            path,
            client,
            &json!({ "content-type": "application/json" }),
            Some(&format!("{{{CANARY}")),
        ),
        events::request("GET", path, client, &header("x-access-token", CANARY.to_owned()), None),
    ];
    // Requests of a browser, from a page of the service and from another site.
    for (method, site, body) in [("POST", "same-origin", true), ("POST", "cross-site", true), ("GET", "none", false)] {
        let headers = json!({
            "accept": "text/html", "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": site,
            "cookie": format!("postern_access_token={CANARY}; postern_refresh_token={CANARY}"),
            "origin": format!("https://{CANARY}.example.com"),
        });
        let form = format!(
            "name={CANARY}&email={CANARY}@example.com&password={CANARY}&scope={CANARY}&return_to={CANARY}\
             &_method={CANARY}"
        );
        events.push(events::request(method, path, client, &headers, body.then_some(&form)));
    }
    for name in ["x-forwarded-for", "user-agent", "cookie", "referer", "origin", "host", "x-amzn-trace-id", CANARY] {
        events.push(events::request("POST", path, client, &header(name, CANARY.to_owned()), Some(&fields.to_string())));
    }
    for event in &mut events {
        event["rawQueryString"] = json!(format!("{CANARY}={CANARY}"));
        event["requestContext"]["http"]["userAgent"] = json!(CANARY);
        event["requestContext"]["domainName"] = json!(format!("{CANARY}.example.com"));
    }
    events
}
