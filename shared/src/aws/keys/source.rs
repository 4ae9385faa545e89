//! Reading keys from where they are stored.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use secrecy::SecretString;

use crate::config::key_location::KeyLocation;

/// Time limit for reading keys, which requests wait for.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// A failure to read keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyReadError {
    /// Not found, no permission, or no response.
    #[error("cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A binary secret.
    #[error("is not text")]
    NotText,
    /// No response within the time limit.
    #[error("cannot be read: no response in {} s", TIME_LIMIT.as_secs())]
    TimedOut,
}

/// Reads the content of a location. Fails after three seconds.
pub async fn read(location: &KeyLocation, aws: &SdkConfig) -> Result<SecretString, KeyReadError> {
    let text = async {
        match location {
            KeyLocation::Secret(arn) => {
                let client = aws_sdk_secretsmanager::Client::new(&with_short_timeouts(aws));
                let response = client.get_secret_value().secret_id(arn).send().await;
                response.map_err(unreadable)?.secret_string.ok_or(KeyReadError::NotText)
            }
            KeyLocation::File(path) => tokio::fs::read_to_string(path).await.map_err(unreadable),
        }
    };
    tokio::time::timeout(TIME_LIMIT, text).await.map_err(|_| KeyReadError::TimedOut)?.map(SecretString::from)
}

/// Leaves time for at least two attempts within [`TIME_LIMIT`], in case one is lost.
fn with_short_timeouts(aws: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(500))
        .operation_attempt_timeout(Duration::from_secs(1))
        .build();
    let retries = RetryConfig::standard()
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    aws.to_builder().timeout_config(timeouts).retry_config(retries).build()
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> KeyReadError {
    KeyReadError::Unreadable(error.into())
}
