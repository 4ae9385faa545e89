//! The active sessions of a user.

use aws_sdk_dynamodb::Client;

use super::{
    callers::read_session,
    error::{StoreError, unavailable},
    item::{Item, get_number, text, usable_or_skip},
};
use crate::domain::{
    session::{ListedSession, Session, SessionClient, SessionId},
    time::UnixSeconds,
    user::PublicId,
};

const TABLE: &str = "Sessions";

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
    ///
    /// Reads all pages of the query, since revoked and expired sessions may fill the first ones. An item that this
    /// service would not write is skipped.
    pub async fn active(
        &self,
        user: PublicId,
        version: u64,
        now: UnixSeconds,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let (mut sessions, mut after) = (Vec::new(), None);
        loop {
            let (items, next) = self.page(user, after).await?;
            for item in &items {
                let usable = usable_or_skip(listed(item), item.get("public_id"), "sessions");
                let active = usable.filter(|(stored, _)| stored.version == version && !stored.remaining(now).is_zero());
                sessions.extend(active.map(|(_, session)| session));
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(last_use(session)));
        Ok(sessions)
    }

    /// The items of a page without their hashes, and the key of the last one if there are more.
    async fn page(&self, user: PublicId, after: Option<Item>) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("public_id = :id")
            .expression_attribute_values(":id", text(&user.to_string()))
            .projection_expression(
                "public_id, session_id, #version, expires_at, ends_at, created_at, used_at, network, #agent",
            )
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#agent", "agent")
            .set_exclusive_start_key(after);
        // Boxed: the SDK's future is large.
        let page = Box::pin(request.send()).await.map_err(|error| unavailable("Query", error))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key.filter(|key| !key.is_empty())))
    }
}

/// Orders sessions by their last use. Every use stores its time, so sessions without one were last used before it was
/// stored; their expiry has the same order.
fn last_use(session: &ListedSession) -> (Option<UnixSeconds>, UnixSeconds) {
    (session.used_at.or(session.created_at), session.expires_at)
}

fn listed(item: &Item) -> Result<(Session, ListedSession), StoreError> {
    let texts = |attribute: &str| item.get(attribute).and_then(|value| value.as_s().ok()).cloned();
    let id = texts("session_id").and_then(|id| SessionId::parse(&id));
    let session = read_session(item)?;
    let used_at = item.contains_key("used_at").then(|| get_number(item, TABLE, "used_at")).transpose()?;
    let listed = ListedSession {
        id: id.ok_or(StoreError::Corrupt { table: TABLE, attribute: "session_id" })?,
        created_at: session.created_at,
        used_at: used_at.map(UnixSeconds::new),
        expires_at: session.expires_at.min(session.ends_at),
        client: SessionClient { network: texts("network"), agent: texts("agent") },
    };
    Ok((session, listed))
}
