//! The way from Lambda's runtime to a router: what each function's `main` calls.

use std::{error::Error as StdError, future::Future, process::ExitCode};

use aws_config::{BehaviorVersion, SdkConfig};
use axum::{Router, http::Uri};
use lambda_http::{
    Adapter,
    http::{HeaderMap, header::HOST},
    request::LambdaRequest,
};
use lambda_runtime::LambdaEvent;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower::ServiceExt as _;
use tracing::{error, warn};

use crate::{
    answer,
    config::Settings,
    log::{self, Format},
};

/// What stops a function before its first request.
pub type StartError = Box<dyn StdError + Send + Sync>;

/// Reads the settings, lets `routes` build the function from them, and answers events until Lambda ends the process.
///
/// A start that fails is logged with its cause, which names a setting and never a value.
pub async fn run<F>(routes: impl FnOnce(Settings, SdkConfig) -> F) -> ExitCode
where
    F: Future<Output = Result<Router, StartError>>,
{
    log::start(Format::Json, log::level().as_deref());
    match start(routes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(cause = answer::causes(&*cause), "function cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn start<F>(routes: impl FnOnce(Settings, SdkConfig) -> F) -> Result<(), StartError>
where
    F: Future<Output = Result<Router, StartError>>,
{
    let settings = Settings::from_env()?;
    warn_of_relaxed_rules(&settings);
    let wording = settings.wording.clone();
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let service = answer::service(routes(settings, aws).await?, wording);
    lambda_runtime::run(Adapter::from(service).map_request(with_sound_parts)).await
}

/// One warning that names each setting that is weaker than the strict profile's.
pub fn warn_of_relaxed_rules(settings: &Settings) {
    let relaxed = settings.relaxed_rules();
    if !relaxed.is_empty() {
        warn!(settings = relaxed.join(" "), "rules are weaker than those of AUTH_PROFILE=strict");
    }
}

/// Mends what `lambda_http` would panic on, so that no event takes the place of an answer: a path or a query with
/// characters that no URI has, a host or a scheme that is none, a body that is not the base64 it is said to be.
pub fn with_sound_parts(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    match &mut event.payload {
        LambdaRequest::ApiGatewayV1(request) => {
            // The stage is no part of our paths; `lambda_http` would put it in front of them.
            request.request_context.stage = None;
            request.path = Some(sound_path(request.path.as_deref()));
            request.request_context.domain_name = None;
            drop_host(&mut request.headers);
            drop_host(&mut request.multi_value_headers);
            request.is_base64_encoded &= is_base64(request.body.as_deref());
        }
        LambdaRequest::ApiGatewayV2(request) => {
            request.request_context.stage = None;
            request.raw_path = Some(sound_path(request.raw_path.as_deref()));
            request.raw_query_string = request.raw_query_string.take().map(|query| escape(&query));
            request.request_context.domain_name = None;
            drop_host(&mut request.headers);
            request.is_base64_encoded &= is_base64(request.body.as_deref());
        }
        _ => {}
    }
    event
}

fn sound_path(path: Option<&str>) -> String {
    let path = escape(path.unwrap_or("/"));
    if path.starts_with('/') && path.parse::<Uri>().is_ok() { path } else { "/".to_owned() }
}

/// Percent-encodes what a path or a query cannot hold (RFC 3986 3.3, 3.4) and leaves escapes alone.
fn escape(text: &str) -> String {
    const IMPOSSIBLE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');
    utf8_percent_encode(text, IMPOSSIBLE).to_string()
}

/// No answer of ours depends on the host, and a client can send any.
fn drop_host(headers: &mut HeaderMap) {
    headers.remove(HOST);
}

fn is_base64(body: Option<&str>) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    body.is_none_or(|body| STANDARD.decode(body).is_ok())
}
