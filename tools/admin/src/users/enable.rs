//! `admin users disable` and `admin users enable`.

use serde_json::Map;
use shared::domain::time::UnixSeconds;

use super::change::{Attempt, change};
use crate::{failure::Failure, options::users::OneUser, report::Report};

pub(crate) async fn disable(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    change((&options.common, &options.user), ("user-disabled", &[]), now, async |connection, found| {
        let email = &found.identity.email;
        if found.account.is_disabled_entirely() {
            return Ok(Attempt::Unchanged(format!("{email} is already disabled.")));
        }
        let outcome = connection.checked(connection.store.disable(&found.account, &found.identity).await).await?;
        Ok(Attempt::of(outcome, format!("{email} is disabled, and all sessions are ended."), Map::new()))
    })
    .await
}

pub(crate) async fn enable(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    change((&options.common, &options.user), ("user-enabled", &[]), now, async |connection, found| {
        let email = &found.identity.email;
        if !found.account.is_disabled() {
            return Ok(Attempt::Unchanged(format!("{email} is not disabled.")));
        }
        let outcome = connection.checked(connection.store.enable(&found.account, &found.identity).await).await?;
        Ok(Attempt::of(outcome, format!("{email} is enabled."), Map::new()))
    })
    .await
}
