//! The Lambda runtime: start-up, and the handler of events.

mod event;

use std::{convert::Infallible, env, error::Error as StdError, future::Future, process::ExitCode};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use axum::Router;
use lambda_http::{Adapter, request::LambdaRequest};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use tower::{Service, ServiceExt as _};
use tracing::{error, warn};

use crate::{
    aws::{sdk_config, store},
    config::Settings,
    domain::error_chain::causes,
    http::{
        service::{self, ResponseOptions},
        telemetry::{
            logging::{self, Format},
            metrics,
        },
    },
};

/// Why a function cannot start.
pub type StartError = Box<dyn StdError + Send + Sync>;

/// Runs a function: reads the settings, builds the routes from them and a client of the database, and handles events until Lambda
/// ends the process.
///
/// A failed start is logged with its causes. They name settings, never their values.
pub async fn run<F>(routes: impl FnOnce(Settings, SdkConfig, Client) -> F) -> ExitCode
where
    F: Future<Output = Result<Router, StartError>>,
{
    logging::start(Format::Json, logging::level().as_deref());
    match start(routes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(cause = causes(&*error), "function cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn start<F>(routes: impl FnOnce(Settings, SdkConfig, Client) -> F) -> Result<(), StartError>
where
    F: Future<Output = Result<Router, StartError>>,
{
    let settings = Settings::from_env()?;
    let (options, has_warm_up, has_metrics) = (ResponseOptions::from(&settings), settings.warm_up, settings.metrics);
    let aws = sdk_config::from_env(settings.roots).await;
    let database = store::connect(&aws);
    // Connects while the keys are read. Until a function tells Lambda that it is ready, it has a whole processor, whatever its
    // memory size.
    let warm_up = async {
        if has_warm_up {
            store::warm_up(&database).await;
        }
        Ok(())
    };
    let (routes, ()) = tokio::try_join!(routes(settings, aws, database.clone()), warm_up)?;
    // After the warm-up, whose call of the database does not belong to a request.
    if has_metrics {
        metrics::start(&env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default());
    }
    lambda_runtime::run(handler(routes, options)).await
}

/// Handles API Gateway's events, of payload formats 2.0 and 1.0, with these routes.
pub fn handler(
    routes: Router,
    options: ResponseOptions,
) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize, Error = Infallible, Future: Send> {
    Adapter::from(service::service(routes, options)).map_request(event::sanitize_event).map_response(|response| {
        // Before Lambda has the response: afterwards it may freeze the process.
        metrics::flush();
        response
    })
}

/// Logs one warning that lists the settings that are weaker than the strict profile's, out of those that apply to `function`.
pub fn warn_of_relaxed_rules(function: &str, settings: &Settings, applicable: &[&str]) {
    let relaxed: Vec<&str> = settings.relaxed_rules().into_iter().filter(|rule| applicable.contains(rule)).collect();
    if !relaxed.is_empty() {
        warn!(function, settings = relaxed.join(" "), "rules are weaker than those of AUTH_PROFILE=strict");
    }
}
