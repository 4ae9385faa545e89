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
        throttle::{GcraLimit, ThrottleKey},
        time::UnixMillis,
    },
};

pub(super) const TABLE: &str = "Throttle";

/// How often a write is retried while others change the same item.
pub(super) const ATTEMPTS: usize = 64;

/// How long to wait if others won every retry.
pub(super) const CONTENDED: Duration = Duration::from_secs(1);

/// How long the counter of a [`GcraLimit`] is stored after its last change.
pub(super) const RETENTION: Duration = Duration::from_secs(2 * 60 * 60);

/// The same for the counter of an account, which also has the number of its log-ins.
const COUNT_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The assignment that counts a log-in, for [`crate::domain::session::is_check_due`].
pub(super) const COUNT_LOG_IN: &str = "log_in_count = if_not_exists(log_in_count, :none) + :one";

/// The attributes in which a [`GcraLimit`] is counted.
#[derive(Clone, Copy)]
struct Counter {
    arrival: &'static str,
    by: &'static str,
    given_back: &'static str,
    /// The assignment of the item's expiry.
    expiry: &'static str,
}

/// The counter of an item of its own.
const OWN: Counter = Counter { arrival: "arrival", by: "by", given_back: "given_back", expiry: "expires_at = :end" };

/// The counter of log-ins in the item of a pair, which may have to be stored for longer.
const LOG_INS: Counter = Counter {
    arrival: "log_ins",
    by: "log_in_by",
    given_back: "log_in_given_back",
    expiry: "expires_at = if_not_exists(expires_at, :end)",
};

/// The decision about one more attempt.
#[derive(Debug)]
pub enum Admission<T> {
    /// Admitted and counted.
    Taken(T),
    /// Not admitted; how long to wait.
    Refused(Duration),
}

/// Counts guesses and sign-ups. Needs `dynamodb:UpdateItem` on Throttle, and for pairs `dynamodb:GetItem` too.
#[derive(Clone)]
pub struct ThrottleStore {
    client: Client,
    table: String,
    pub(super) clock: Clock,
}

impl ThrottleStore {
    /// A store in this table. It holds a clock, since it reads the time again while it waits.
    pub fn new(client: Client, throttle_table: &str, clock: Clock) -> Self {
        Self { client, table: throttle_table.to_owned(), clock }
    }

    /// Counts one more attempt against a limit.
    pub async fn take(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<Admission<()>, StoreError> {
        self.count(key, limit, OWN).await
    }

    /// Counts a log-in of a pair whose guess is counted elsewhere, by device.
    pub async fn take_log_in(&self, pair: &ThrottleKey, limit: GcraLimit) -> Result<Admission<()>, StoreError> {
        self.count(pair, limit, LOG_INS).await
    }

    async fn count(&self, key: &ThrottleKey, limit: GcraLimit, counter: Counter) -> Result<Admission<()>, StoreError> {
        let id = random_id();
        let mut arrival = UnixMillis::default();
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            if arrival > limit.latest(now) {
                return Ok(Admission::Refused(limit.wait(arrival, now)));
            }
            match conditional::update(self.count_arrival(key, limit, counter, arrival, now, id)).await? {
                Update::Written(_) => return Ok(Admission::Taken(())),
                // The response to the first attempt was lost.
                Update::ConditionFailed(item) if is_text(&item, counter.by, id) => return Ok(Admission::Taken(())),
                Update::ConditionFailed(item) => arrival = time(&item, counter.arrival)?,
            }
        }
        Ok(Admission::Refused(CONTENDED))
    }

    /// The write that moves the arrival time by one interval. Concurrent additions do not conflict.
    fn count_arrival(
        &self,
        key: &ThrottleKey,
        limit: GcraLimit,
        counter: Counter,
        arrival: UnixMillis,
        now: UnixMillis,
        id: Uuid,
    ) -> UpdateItemFluentBuilder {
        let request = self
            .update(key)
            .expression_attribute_names("#arrival", counter.arrival)
            .expression_attribute_names("#by", counter.by)
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":end", seconds(now.seconds_rounded_up() + retention(key)));
        if arrival <= now {
            request
                .update_expression(format!("SET #arrival = :next, #by = :attempt, {}", counter.expiry))
                .condition_expression("attribute_not_exists(#arrival) OR #arrival <= :now")
                .expression_attribute_values(":next", millis(now + limit.interval()))
        } else {
            request
                .update_expression(format!("SET #arrival = #arrival + :interval, #by = :attempt, {}", counter.expiry))
                .condition_expression("#by <> :attempt AND #arrival > :now AND #arrival <= :latest")
                .expression_attribute_values(":interval", interval(limit))
                .expression_attribute_values(":latest", millis(limit.latest(now)))
        }
    }

    /// Refunds an attempt that was counted for a guess that was right, or was not verified.
    pub async fn give_back(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<(), StoreError> {
        self.subtract(key, limit, OWN).await
    }

    /// Refunds a log-in whose password was wrong or not verified.
    pub async fn give_back_log_in(&self, pair: &ThrottleKey, limit: GcraLimit) -> Result<(), StoreError> {
        self.subtract(pair, limit, LOG_INS).await
    }

    /// Refunds the guess of a new client that was right, and counts the log-in in the same write. Returns its number
    /// among those of the account. `None`: it was not counted.
    pub async fn give_back_and_count(
        &self,
        account: &ThrottleKey,
        limit: GcraLimit,
    ) -> Result<Option<u64>, StoreError> {
        let end = self.clock.now().seconds_rounded_up() + retention(account);
        let request = self
            .subtraction(account, limit, OWN)
            .update_expression(format!(
                "SET #arrival = #arrival - :interval, #given_back = :attempt, {COUNT_LOG_IN}, expires_at = :end"
            ))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":end", seconds(end));
        match conditional::update(request).await? {
            Update::Written(item) => log_in_count(&item).map(Some),
            Update::ConditionFailed(_) => Ok(None),
        }
    }

    async fn subtract(&self, key: &ThrottleKey, limit: GcraLimit, counter: Counter) -> Result<(), StoreError> {
        let request = self.subtraction(key, limit, counter);
        let request = request.update_expression("SET #arrival = #arrival - :interval, #given_back = :attempt");
        conditional::update(request).await.map(drop)
    }

    /// The write of a refund, without its update expression.
    fn subtraction(&self, key: &ThrottleKey, limit: GcraLimit, counter: Counter) -> UpdateItemFluentBuilder {
        self.update(key)
            .condition_expression(
                "attribute_exists(#arrival) AND (attribute_not_exists(#given_back) OR #given_back <> :attempt)",
            )
            .expression_attribute_names("#arrival", counter.arrival)
            .expression_attribute_names("#given_back", counter.given_back)
            .expression_attribute_values(":interval", interval(limit))
            .expression_attribute_values(":attempt", text(&random_id().to_string()))
    }

    pub(super) async fn read(&self, key: &ThrottleKey) -> Result<Item, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("id", text(key.as_str()));
        let response = request.consistent_read(true).send().await.map_err(|error| unavailable("GetItem", error))?;
        Ok(response.item.unwrap_or_default())
    }

    pub(super) fn update(&self, key: &ThrottleKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("id", text(key.as_str()))
    }
}

/// Every write restarts the whole time, so a wrong guess does not shorten how long the number of log-ins is stored.
fn retention(key: &ThrottleKey) -> Duration {
    if key.is_account() { COUNT_RETENTION } else { RETENTION }
}

pub(super) fn interval(limit: GcraLimit) -> AttributeValue {
    millis(UnixMillis::default() + limit.interval())
}

pub(super) fn time(item: &Item, attribute: &'static str) -> Result<UnixMillis, StoreError> {
    optional_number(item, TABLE, attribute).map(UnixMillis::new)
}

pub(super) fn log_in_count(item: &Item) -> Result<u64, StoreError> {
    optional_number(item, TABLE, "log_in_count")
}

pub(super) fn by(item: &Item) -> Option<String> {
    item.get("by").and_then(|by| by.as_s().ok()).cloned()
}

pub(super) fn is_by(item: &Item, id: Uuid) -> bool {
    is_text(item, "by", id)
}

pub(super) fn is_text(item: &Item, attribute: &str, id: Uuid) -> bool {
    matches!(item.get(attribute), Some(AttributeValue::S(found)) if *found == id.to_string())
}
