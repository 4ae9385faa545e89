//! The connection to the four tables, and reads by key.

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};

use super::error::AdminError;
use crate::{
    aws::store::{
        client::connect_for_operator,
        item::{Item, text},
    },
    config::Tables,
};

/// Most keys of one `BatchGetItem`, and most writes of one transaction.
pub(super) const MAX_BATCH: usize = 100;

/// How often a batch is sent again for the part that DynamoDB left out.
pub(super) const BATCH_ATTEMPTS: u32 = 8;

/// The four tables, for an operator.
#[derive(Clone)]
pub struct AdminStore {
    pub(super) client: Client,
    pub(super) tables: Tables,
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
    pub(super) async fn get(&self, table: &str, key: &str, value: &str) -> Result<Option<Item>, AdminError> {
        let request = self.client.get_item().table_name(table).key(key, text(value)).consistent_read(true);
        let response = request.send().await.map_err(|error| AdminError::of("GetItem", table, &error))?;
        Ok(response.item)
    }

    /// The items with these keys, in no particular order. Needs `dynamodb:BatchGetItem`.
    pub(super) async fn get_all(
        &self,
        table: &str,
        keys: Vec<Item>,
        attributes: Option<&str>,
    ) -> Result<Vec<Item>, AdminError> {
        const OPERATION: &str = "BatchGetItem";
        let mut items = Vec::new();
        for chunk in keys.chunks(MAX_BATCH) {
            let mut left = chunk.to_vec();
            for attempt in 0..BATCH_ATTEMPTS {
                if attempt > 0 {
                    tokio::time::sleep(pause(attempt)).await;
                }
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true);
                let wanted = wanted.set_projection_expression(attributes.map(str::to_owned)).build();
                let wanted = wanted.map_err(|error| AdminError::failed(OPERATION, table, &error))?;
                let response = self.client.batch_get_item().request_items(table, wanted).send().await;
                let response = response.map_err(|error| AdminError::of(OPERATION, table, &error))?;
                items.extend(response.responses.into_iter().flat_map(HashMap::into_values).flatten());
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
pub(super) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(25 << attempt.min(6))
}

/// A key of one attribute.
pub(super) fn key(name: &str, value: &str) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.to_owned()))])
}
