//! `admin users delete`.

use std::cell::RefCell;

use serde_json::Map;
use shared::domain::time::UnixSeconds;

use super::{
    change::{Attempt, change},
    connection::Table,
    output::escape,
};
use crate::{confirm::confirm, failure::Failure, options::users::OneUser, report::Report};

pub(crate) async fn run(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    // The account that the operator confirmed. If the address is taken again meanwhile, the new account is another.
    let confirmed = RefCell::new(None);
    change((&options.common, &options.user), ("user-deleted", &[Table::Sessions]), now, async |connection, found| {
        let identity = &found.identity;
        if confirmed.borrow().as_ref() != Some(identity) {
            let name =
                found.account.user.as_ref().and_then(|user| user.name.as_deref()).map(escape).unwrap_or_default();
            let loss =
                format!("{} ({name}, {}) would be deleted with all sessions.", identity.email, identity.public_id);
            confirm(&loss, options.common.yes)?;
            *confirmed.borrow_mut() = Some(identity.clone());
        }
        let outcome = match connection.store.delete(identity).await {
            Ok(outcome) => outcome,
            Err(error) => return Err(connection.failure(error).await),
        };
        Ok(Attempt::of(outcome, format!("{} ({}) is deleted.", identity.email, identity.public_id), Map::new()))
    })
    .await
}
