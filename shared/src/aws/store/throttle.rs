//! The Throttle table. The rules are in [`crate::domain::throttle`].

use std::time::Duration;

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use uuid::Uuid;

use super::{
    conditional::{self, Update},
    error::{StoreError, unavailable},
    item::{Item, millis, number, optional_number, seconds, text},
    transaction::random_id,
};
use crate::{
    config::clock::Clock,
    domain::{
        throttle::{Attempts, BackoffPolicy, GcraLimit, ThrottleKey},
        time::UnixMillis,
    },
};

const TABLE: &str = "Throttle";

/// How long a guess may be in progress. Another guess of the same pair waits for its end, but no longer than this,
/// since waiting occupies a function.
const IN_PROGRESS: Duration = Duration::from_millis(500);

/// How often the table is read while waiting.
const POLLS: u32 = 20;

/// How many guesses wait for the one in progress. Any further one is refused at once: a refusal must cost less than a
/// check.
const MAX_WAITERS: u64 = 2;

/// How often a write is retried while others change the same item.
const ATTEMPTS: usize = 64;

/// How long the counter of a [`GcraLimit`] is stored after its last change.
const RETENTION: Duration = Duration::from_secs(2 * 60 * 60);

/// The decision about one more attempt.
#[derive(Debug)]
pub enum Admission<T> {
    /// Admitted and counted.
    Taken(T),
    /// Not admitted; how long to wait.
    Refused(Duration),
}

/// A guess that counts as a failure until it is confirmed or refunded.
#[derive(Debug)]
pub struct Guess {
    key: ThrottleKey,
    /// The attempts before this one.
    before: Attempts,
    /// The guess is at the limit of failures, so others may wait for it.
    in_progress: bool,
    id: Uuid,
    counted_at: UnixMillis,
}

impl Guess {
    /// Whether the pair has logged in recently, with the password that the user chose at `password_set_at`.
    pub fn is_known(&self, password_set_at: UnixMillis) -> bool {
        self.before.is_known(password_set_at, self.counted_at)
    }
}

/// Counts guesses and sign-ups. Needs `dynamodb:UpdateItem` on Throttle, and for pairs `dynamodb:GetItem` too.
#[derive(Clone)]
pub struct ThrottleStore {
    client: Client,
    table: String,
    clock: Clock,
}

impl ThrottleStore {
    /// A store in this table. It holds a clock, since it reads the time again while it waits.
    pub fn new(client: Client, throttle_table: &str, clock: Clock) -> Self {
        Self { client, table: throttle_table.to_owned(), clock }
    }

    /// Counts a guess of a pair before it is made, so that concurrent guesses are counted one by one.
    pub async fn guess(&self, key: ThrottleKey, policy: &BackoffPolicy) -> Result<Admission<Guess>, StoreError> {
        // Without the condition, no pair is refused as unknown.
        Ok(self.guess_if(key, policy, false).await?.unwrap_or(Admission::Refused(IN_PROGRESS)))
    }

    /// Counts a guess of a pair that has logged in recently. `None` for any other pair, which leaves no item: a client
    /// can invent any number of devices.
    pub async fn guess_if_known(
        &self,
        key: ThrottleKey,
        policy: &BackoffPolicy,
    ) -> Result<Option<Admission<Guess>>, StoreError> {
        self.guess_if(key, policy, true).await
    }

    async fn guess_if(
        &self,
        key: ThrottleKey,
        policy: &BackoffPolicy,
        must_be_known: bool,
    ) -> Result<Option<Admission<Guess>>, StoreError> {
        let id = random_id();
        let (mut polls, mut waits_for) = (0, None);
        // Most pairs have no failures, so the first write does not read the item before.
        let (mut seen, mut before) = (None, Attempts::default());
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            match before.guess(policy, now) {
                Ok(after) => {
                    let taken = |before| Guess {
                        key: key.clone(),
                        before,
                        in_progress: after.in_progress,
                        id,
                        counted_at: now,
                    };
                    match self.count_guess(&key, seen.as_deref(), after, policy, id, must_be_known).await? {
                        // The response shows what a pair that was not read before is known for.
                        Update::Written(item) => return Ok(Some(Admission::Taken(taken(known(before, &item)?)))),
                        // The response to the first attempt was lost.
                        Update::ConditionFailed(item) if is_by(&item, id) => {
                            return Ok(Some(Admission::Taken(taken(known(before, &item)?))));
                        }
                        Update::ConditionFailed(item) => (seen, before) = (by(&item), attempts(&item)?),
                    }
                    if must_be_known && now >= before.known_until {
                        return Ok(None);
                    }
                }
                Err(wait) if !before.in_progress || now.since(before.guessed_at) >= IN_PROGRESS || polls == POLLS => {
                    return Ok(Some(Admission::Refused(wait)));
                }
                Err(wait) => {
                    if waits_for != seen && !self.wait_for(&key, seen.as_deref()).await? {
                        return Ok(Some(Admission::Refused(wait)));
                    }
                    waits_for.clone_from(&seen);
                    polls += 1;
                    tokio::time::sleep(IN_PROGRESS / POLLS).await;
                    let item = self.read(&key).await?;
                    (seen, before) = (by(&item), attempts(&item)?);
                }
            }
        }
        Ok(Some(Admission::Refused(IN_PROGRESS)))
    }

    async fn count_guess(
        &self,
        key: &ThrottleKey,
        seen: Option<&str>,
        after: Attempts,
        policy: &BackoffPolicy,
        id: Uuid,
        must_be_known: bool,
    ) -> Result<Update, StoreError> {
        // An item that was not read may belong to a known pair and must then not expire earlier.
        let end = if seen.is_some() { ":end" } else { "if_not_exists(expires_at, :end)" };
        let expires_at = after.forgotten_at(policy).max(after.known_until).seconds_rounded_up();
        let mut condition = vec![if seen.is_some() { "#by = :seen" } else { "attribute_not_exists(#by)" }];
        let mut request = self
            .update(key)
            .update_expression(format!(
                "SET failures = :failures, guessed_at = :now, #until = :until, in_progress = :in_progress, \
                 #by = :attempt, expires_at = {end} REMOVE waiting"
            ))
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":failures", number(after.failures.into()))
            .expression_attribute_values(":now", millis(after.guessed_at))
            .expression_attribute_values(":until", millis(after.until))
            .expression_attribute_values(":in_progress", AttributeValue::Bool(after.in_progress))
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":end", seconds(expires_at));
        if let Some(seen) = seen {
            request = request.expression_attribute_values(":seen", text(seen));
        }
        if let Some(limit) = policy.log_ins {
            condition.push("(attribute_not_exists(log_ins) OR log_ins <= :latest)");
            request = request.expression_attribute_values(":latest", millis(limit.latest(after.guessed_at)));
        }
        if must_be_known {
            condition.push("known_until > :now");
        }
        conditional::update(request.condition_expression(condition.join(" AND "))).await
    }

    /// Waits for the guess `seen`, unless it is settled or enough others wait for it.
    async fn wait_for(&self, key: &ThrottleKey, seen: Option<&str>) -> Result<bool, StoreError> {
        let request = self
            .update(key)
            .update_expression("ADD waiting :one")
            .condition_expression(
                "#by = :seen AND in_progress = :true AND (attribute_not_exists(waiting) OR waiting < :most)",
            )
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":seen", text(seen.unwrap_or_default()))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(MAX_WAITERS));
        Ok(matches!(conditional::update(request).await?, Update::Written(_)))
    }

    /// Clears the failures of a pair whose guess was right, counts the log-in, and makes the pair known for this time.
    pub async fn confirm(&self, guess: &Guess, policy: &BackoffPolicy, known: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(limit) = policy.log_ins else {
            return conditional::update(self.logged_in(guess, known, now, "")).await.map(drop);
        };
        if guess.before.log_ins <= now {
            let first = self
                .logged_in(guess, known, now, "log_ins = :arrival,")
                .condition_expression("attribute_not_exists(log_ins) OR log_ins <= :now")
                .expression_attribute_values(":arrival", millis(now + limit.interval()));
            if let Update::Written(_) = conditional::update(first).await? {
                return Ok(());
            }
        }
        // Earlier log-ins still count, or a concurrent one has just begun the count.
        let next = self
            .logged_in(guess, known, now, "log_ins = if_not_exists(log_ins, :now) + :interval,")
            .expression_attribute_values(":interval", interval(limit));
        conditional::update(next).await.map(drop)
    }

    fn logged_in(&self, guess: &Guess, known: Duration, now: UnixMillis, log_ins: &str) -> UpdateItemFluentBuilder {
        let end = now + known.max(RETENTION);
        self.update(&guess.key)
            .update_expression(format!(
                "SET {log_ins} known_at = :now, known_until = :known, expires_at = :end \
                 REMOVE failures, guessed_at, #until, in_progress, waiting, #by"
            ))
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":known", millis(now + known))
            .expression_attribute_values(":end", seconds(end.seconds_rounded_up()))
    }

    /// Makes a pair known for this time, without a guess.
    pub async fn remember(&self, key: &ThrottleKey, known: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        let request = self
            .update(key)
            .update_expression("SET known_at = :now, known_until = :known, expires_at = :end")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":known", millis(now + known))
            .expression_attribute_values(":end", seconds((now + known).seconds_rounded_up()));
        conditional::update(request).await.map(drop)
    }

    /// Ends the wait of other guesses for this one, which was wrong and stays counted.
    pub async fn fail(&self, guess: &Guess) -> Result<(), StoreError> {
        if !guess.in_progress {
            return Ok(());
        }
        let request = self
            .update(&guess.key)
            .update_expression("REMOVE in_progress, waiting")
            .condition_expression("#by = :attempt")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":attempt", text(&guess.id.to_string()));
        conditional::update(request).await.map(drop)
    }

    /// Refunds a guess that was not verified, unless the pair has guessed again since.
    pub async fn refund(&self, guess: &Guess) -> Result<(), StoreError> {
        let request = self
            .update(&guess.key)
            .condition_expression("#by = :attempt")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":attempt", text(&guess.id.to_string()));
        let Attempts { failures, guessed_at, until, .. } = guess.before;
        let request = if failures == 0 {
            request.update_expression("REMOVE failures, guessed_at, #until, in_progress, waiting, #by")
        } else {
            request
                .update_expression(
                    "SET failures = :failures, guessed_at = :at, #until = :until, #by = :refund \
                     REMOVE in_progress, waiting",
                )
                .expression_attribute_values(":failures", number(failures.into()))
                .expression_attribute_values(":at", millis(guessed_at))
                .expression_attribute_values(":until", millis(until))
                .expression_attribute_values(":refund", text(&random_id().to_string()))
        };
        conditional::update(request).await.map(drop)
    }

    /// Counts one more attempt against a limit.
    pub async fn take(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<Admission<()>, StoreError> {
        let id = random_id();
        let mut arrival = UnixMillis::default();
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            if arrival > limit.latest(now) {
                return Ok(Admission::Refused(limit.wait(arrival, now)));
            }
            match conditional::update(self.count_arrival(key, limit, arrival, now, id)).await? {
                Update::Written(_) => return Ok(Admission::Taken(())),
                // The response to the first attempt was lost.
                Update::ConditionFailed(item) if is_by(&item, id) => return Ok(Admission::Taken(())),
                Update::ConditionFailed(item) => arrival = time(&item, "arrival")?,
            }
        }
        Ok(Admission::Refused(IN_PROGRESS))
    }

    /// The write that moves the arrival time by one interval. Concurrent additions do not conflict.
    fn count_arrival(
        &self,
        key: &ThrottleKey,
        limit: GcraLimit,
        arrival: UnixMillis,
        now: UnixMillis,
        id: Uuid,
    ) -> UpdateItemFluentBuilder {
        let request = self
            .update(key)
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":end", seconds(now.seconds_rounded_up() + RETENTION));
        if arrival <= now {
            request
                .update_expression("SET arrival = :next, #by = :attempt, expires_at = :end")
                .condition_expression("attribute_not_exists(arrival) OR arrival <= :now")
                .expression_attribute_values(":next", millis(now + limit.interval()))
        } else {
            request
                .update_expression("SET arrival = arrival + :interval, #by = :attempt, expires_at = :end")
                .condition_expression("#by <> :attempt AND arrival > :now AND arrival <= :latest")
                .expression_attribute_values(":interval", interval(limit))
                .expression_attribute_values(":latest", millis(limit.latest(now)))
        }
    }

    /// How long to wait for one more attempt. Counts nothing.
    pub async fn wait(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<Duration, StoreError> {
        let arrival = time(&self.read(key).await?, "arrival")?;
        Ok(limit.wait(arrival, self.clock.now()))
    }

    /// Refunds an attempt that was counted for a guess that was right, or was not verified.
    pub async fn give_back(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<(), StoreError> {
        let request = self
            .update(key)
            .update_expression("SET arrival = arrival - :interval, given_back = :attempt")
            .condition_expression(
                "attribute_exists(arrival) AND (attribute_not_exists(given_back) OR given_back <> :attempt)",
            )
            .expression_attribute_values(":interval", interval(limit))
            .expression_attribute_values(":attempt", text(&random_id().to_string()));
        conditional::update(request).await.map(drop)
    }

    async fn read(&self, key: &ThrottleKey) -> Result<Item, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("id", text(key.as_str()));
        let response = request.consistent_read(true).send().await.map_err(|error| unavailable("GetItem", error))?;
        Ok(response.item.unwrap_or_default())
    }

    fn update(&self, key: &ThrottleKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("id", text(key.as_str()))
    }
}

fn interval(limit: GcraLimit) -> AttributeValue {
    millis(UnixMillis::default() + limit.interval())
}

fn attempts(item: &Item) -> Result<Attempts, StoreError> {
    Ok(Attempts {
        failures: u32::try_from(optional_number(item, TABLE, "failures")?).unwrap_or(u32::MAX),
        guessed_at: time(item, "guessed_at")?,
        until: time(item, "until")?,
        in_progress: matches!(item.get("in_progress"), Some(AttributeValue::Bool(true))),
        log_ins: time(item, "log_ins")?,
        known_at: time(item, "known_at")?,
        known_until: time(item, "known_until")?,
    })
}

/// `before`, together with what the item shows about earlier log-ins.
fn known(before: Attempts, item: &Item) -> Result<Attempts, StoreError> {
    let Attempts { log_ins, known_at, known_until, .. } = attempts(item)?;
    Ok(Attempts { log_ins, known_at, known_until, ..before })
}

fn time(item: &Item, attribute: &'static str) -> Result<UnixMillis, StoreError> {
    optional_number(item, TABLE, attribute).map(UnixMillis::new)
}

fn by(item: &Item) -> Option<String> {
    match item.get("by") {
        Some(AttributeValue::S(id)) => Some(id.clone()),
        _ => None,
    }
}

fn is_by(item: &Item, id: Uuid) -> bool {
    by(item).is_some_and(|by| by == id.to_string())
}
