//! A response, checked for what every response of the service must have.

use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// A response whose body has been read.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// Reads a response and checks the requirements for every response: security headers, caching, and a problem
    /// document with a `code` for errors (RFC 9457).
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Self { status, headers, text: response.text().await.expect("the body is text") };
        answer.check();
        answer
    }

    /// Checks the requirements for every response.
    pub fn check(&self) {
        // Only published keys and the discovery document may be cached. A response to HEAD has no body to tell them by.
        let is_public = self.status == 200 && (self.text.contains("\"keys\"") || self.text.contains("\"jwks_uri\""));
        let cache_control = self.header("cache-control").unwrap_or_default();
        if is_public {
            let max_age = cache_control.strip_prefix("public, max-age=").and_then(|seconds| seconds.parse().ok());
            assert!(max_age.is_some_and(|seconds: u64| seconds <= 300), "{self:?}");
        } else if self.status != 200 || !self.text.is_empty() {
            assert_eq!(cache_control, "no-store", "{self:?}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(self.header(name), Some(value), "{self:?}");
        }
        let hsts = self.header("strict-transport-security");
        assert!(hsts.is_some_and(|value| value.starts_with("max-age=63072000")), "{self:?}");
        let is_page = self.header("content-type") == Some("text/html; charset=utf-8");
        let policy = self.header("content-security-policy").unwrap_or_default();
        if is_page {
            assert!(
                policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
                "{self:?}"
            );
        } else {
            assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{self:?}");
        }
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{self:?}");
        if self.status == 401 {
            assert!(self.header("www-authenticate").is_some(), "RFC 9110 15.5.2: {self:?}");
        }
        if is_page && self.status >= 400 && !self.text.is_empty() {
            assert!(self.title().is_some_and(|title| title.starts_with("Error: ")), "{self:?}");
        }
        if self.status < 400 || self.text.is_empty() || is_page {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        for member in ["type", "title", "detail", "code", "message"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self:?}");
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are ASCII"))
    }

    /// The cookies that the response sets, in the form in which a browser sends them. Deleted cookies are left out.
    pub fn cookies(&self) -> Vec<String> {
        let set = self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("cookies are ASCII"));
        let live = set.filter(|cookie| !cookie.contains("Max-Age=0"));
        live.map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned()).collect()
    }

    /// The title of a page.
    pub fn title(&self) -> Option<&str> {
        let (_, rest) = self.text.strip_prefix("<!doctype html>")?.split_once("<title>")?;
        rest.split_once(" – Postern</title>").map(|(title, _)| title)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, `code` and `message` of a problem document.
    pub fn problem(&self) -> (u16, String, String) {
        let json = self.json();
        (
            self.status,
            json["code"].as_str().unwrap_or_default().to_owned(),
            json["message"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Status and `code`.
    pub fn code(&self) -> (u16, String) {
        let (status, code, _) = self.problem();
        (status, code)
    }

    /// Status, and the field and code of each member of `errors`.
    pub fn field_errors(&self) -> (u16, Vec<(String, String)>) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        (self.status, errors.iter().map(|error| (text(&error["field"]), text(&error["code"]))).collect())
    }
}

/// The text of a member of a JSON object.
pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}
