//! What panics leave in the log: tests of the hook in [`super::telemetry`].

use std::{env, process::Command};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
    routing::get,
};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    config::SecurityProfile,
    domain::{
        client_ip::AddressForm,
        deployment::Deployment,
        password::{Cost, Hasher, estimator},
    },
    http::{
        error::{Error, ErrorStyle},
        service::{ResponseOptions, service},
        telemetry::logging::{self, Format},
    },
};

const SECRET: &str = "swordfish";

/// The log of a process of its own, whose hook is global.
fn log_of_forced_panics(format: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "http::panic_log::forced_panics"])
        .env("FORMAT", format)
        .output()
        .unwrap();
    let (out, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && out.contains("1 passed"), "{out}{log}");
    log
}

#[test]
#[ignore = "runs in a process of its own, started by the other tests"]
#[expect(clippy::disallowed_methods, reason = "an argument of the test")]
fn forced_panics() {
    logging::start(if env::var("FORMAT").unwrap() == "json" { Format::Json } else { Format::Text }, None);
    let in_handler = get(|headers: HeaderMap| async move {
        assert!(headers.contains_key("never"), "the client sent {:?}", headers["x-test"]);
    });
    let in_estimator = get(|headers: HeaderMap| async move {
        let sent = headers["x-test"].clone();
        assert_eq!(estimator::guarded(|| assert!(sent.is_empty(), "the client sent {sent:?}")), None);
    });
    let in_hash = get(async |headers: HeaderMap| {
        let hasher = Hasher::new(Cost { memory_kib: 64, iterations: 1, parallelism: 1 }, 1).unwrap();
        let sent = headers["x-test"].clone();
        Err::<(), _>(Error::from(hasher.forced_panic(format!("the client sent {sent:?}")).await))
    });
    let routes = Router::new().route("/handler", in_handler).route("/estimator", in_estimator).route("/hash", in_hash);
    let style = ErrorStyle { profile: SecurityProfile::Tutorial, realm: None };
    let service = service(
        routes,
        ResponseOptions { style, address: AddressForm::Network, deployment: Deployment::Aws, hsts_subdomains: false },
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (path, status) in [("/handler", 500), ("/estimator", 200), ("/hash", 500)] {
        let request = Request::builder().uri(path).header("x-test", SECRET).body(Body::empty()).unwrap();
        let response = runtime.block_on(service.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), StatusCode::from_u16(status).unwrap(), "{path}");
    }
}

#[test]
fn a_panic_is_logged_with_location_and_request_id_but_without_its_message() {
    let log = log_of_forced_panics("json");
    assert!(!log.contains(SECRET) && !log.contains("the client sent"), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let [handler, _, estimator, _, hash, _] = &lines[..] else { panic!("{log}") };
    for (pair, level) in lines.chunks(2).zip(["ERROR", "INFO", "ERROR"]) {
        let [panic, request] = pair else { panic!("{log}") };
        assert_eq!(panic["level"], level, "{log}");
        let id = panic["span"]["request_id"].as_str().expect("a request identifier");
        assert_eq!(request["span"]["request_id"], id, "{log}");
    }
    for (panic, file) in [(handler, "http/panic_log.rs:"), (estimator, "http/panic_log.rs:"), (hash, "hasher.rs:")] {
        let location = panic["location"].as_str().expect("a location");
        assert!(location.contains(file), "{log}");
    }
}

#[test]
fn the_text_format_has_the_same_content() {
    let log = log_of_forced_panics("text");
    assert!(!log.contains(SECRET) && !log.contains("the client sent"), "{log}");
    for part in ["ERROR", "panicked", "http/panic_log.rs:", "request_id="] {
        assert!(log.contains(part), "{part}: {log}");
    }
}
