//! `admin users delete`.

use serde_json::Map;
use shared::{aws::store::admin::CompleteAccount, domain::time::UnixSeconds};

use super::{
    change::{Attempt, Subject},
    connection::{Connection, Table},
};
use crate::{confirm::confirm, failure::Failure, options::users::OneUser, report::Report};

pub(crate) async fn run(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    let event = ("user-deleted", &[Table::Sessions][..]);
    let subject = Subject::find((&options.common, &options.user), event, now).await?;
    let CompleteAccount { email, public_id, user, .. } = &subject.account;
    let name = user.name.as_deref().unwrap_or_default();
    let loss = format!("{email} ({name}, {public_id}) would be deleted with all sessions.");
    confirm(&loss, options.common.yes)?;
    let delete = async |connection: &Connection, account: &CompleteAccount| {
        let outcome = connection.store.delete(account).await;
        let text = format!("{} ({}) is deleted.", account.email, account.public_id);
        Attempt::of(connection, outcome, text, Map::new()).await
    };
    subject.change(delete).await
}
