//! Counts, functions and prices: the options of the cost model.

use clap::{Args, ValueEnum, builder::RangedI64ValueParser, value_parser};

/// `MemorySize` in template.yaml, compared by a test.
pub(super) const TEMPLATE_LOGIN_MB: u32 = 1769;
pub(super) const TEMPLATE_SIGNUP_MB: u32 = 1769;
pub(super) const TEMPLATE_LIST_USERS_MB: u32 = 256;

/// Milliseconds of CPU time of a log-in, nearly all of it for the password hash. This and the following CPU times are
/// rounded from the benchmark, and the waits are estimates. A change of any of them changes docs/performance/cost.md.
pub(super) const LOGIN_CPU_MS: f64 = 16.0;
/// Milliseconds for which a log-in waits for DynamoDB.
pub(super) const LOGIN_WAIT_MS: f64 = 25.0;
/// Like [`LOGIN_CPU_MS`]: the hash and zxcvbn.
pub(super) const SIGNUP_CPU_MS: f64 = 16.5;
/// Like [`LOGIN_WAIT_MS`].
pub(super) const SIGNUP_WAIT_MS: f64 = 12.0;
/// Like [`LOGIN_CPU_MS`], for a refresh, which needs no hash.
pub(super) const REFRESH_CPU_MS: f64 = 0.6;
/// Like [`LOGIN_WAIT_MS`].
pub(super) const REFRESH_WAIT_MS: f64 = 10.0;
/// Like [`LOGIN_CPU_MS`], for a page of users or `GET /user/me`.
pub(super) const LIST_USERS_CPU_MS: f64 = 0.8;
/// Like [`LOGIN_WAIT_MS`].
pub(super) const LIST_USERS_WAIT_MS: f64 = 6.0;
/// Milliseconds of the INIT phase of a cold start.
pub(super) const INIT_MS: f64 = 60.0;
/// Percentage of calls with a cold start.
pub(super) const COLD_STARTS: f64 = 1.0;
/// Seconds after which an execution environment reads its keys again: the default of `JWT_KEYS_REFRESH`.
pub(super) const KEYS_REFRESH_SECONDS: u32 = 300;

/// Counts, functions and prices. Each has a default.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) usage: Usage,
    #[command(flatten)]
    pub(super) functions: Functions,
    #[command(flatten)]
    pub(super) prices: Prices,
    #[command(flatten)]
    pub(super) cognito: Cognito,
}

#[derive(Args)]
#[command(next_help_heading = "Calls in a month")]
pub(super) struct Usage {
    /// Log-ins.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    pub(super) logins: u32,
    /// Percentage of log-ins from a client address from which the account has not logged in for 30 days.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percentage)]
    pub(super) new_pairs: f64,
    /// Refreshes.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    pub(super) refreshes: u32,
    /// Sign-ups.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub(super) signups: u32,
    /// Pages of users (GET /user).
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub(super) listings: u32,
    /// Calls of GET /user/me.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    pub(super) me: u32,
    /// Monthly active users, which Cognito bills.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub(super) mau: u32,
    /// Users per page.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(super) page: u32,
    /// Bytes of a user's item in the table.
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    pub(super) user_bytes: u32,
    /// Bytes of log lines per call, from the function, Lambda and API Gateway.
    #[arg(long, value_name = "BYTES", default_value_t = 2048)]
    pub(super) log_bytes: u32,
    /// Bytes of a response with its headers. The users of a page are added, with as many bytes as in the table.
    #[arg(long, value_name = "BYTES", default_value_t = 2048)]
    pub(super) response_bytes: u32,
}

#[derive(Args)]
#[command(next_help_heading = "Functions")]
pub(super) struct Functions {
    /// Processor architecture.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    pub(super) architecture: Architecture,
    /// Memory of login.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_LOGIN_MB, value_parser = memory_size())]
    pub(super) login_mb: u32,
    /// Memory of signup.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_SIGNUP_MB, value_parser = memory_size())]
    pub(super) signup_mb: u32,
    /// Memory of list-users.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_LIST_USERS_MB, value_parser = memory_size())]
    pub(super) list_users_mb: u32,
    /// CPU time of a log-in.
    #[arg(long, value_name = "MS", default_value_t = LOGIN_CPU_MS, value_parser = amount)]
    pub(super) login_cpu: f64,
    /// Time for which a log-in waits.
    #[arg(long, value_name = "MS", default_value_t = LOGIN_WAIT_MS, value_parser = amount)]
    pub(super) login_wait: f64,
    /// CPU time of a sign-up.
    #[arg(long, value_name = "MS", default_value_t = SIGNUP_CPU_MS, value_parser = amount)]
    pub(super) signup_cpu: f64,
    /// Time for which a sign-up waits.
    #[arg(long, value_name = "MS", default_value_t = SIGNUP_WAIT_MS, value_parser = amount)]
    pub(super) signup_wait: f64,
    /// CPU time of a refresh.
    #[arg(long, value_name = "MS", default_value_t = REFRESH_CPU_MS, value_parser = amount)]
    pub(super) refresh_cpu: f64,
    /// Time for which a refresh waits.
    #[arg(long, value_name = "MS", default_value_t = REFRESH_WAIT_MS, value_parser = amount)]
    pub(super) refresh_wait: f64,
    /// CPU time of a page of users, or of GET /user/me.
    #[arg(long, value_name = "MS", default_value_t = LIST_USERS_CPU_MS, value_parser = amount)]
    pub(super) list_users_cpu: f64,
    /// Time for which a page of users, or GET /user/me, waits.
    #[arg(long, value_name = "MS", default_value_t = LIST_USERS_WAIT_MS, value_parser = amount)]
    pub(super) list_users_wait: f64,
    /// Percentage of calls with a cold start.
    #[arg(long, value_name = "PERCENT", default_value_t = COLD_STARTS, value_parser = percentage)]
    pub(super) cold_starts: f64,
    /// Duration of Lambda's INIT phase, which is billed, at any memory size.
    #[arg(long, value_name = "MS", default_value_t = INIT_MS, value_parser = amount)]
    pub(super) init: f64,
    /// Secrets in Secrets Manager: the signing keys and the public keys. HS256 has no public keys and needs 1.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub(super) secrets: u32,
    /// Execution environments of login and list-users that are in use all month and read their keys again periodically.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub(super) environments: u32,
    /// Time after which the keys are read again (JWT_KEYS_REFRESH).
    #[arg(long, value_name = "SECONDS", default_value_t = KEYS_REFRESH_SECONDS, value_parser = seconds())]
    pub(super) keys_refresh: u32,
    /// Custom metrics that are published in every hour of the month; 0 with METRICS=off.
    #[arg(long, value_name = "COUNT", default_value_t = 25)]
    pub(super) metrics: u32,
}

/// docs/performance/cost.md states the sources.
#[derive(Args)]
#[command(next_help_heading = "Prices in US dollars (us-east-1)")]
pub(super) struct Prices {
    /// Lambda, per GB-second on arm64.
    #[arg(long, value_name = "USD", default_value_t = 0.000_013_333_4, value_parser = amount)]
    pub(super) gb_second_arm64: f64,
    /// Lambda, per GB-second on x86_64.
    #[arg(long, value_name = "USD", default_value_t = 0.000_016_666_7, value_parser = amount)]
    pub(super) gb_second_x86_64: f64,
    /// Lambda, per million requests.
    #[arg(long, value_name = "USD", default_value_t = 0.20, value_parser = amount)]
    pub(super) lambda_requests: f64,
    /// API Gateway's HTTP API, per million requests up to 300 million.
    #[arg(long, value_name = "USD", default_value_t = 1.00, value_parser = amount)]
    pub(super) http_api: f64,
    /// API Gateway's HTTP API, per million requests above 300 million.
    #[arg(long, value_name = "USD", default_value_t = 0.90, value_parser = amount)]
    pub(super) http_api_further: f64,
    /// DynamoDB on demand, per million write units.
    #[arg(long, value_name = "USD", default_value_t = 0.625, value_parser = amount)]
    pub(super) write_units: f64,
    /// DynamoDB on demand, per million read units.
    #[arg(long, value_name = "USD", default_value_t = 0.125, value_parser = amount)]
    pub(super) read_units: f64,
    /// CloudWatch Logs, per GB ingested.
    #[arg(long, value_name = "USD", default_value_t = 0.50, value_parser = amount)]
    pub(super) logs_gb: f64,
    /// Data transfer to the internet, per GB.
    #[arg(long, value_name = "USD", default_value_t = 0.09, value_parser = amount)]
    pub(super) sent_gb: f64,
    /// CloudWatch, per custom metric and month.
    #[arg(long, value_name = "USD", default_value_t = 0.30, value_parser = amount)]
    pub(super) metric: f64,
    /// Secrets Manager, per secret and month.
    #[arg(long, value_name = "USD", default_value_t = 0.40, value_parser = amount)]
    pub(super) secret: f64,
    /// Secrets Manager, per 10,000 calls.
    #[arg(long, value_name = "USD", default_value_t = 0.05, value_parser = amount)]
    pub(super) secret_calls: f64,
}

#[derive(Args)]
#[command(next_help_heading = "Cognito, in US dollars per active user")]
pub(super) struct Cognito {
    /// Free active users in Lite and Essentials; 50,000 in an account with a pool from before 22 November 2024.
    #[arg(long = "cognito-free", value_name = "COUNT", default_value_t = 10_000)]
    pub(super) free: u32,
    /// Lite, up to 100,000 users.
    #[arg(long = "cognito-lite", value_name = "USD", default_value_t = 0.0055, value_parser = amount)]
    pub(super) lite: f64,
    /// Lite, up to a million users.
    #[arg(long = "cognito-lite-second", value_name = "USD", default_value_t = 0.0046, value_parser = amount)]
    pub(super) lite_second: f64,
    /// Lite, up to ten million users.
    #[arg(long = "cognito-lite-third", value_name = "USD", default_value_t = 0.003_25, value_parser = amount)]
    pub(super) lite_third: f64,
    /// Lite, above ten million users.
    #[arg(long = "cognito-lite-fourth", value_name = "USD", default_value_t = 0.0025, value_parser = amount)]
    pub(super) lite_fourth: f64,
    /// Essentials.
    #[arg(long = "cognito-essentials", value_name = "USD", default_value_t = 0.015, value_parser = amount)]
    pub(super) essentials: f64,
    /// Plus, without free users.
    #[arg(long = "cognito-plus", value_name = "USD", default_value_t = 0.02, value_parser = amount)]
    pub(super) plus: f64,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Architecture {
    /// Graviton.
    Arm64,
    /// Intel or AMD.
    #[value(name = "x86_64")]
    X86,
}

impl Architecture {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

fn memory_size() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(128..=10_240)
}

fn seconds() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..=86_400)
}

fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("not a number of at least 0".to_owned()),
    }
}

fn percentage(text: &str) -> Result<f64, String> {
    amount(text).ok().filter(|number| *number <= 100.0).ok_or_else(|| "not a number from 0 to 100".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use std::iter;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    pub(in crate::cost) fn arguments(line: &str) -> Arguments {
        Line::try_parse_from(iter::once("cost").chain(line.split_whitespace())).unwrap().arguments
    }

    #[track_caller]
    pub(in crate::cost) fn assert_near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    const TEMPLATE: &str = include_str!("../../../../template.yaml");

    #[test]
    fn memory_sizes_equal_those_of_the_template() {
        let size = |function: &str| {
            let resource = TEMPLATE.split_once(&format!("\n  {function}:\n")).unwrap().1;
            let text = resource.split_once("MemorySize: ").unwrap().1;
            text.lines().next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(size("LoginFunction"), TEMPLATE_LOGIN_MB);
        assert_eq!(size("SignupFunction"), TEMPLATE_SIGNUP_MB);
        assert_eq!(size("ListUsersFunction"), TEMPLATE_LIST_USERS_MB);
    }

    #[test]
    fn the_number_of_secrets_equals_that_of_the_template() {
        let secrets = TEMPLATE.matches("Type: AWS::SecretsManager::Secret\n").count();
        assert_eq!(u32::try_from(secrets), Ok(arguments("").functions.secrets));
        assert!(!TEMPLATE.contains("AWS::SSM::Parameter"));
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for line in ["--metric -1", "--init NaN", "--cold-starts 101", "--login-mb 64", "--login-mb 20000"] {
            assert!(Line::try_parse_from(iter::once("cost").chain(line.split_whitespace())).is_err(), "{line}");
        }
    }
}
