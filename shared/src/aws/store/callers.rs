//! Who calls: the record of a user, and their session with it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};

use super::{Item, StoreError, get_number, is_disabled, profile, text, unavailable, version};
use crate::domain::{
    session::{Session, SessionId},
    user::{PublicId, User},
};

const OPERATION: &str = "BatchGetItem";

/// What there is of a caller.
pub struct Record {
    /// The user, if there is one.
    pub user: Option<User>,
    /// The session, if it was asked for and is there. It may have ended all the same: see [`Session::remaining`].
    pub session: Option<Session>,
}

/// Reads users and sessions by their keys. Needs `dynamodb:BatchGetItem` on Users and Sessions.
#[derive(Clone)]
pub struct CallerStore {
    client: Client,
    users: String,
    sessions: String,
}

impl CallerStore {
    /// A store in these tables.
    pub fn new(client: Client, users_table: &str, sessions_table: &str) -> Self {
        Self { client, users: users_table.to_owned(), sessions: sessions_table.to_owned() }
    }

    /// A user's record and, in the same call, one of their sessions.
    ///
    /// The two are no snapshot: while all others of a session are ended, one of the two may be read before and the other after. So
    /// versions that differ are read once more before anybody is refused for them.
    pub async fn find(&self, id: PublicId, session: Option<SessionId>) -> Result<Record, StoreError> {
        let record = self.read(id, session).await?;
        match (&record.user, record.session) {
            (Some(user), Some(session_read)) if user.version != session_read.version => self.read(id, session).await,
            _ => Ok(record),
        }
    }

    async fn read(&self, id: PublicId, session: Option<SessionId>) -> Result<Record, StoreError> {
        let id = text(&id.to_string());
        let mut wanted = vec![(self.users.clone(), Item::from([("public_id".to_owned(), id.clone())]))];
        if let Some(session) = session {
            let key = [("public_id".to_owned(), id), ("session_id".to_owned(), text(&session.to_string()))];
            wanted.push((self.sessions.clone(), Item::from(key)));
        }
        let (mut user, mut session) = (None, None);
        for (table, mut item) in self.get(wanted).await? {
            if table == self.users {
                user = Some(read_user(&mut item)?);
            } else {
                session = Some(read_session(&item)?);
            }
        }
        Ok(Record { user, session })
    }

    /// The items of these keys, of one in each table. What DynamoDB leaves over, it is asked for again.
    async fn get(&self, wanted: Vec<(String, Item)>) -> Result<Vec<(String, Item)>, StoreError> {
        let mut left = None;
        for (table, key) in wanted {
            let mut keys = KeysAndAttributes::builder().keys(key).consistent_read(true);
            if table == self.sessions {
                // Nobody who only looks needs the hashes.
                let attributes = keys.projection_expression("#version, expires_at, ends_at, others_ended_at");
                keys = attributes.expression_attribute_names("#version", "version");
            }
            let keys = keys.build();
            let keys = keys.map_err(|error| unavailable(OPERATION, error))?;
            left.get_or_insert_with(std::collections::HashMap::new).insert(table, keys);
        }
        let mut items = Vec::new();
        for attempt in 0..4 {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(25 << attempt)).await;
            }
            let answer = self.client.batch_get_item().set_request_items(left.take()).send().await;
            let answer = answer.map_err(|error| unavailable(OPERATION, error))?;
            for (table, found) in answer.responses.unwrap_or_default() {
                items.extend(found.into_iter().map(|item| (table.clone(), item)));
            }
            left = answer.unprocessed_keys.filter(|keys| !keys.is_empty());
            if left.is_none() {
                return Ok(items);
            }
        }
        Err(unavailable(OPERATION, "keys were left unprocessed"))
    }
}

fn read_user(item: &mut Item) -> Result<User, StoreError> {
    Ok(User {
        groups: groups(item)?,
        disabled: is_disabled(item),
        version: version(item, "Users")?,
        profile: profile(item)?,
    })
}

pub(super) fn read_session(item: &Item) -> Result<Session, StoreError> {
    let number = |attribute| get_number(item, "Sessions", attribute);
    Ok(Session {
        version: number("version")?,
        expires_at: number("expires_at")?,
        ends_at: number("ends_at")?,
        others_ended_at: if item.contains_key("others_ended_at") { number("others_ended_at")? } else { 0 },
    })
}

fn groups(item: &Item) -> Result<Vec<String>, StoreError> {
    match item.get("groups") {
        None => Ok(Vec::new()),
        Some(AttributeValue::Ss(groups)) => Ok(groups.clone()),
        Some(_) => Err(StoreError::Corrupt { table: "Users", attribute: "groups" }),
    }
}
