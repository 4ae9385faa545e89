//! The limit of sessions of a user. [`crate::domain::session`] has the rules.

use aws_sdk_dynamodb::{Client, operation::delete_item::DeleteItemError};

use super::{
    conditional,
    error::{StoreError, unavailable},
    item::{number, seconds, text},
    session_list::SessionList,
    sessions::key,
};
use crate::domain::{
    session::{ListedSession, MAX_SESSIONS, SessionId, is_hint_outdated},
    time::UnixSeconds,
    user::{Email, PublicId},
};

/// How often sessions are counted again after another process used or ended one of them.
const ROUNDS: usize = 3;

/// Ends the least recently used sessions beyond the limit. Needs `dynamodb:Query` and `dynamodb:DeleteItem` on
/// Sessions, and `dynamodb:UpdateItem` on Credentials.
#[derive(Clone)]
pub struct SessionLimit {
    client: Client,
    sessions: String,
    credentials: String,
    list: SessionList,
}

impl SessionLimit {
    /// The limit of the sessions in this table.
    pub fn new(client: Client, sessions_table: &str, credentials_table: &str) -> Self {
        Self {
            list: SessionList::new(client.clone(), sessions_table),
            client,
            sessions: sessions_table.to_owned(),
            credentials: credentials_table.to_owned(),
        }
    }

    /// Ends the least recently used ones of a user's sessions beyond the limit, except `current`. Calls `on_end` for
    /// each. `sessions` begins with the most recently used one, and is read again if one has been used meanwhile.
    /// [`omit_excess`] removes the ended ones from it.
    pub async fn enforce(
        &self,
        (user, version): (PublicId, u64),
        sessions: &mut Vec<ListedSession>,
        current: Option<SessionId>,
        now: UnixSeconds,
        on_end: impl Fn(),
    ) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let excess: Vec<_> = excess(sessions, current).into_iter().cloned().collect();
            let mut have_all_ended = true;
            for session in &excess {
                if self.end_if_unused(user, session).await? {
                    on_end();
                } else {
                    have_all_ended = false;
                }
            }
            if have_all_ended {
                break;
            }
            *sessions = self.list.active(user, version, now).await?;
        }
        Ok(())
    }

    /// The same for the account with this address, after a log-in. `stored` is the number of sessions that is stored
    /// with the account; a log-in reads it to know whether the limit has to be checked.
    pub async fn enforce_after_log_in(
        &self,
        email: &Email,
        user: PublicId,
        (version, stored): (u64, u64),
        started: SessionId,
        now: UnixSeconds,
        on_end: impl Fn(),
    ) -> Result<(), StoreError> {
        let mut sessions = self.list.active(user, version, now).await?;
        let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
        if is_hint_outdated(stored, count) {
            self.store_count(email, user, count).await?;
        }
        self.enforce((user, version), &mut sessions, Some(started), now, on_end).await
    }

    async fn store_count(&self, email: &Email, user: PublicId, count: u64) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.credentials)
            .key("email", text(email.as_str()))
            .update_expression("SET #sessions = :count")
            .condition_expression("public_id = :id")
            .expression_attribute_names("#sessions", "sessions")
            .expression_attribute_values(":count", number(count))
            .expression_attribute_values(":id", text(&user.to_string()));
        conditional::update(request).await.map(drop)
    }

    /// Ends a session unless it has been used, or has ended, since it was read.
    async fn end_if_unused(&self, user: PublicId, session: &ListedSession) -> Result<bool, StoreError> {
        let request = self.client.delete_item().table_name(&self.sessions).set_key(Some(key(user, session.id)));
        let request = match session.used_at {
            Some(used_at) => {
                request.condition_expression("used_at = :seen").expression_attribute_values(":seen", seconds(used_at))
            }
            // A missing item has no such attribute either.
            None => request.condition_expression("attribute_exists(session_id) AND attribute_not_exists(used_at)"),
        };
        // Boxed: the SDK's future is large.
        match Box::pin(request.send()).await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable("DeleteItem", error)),
        }
    }
}

/// Removes the sessions beyond the limit from a list, whether or not they have ended.
pub fn omit_excess(sessions: &mut Vec<ListedSession>, current: Option<SessionId>) {
    let omitted: Vec<_> = excess(sessions, current).iter().map(|session| session.id).collect();
    sessions.retain(|session| !omitted.contains(&session.id));
}

/// The sessions beyond the limit: the least recently used ones, except `current`, the least recently used one first.
/// `sessions` begins with the most recently used one.
fn excess(sessions: &[ListedSession], current: Option<SessionId>) -> Vec<&ListedSession> {
    let others = sessions.iter().rev().filter(|session| Some(session.id) != current);
    others.take(sessions.len().saturating_sub(MAX_SESSIONS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::{RefreshToken, SessionClient};

    fn sessions(count: u64) -> Vec<ListedSession> {
        let id = || RefreshToken::new(PublicId::random()).unwrap().session();
        let time = |seconds| Some(UnixSeconds::new(seconds));
        (0..count)
            .rev()
            .map(|number| ListedSession {
                id: id(),
                created_at: time(0),
                used_at: time(number),
                expires_at: UnixSeconds::new(number + 100),
                client: SessionClient::default(),
            })
            .collect()
    }

    #[test]
    fn the_least_recently_used_sessions_beyond_100_end_but_never_the_current_one() {
        let used = |excess: Vec<&ListedSession>| excess.iter().map(|s| s.used_at.unwrap().get()).collect::<Vec<_>>();
        let sessions = sessions(103);
        assert_eq!(used(excess(&sessions, None)), [0, 1, 2]);
        assert_eq!(used(excess(&sessions, Some(sessions[102].id))), [1, 2, 3], "the current one is the oldest");
        assert_eq!(used(excess(&sessions, Some(sessions[0].id))), [0, 1, 2]);
        assert!(excess(&sessions[..100], None).is_empty() && excess(&[], None).is_empty());
    }

    #[test]
    fn a_list_that_is_cut_to_100_contains_the_current_session() {
        let all = sessions(103);
        for current in [None, Some(all[0].id), Some(all[50].id), Some(all[102].id)] {
            let mut cut = all.clone();
            omit_excess(&mut cut, current);
            assert_eq!(cut.len(), MAX_SESSIONS);
            assert!(current.is_none_or(|current| cut.iter().any(|session| session.id == current)));
            assert_eq!(cut[..99], all[..99], "the most recently used ones remain");
        }
    }
}
