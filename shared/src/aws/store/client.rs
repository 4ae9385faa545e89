//! The DynamoDB client.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext},
        retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
    },
    error::BoxError,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{Storable, StoreReplace},
};
use metrics::histogram;

/// A client whose calls end well within the time limit of a request, 8 s.
///
/// A successful attempt takes milliseconds. An attempt that takes a second is considered lost, and a call has time
/// for several.
pub fn connect(aws: &SdkConfig) -> Client {
    connect_within(aws, 6, Duration::from_secs(1), Duration::from_secs(3))
}

/// A client for an operator, who can wait: a page of 1 MB may take seconds on a slow connection.
pub(super) fn connect_for_operator(aws: &SdkConfig) -> Client {
    connect_within(aws, 10, Duration::from_secs(10), Duration::from_secs(60))
}

fn connect_within(aws: &SdkConfig, attempts: u32, attempt: Duration, operation: Duration) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build();
    // Random pauses of up to 50 ms at first and 500 ms at last.
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    // Retries are limited by attempts and time. The SDK's own limit is a token bucket for all calls of the process: a
    // burst of throttling would empty it, and later calls would fail at the first fault.
    let partition = RetryPartition::custom("postern").token_bucket(TokenBucket::unlimited()).build();
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .timeout_config(timeouts)
        .retry_config(retries)
        .retry_partition(partition)
        .retry_classifier(RetryConflicts)
        .interceptor(CallTimer)
        .build();
    Client::from_conf(config)
}

/// Opens the connections that the first request will use: two, since most requests make two calls at once. Best
/// effort: a call opens its own connection if necessary.
///
/// It sends `GET /`, which DynamoDB answers without credentials, cost or CloudTrail event. The request passes through
/// the SDK like any call, so that the SDK's lazy initialization happens as well.
pub async fn warm_up(client: &Client) {
    tokio::join!(touch(client), touch(client));
}

async fn touch(client: &Client) {
    let once = aws_sdk_dynamodb::config::Builder::default().retry_config(RetryConfig::disabled());
    let call = client.describe_endpoints().customize().config_override(once).mutate_request(|request| {
        // Even if this failed, DynamoDB would reject the request and the connection would be open.
        let _ = request.set_method("GET");
        for header in ["content-length", "content-type", "x-amz-target"] {
            request.headers_mut().remove(header);
        }
        *request.body_mut() = SdkBody::empty();
    });
    let _ = call.send().await;
}

/// Records the duration of each call, including all attempts and pauses, as the metric `StoreMilliseconds`.
#[derive(Debug)]
struct CallTimer;

/// When a call started.
#[derive(Debug)]
struct StartedAt(Instant);

impl Storable for StartedAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for CallTimer {
    fn name(&self) -> &'static str {
        "call timer"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        #[expect(clippy::disallowed_methods, reason = "telemetry measures a duration")]
        bag.interceptor_state().store_put(StartedAt(Instant::now()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(StartedAt(started)) = bag.load::<StartedAt>() {
            histogram!("StoreMilliseconds").record(started.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(())
    }
}

/// Retries a write that conflicted with a transaction on the same item, which the SDK does not do by itself.
#[derive(Debug)]
struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        // Successful responses, such as a page of a hundred users, are not searched.
        let rejection = context.response().filter(|response| response.status().is_client_error());
        let body = rejection.and_then(|response| response.body().bytes()).unwrap_or_default();
        let name = b"#TransactionConflictException";
        let is_conflict = body.windows(name.len()).any(|part| part == name);
        if is_conflict { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}
