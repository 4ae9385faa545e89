//! Reading environment variables.

use std::{ffi::OsString, fmt::Display, ops::RangeInclusive, str::FromStr};

use super::security_profile::SecurityProfile;

/// An unusable setting. The text names the variable, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} {problem}")]
pub struct ConfigError {
    /// Name of the variable.
    pub variable: &'static str,
    problem: String,
}

impl ConfigError {
    pub(super) fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

/// A setting: the name of its environment variable, and its default. Defaults are defined here and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Name of the environment variable.
    pub name: &'static str,
    /// The value if the variable is unset or empty.
    pub default: DefaultValue,
}

/// The default of a setting, as text in the format of its variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// No default.
    Unset,
    /// The same in every profile.
    Fixed(&'static str),
    /// One for each profile.
    PerProfile {
        /// In the tutorial profile.
        tutorial: &'static str,
        /// In the strict profile.
        strict: &'static str,
    },
}

impl Variable {
    pub(super) const fn unset(name: &'static str) -> Self {
        Self { name, default: DefaultValue::Unset }
    }

    pub(super) const fn fixed(name: &'static str, default: &'static str) -> Self {
        Self { name, default: DefaultValue::Fixed(default) }
    }

    pub(super) const fn per_profile(name: &'static str, tutorial: &'static str, strict: &'static str) -> Self {
        Self { name, default: DefaultValue::PerProfile { tutorial, strict } }
    }

    /// The default in a profile.
    pub const fn default_in(&self, profile: SecurityProfile) -> Option<&'static str> {
        match (self.default, profile) {
            (DefaultValue::Unset, _) => None,
            (DefaultValue::Fixed(text), _) => Some(text),
            (DefaultValue::PerProfile { tutorial, .. }, SecurityProfile::Tutorial) => Some(tutorial),
            (DefaultValue::PerProfile { strict, .. }, SecurityProfile::Strict) => Some(strict),
        }
    }

    /// An error about this variable.
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(self.name, problem)
    }
}

/// Gives a variable's value by its name.
pub(super) type Source<'a> = &'a dyn Fn(&'static str) -> Option<OsString>;

/// The environment, with the defaults of a profile.
pub(super) struct Env<'a> {
    source: Source<'a>,
    profile: SecurityProfile,
}

impl<'a> Env<'a> {
    pub(super) fn new(source: Source<'a>, profile: SecurityProfile) -> Self {
        Self { source, profile }
    }

    pub(super) fn profile(&self) -> SecurityProfile {
        self.profile
    }

    pub(super) fn is_set(&self, name: &'static str) -> bool {
        (self.source)(name).is_some()
    }

    /// The value as it is set, which may be empty.
    pub(super) fn given(&self, variable: &Variable) -> Result<Option<String>, ConfigError> {
        let value = (self.source)(variable.name);
        value.map(|value| value.into_string().map_err(|_| variable.error("is not UTF-8"))).transpose()
    }

    /// The value, or else the default. An empty value counts as unset.
    pub(super) fn text(&self, variable: &Variable) -> Result<Option<String>, ConfigError> {
        let given = self.given(variable)?.filter(|value| !value.is_empty());
        Ok(given.or_else(|| variable.default_in(self.profile).map(str::to_owned)))
    }

    /// The value, or else the default, which this variable must have.
    pub(super) fn required(&self, variable: &Variable) -> Result<String, ConfigError> {
        self.text(variable)?.ok_or_else(|| variable.error("is not set"))
    }

    pub(super) fn matching(
        &self,
        variable: &Variable,
        rule: impl Fn(&str) -> bool,
        problem: &str,
    ) -> Result<String, ConfigError> {
        let value = self.required(variable)?;
        if rule(&value) { Ok(value) } else { Err(variable.error(problem)) }
    }

    pub(super) fn number<N>(&self, variable: &Variable, range: RangeInclusive<N>) -> Result<N, ConfigError>
    where
        N: FromStr + PartialOrd + Display,
    {
        let value = self.required(variable)?;
        // Rust parses `+5`, which in a setting is a typing error.
        let number = value.parse().ok().filter(|number| range.contains(number) && !value.starts_with('+'));
        number
            .ok_or_else(|| variable.error(format!("must be a whole number from {} to {}", range.start(), range.end())))
    }

    /// Values separated by commas.
    pub(super) fn list(&self, variable: &Variable) -> Result<Vec<String>, ConfigError> {
        Ok(self.required(variable)?.split(',').map(|entry| entry.trim().to_owned()).collect())
    }

    /// `on` or `off`.
    pub(super) fn switch(&self, variable: &Variable) -> Result<bool, ConfigError> {
        match self.required(variable)?.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(variable.error("must be on or off")),
        }
    }
}

/// 1 to 256 characters without control characters.
pub(super) fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control)
}

/// Calls `read` with an environment of these variables in the tutorial profile.
#[cfg(test)]
pub(super) fn with_env<T>(variables: &[(&str, &str)], read: impl FnOnce(&Env<'_>) -> T) -> T {
    let source =
        |name: &'static str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
    read(&Env::new(&source, SecurityProfile::Tutorial))
}
