//! Log lines on standard error: their format, their levels, and the line of each request.

use std::io;

use axum::http::{Method, StatusCode};
use tracing::{Level, error, info, warn};
use tracing_subscriber::{Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    domain::error_chain::causes,
    http::{
        error::Error,
        telemetry::{audit, metrics, panics},
    },
};

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, for CloudWatch.
    Json,
    /// Plain text, for a person.
    Text,
}

/// Crates that log at the configured level.
const OWN_CRATES: [&str; 4] = ["shared", "signup", "login", "list_users"];

/// Starts logging at `level` (`error` to `trace`; `info` for anything else).
///
/// The level applies to this project's crates. Audit events are written at any level. Other crates log warnings and
/// errors only: below that, the Lambda runtime logs whole events and the HTTP client whole messages, which contain
/// passwords and tokens. Panics are logged without their message.
pub fn start(format: Format, level: Option<&str>) {
    panics::install_hook();
    let level = level.and_then(|text| text.parse().ok()).unwrap_or(Level::INFO);
    let targets = Targets::new()
        .with_default(level.min(Level::WARN))
        .with_targets(OWN_CRATES.map(|name| (name, level)))
        // The embedded database of the local service warns of each failed write condition, which rate limiting relies
        // on.
        .with_target("dynoxide", Level::ERROR)
        .with_target(audit::TARGET, Level::INFO.max(level));
    let lines = fmt::layer().with_writer(io::stderr);
    let layer = match format {
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        Format::Text => lines.compact().without_time().boxed(),
    };
    // Only the first call takes effect.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// A request and its response, as the log shows them.
#[derive(Debug)]
pub(crate) struct RequestLine<'r> {
    pub(crate) method: &'r Method,
    /// The route's pattern.
    pub(crate) route: &'r str,
    pub(crate) status: StatusCode,
    pub(crate) duration_ms: u64,
}

/// Logs a request. The causes of an error appear here and nowhere else. Only failures of the service are warnings or
/// errors.
pub(crate) fn log_request(line: &RequestLine<'_>, error: Option<&Error>) {
    let RequestLine { route, duration_ms, .. } = *line;
    let (method, status) = (method_name(line.method), line.status.as_u16());
    let cause = error.map(|error| causes(error));
    if line.status.is_server_error() {
        metrics::error();
    }
    match status {
        0..500 => info!(method, route, status, duration_ms, cause, "request handled"),
        503 => warn!(method, route, status, duration_ms, cause, "request failed"),
        _ => error!(method, route, status, duration_ms, cause, "request failed"),
    }
}

/// The method's name if it is a standard one. Any other is text of the client, which does not belong in the log.
fn method_name(method: &Method) -> &str {
    let standard =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if standard.contains(method) { method.as_str() } else { "other" }
}
