//! Locations of keys: a secret of AWS Secrets Manager, or a file for local use.

use std::{fmt, path::PathBuf, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use secrecy::SecretString;

/// Longest that reading may take. Whoever waits for keys has a request to answer.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Where keys are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// A secret of AWS Secrets Manager, by its ARN.
    Secret(String),
    /// A file of this machine: for local use.
    File(PathBuf),
}

/// A place that did not give what it holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyReadError {
    /// Not there, no right to read it, no answer.
    #[error("cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Octets instead of text.
    #[error("holds no text")]
    NoText,
    /// No answer in three seconds.
    #[error("cannot be read: no answer in {} s", TIME_LIMIT.as_secs())]
    Late,
}

impl KeyLocation {
    /// The place that `text` names: the ARN of a secret, or `file:` and a path.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("file:") {
            return (!path.is_empty()).then(|| Self::File(path.into()));
        }
        let parts: Vec<&str> = text.splitn(7, ':').collect();
        match parts[..] {
            ["arn", _, "secretsmanager", _, _, "secret", name] if !name.is_empty() => {
                Some(Self::Secret(text.to_owned()))
            }
            _ => None,
        }
    }

    /// What the place holds. Fails after three seconds.
    pub async fn read(&self, aws: &SdkConfig) -> Result<SecretString, KeyReadError> {
        let aws = &impatient(aws);
        let text = async {
            match self {
                Self::Secret(arn) => {
                    let answer =
                        aws_sdk_secretsmanager::Client::new(aws).get_secret_value().secret_id(arn).send().await;
                    answer.map_err(unreadable)?.secret_string.ok_or(KeyReadError::NoText)
                }
                Self::File(path) => tokio::fs::read_to_string(path).await.map_err(unreadable),
            }
        };
        tokio::time::timeout(TIME_LIMIT, text).await.map_err(|_| KeyReadError::Late)?.map(SecretString::from)
    }
}

/// The same, with time for a second attempt and more within [`TIME_LIMIT`]: what is lost on the way is lost in one of them alone.
fn impatient(aws: &SdkConfig) -> SdkConfig {
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

impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(arn) => f.write_str(arn),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_secret_or_a_file() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf";
        assert_eq!(KeyLocation::parse(secret), Some(KeyLocation::Secret(secret.to_owned())));
        assert_eq!(KeyLocation::parse("file:target/keys.json"), Some(KeyLocation::File("target/keys.json".into())));
        for text in [secret, "file:target/keys.json"] {
            assert_eq!(KeyLocation::parse(text).unwrap().to_string(), text);
        }
        for other in [
            "",
            "file:",
            "postern",
            "arn:aws:s3:::bucket",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/postern/public-keys",
            "arn:aws:secretsmanager:eu-west-1:123456789012:policy:postern",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
        ] {
            assert_eq!(KeyLocation::parse(other), None, "{other}");
        }
    }
}
