//! What Secrets Manager and the Parameter Store have in common.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use secrecy::ExposeSecret as _;
use shared::http::service::causes;
use tokio::sync::OnceCell;

use super::{Contents, Problem};

/// Longest that a call may take, its repetitions included: somebody is sitting there.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The way to AWS. Nothing is looked for until a place is there.
#[derive(Default)]
pub(crate) struct Aws(OnceCell<SdkConfig>);

impl Aws {
    /// Settings and credentials of this desk, for the region of `arn`.
    pub(super) async fn config(&self, arn: &str) -> SdkConfig {
        let region = region(arn);
        let load = || {
            let limit = TimeoutConfig::builder().operation_timeout(TIME_LIMIT).build();
            let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limit);
            // Without one, it would be looked for, also where this machine is none of AWS's.
            if let Some(region) = region.clone() {
                loader = loader.region(region);
            }
            loader.load()
        };
        let config = self.0.get_or_init(load).await.clone();
        match region {
            Some(region) => config.into_builder().region(region).build(),
            None => config,
        }
    }
}

/// A place is where its ARN says, whatever the region of this desk.
fn region(arn: &str) -> Option<Region> {
    arn.split(':').nth(3).filter(|region| !region.is_empty()).map(|region| Region::new(region.to_owned()))
}

/// Why a call has failed, in one line.
pub(super) fn cause<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let error = answer.err();
            [error.code(), error.message()].into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
        error => {
            let causes = causes(error);
            // The SDK's own words name what it was built without.
            let hint =
                if causes.contains("credentials") { "; `admin --help` tells where credentials come from" } else { "" };
            causes + hint
        }
    }
}

/// The same for a call that sent `text`. A service that quotes what it was sent must not quote a key.
pub(super) fn cause_of_write<E>(error: &SdkError<E>, text: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let cause = cause(error);
    let quotes = |value: &str| value.get(..16).is_some_and(|start| cause.contains(start));
    if text.split('"').any(quotes) { "refused, in words that quote a key".to_owned() } else { cause }
}

/// What became of a write that seemed to fail: the answer may have been lost, and the write not. `now` is what the place holds,
/// and its version.
pub(super) fn settle<V: PartialEq>(
    now: Result<(Contents, V), Problem>,
    wanted: &str,
    before: &V,
    cause: String,
) -> Result<(), Problem> {
    match now {
        Ok((Contents::Text(text), _)) if text.expose_secret() == wanted => Ok(()),
        Ok((_, version)) if version == *before => Err(Problem::unwritten(cause)),
        Ok(_) => Err(Problem::changed()),
        Err(_) => Err(Problem::unknown(cause)),
    }
}
