//! The Users table, page by page.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::{
    error::{StoreError, unavailable},
    item::{Item, public_id, public_user, text, usable_or_skip},
};
use crate::domain::user::{PublicId, PublicUser};

/// A page of users, in the order of the table.
pub struct Page {
    /// At most as many as requested; fewer if the page reaches DynamoDB's limit of 1 MB, or if items are skipped.
    pub users: Vec<PublicUser>,
    /// The last item of this page, if there is a next page.
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
    ///
    /// An item that this service would not write is skipped, because one of them must not make the users after it
    /// unreachable. A page may therefore be empty and have a next page.
    pub async fn page(&self, limit: u16, after: Option<PublicId>) -> Result<Page, StoreError> {
        let mut start = after.map(|id| key(text(&id.to_string())));
        loop {
            let (items, next) = self.items(limit, start).await?;
            let last = items.iter().rev().find_map(|item| public_id(item, "Users").ok());
            let users = items.into_iter().filter_map(user_or_skip).collect();
            // A cursor is an identifier. If no key of a page is an identifier, the next page is read too.
            if last.is_some() || next.is_none() {
                return Ok(Page { users, next: last.filter(|_| next.is_some()) });
            }
            start = next;
        }
    }

    /// At most `limit` items after the key `start`, and the key of the last one if there are more.
    async fn items(&self, limit: u16, start: Option<Item>) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        // One more than requested shows whether there is a next page: DynamoDB returns a last key even at the end of
        // the table.
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::from(limit) + 1)
            .set_exclusive_start_key(start)
            .projection_expression("public_id, #name, email")
            .expression_attribute_names("#name", "name");
        let answer = request.send().await.map_err(|error| unavailable("Scan", error))?;
        let mut items = answer.items.unwrap_or_default();
        // If DynamoDB's limit of 1 MB ended the page early, the next page starts after the last item of this one.
        let has_more = items.len() > usize::from(limit) || answer.last_evaluated_key.is_some();
        items.truncate(usize::from(limit));
        let last = items.last().and_then(|item| item.get("public_id")).cloned().map(key);
        Ok((items, last.filter(|_| has_more)))
    }
}

fn key(public_id: AttributeValue) -> Item {
    Item::from([("public_id".to_owned(), public_id)])
}

fn user_or_skip(mut item: Item) -> Option<PublicUser> {
    let id = item.get("public_id").cloned();
    usable_or_skip(public_user(&mut item), id.as_ref(), "users")
}
