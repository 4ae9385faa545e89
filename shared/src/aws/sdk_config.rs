//! The configuration of AWS clients: region, credentials, endpoints and an HTTP client. On Lambda it comes from
//! Lambda's variables, elsewhere from `aws_config`.
//!
//! Lambda's variables keep the cold start short: `aws_config` looks for profiles, single sign-on and metadata
//! services, none of which Lambda has, and parses all root certificates of the system before the first call.

use std::env;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::{aws::tls, config::Roots};

/// Variables that Lambda sets. Together they are sufficient.
const REQUIRED: [&str; 4] = ["AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Variables that only `aws_config` supports. If one is set, it is used.
const UNSUPPORTED: [&str; 15] = [
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULTS_MODE",
    "AWS_DISABLE_REQUEST_COMPRESSION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_SDK_UA_APP_ID",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// The configuration of every AWS client of this process.
pub async fn from_env(roots: Roots) -> SdkConfig {
    if is_lambda_env(variable) {
        from_lambda_env(roots)
    } else {
        // Boxed: inline it would enlarge this future by 11 KB, which every cold start moves several times.
        Box::pin(aws_config::load_defaults(BehaviorVersion::latest())).await
    }
}

/// A variable of the AWS SDK, which reads its own configuration from the environment.
#[expect(clippy::disallowed_methods, reason = "the SDK's variables are not settings of Postern")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn is_lambda_env(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.trim().is_empty());
    REQUIRED.iter().all(is_set) && !UNSUPPORTED.iter().any(is_set)
}

/// Lambda never changes the environment of a process and ends the process before the credentials expire, so neither
/// region nor credentials become stale. `aws_config` would use the same credentials provider, which reads the same
/// variables.
fn from_lambda_env(roots: Roots) -> SdkConfig {
    let region = variable("AWS_REGION").map(Region::new);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .retry_config(RetryConfig::standard())
        .service_config(Endpoints)
        .http_client(tls::client(roots))
        .build()
}

/// `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SECRETS_MANAGER`, or `AWS_ENDPOINT_URL` for both.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        endpoint(key.env(), key.service_id(), variable)
    }
}

fn endpoint(name: &str, service: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let service_variable = format!("{name}_{}", service.to_uppercase().replace(' ', "_"));
    variable(&service_variable).or_else(|| variable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA: [(&str, &str); 4] = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];

    fn is_lambda(variables: &[(&str, &str)]) -> bool {
        is_lambda_env(|name| {
            variables.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_on_lambda_is_the_configuration_built_from_lambdas_variables() {
        assert!(is_lambda(&LAMBDA));
        assert!(!is_lambda(&LAMBDA[1..]), "a developer's machine with credentials in the environment");
        for missing in 1..LAMBDA.len() {
            let mut variables = LAMBDA;
            variables[missing].1 = " ";
            assert!(!is_lambda(&variables), "{}", variables[missing].0);
        }
    }

    #[test]
    fn a_variable_that_only_aws_config_supports_selects_aws_config() {
        for name in UNSUPPORTED {
            assert!(!is_lambda(&[&LAMBDA[..], &[(name, "x")]].concat()), "{name}");
        }
    }

    #[test]
    fn the_endpoint_of_a_service_overrides_the_one_for_all_services() {
        let variables = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some("http://secrets".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "Secrets Manager", variables).as_deref(), Some("http://secrets"));
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "DynamoDB", variables).as_deref(), Some("http://all"));
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "DynamoDB", |_| None), None);
    }
}
