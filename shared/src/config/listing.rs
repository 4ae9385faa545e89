//! Permission to list users.

use super::env::{ConfigError, Env, Variable, is_printable};

pub(super) const GROUP: Variable = Variable::per_profile("LIST_USERS_GROUP", "", "admin");

/// The group that may list users; `None` admits every authenticated user. An empty value is not the same as an unset
/// one.
pub(super) fn read(env: &Env<'_>) -> Result<Option<String>, ConfigError> {
    let default = GROUP.default_in(env.profile()).unwrap_or_default();
    let group = env.given(&GROUP)?.unwrap_or_else(|| default.to_owned());
    if group.is_empty() {
        return Ok(None);
    }
    if !is_printable(&group) || group.trim() != group {
        let problem =
            "must be the name of a group: up to 256 characters without surrounding space or control characters";
        return Err(GROUP.error(problem));
    }
    Ok(Some(group))
}
