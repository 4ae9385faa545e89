//! The limit of sessions of a user, which some log-ins check.

use std::time::Duration;

use shared::{
    aws::store::{Credentials, StoreError},
    domain::{
        error_chain::causes,
        session::{SessionId, is_check_due},
        user::{Email, PublicId},
    },
    http::telemetry::audit::{self, Event},
};
use tracing::warn;

use crate::Login;

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
        let enforced = self.session_limit.enforce_after_log_in(email, public_id, (version, sessions), started, now);
        log_enforced(public_id, enforced).await;
    }
}

/// Waits until the limit is enforced. Records whether sessions ended, or why the limit was not enforced.
pub(crate) async fn log_enforced(user: PublicId, enforced: impl Future<Output = Result<bool, StoreError>>) {
    let cause = match tokio::time::timeout(TIME_LIMIT, enforced).await {
        Ok(Ok(false)) => return,
        Ok(Ok(true)) => return audit::record(Event::LoggedOut, user),
        Ok(Err(error)) => causes(&error),
        Err(timed_out) => timed_out.to_string(),
    };
    warn!(cause, "the limit of sessions was not enforced");
}
