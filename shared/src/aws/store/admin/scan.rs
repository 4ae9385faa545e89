//! Whole tables, page by page, with constant memory.

use super::{AdminError, AdminStore, CredentialsRecord, UserRecord, store::key};
use crate::aws::store::item::Item;

/// Most items of a page. DynamoDB ends a page at 1 MB anyway; the embedded database of a local run would otherwise read
/// the rest of the table for each page.
const MAX_PAGE: i32 = 2500;

/// A position between two pages.
#[derive(Debug, Clone)]
pub struct Cursor(Item);

/// The records of a table, page by page.
pub struct Pages<'s, T> {
    store: &'s AdminStore,
    table: &'s str,
    read: fn(Item) -> T,
    position: Position,
}

enum Position {
    Start,
    After(Cursor),
    End,
}

impl<T> Pages<'_, T> {
    /// The next page, which has at most 1 MB and may be empty. `None`: there are no more, or the last call failed.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, AdminError> {
        let start = match std::mem::replace(&mut self.position, Position::End) {
            Position::Start => None,
            Position::After(cursor) => Some(cursor),
            Position::End => return Ok(None),
        };
        let (items, next) = self.store.scan(self.table, None, start).await?;
        self.position = next.map_or(Position::End, Position::After);
        Ok(Some(items.into_iter().map(self.read).collect()))
    }
}

impl AdminStore {
    /// All of Users. Needs `dynamodb:Scan` on Users.
    pub fn users(&self) -> Pages<'_, UserRecord> {
        Pages { store: self, table: &self.tables.users, read: UserRecord::read, position: Position::Start }
    }

    /// All of Credentials. Needs `dynamodb:Scan` on Credentials.
    pub fn credentials(&self) -> Pages<'_, CredentialsRecord> {
        let table = &self.tables.credentials;
        Pages { store: self, table, read: CredentialsRecord::read, position: Position::Start }
    }

    /// The credentials of these addresses, in no particular order. Addresses without credentials are left out. Without
    /// hashes, only the user and `disabled` are read. Needs `dynamodb:BatchGetItem` on Credentials.
    pub async fn credentials_of(
        &self,
        emails: &[&str],
        with_hashes: bool,
    ) -> Result<Vec<CredentialsRecord>, AdminError> {
        // DynamoDB rejects a batch with duplicate keys, and empty keys.
        let mut distinct: Vec<&str> = emails.iter().copied().filter(|email| !email.is_empty()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let keys = distinct.into_iter().map(|email| key("email", email)).collect();
        let attributes = (!with_hashes).then_some("email, public_id, disabled");
        let items = self.get_all(&self.tables.credentials, keys, attributes).await?;
        Ok(items.into_iter().map(CredentialsRecord::read).collect())
    }

    /// A page of at most 1 MB.
    pub(super) async fn scan(
        &self,
        table: &str,
        attributes: Option<&str>,
        start: Option<Cursor>,
    ) -> Result<(Vec<Item>, Option<Cursor>), AdminError> {
        let request = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .limit(MAX_PAGE)
            .set_projection_expression(attributes.map(str::to_owned))
            .set_exclusive_start_key(start.map(|Cursor(key)| key));
        let response = request.send().await.map_err(|error| AdminError::of("Scan", table, &error))?;
        let next = response.last_evaluated_key.filter(|key| !key.is_empty()).map(Cursor);
        Ok((response.items.unwrap_or_default(), next))
    }
}
