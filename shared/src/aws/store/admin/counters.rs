//! Counters of the rate limiter, as far as their identifiers can be computed.

use aws_sdk_dynamodb::types::Delete;

use super::{
    AdminError, AdminStore,
    record::Reader,
    store::{MAX_BATCH, key},
};
use crate::{
    aws::store::{Change, item::text, transaction::Transaction},
    domain::{
        throttle::ThrottleKey,
        time::{UnixMillis, UnixSeconds},
    },
};

/// An item in Throttle.
#[derive(Debug, Clone, Default)]
pub struct CounterRecord {
    /// The key.
    pub id: String,
    /// Failed and pending guesses of a pair.
    pub failures: Option<u64>,
    /// The last guess of a pair.
    pub guessed_at: Option<UnixMillis>,
    /// A pair has no guess before this time.
    pub until: Option<UnixMillis>,
    /// Until when a pair is known.
    pub known_until: Option<UnixMillis>,
    /// Theoretical arrival time of a pair's log-ins.
    pub log_ins: Option<UnixMillis>,
    /// Theoretical arrival time of what the counter counts.
    pub arrival: Option<UnixMillis>,
    /// When DynamoDB deletes the counter.
    pub expires_at: Option<UnixSeconds>,
}

impl AdminStore {
    /// The counters that exist under these keys. Needs `dynamodb:BatchGetItem` on Throttle.
    pub async fn counters(&self, keys: &[ThrottleKey]) -> Result<Vec<CounterRecord>, AdminError> {
        let keys = keys.iter().map(|id| key("id", id.as_str())).collect();
        let items = self.get_all(&self.tables.throttle, keys, None).await?;
        let read = |item| {
            let mut reader = Reader::new(item);
            let mut millis = |name| reader.number(name).map(UnixMillis::new);
            let [guessed_at, until, known_until, log_ins, arrival] =
                ["guessed_at", "until", "known_until", "log_ins", "arrival"].map(&mut millis);
            CounterRecord {
                id: reader.text("id").unwrap_or_default(),
                failures: reader.number("failures"),
                guessed_at,
                until,
                known_until,
                log_ins,
                arrival,
                expires_at: reader.number("expires_at").map(UnixSeconds::new),
            }
        };
        Ok(items.into_iter().map(read).collect())
    }

    /// Deletes these counters, at most 100 together. Needs `dynamodb:DeleteItem` on Throttle.
    pub async fn delete_counters(&self, ids: &[&str]) -> Result<(), AdminError> {
        let table = self.tables.throttle.as_str();
        for chunk in ids.chunks(MAX_BATCH) {
            let mut transaction = Ok(Transaction::default());
            for id in chunk {
                let delete = Delete::builder().table_name(table).key("id", text(id)).build();
                transaction = transaction.and_then(|writes: Transaction| writes.delete(delete));
            }
            let outcome = self.commit(transaction, &[("DeleteItem", table)]).await?;
            debug_assert_eq!(outcome, Change::Done(()), "the writes have no condition");
        }
        Ok(())
    }
}
