//! API Gateway's events, changed so that each gets a response.
//!
//! `lambda_http` panics on some events, and loses parts of others: those with characters in the path or the query that
//! no URI contains, an invalid host or scheme, a body that is not the base64 it claims to be, or a header that occurs
//! twice.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{
    aws_lambda_events::query_map::QueryMap,
    http::{HeaderMap, HeaderValue, header::HOST},
    request::LambdaRequest,
};
use lambda_runtime::LambdaEvent;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::http::{browser::same_origin::EVENT_HOST, service::MAX_URI};

/// Makes an event safe for `lambda_http`.
pub(super) fn sanitize_event(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    match &mut event.payload {
        LambdaRequest::ApiGatewayV1(request) => {
            // `lambda_http` would prepend the stage to the path.
            request.request_context.stage = None;
            request.path = Some(sanitize_path(request.path.as_deref()));
            // Of a header in both maps `lambda_http` would use the single value, and lose the others.
            for name in request.multi_value_headers.keys() {
                request.headers.remove(name);
            }
            move_host(&mut request.headers);
            move_host(&mut request.multi_value_headers);
            request.request_context.domain_name = None;
            request.is_base64_encoded &= is_base64(request.body.as_deref());
            let queries = [&request.multi_value_query_string_parameters, &request.query_string_parameters];
            if queries.iter().any(|query| query.to_query_string().len() > MAX_URI) {
                request.path = Some(overlong_path());
                request.multi_value_query_string_parameters = QueryMap::default();
                request.query_string_parameters = QueryMap::default();
            }
        }
        LambdaRequest::ApiGatewayV2(request) => {
            request.request_context.stage = None;
            request.raw_path = Some(sanitize_path(request.raw_path.as_deref()));
            request.raw_query_string = request.raw_query_string.as_deref().map(|query| escape(query, NOT_IN_URI));
            if request.raw_query_string.as_ref().is_some_and(|query| query.len() > MAX_URI) {
                (request.raw_path, request.raw_query_string) = (Some(overlong_path()), None);
            }
            move_host(&mut request.headers);
            // `lambda_http` joins the cookies, and drops all if one contains what no header may.
            request
                .cookies
                .iter_mut()
                .for_each(|cookies| cookies.retain(|cookie| HeaderValue::from_str(cookie).is_ok()));
            request.request_context.domain_name = None;
            request.is_base64_encoded &= is_base64(request.body.as_deref());
        }
        _ => {}
    }
    event
}

/// Characters that no part of a URI contains (RFC 3986 2), except `%`: existing escapes are left alone.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// API Gateway decodes paths, so a `?` in a path was escaped in the request.
const NOT_IN_PATH: &AsciiSet = &NOT_IN_URI.add(b'?');

/// A path of no route, for events without a valid path: its segments are empty, and those of routes are not.
const UNROUTABLE: &str = "//";

/// A path that exceeds [`MAX_URI`], which the service answers with 414. It replaces a path or a query that might exceed
/// the limit of the `http` crate too.
fn overlong_path() -> String {
    format!("/{}", "-".repeat(MAX_URI))
}

fn sanitize_path(path: Option<&str>) -> String {
    let path = escape(path.unwrap_or_default(), NOT_IN_PATH);
    match path.as_str() {
        path if !path.starts_with('/') => UNROUTABLE.to_owned(),
        path if path.len() > MAX_URI => overlong_path(),
        _ => path,
    }
}

fn escape(text: &str, characters: &'static AsciiSet) -> String {
    utf8_percent_encode(text, characters).to_string()
}

/// Moves the host to a header that `lambda_http` does not parse: it panics on an invalid `Host`. Only the same-origin
/// check reads it. The client's own value of that header is dropped.
fn move_host(headers: &mut HeaderMap) {
    headers.remove(EVENT_HOST);
    if let Some(host) = headers.remove(HOST) {
        headers.insert(EVENT_HOST, host);
    }
}

fn is_base64(body: Option<&str>) -> bool {
    body.is_none_or(|body| STANDARD.decode(body).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::{Context, Request};
    use serde_json::{Value, json};

    /// The request that `lambda_http` makes of a sanitized event.
    fn request(event: Value) -> Request {
        let event = serde_json::from_value(event).unwrap();
        sanitize_event(LambdaEvent::new(event, Context::default())).payload.into()
    }

    fn uri_v1(path: &Value, query: &[(&str, &str)]) -> String {
        let single: serde_json::Map<_, _> =
            query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let several: serde_json::Map<_, _> =
            query.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
        let event = json!({
            "version": "1.0", "resource": "/", "path": path, "httpMethod": "GET",
            "headers": { "host": "auth.example" }, "multiValueHeaders": { "host": ["auth.example"] },
            "queryStringParameters": single, "multiValueQueryStringParameters": several,
            "requestContext": { "httpMethod": "GET", "path": path, "stage": "prod", "identity": {} },
            "isBase64Encoded": false,
        });
        request(event).uri().to_string()
    }

    fn uri_v2(path: &Value, query: &str) -> String {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": { "host": "auth.example" },
            "requestContext": { "http": { "method": "GET", "path": path }, "stage": "prod", "timeEpoch": 0 },
            "isBase64Encoded": false,
        });
        request(event).uri().to_string()
    }

    #[test]
    fn a_path_and_a_query_pass_in_both_formats() {
        assert_eq!(uri_v1(&json!("/user"), &[("limit", "5")]), "/user?limit=5");
        assert_eq!(uri_v2(&json!("/user"), "limit=5"), "/user?limit=5");
    }

    #[test]
    fn characters_that_no_uri_contains_are_escaped() {
        assert_eq!(uri_v1(&json!("/a b?c"), &[]), "/a%20b%3Fc");
        assert_eq!(uri_v2(&json!("/a b?c"), "d=e f"), "/a%20b%3Fc?d=e%20f");
    }

    #[test]
    fn an_overlong_path_or_query_becomes_a_path_beyond_the_limit_in_both_formats() {
        // The last length is beyond what the `http` crate accepts.
        for length in [MAX_URI + 1, 70_000] {
            let long = "x".repeat(length);
            let path = json!(format!("/{long}"));
            for uri in [
                uri_v1(&path, &[]),
                uri_v1(&json!("/user"), &[("q", &long)]),
                uri_v1(&path, &[("q", &long)]),
                uri_v2(&path, ""),
                uri_v2(&json!("/user"), &long),
                uri_v2(&path, &long),
            ] {
                assert_eq!(uri, overlong_path());
                assert!(uri.len() > MAX_URI);
            }
        }
    }

    #[test]
    fn a_path_and_a_query_of_the_longest_lengths_pass() {
        let (path, query) = (format!("/{}", "x".repeat(MAX_URI - 1)), "y".repeat(MAX_URI));
        assert_eq!(uri_v2(&json!(path), &query), format!("{path}?{query}"));
    }

    #[test]
    fn an_event_without_a_valid_path_gets_a_path_of_no_route() {
        for path in [Value::Null, json!(""), json!("user"), json!("*"), json!("http://auth.example/user")] {
            assert_eq!(uri_v1(&path, &[]), UNROUTABLE, "{path}");
            assert_eq!(uri_v2(&path, ""), UNROUTABLE, "{path}");
        }
    }

    #[test]
    fn a_cookie_that_no_header_may_contain_hides_no_other() {
        let event = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {},
            "cookies": ["theme=café", "a=\u{0}", "b=\n", "c=d"], "isBase64Encoded": false,
            "requestContext": { "http": { "method": "GET", "path": "/" }, "stage": "$default", "timeEpoch": 0 },
        });
        assert_eq!(request(event).headers()["cookie"].as_bytes(), "theme=café; c=d".as_bytes());
    }

    #[test]
    fn a_body_that_is_not_base64_passes_as_text() {
        let event = |body: &str| {
            json!({
                "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {},
                "body": body, "isBase64Encoded": true,
                "requestContext": { "http": { "method": "POST", "path": "/" }, "stage": "$default", "timeEpoch": 0 },
            })
        };
        assert_eq!(&**request(event("eA==")).body(), b"x");
        assert_eq!(&**request(event("{}")).body(), b"{}");
    }
}
