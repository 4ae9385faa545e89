//! `admin users disable` and `admin users enable`.

use serde_json::Map;
use shared::domain::time::UnixSeconds;

use super::change::{Attempt, change};
use crate::{failure::Failure, options::users::OneUser, report::Report};

pub(crate) async fn disable(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    change((&options.common, &options.user), ("user-disabled", &[]), now, async |connection, account| {
        let email = &account.email;
        if account.user.disabled && account.credentials.disabled {
            return Ok(Attempt::Unchanged(format!("{email} is already disabled.")));
        }
        let outcome = connection.store.disable(account).await;
        let text = format!("{email} is disabled, and all sessions are ended.");
        Attempt::of(connection, outcome, text, Map::new()).await
    })
    .await
}

pub(crate) async fn enable(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    change((&options.common, &options.user), ("user-enabled", &[]), now, async |connection, account| {
        let email = &account.email;
        if !account.user.disabled && !account.credentials.disabled {
            return Ok(Attempt::Unchanged(format!("{email} is not disabled.")));
        }
        let outcome = connection.store.enable(account).await;
        Attempt::of(connection, outcome, format!("{email} is enabled."), Map::new()).await
    })
    .await
}
