//! `admin users count`.

use serde::Serialize;

use super::{
    connection::{Connection, Table},
    output::json_text,
    progress::Progress,
};
use crate::{failure::Failure, options::users::CountUsers, report::Report};

#[derive(Default, Serialize)]
struct Count {
    users: u64,
    disabled: u64,
    /// Items that the functions would reject.
    invalid: u64,
}

pub(crate) async fn run(options: &CountUsers) -> Result<Report, Failure> {
    let connection = Connection::open(&options.common, &[Table::Users]).await?;
    let progress = Progress::new("users read");
    let mut count = Count::default();
    let mut start = None;
    loop {
        let (users, next) = match connection.store.users_page(start).await {
            Ok(page) => page,
            Err(error) => return Err(connection.failure(error).await),
        };
        progress.add(users.len());
        for user in users {
            count.users += 1;
            count.disabled += u64::from(user.disabled);
            count.invalid += u64::from(!user.invalid.is_empty());
        }
        start = next;
        if start.is_none() {
            break;
        }
    }
    drop(progress);
    if options.common.json {
        return json_text(&count).map(Report::from);
    }
    let Count { users, disabled, invalid } = count;
    Ok(Report::from(format!("users     {users}\ndisabled  {disabled}\ninvalid   {invalid}\n")))
}
