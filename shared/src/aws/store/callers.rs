//! The caller of a request: a user together with a session.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use tracing::warn;

use super::{
    error::{StoreError, unavailable},
    item::{Item, get_number, is_disabled, public_user, text, version},
};
use crate::domain::{
    authorization::Record,
    error_chain::causes,
    session::{Session, SessionId},
    time::UnixSeconds,
    user::{PublicId, User, UserClaims},
};

const OPERATION: &str = "BatchGetItem";

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
    /// The two reads are not a snapshot: while the other sessions are being ended, one item may be read before and
    /// the other after the change. Different versions are therefore read once more before the caller is rejected for
    /// them.
    pub async fn find(&self, id: PublicId, session: Option<SessionId>) -> Result<Record, StoreError> {
        let record = self.read(id, session).await?;
        match (&record.user, record.session) {
            (Some(user), Some(session_read)) if user.version != session_read.version => self.read(id, session).await,
            _ => Ok(record),
        }
    }

    async fn read(&self, id: PublicId, session: Option<SessionId>) -> Result<Record, StoreError> {
        let key = text(&id.to_string());
        let mut wanted = vec![(self.users.clone(), Item::from([("public_id".to_owned(), key.clone())]))];
        if let Some(session) = session {
            let key = [("public_id".to_owned(), key), ("session_id".to_owned(), text(&session.to_string()))];
            wanted.push((self.sessions.clone(), Item::from(key)));
        }
        let (mut user, mut session) = (None, None);
        for (table, mut item) in self.get(wanted).await? {
            if table == self.users {
                let read = read_user(&mut item);
                user =
                    Some(read.inspect_err(|error| warn!(public_id = %id, cause = causes(error), "user is unusable"))?);
            } else {
                session = Some(read_session(&item)?);
            }
        }
        Ok(Record { user, session })
    }

    /// The items with these keys, at most one per table. Unprocessed keys are requested again.
    async fn get(&self, wanted: Vec<(String, Item)>) -> Result<Vec<(String, Item)>, StoreError> {
        let mut left = None;
        for (table, key) in wanted {
            let mut keys = KeysAndAttributes::builder().keys(key).consistent_read(true);
            if table == self.sessions {
                // The hashes are not needed here.
                let attributes = keys.projection_expression("#version, expires_at, ends_at, created_at");
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
        claims: claims(item)?,
        disabled: is_disabled(item),
        version: version(item, "Users")?,
        profile: public_user(item)?,
    })
}

pub(super) fn read_session(item: &Item) -> Result<Session, StoreError> {
    let number = |attribute| get_number(item, "Sessions", attribute);
    Ok(Session {
        version: number("version")?,
        expires_at: UnixSeconds::new(number("expires_at")?),
        ends_at: UnixSeconds::new(number("ends_at")?),
        created_at: item.contains_key("created_at").then(|| number("created_at")).transpose()?.map(UnixSeconds::new),
    })
}

/// The claims as they were stored. Reserved names are rejected here too, so an item cannot change what a token means.
fn claims(item: &Item) -> Result<UserClaims, StoreError> {
    let corrupt = StoreError::Corrupt { table: "Users", attribute: "claims" };
    match item.get("claims") {
        None => Ok(UserClaims::default()),
        Some(AttributeValue::S(json)) => UserClaims::parse(json).map_err(|_| corrupt),
        Some(_) => Err(corrupt),
    }
}

fn groups(item: &Item) -> Result<Vec<String>, StoreError> {
    match item.get("groups") {
        None => Ok(Vec::new()),
        Some(AttributeValue::Ss(groups)) => Ok(groups.clone()),
        Some(_) => Err(StoreError::Corrupt { table: "Users", attribute: "groups" }),
    }
}
