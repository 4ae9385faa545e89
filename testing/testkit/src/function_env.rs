//! The environment of a function under test.

use std::ffi::OsString;

use crate::{fleet::Fleet, lambda::Function, service::KEY};

/// A set of environment variables for one function.
///
/// The constructors give each function the variables that `template.yaml` gives it, and no others: sign-up has no key,
/// and `list-users` has no access to password hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionEnv {
    variables: Vec<(String, String)>,
}

const TABLES: [(&str, &str); 4] = [
    ("USERS_TABLE", "Users"),
    ("CREDENTIALS_TABLE", "Credentials"),
    ("SESSIONS_TABLE", "Sessions"),
    ("THROTTLE_TABLE", "Throttle"),
];

impl FunctionEnv {
    /// The variables of `signup`.
    pub fn signup() -> Self {
        Self::with_tables(&["USERS_TABLE", "CREDENTIALS_TABLE", "THROTTLE_TABLE"])
    }

    /// The variables of `login`, with [`KEY`].
    pub fn login() -> Self {
        Self::with_tables(&TABLES.map(|(name, _)| name)).with("JWT_SECRET_KEY", KEY)
    }

    /// The variables of `list-users`, with [`KEY`].
    pub fn list_users() -> Self {
        Self::with_tables(&["USERS_TABLE", "SESSIONS_TABLE"]).with("JWT_SECRET_KEY", KEY)
    }

    fn with_tables(names: &[&str]) -> Self {
        let tables = TABLES.iter().filter(|(name, _)| names.contains(name));
        Self { variables: tables.map(|(name, table)| ((*name).to_owned(), (*table).to_owned())).collect() }
    }

    /// Sets the endpoint of DynamoDB.
    #[must_use]
    pub fn with_database(self, endpoint: &str) -> Self {
        self.with("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    }

    /// Sets a variable, or replaces its value.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        let mut env = self.without(name);
        env.variables.push((name.to_owned(), value.to_owned()));
        env
    }

    /// Sets several variables, or replaces their values.
    #[must_use]
    pub fn with_all(self, variables: &[(&str, &str)]) -> Self {
        variables.iter().fold(self, |env, (name, value)| env.with(name, value))
    }

    /// Removes a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    /// The variables, as [`Function::start`] expects them.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The value of a variable, in the form in which a process reads it.
    pub fn get(&self, name: &str) -> Option<OsString> {
        self.variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.into())
    }

    /// Starts a binary in this environment.
    pub async fn start(&self, binary: &str) -> Function {
        Function::start(binary, &self.pairs()).await
    }

    /// Starts several processes of a binary in this environment.
    pub async fn start_fleet(&self, binary: &str, processes: usize) -> Fleet {
        Fleet::start(binary, &self.pairs(), processes).await
    }
}
