//! Connections to AWS.

use super::env::{ConfigError, Env, Variable};

/// `system` if `SSL_CERT_FILE` or `SSL_CERT_DIR` is set.
pub(super) const TLS_ROOTS: Variable = Variable::fixed("TLS_ROOTS", "amazon");
pub(super) const WARM_UP: Variable = Variable::fixed("WARM_UP", "on");

/// The root certificates that TLS trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Amazon's own roots, with the system's trust store as a fallback for endpoints of another issuer.
    Amazon,
    /// The system's trust store.
    System,
}

/// How AWS is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// `TLS_ROOTS`.
    pub roots: Roots,
    /// `WARM_UP`: whether a function connects to the database during its cold start.
    pub warm_up: bool,
}

impl ConnectionSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self { roots: roots(env)?, warm_up: env.switch(&WARM_UP)? })
    }
}

fn roots(env: &Env<'_>) -> Result<Roots, ConfigError> {
    let is_given = env.given(&TLS_ROOTS)?.is_some_and(|text| !text.is_empty());
    // OpenSSL's variables name a trust store explicitly.
    let names_a_store = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| env.is_set(name));
    match env.required(&TLS_ROOTS)?.as_str() {
        "system" => Ok(Roots::System),
        "amazon" if names_a_store && !is_given => Ok(Roots::System),
        "amazon" => Ok(Roots::Amazon),
        _ => Err(TLS_ROOTS.error("must be amazon or system")),
    }
}
