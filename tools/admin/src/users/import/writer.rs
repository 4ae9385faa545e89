//! Writing rows: several transactions at once, at a limited rate, until the end, a failure or a signal.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use shared::{
    aws::store::admin::{AdminError, AdminStore, Import, ImportedUser},
    domain::{time::UnixMillis, user::PublicId},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    reject::{Reason, Rejection},
    row::Row,
};
use crate::{failure::Failure, users::signals::Signals};

/// Users that are written at the same time.
const CONCURRENT: usize = 48;

/// Time between two batches of a limited rate. At a high rate, single users would need shorter pauses than the timer
/// has.
const BATCH: Duration = Duration::from_millis(20);

/// A row that is settled.
pub(super) struct Settled {
    pub(super) number: i64,
    pub(super) email: String,
    /// The user, unless the row was rejected before.
    pub(super) public_id: Option<PublicId>,
    pub(super) outcome: Result<Import, Rejection>,
}

/// Why no more rows are written.
pub(super) enum End {
    /// The source has no more.
    Complete,
    /// A signal.
    Interrupted,
    Failed(AdminError),
    /// The report or the audit log cannot be written.
    Unwritable(Failure),
}

/// How rows are written.
pub(super) struct Writer {
    pub(super) store: Arc<AdminStore>,
    /// In milliseconds, so that the runs of an operator differ.
    pub(super) now: UnixMillis,
    /// Earlier runs that were not completed.
    pub(super) earlier: Arc<BTreeSet<UnixMillis>>,
    pub(super) dry_run: bool,
    pub(super) rate: Option<u32>,
}

/// The task of a user panicked. The next run finds out whether the user was written.
const LOST: &str = "the outcome of a user is unknown";

impl Writer {
    /// Writes every row and reports each. After a signal, the rows that are being written are finished and reported: a
    /// further signal changes nothing, and the time is limited, as that of every call is.
    pub(super) async fn run(
        &self,
        rows: &mut mpsc::Receiver<Row<ImportedUser>>,
        mut settle: impl FnMut(Settled) -> Result<(), Failure>,
    ) -> End {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(failure) => return End::Unwritable(failure),
        };
        let mut pace = self.rate.map(Pace::new);
        let mut tasks = JoinSet::new();
        let mut end = None;
        while end.is_none() || !tasks.is_empty() {
            let is_open = end.is_none() && tasks.len() < CONCURRENT;
            tokio::select! {
                () = signals.next(), if end.is_none() => end = Some(End::Interrupted),
                Some(done) = tasks.join_next() => {
                    let outcome = match done {
                        Ok(Ok(settled)) => settle(settled).map_err(End::Unwritable),
                        Ok(Err(error)) => Err(End::Failed(error)),
                        Err(_) => Err(End::Unwritable(Failure::Failed(LOST.to_owned()))),
                    };
                    // A failure after the last row has been read counts too.
                    end = match (outcome, end) {
                        (Err(failure), None | Some(End::Complete)) => Some(failure),
                        (_, end) => end,
                    };
                }
                row = rows.recv(), if is_open => match row {
                    None => end = Some(End::Complete),
                    Some(row) => self.start(row, &mut pace, &mut tasks).await,
                },
            }
        }
        end.unwrap_or(End::Complete)
    }

    async fn start(
        &self,
        row: Row<ImportedUser>,
        pace: &mut Option<Pace>,
        tasks: &mut JoinSet<Result<Settled, AdminError>>,
    ) {
        let Row { number, email, user } = row;
        let (store, earlier) = (Arc::clone(&self.store), Arc::clone(&self.earlier));
        let (now, dry_run) = (self.now, self.dry_run);
        if let (Some(pace), Ok(_)) = (pace, &user) {
            pace.wait().await;
        }
        tasks.spawn(async move {
            let public_id = user.as_ref().ok().map(|user| user.user.public_id);
            let outcome = match user {
                Err(rejection) => Err(rejection),
                Ok(user) if dry_run => reject_taken(store.check_import(&user).await?),
                Ok(user) => reject_taken(store.import(&user, now, &earlier).await?),
            };
            Ok(Settled { number, email, public_id, outcome })
        });
    }
}

/// A user whose address or identifier has another account is a rejected row.
fn reject_taken(outcome: Import) -> Result<Import, Rejection> {
    match outcome {
        Import::EmailTaken => {
            Err(Rejection::new(Reason::EmailTaken, "the email address has the account of another user"))
        }
        Import::IdTaken => Err(Rejection::new(Reason::IdTaken, "the public_id is that of a user with another address")),
        Import::Created | Import::Unchanged | Import::CreatedEarlier => Ok(outcome),
    }
}

/// A limit of users per second. No burst makes up for time in which fewer users were written.
struct Pace {
    interval: Interval,
    batch: u32,
    left: u32,
}

impl Pace {
    fn new(rate: u32) -> Self {
        let batch = u32::try_from(u128::from(rate) * BATCH.as_millis() / 1000).unwrap_or(rate).max(1);
        let mut interval = interval(Duration::from_secs_f64(f64::from(batch) / f64::from(rate)));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, batch, left: 0 }
    }

    async fn wait(&mut self) {
        if self.left == 0 {
            self.interval.tick().await;
            self.left = self.batch;
        }
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    const RATES: [u32; 7] = [1, 7, 20, 50, 400, 999, 100_000];

    /// Waits for this number of users. Asserts that, after the batch at the start, no more than the rate pass at any
    /// time. Returns how long it takes.
    async fn pass(pace: &mut Pace, rate: u32, users: u32) -> Duration {
        let (start, started) = (Instant::now(), pace.batch + pace.left);
        for user in 1..=users {
            pace.wait().await;
            let allowed = f64::from(rate) * start.elapsed().as_secs_f64() + f64::from(started);
            assert!(f64::from(user) <= allowed + 0.001, "user {user} at {rate} a second");
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limits_users_per_second() {
        for rate in RATES {
            let elapsed = pass(&mut Pace::new(rate), rate, 3 * rate).await.as_secs_f64();
            // Without the batch that starts at once. A timer is rounded up to a millisecond.
            assert!((1.97..3.2).contains(&elapsed), "{rate} a second: {elapsed} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_also_holds_after_a_pause() {
        for rate in RATES {
            let mut pace = Pace::new(rate);
            pass(&mut pace, rate, rate).await;
            advance(Duration::from_secs(60)).await;
            pass(&mut pace, rate, 3 * rate).await;
        }
    }
}
