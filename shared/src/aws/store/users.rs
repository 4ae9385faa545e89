//! Pages of users.

use aws_sdk_dynamodb::Client;

use super::{Item, StoreError, profile, text, unavailable};
use crate::domain::user::{PublicId, PublicUser};

/// A page of users, in the table's own order.
pub struct Page {
    /// At most as many as asked for; fewer where DynamoDB's limit of 1 MB a page comes first.
    pub users: Vec<PublicUser>,
    /// Where the next page begins, if there is one.
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

    /// A page of at most `limit` users, from behind `after` on. Costs the same however many users there are.
    pub async fn page(&self, limit: u16, after: Option<PublicId>) -> Result<Page, StoreError> {
        // One more than asked for tells whether there is a next page: DynamoDB names a last key even at the very end.
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
        let goes_on = answer.last_evaluated_key.is_some();
        let mut users = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|mut item| profile(&mut item))
            .collect::<Result<Vec<_>, _>>()?;
        let has_more = users.len() > usize::from(limit);
        users.truncate(usize::from(limit));
        // Where DynamoDB's 1 MB ended the page early, it goes on behind the last user that came.
        let next = users.last().filter(|_| has_more || goes_on).map(|last| last.public_id);
        Ok(Page { users, next })
    }
}
