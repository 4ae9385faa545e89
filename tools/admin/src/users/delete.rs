//! `admin users delete`.

use serde_json::Map;
use shared::domain::time::UnixSeconds;

use super::{
    change::{Attempt, Found, Subject},
    connection::{Connection, Table},
};
use crate::{confirm::confirm, failure::Failure, options::users::OneUser, report::Report};

pub(crate) async fn run(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    let event = ("user-deleted", &[Table::Sessions][..]);
    let subject = Subject::find((&options.common, &options.user), event, now).await?;
    let (account, identity) = (&subject.found.account, &subject.found.identity);
    let name = account.user.as_ref().and_then(|user| user.name.as_deref()).unwrap_or_default();
    let loss = format!("{} ({name}, {}) would be deleted with all sessions.", identity.email, identity.public_id);
    confirm(&loss, options.common.yes)?;
    let delete = async |connection: &Connection, found: &Found| {
        let identity = &found.identity;
        let outcome = connection.checked(connection.store.delete(identity).await).await?;
        Ok(Attempt::of(outcome, format!("{} ({}) is deleted.", identity.email, identity.public_id), Map::new()))
    };
    subject.change(delete).await
}
