//! The limit of sessions of a user, which some log-ins check.

use std::time::Duration;

use shared::{
    aws::store::{Credentials, StoreError, omit_excess},
    domain::{
        error_chain::causes,
        session::{ListedSession, SessionId, is_check_due},
        time::UnixSeconds,
        user::Email,
    },
    http::telemetry::audit::{self, Event},
};
use tracing::warn;

use crate::{Login, authenticate::Caller};

/// How long a request waits until the sessions beyond the limit have ended. A user may have thousands from before the
/// limit existed; each further check ends some more of them.
const TIME_LIMIT: Duration = Duration::from_secs(1);

impl Login {
    /// Ends the least recently used sessions of a user who has just logged in and has more than the limit, if this
    /// log-in is to check it. `log_in` is its number, see [`is_check_due`]. A failure does not affect the log-in.
    pub(crate) async fn limit_sessions(
        &self,
        email: &Email,
        credentials: &Credentials,
        started: SessionId,
        log_in: Option<u64>,
    ) {
        if !is_check_due(credentials.sessions, log_in) {
            return;
        }
        let &Credentials { public_id, version, sessions, .. } = credentials;
        let now = self.clock.now().seconds();
        let ended = || audit::record(Event::LoggedOut, public_id);
        let hint = (version, sessions);
        log_failure(self.session_limit.enforce_after_log_in(email, public_id, hint, started, now, ended)).await;
    }

    /// Ends the least recently used ones of the caller's sessions beyond the limit. The list is cut to the limit and
    /// keeps the current session, even if ending others failed.
    pub(crate) async fn limit_listed(&self, caller: &Caller, sessions: &mut Vec<ListedSession>, now: UnixSeconds) {
        let (user, current) = (caller.token.subject, caller.token.session());
        let ended = || audit::record(Event::LoggedOut, user);
        let owner = (user, caller.user.version);
        log_failure(self.session_limit.enforce(owner, sessions, current, now, ended)).await;
        omit_excess(sessions, current);
    }
}

/// Waits until the limit is enforced, and logs why it was not.
async fn log_failure(enforced: impl Future<Output = Result<(), StoreError>>) {
    let cause = match tokio::time::timeout(TIME_LIMIT, enforced).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => causes(&error),
        Err(timed_out) => timed_out.to_string(),
    };
    warn!(cause, "the limit of sessions was not enforced");
}
