//! The Users table, page by page.

use aws_sdk_dynamodb::Client;

use super::{
    error::{StoreError, unavailable},
    item::{Item, public_user, text},
};
use crate::domain::user::{PublicId, PublicUser};

/// A page of users, in the order of the table.
pub struct Page {
    /// At most as many as requested; fewer if the page reaches DynamoDB's limit of 1 MB.
    pub users: Vec<PublicUser>,
    /// The last user of this page, if there is a next page.
    pub next: Option<PublicId>,
}

/// Reads users. Needs `dynamodb:Scan` on Users.
#[derive(Clone)]
pub struct UserStore {
    client: Client,
    table: String,
}

impl UserStore {
    /// A store in this table.
    pub fn new(client: Client, users_table: &str) -> Self {
        Self { client, table: users_table.to_owned() }
    }

    /// A page of at most `limit` users after `after`. The cost does not depend on the number of users in the table.
    pub async fn page(&self, limit: u16, after: Option<PublicId>) -> Result<Page, StoreError> {
        // One more than requested shows whether there is a next page: DynamoDB returns a last key even at the end of
        // the table.
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::from(limit) + 1)
            .set_exclusive_start_key(after.map(|id| Item::from([("public_id".to_owned(), text(&id.to_string()))])))
            .projection_expression("public_id, #name, email")
            .expression_attribute_names("#name", "name");
        let answer = request.send().await.map_err(|error| unavailable("Scan", error))?;
        let is_truncated = answer.last_evaluated_key.is_some();
        let mut users = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|mut item| public_user(&mut item))
            .collect::<Result<Vec<_>, _>>()?;
        let has_more = users.len() > usize::from(limit);
        users.truncate(usize::from(limit));
        // If DynamoDB's limit of 1 MB ended the page early, the next page starts after the last user of this one.
        let next = users.last().filter(|_| has_more || is_truncated).map(|last| last.public_id);
        Ok(Page { users, next })
    }
}
