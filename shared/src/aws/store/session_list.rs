//! The active sessions of a user.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;

use super::{
    callers::read_session,
    error::{StoreError, unavailable},
    item::{Item, get_number, text},
};
use crate::domain::{
    session::{ListedSession, SessionClient, SessionId},
    time::UnixSeconds,
    user::PublicId,
};

const TABLE: &str = "Sessions";

/// Most pages of a query, each of 1 MB: some 8,000 sessions. Users have more than 100 only if they logged in before
/// that limit existed.
const MAX_PAGES: usize = 4;

/// Lists sessions. Needs `dynamodb:Query` on Sessions.
#[derive(Clone)]
pub struct SessionList {
    client: Client,
    table: String,
}

impl SessionList {
    /// A list of the sessions in this table.
    pub fn new(client: Client, sessions_table: &str) -> Self {
        Self { client, table: sessions_table.to_owned() }
    }

    /// The sessions of a user that have not ended, the most recently used one first. `version` is the user's.
    pub async fn active(
        &self,
        user: PublicId,
        version: u64,
        now: UnixSeconds,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let mut sessions = Vec::new();
        for item in self.items(user).await? {
            let session = read_session(&item)?;
            if session.version == version && !session.remaining(now).is_zero() {
                sessions.push(listed(&item)?);
            }
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(last_use(session)));
        Ok(sessions)
    }

    /// The items without their hashes.
    async fn items(&self, user: PublicId) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut after) = (Vec::new(), None::<HashMap<_, _>>);
        for _ in 0..MAX_PAGES {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("public_id = :id")
                .expression_attribute_values(":id", text(&user.to_string()))
                .projection_expression(
                    "session_id, #version, expires_at, ends_at, created_at, used_at, network, #agent",
                )
                .expression_attribute_names("#version", "version")
                .expression_attribute_names("#agent", "agent")
                .set_exclusive_start_key(after.take());
            // Boxed: the SDK's future is large.
            let page = Box::pin(request.send()).await.map_err(|error| unavailable("Query", error))?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                break;
            }
        }
        Ok(items)
    }
}

/// Orders sessions by their last use. Every use stores its time, so sessions without one were last used before it was
/// stored; their expiry has the same order.
fn last_use(session: &ListedSession) -> (Option<UnixSeconds>, UnixSeconds) {
    (session.used_at.or(session.created_at), session.expires_at)
}

fn listed(item: &Item) -> Result<ListedSession, StoreError> {
    let texts = |attribute: &str| item.get(attribute).and_then(|value| value.as_s().ok()).cloned();
    let id = texts("session_id").and_then(|id| SessionId::parse(&id));
    let session = read_session(item)?;
    let used_at = item.contains_key("used_at").then(|| get_number(item, TABLE, "used_at")).transpose()?;
    Ok(ListedSession {
        id: id.ok_or(StoreError::Corrupt { table: TABLE, attribute: "session_id" })?,
        created_at: session.created_at,
        used_at: used_at.map(UnixSeconds::new),
        expires_at: session.expires_at.min(session.ends_at),
        client: SessionClient { network: texts("network"), agent: texts("agent") },
    })
}
