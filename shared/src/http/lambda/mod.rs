//! The way from Lambda's runtime to a router: what each function's `main` calls.

use std::{convert::Infallible, error::Error as StdError, future::Future, process::ExitCode};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{
    Adapter,
    aws_lambda_events::query_map::QueryMap,
    http::{HeaderMap, header::HOST},
    request::LambdaRequest,
};
use lambda_runtime::LambdaEvent;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tower::{Service, ServiceExt as _};
use tracing::{error, warn};

use crate::{
    aws::{sdk_config, store},
    config::{self, Settings, clock::Clock},
    domain::error_chain::causes,
    http::{
        browser,
        service::{self, ResponseOptions},
        telemetry::{
            logging::{self, Format},
            metrics,
        },
    },
};

/// What stops a function before its first request.
pub type StartError = Box<dyn StdError + Send + Sync>;

/// What a function is built from.
pub struct Start {
    /// All settings. Each function requires its own part.
    pub settings: Settings,
    /// Configuration of further AWS clients.
    pub aws: SdkConfig,
    /// Client of DynamoDB.
    pub database: Client,
    /// The system's clock.
    pub clock: Clock,
}

/// Reads the settings, builds a function with `routes`, and handles events until Lambda ends the process.
///
/// If the start fails, its cause is logged, which names a setting and never a value.
pub async fn run<F>(routes: impl FnOnce(Start) -> F) -> ExitCode
where
    F: Future<Output = Result<Router, StartError>>,
{
    logging::start(Format::Json, config::log_level().as_deref());
    match start(routes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(cause = causes(&*cause), "function cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn start<F>(routes: impl FnOnce(Start) -> F) -> Result<(), StartError>
where
    F: Future<Output = Result<Router, StartError>>,
{
    let settings = Settings::from_env()?;
    let (options, connection) = (ResponseOptions::from(&settings), settings.connection);
    let telemetry = settings.telemetry.clone();
    let aws = sdk_config::from_env(connection.roots).await;
    let database = store::connect(&aws);
    // The connection is opened while the keys are read, and before Lambda knows that the function is ready: until then a function
    // has a whole processor, whatever its memory size.
    let warm_up = async {
        if connection.warm_up {
            store::warm_up(&database).await;
        }
        Ok(())
    };
    let start = Start { settings, aws, database: database.clone(), clock: Clock::system() };
    let (routes, ()) = tokio::try_join!(routes(start), warm_up)?;
    // After the start, so that its calls do not count toward the first request.
    if telemetry.metrics {
        metrics::start(&telemetry.function_name);
    }
    lambda_runtime::run(handler(routes, options)).await
}

/// Answers API Gateway's events, of payload format 2.0 and 1.0, with these routes.
pub fn handler(
    routes: Router,
    options: ResponseOptions,
) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize, Error = Infallible, Future: Send> {
    Adapter::from(service::service(routes, options)).map_request(sanitize_event).map_response(|answer| {
        // Before Lambda has the answer: afterwards it may freeze the process.
        metrics::flush();
        answer
    })
}

/// Logs one warning with the settings of `function` that are weaker than in the strict profile.
pub fn warn_of_relaxed_rules(function: &str, rules: &[&str]) {
    if !rules.is_empty() {
        warn!(function, settings = rules.join(" "), "rules are weaker than those of AUTH_PROFILE=strict");
    }
}

/// Mends what `lambda_http` would panic on or lose, so that each event gets its answer: a path or a query with characters that
/// no URI has, a host or a scheme that is none, a body that is not the base64 it is said to be, a header that came twice.
fn sanitize_event(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    match &mut event.payload {
        LambdaRequest::ApiGatewayV1(request) => {
            // The stage is no part of our paths; `lambda_http` would put it in front of them.
            request.request_context.stage = None;
            request.path = Some(sanitize_path(request.path.as_deref()));
            // The two maps say the same, and the one with single values would win: of a header that came twice, half.
            for name in request.multi_value_headers.keys() {
                request.headers.remove(name);
            }
            move_host(&mut request.headers);
            move_host(&mut request.multi_value_headers);
            request.request_context.domain_name = None;
            request.is_base64_encoded &= is_base64(request.body.as_deref());
            let queries = [&request.multi_value_query_string_parameters, &request.query_string_parameters];
            if queries.iter().any(|query| query.to_query_string().len() > MAX_URI) {
                request.path = Some(NOWHERE.to_owned());
                request.multi_value_query_string_parameters = QueryMap::default();
                request.query_string_parameters = QueryMap::default();
            }
        }
        LambdaRequest::ApiGatewayV2(request) => {
            request.request_context.stage = None;
            request.raw_path = Some(sanitize_path(request.raw_path.as_deref()));
            request.raw_query_string = request.raw_query_string.as_deref().map(|query| escape(query, IMPOSSIBLE));
            if request.raw_query_string.as_ref().is_some_and(|query| query.len() > MAX_URI) {
                (request.raw_path, request.raw_query_string) = (Some(NOWHERE.to_owned()), None);
            }
            move_host(&mut request.headers);
            request.request_context.domain_name = None;
            request.is_base64_encoded &= is_base64(request.body.as_deref());
        }
        _ => {}
    }
    event
}

/// What no part of a URI holds (RFC 3986 2), less `%`: escapes are left alone.
const IMPOSSIBLE: &AsciiSet = &CONTROLS
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

/// API Gateway decodes paths, so a `?` in one was escaped when it was sent.
const IMPOSSIBLE_IN_PATH: &AsciiSet = &IMPOSSIBLE.add(b'?');

/// Longest path, and longest query, in octets: three times what API Gateway takes for a request's head. `http` ends at 65,534.
const MAX_URI: usize = 30 * 1024;

/// A path where there is nothing.
const NOWHERE: &str = "/";

fn sanitize_path(path: Option<&str>) -> String {
    let path = escape(path.unwrap_or(NOWHERE), IMPOSSIBLE_IN_PATH);
    if path.starts_with('/') && path.len() <= MAX_URI { path } else { NOWHERE.to_owned() }
}

fn escape(text: &str, impossible: &'static AsciiSet) -> String {
    utf8_percent_encode(text, impossible).to_string()
}

/// `lambda_http` makes a URI of the host, and panics if it is none. Only a browser's forms are held against it, so it is kept where
/// nothing is made of it, in place of whatever the client has put there.
fn move_host(headers: &mut HeaderMap) {
    headers.remove(browser::EVENT_HOST);
    if let Some(host) = headers.remove(HOST) {
        headers.insert(browser::EVENT_HOST, host);
    }
}

fn is_base64(body: Option<&str>) -> bool {
    body.is_none_or(|body| STANDARD.decode(body).is_ok())
}
