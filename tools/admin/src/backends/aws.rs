//! AWS configuration and errors.

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use shared::domain::error_chain::causes;
use tokio::sync::OnceCell;

/// Limit of one call, retries included. An operator waits for the result.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The AWS configuration, loaded on first use: files need no credentials.
#[derive(Default)]
pub(crate) struct LazyAwsConfig(OnceCell<SdkConfig>);

impl LazyAwsConfig {
    /// The operator's settings and credentials, for the region of `arn`.
    pub(super) async fn for_arn(&self, arn: &str) -> SdkConfig {
        let region = region(arn);
        let config = self.0.get_or_init(|| config_loader(region.clone()).load()).await.clone();
        match region {
            Some(region) => config.into_builder().region(region).build(),
            None => config,
        }
    }
}

/// The operator's settings and credentials. Without a region here, in the environment or in the profile, the SDK asks
/// the instance metadata service, also on machines outside AWS.
pub(crate) fn config_loader(region: Option<Region>) -> ConfigLoader {
    let limit = TimeoutConfig::builder().operation_timeout(TIME_LIMIT).build();
    let loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limit);
    match region {
        Some(region) => loader.region(region),
        None => loader,
    }
}

/// The region in an ARN. It overrides the region of the environment.
pub(crate) fn region(arn: &str) -> Option<Region> {
    arn.split(':').nth(3).filter(|region| !region.is_empty()).map(|region| Region::new(region.to_owned()))
}

/// The cause of a failed call, in one line.
pub(crate) fn cause<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(response) => {
            let error = response.err();
            [error.code(), error.message()].into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
        error => explain_missing_credentials(causes(error)),
    }
}

/// Replaces the SDK's text for missing credentials, which is about the last place where it looked, or names cargo
/// features.
pub(crate) fn explain_missing_credentials(error: String) -> String {
    let is_missing = ["credential provider was not enabled", "no providers in chain", "IMDS"];
    if is_missing.iter().any(|text| error.contains(text)) {
        return "no AWS credentials were found; `admin --help` explains where credentials come from".to_owned();
    }
    error
}

/// The cause of a failed call that sent `text`. An error message that quotes the request must not reveal a key.
pub(super) fn cause_of_write<E>(error: &SdkError<E>, text: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let cause = cause(error);
    let is_quoted = |value: &str| value.get(..16).is_some_and(|start| cause.contains(start));
    if text.split('"').any(is_quoted) {
        "rejected; the error message is omitted because it quotes a key".to_owned()
    } else {
        cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_one_in_the_arn() {
        let arn = |region: &str, name: &str| format!("arn:aws:secretsmanager:{region}:123456789012:secret:{name}");
        assert_eq!(region(&arn("eu-west-1", "keys-AbCdEf")), Some(Region::from_static("eu-west-1")));
        assert_eq!(region(&arn("eu-west-1", "postern/keys-AbCdEf")), Some(Region::from_static("eu-west-1")));
        assert_eq!(region(&arn("us-gov-west-1", "a/b/secret:c-AbCdEf")), Some(Region::from_static("us-gov-west-1")));
        assert_eq!(region(&arn("", "keys-AbCdEf")), None);
        let stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/postern/1f2e3d4c";
        assert_eq!(region(stack), Some(Region::from_static("eu-west-1")));
        assert_eq!(region("postern"), None);
    }
}
