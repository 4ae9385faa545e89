//! The Lambda runtime: start-up, and the handler of events.

mod event;

use std::{convert::Infallible, error::Error as StdError, future::Future, process::ExitCode};

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
    config::{self, Settings, clock::Clock},
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

/// Runs a function: reads the settings, builds its routes, and handles events until Lambda ends the process.
///
/// A failed start is logged with its causes. They name settings, never their values.
pub async fn run<F>(routes: impl FnOnce(Start) -> F) -> ExitCode
where
    F: Future<Output = Result<Router, StartError>>,
{
    logging::start(Format::Json, config::log_level().as_deref());
    match start(routes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(cause = causes(&*error), "function cannot start");
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
    // The connection is opened while the keys are read. Until a function tells Lambda that it is ready, it has a whole
    // processor, whatever its memory size.
    let warm_up = async {
        if connection.warm_up {
            store::warm_up(&database).await;
        }
        Ok(())
    };
    let start = Start { settings, aws, database: database.clone(), clock: Clock::system() };
    let (routes, ()) = tokio::try_join!(routes(start), warm_up)?;
    // After the warm-up, whose call of the database does not belong to a request.
    if telemetry.metrics {
        metrics::start(&telemetry.function_name);
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

/// Logs one warning that lists the settings of `function` that are weaker than recommended.
pub fn warn_of_relaxed_rules(function: &str, rules: &[&str]) {
    if !rules.is_empty() {
        warn!(function, settings = rules.join(" "), "settings are weaker than recommended");
    }
}
