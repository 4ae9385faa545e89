//! Guesses of pairs in the Throttle table. The rules are in [`crate::domain::throttle`].

use std::time::Duration;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use uuid::Uuid;

use super::{
    conditional::{self, Update},
    error::StoreError,
    item::{Item, millis, number, optional_number, seconds, text},
    throttle::{
        ATTEMPTS, Admission, CONTENDED, COUNT_LOG_IN, RETENTION, TABLE, ThrottleStore, by, interval, is_by, is_text,
        log_in_count, time,
    },
    transaction::random_id,
};
use crate::domain::{
    throttle::{Attempts, BackoffPolicy, ThrottleKey},
    time::UnixMillis,
};

/// How long a guess may be in progress. Another guess of the same pair waits for its end, but no longer than this,
/// since waiting occupies a function.
const IN_PROGRESS: Duration = Duration::from_millis(500);

/// How often the table is read while waiting.
const POLLS: u32 = 20;

/// How many guesses wait for the one in progress. Any further one is refused at once: a refusal must cost less than a
/// check.
const MAX_WAITERS: u64 = 2;

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

/// Whether a write counted the guess, and the item afterwards.
enum Counted {
    Yes(Item),
    No(Item),
}

impl ThrottleStore {
    /// Counts a guess of a pair before it is made, so that concurrent guesses are counted one by one.
    pub async fn guess(&self, key: ThrottleKey, policy: &BackoffPolicy) -> Result<Admission<Guess>, StoreError> {
        // Without the condition, no pair is refused as unknown.
        Ok(self.guess_if(key, policy, false).await?.unwrap_or(Admission::Refused(CONTENDED)))
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
        // Most pairs have few failures, so the first write does not read the item before.
        let mut now = self.clock.now();
        let first = if policy.failures > 1 {
            self.count_below_limit(&key, policy, id, now, must_be_known).await?
        } else {
            Counted::No(self.read(&key).await?)
        };
        let (mut seen, mut before) = match first {
            Counted::Yes(item) => {
                let after = attempts(&item)?;
                let before = Attempts { failures: after.failures.saturating_sub(1), ..after };
                return Ok(Some(Admission::Taken(Guess { key, before, in_progress: false, id, counted_at: now })));
            }
            Counted::No(item) => (by(&item), attempts(&item)?),
        };
        for _ in 0..ATTEMPTS {
            if must_be_known && now >= before.known_until {
                return Ok(None);
            }
            now = self.clock.now();
            match before.guess(policy, now) {
                Ok(after) => match self.count_guess(&key, seen.as_deref(), after, policy, id).await? {
                    Counted::Yes(_) => {
                        let in_progress = after.in_progress;
                        return Ok(Some(Admission::Taken(Guess { key, before, in_progress, id, counted_at: now })));
                    }
                    Counted::No(item) => (seen, before) = (by(&item), attempts(&item)?),
                },
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
        Ok(Some(Admission::Refused(CONTENDED)))
    }

    /// Counts a guess whose failure would not reach the limit. Concurrent counts do not conflict, so a burst of guesses
    /// needs one write for each.
    async fn count_below_limit(
        &self,
        key: &ThrottleKey,
        policy: &BackoffPolicy,
        id: Uuid,
        now: UnixMillis,
        must_be_known: bool,
    ) -> Result<Counted, StoreError> {
        // An item that was not read may belong to a known pair and must then not expire earlier.
        let expires_at = (now + 2 * policy.memory()).seconds_rounded_up();
        let mut condition =
            vec!["(attribute_not_exists(#by) OR #by <> :attempt AND failures < :below AND guessed_at > :forgotten)"];
        let mut request = self
            .update(key)
            .update_expression(
                "SET failures = if_not_exists(failures, :zero) + :one, guessed_at = :now, #by = :attempt, \
                 expires_at = if_not_exists(expires_at, :end)",
            )
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":below", number(u64::from(policy.failures.saturating_sub(1))))
            .expression_attribute_values(":forgotten", millis(policy.forgotten_before(now)))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":end", seconds(expires_at));
        if let Some(limit) = policy.log_ins {
            condition.push("(attribute_not_exists(log_ins) OR log_ins <= :latest)");
            request = request.expression_attribute_values(":latest", millis(limit.latest(now)));
        }
        if must_be_known {
            condition.push("known_until > :now");
        }
        counted(request.condition_expression(condition.join(" AND ")), id).await
    }

    /// Counts a guess if the pair is still in the state that was read.
    async fn count_guess(
        &self,
        key: &ThrottleKey,
        seen: Option<&str>,
        after: Attempts,
        policy: &BackoffPolicy,
        id: Uuid,
    ) -> Result<Counted, StoreError> {
        let expires_at = after.forgotten_at(policy).max(after.known_until).seconds_rounded_up();
        let request = self
            .update(key)
            .update_expression(
                "SET failures = :failures, guessed_at = :now, #until = :until, in_progress = :in_progress, \
                 #by = :attempt, expires_at = :end REMOVE waiting",
            )
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":failures", number(after.failures.into()))
            .expression_attribute_values(":now", millis(after.guessed_at))
            .expression_attribute_values(":until", millis(after.until))
            .expression_attribute_values(":in_progress", AttributeValue::Bool(after.in_progress))
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":end", seconds(expires_at));
        let request = match seen {
            None => request.condition_expression("attribute_not_exists(#by)"),
            Some(seen) => request.condition_expression("#by = :seen").expression_attribute_values(":seen", text(seen)),
        };
        counted(request, id).await
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

    /// Clears the failures of a pair whose guess was right, counts the log-in, and makes the pair known for this time
    /// with the password that the user chose at `password_set_at`. Returns the number of the log-in among those of the
    /// pair.
    pub async fn confirm(
        &self,
        guess: &Guess,
        policy: &BackoffPolicy,
        known: Duration,
        password_set_at: UnixMillis,
    ) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let logged_in = |log_ins| self.logged_in(guess, known, password_set_at, now, log_ins);
        let Some(limit) = policy.log_ins else {
            return log_in_count(&content(conditional::update(logged_in("")).await?));
        };
        if guess.before.log_ins <= now {
            let first = logged_in("log_ins = :arrival,")
                .condition_expression("attribute_not_exists(log_ins) OR log_ins <= :now")
                .expression_attribute_values(":now", millis(now))
                .expression_attribute_values(":arrival", millis(now + limit.interval()));
            match conditional::update(first).await? {
                Update::Written(item) => return log_in_count(&item),
                // The response to the first attempt was lost.
                Update::ConditionFailed(item) if is_text(&item, "log_in_by", guess.id) => return log_in_count(&item),
                Update::ConditionFailed(_) => {}
            }
        }
        // Earlier log-ins still count, or a concurrent one has just begun the count.
        let next = logged_in("log_ins = if_not_exists(log_ins, :now) + :interval,")
            .condition_expression("attribute_not_exists(log_in_by) OR log_in_by <> :attempt")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":interval", interval(limit));
        log_in_count(&content(conditional::update(next).await?))
    }

    fn logged_in(
        &self,
        guess: &Guess,
        known: Duration,
        password_set_at: UnixMillis,
        now: UnixMillis,
        log_ins: &str,
    ) -> UpdateItemFluentBuilder {
        let end = now + known.max(RETENTION);
        self.update(&guess.key)
            .update_expression(format!(
                "SET {log_ins} {COUNT_LOG_IN}, log_in_by = :attempt, password_set_at = :password, \
                 known_until = :known, expires_at = :end REMOVE failures, guessed_at, #until, in_progress, waiting, #by"
            ))
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":attempt", text(&guess.id.to_string()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":password", millis(password_set_at))
            .expression_attribute_values(":known", millis(now + known))
            .expression_attribute_values(":end", seconds(end.seconds_rounded_up()))
    }

    /// Makes a pair known for this time, without a guess, as [`ThrottleStore::confirm`] does.
    pub async fn remember(
        &self,
        key: &ThrottleKey,
        known: Duration,
        password_set_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let request = self
            .update(key)
            .update_expression("SET password_set_at = :password, known_until = :known, expires_at = :end")
            .expression_attribute_values(":password", millis(password_set_at))
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
}

/// The content of an item after a write, or after a condition that was not met.
fn content(update: Update) -> Item {
    match update {
        Update::Written(item) | Update::ConditionFailed(item) => item,
    }
}

async fn counted(request: UpdateItemFluentBuilder, id: Uuid) -> Result<Counted, StoreError> {
    Ok(match conditional::update(request).await? {
        Update::Written(item) => Counted::Yes(item),
        // The response to the first attempt was lost.
        Update::ConditionFailed(item) if is_by(&item, id) => Counted::Yes(item),
        Update::ConditionFailed(item) => Counted::No(item),
    })
}

fn attempts(item: &Item) -> Result<Attempts, StoreError> {
    Ok(Attempts {
        failures: u32::try_from(optional_number(item, TABLE, "failures")?).unwrap_or(u32::MAX),
        guessed_at: time(item, "guessed_at")?,
        until: time(item, "until")?,
        in_progress: matches!(item.get("in_progress"), Some(AttributeValue::Bool(true))),
        log_ins: time(item, "log_ins")?,
        password_set_at: time(item, "password_set_at")?,
        known_until: time(item, "known_until")?,
    })
}
