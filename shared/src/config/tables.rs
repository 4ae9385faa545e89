//! Names of the DynamoDB tables.

use super::env::{ConfigError, Env, Variable};

pub(super) const USERS: Variable = Variable::unset("USERS_TABLE");
pub(super) const CREDENTIALS: Variable = Variable::unset("CREDENTIALS_TABLE");
pub(super) const SESSIONS: Variable = Variable::unset("SESSIONS_TABLE");
pub(super) const THROTTLE: Variable = Variable::unset("THROTTLE_TABLE");

/// The names as the environment has them. Each function requires some of them.
#[derive(Debug, Clone)]
pub(super) struct TableNames {
    users: Option<String>,
    credentials: Option<String>,
    sessions: Option<String>,
    throttle: Option<String>,
}

/// All four tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// `USERS_TABLE`.
    pub users: String,
    /// `CREDENTIALS_TABLE`.
    pub credentials: String,
    /// `SESSIONS_TABLE`.
    pub sessions: String,
    /// `THROTTLE_TABLE`.
    pub throttle: String,
}

impl TableNames {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            users: table(env, &USERS)?,
            credentials: table(env, &CREDENTIALS)?,
            sessions: table(env, &SESSIONS)?,
            throttle: table(env, &THROTTLE)?,
        })
    }

    pub(super) fn users(&self) -> Result<String, ConfigError> {
        required(self.users.as_ref(), &USERS)
    }

    pub(super) fn credentials(&self) -> Result<String, ConfigError> {
        required(self.credentials.as_ref(), &CREDENTIALS)
    }

    pub(super) fn sessions(&self) -> Result<String, ConfigError> {
        required(self.sessions.as_ref(), &SESSIONS)
    }

    pub(super) fn throttle(&self) -> Result<String, ConfigError> {
        required(self.throttle.as_ref(), &THROTTLE)
    }
}

fn required(table: Option<&String>, variable: &Variable) -> Result<String, ConfigError> {
    table.cloned().ok_or_else(|| variable.error("is not set"))
}

fn table(env: &Env<'_>, variable: &Variable) -> Result<Option<String>, ConfigError> {
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    let is_table = |text: &str| {
        (3..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    match env.text(variable)? {
        Some(name) if !is_table(&name) => {
            Err(variable.error("must be the name of a DynamoDB table: 3 to 255 letters, digits and _.-"))
        }
        name => Ok(name),
    }
}
