//! Where Postern runs.

use std::net::IpAddr;

use super::env::{ConfigError, Env, Variable};
use crate::domain::deployment::Deployment;

const DATABASE_ENDPOINT: Variable = Variable::unset("AWS_ENDPOINT_URL_DYNAMODB");

/// Variables that Lambda sets. It reserves their names, so the configuration of a function can neither set nor remove
/// them. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const LAMBDA: [Variable; 9] = [
    RUNTIME_API,
    LOG_STREAM,
    Variable::unset("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    Variable::unset("AWS_LAMBDA_FUNCTION_NAME"),
    Variable::unset("AWS_LAMBDA_FUNCTION_VERSION"),
    Variable::unset("AWS_LAMBDA_INITIALIZATION_TYPE"),
    Variable::unset("AWS_LAMBDA_LOG_GROUP_NAME"),
    Variable::unset("LAMBDA_RUNTIME_DIR"),
    Variable::unset("LAMBDA_TASK_ROOT"),
];

/// `AWS_Lambda_…` on Lambda, except with an operating-system-only runtime. Other services of AWS set it too.
const EXECUTION_ENV: Variable = Variable::unset("AWS_EXECUTION_ENV");

/// On Lambda a host and a port, and under `cargo lambda watch` a URL.
const RUNTIME_API: Variable = Variable::unset("AWS_LAMBDA_RUNTIME_API");

/// On Lambda a name that begins with the date.
const LOG_STREAM: Variable = Variable::unset("AWS_LAMBDA_LOG_STREAM_NAME");

/// The value of [`LOG_STREAM`] in `sam local` and in AWS's runtime interface emulator.
const EMULATORS_LOG_STREAM: &str = "$LATEST";

/// The deployment. Anything that is not certainly a local run counts as deployed, and gets the stricter rules.
pub(super) fn read(env: &Env<'_>) -> Result<Deployment, ConfigError> {
    let endpoint = env.text(&DATABASE_ENDPOINT)?;
    let has_local_database = endpoint.is_some_and(|url| is_loopback_url(&url));
    Ok(if has_local_database && !is_lambda(env)? { Deployment::Loopback } else { Deployment::Aws })
}

/// Whether Lambda runs this process. Emulators set the same variables, but one of them to a value that Lambda never
/// gives it. `AWS_SAM_LOCAL` proves nothing: its name is not reserved, so it can be set on Lambda.
fn is_lambda(env: &Env<'_>) -> Result<bool, ConfigError> {
    let is_emulated = env.text(&RUNTIME_API)?.is_some_and(|address| address.starts_with("http://"))
        || env.text(&LOG_STREAM)?.is_some_and(|name| name == EMULATORS_LOG_STREAM);
    let mut is_lambda = env.text(&EXECUTION_ENV)?.is_some_and(|name| name.starts_with("AWS_Lambda_"));
    for variable in &LAMBDA {
        is_lambda |= env.text(variable)?.is_some();
    }
    Ok(is_lambda && !is_emulated)
}

/// Whether a URL is plain HTTP to the loopback interface, or to the host of a container (`sam local`).
pub fn is_loopback_url(url: &str) -> bool {
    let Ok(url) = url.parse::<axum::http::Uri>() else { return false };
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    url.scheme_str() == Some("http")
        && (address.is_ok_and(|address| address.is_loopback()) || matches!(host, "localhost" | "host.docker.internal"))
}

#[cfg(test)]
mod tests {
    use super::{super::env::with_env, *};

    const DATABASE: (&str, &str) = ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:8000");

    fn deployment(variables: &[(&str, &str)]) -> Deployment {
        with_env(&[&[DATABASE], variables].concat(), read).unwrap()
    }

    /// What Lambda sets for a function with an operating-system-only runtime, which has no `AWS_EXECUTION_ENV`.
    const ON_LAMBDA: [(&str, &str); 12] = [
        ("_HANDLER", "bootstrap"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "postern-login"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/postern-login"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[7]0123456789abcdef0123456789abcdef"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ];

    #[test]
    fn a_local_database_alone_is_a_local_run() {
        assert_eq!(deployment(&[]), Deployment::Loopback);
        assert_eq!(deployment(&[("AWS_LAMBDA_RUNTIME_API", ""), ("AWS_SAM_LOCAL", "true")]), Deployment::Loopback);
        assert_eq!(deployment(&[("AWS_EXECUTION_ENV", "CloudShell")]), Deployment::Loopback);
        assert_eq!(with_env(&[], read), Ok(Deployment::Aws));
    }

    #[test]
    fn a_function_on_lambda_is_deployed_whatever_its_configuration_sets() {
        let configurable = [("AWS_SAM_LOCAL", "true"), ("AWS_ENDPOINT_URL", "http://localhost:8000"), ("LOCAL", "1")];
        for endpoint in ["http://localhost:8000", "http://127.0.0.1:8000", "http://host.docker.internal:8000"] {
            let endpoint = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint)];
            let variables = [&endpoint[..], &ON_LAMBDA, &configurable].concat();
            assert_eq!(with_env(&variables, read), Ok(Deployment::Aws));
        }
        let reserved = ON_LAMBDA.into_iter().filter(|(name, _)| LAMBDA.iter().any(|known| known.name == *name));
        let managed = [("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")];
        for variable in reserved.chain(managed) {
            assert_eq!(deployment(&[variable]), Deployment::Aws, "{variable:?} alone");
            assert_eq!(deployment(&[variable, ("AWS_SAM_LOCAL", "true")]), Deployment::Aws, "{variable:?}");
        }
    }

    #[test]
    fn a_function_in_an_emulator_is_a_local_run() {
        let cargo_lambda_watch = [
            ("AWS_LAMBDA_FUNCTION_NAME", "login"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_RUNTIME_API", "http://[::]:9000/.rt/login"),
        ];
        let sam_local = [
            ("AWS_SAM_LOCAL", "true"),
            ("AWS_LAMBDA_FUNCTION_NAME", "LoginFunction"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "aws/lambda/LoginFunction"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
        ];
        for variables in [&cargo_lambda_watch[..], &sam_local, &sam_local[1..]] {
            assert_eq!(deployment(variables), Deployment::Loopback, "{variables:?}");
            let remote = [("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.eu-west-1.amazonaws.com")];
            assert_eq!(with_env(&[&remote, variables].concat(), read), Ok(Deployment::Aws), "{variables:?}");
        }
    }
}
