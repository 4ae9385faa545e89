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

/// How often a batch is sent, each time for the part that DynamoDB left out.
const BATCH_ATTEMPTS: u32 = 8;

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
            let mut batch = Batch::new(OPERATION, table, chunk.to_vec());
            while let Some(left) = batch.next().await? {
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true);
                let wanted = wanted.set_projection_expression(attributes.map(str::to_owned)).build();
                let wanted = wanted.map_err(|error| AdminError::failed(OPERATION, table, &error))?;
                let response = self.client.batch_get_item().request_items(table, wanted).send().await;
                let response = response.map_err(|error| AdminError::of(OPERATION, table, &error))?;
                items.extend(response.responses.into_iter().flat_map(HashMap::into_values).flatten());
                let unprocessed = response.unprocessed_keys.and_then(|mut keys| keys.remove(table));
                batch.left = unprocessed.map(|keys| keys.keys).unwrap_or_default();
            }
        }
        Ok(items)
    }
}

/// A batch that is sent until DynamoDB leaves out no part of it.
pub(super) struct Batch<'t, T> {
    operation: &'static str,
    table: &'t str,
    attempts: u32,
    /// The part that was left out by the last attempt.
    pub(super) left: Vec<T>,
}

impl<'t, T> Batch<'t, T> {
    pub(super) fn new(operation: &'static str, table: &'t str, all: Vec<T>) -> Self {
        Self { operation, table, attempts: 0, left: all }
    }

    /// What to send next, after a pause unless it is the first attempt. `None`: nothing is left.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<T>>, AdminError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        if self.attempts == BATCH_ATTEMPTS {
            return Err(AdminError::throttled(self.operation, self.table));
        }
        if self.attempts > 0 {
            tokio::time::sleep(Duration::from_millis(25 << self.attempts.min(6))).await;
        }
        self.attempts += 1;
        Ok(Some(std::mem::take(&mut self.left)))
    }
}

/// A key of one attribute.
pub(super) fn key(name: &str, value: &str) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.to_owned()))])
}
