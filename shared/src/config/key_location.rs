//! Locations of keys.

use std::{fmt, path::PathBuf};

/// Where keys are stored.
///
/// ```
/// # use shared::config::key_location::KeyLocation;
/// let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf";
/// assert_eq!(KeyLocation::parse(arn), Some(KeyLocation::Secret(arn.to_owned())));
/// assert_eq!(KeyLocation::parse("file:keys.json"), Some(KeyLocation::File("keys.json".into())));
/// assert_eq!(KeyLocation::parse("keys.json"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// A secret in AWS Secrets Manager, by its ARN.
    Secret(String),
    /// A local file, for running locally.
    File(PathBuf),
}

impl KeyLocation {
    /// Parses the ARN of a secret, or `file:` and a path.
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
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
        ] {
            assert_eq!(KeyLocation::parse(other), None, "{other}");
        }
    }
}
