//! Accounts as an operator sees and changes them. The functions do not use this module.
//!
//! Items are read leniently: one that the functions would reject is shown with the names of its invalid attributes.
//! Every change is a transaction over both items of an account, on the condition that they belong together.

mod changes;
mod counters;
mod error;
mod find;
mod record;
mod scan;
mod sessions;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};

pub use self::{
    counters::CounterRecord,
    error::AdminError,
    find::{Account, Identity, UserName},
    record::{CredentialsRecord, SessionRecord, UserRecord},
    scan::Cursor,
};
use super::{
    client::connect_for_operator,
    item::{Item, text},
};
use crate::config::Tables;

/// Most keys of one `BatchGetItem`, and most writes of one transaction.
const MAX_BATCH: usize = 100;

/// How often a batch is sent again for the part that DynamoDB left out.
const BATCH_ATTEMPTS: u32 = 8;

/// The four tables, for an operator.
#[derive(Clone)]
pub struct AdminStore {
    client: Client,
    tables: Tables,
}

impl AdminStore {
    /// A store in these tables. Only the tables that are used need a name.
    pub fn connect(aws: &SdkConfig, tables: Tables) -> Self {
        Self { client: connect_for_operator(aws), tables }
    }

    /// The names of the tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The item with this key. Needs `dynamodb:GetItem`.
    async fn get(&self, table: &str, key: &str, value: &str) -> Result<Option<Item>, AdminError> {
        let request = self.client.get_item().table_name(table).key(key, text(value)).consistent_read(true);
        let response = request.send().await.map_err(|error| AdminError::of("GetItem", table, &error))?;
        Ok(response.item)
    }

    /// The items with these keys, in no particular order. Needs `dynamodb:BatchGetItem`.
    async fn get_all(&self, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, AdminError> {
        const OPERATION: &str = "BatchGetItem";
        let mut items = Vec::new();
        for chunk in keys.chunks(MAX_BATCH) {
            let mut left = chunk.to_vec();
            for attempt in 0..BATCH_ATTEMPTS {
                if attempt > 0 {
                    tokio::time::sleep(pause(attempt)).await;
                }
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
                let wanted = wanted.map_err(|error| AdminError::failed(OPERATION, table, &error))?;
                let response = self.client.batch_get_item().request_items(table, wanted).send().await;
                let response = response.map_err(|error| AdminError::of(OPERATION, table, &error))?;
                items.extend(response.responses.into_iter().flat_map(std::collections::HashMap::into_values).flatten());
                let unprocessed = response.unprocessed_keys.and_then(|mut keys| keys.remove(table));
                left = unprocessed.map(|keys| keys.keys).unwrap_or_default();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(AdminError::throttled(OPERATION, table));
            }
        }
        Ok(items)
    }
}

/// The pause before another attempt.
fn pause(attempt: u32) -> std::time::Duration {
    std::time::Duration::from_millis(25 << attempt.min(6))
}

/// A key of one attribute.
fn key(name: &str, value: &str) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.to_owned()))])
}
