//! Audit log, metrics and logs.

use std::env;

use super::env::{ConfigError, Env, Variable};
use crate::domain::client_ip::AddressForm;

pub(super) const AUDIT_ADDRESS: Variable = Variable::fixed("AUDIT_ADDRESS", "network");
pub(super) const METRICS: Variable = Variable::fixed("METRICS", "on");
/// Set by Lambda.
pub(super) const FUNCTION_NAME: Variable = Variable::unset("AWS_LAMBDA_FUNCTION_NAME");

/// What a function reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `AUDIT_ADDRESS`: how the log names clients.
    pub audit_address: AddressForm,
    /// `METRICS`: whether metrics are written.
    pub metrics: bool,
    /// The function's name, a dimension of its metrics. Empty outside of Lambda.
    pub function_name: String,
}

impl TelemetrySettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let audit_address = match env.required(&AUDIT_ADDRESS)?.as_str() {
            "network" => AddressForm::Network,
            "none" => AddressForm::None,
            "hash" => AddressForm::Hash,
            "full" => AddressForm::Full,
            _ => return Err(AUDIT_ADDRESS.error("must be none, hash, network or full")),
        };
        let function_name = env.text(&FUNCTION_NAME)?.unwrap_or_default();
        Ok(Self { audit_address, metrics: env.switch(&METRICS)?, function_name })
    }
}

/// The log level: `RUST_LOG`, or else the one of Lambda's logging configuration. It is not part of the settings,
/// since an error in those is logged.
#[expect(clippy::disallowed_methods, reason = "config reads the environment")]
pub fn log_level() -> Option<String> {
    ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| env::var(name).ok())
}
