//! Sessions as an operator sees and ends them.

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};

use super::{AdminError, AdminStore, Cursor, SessionRecord, store::Batch};
use crate::{
    aws::store::{
        item::{Item, text},
        sessions,
    },
    domain::{session::SessionId, user::PublicId},
};

/// Most writes of one `BatchWriteItem`.
const MAX_DELETES: usize = 25;

impl AdminStore {
    /// All sessions of a user, by identifier. Needs `dynamodb:Query` on Sessions.
    pub async fn sessions_of(&self, id: PublicId) -> Result<Vec<SessionRecord>, AdminError> {
        Ok(self.query_sessions(id, None).await?.into_iter().map(SessionRecord::read).collect())
    }

    pub(super) async fn session_keys(&self, id: PublicId) -> Result<Vec<Item>, AdminError> {
        self.query_sessions(id, Some("public_id, session_id")).await
    }

    async fn query_sessions(&self, id: PublicId, attributes: Option<&str>) -> Result<Vec<Item>, AdminError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.tables.sessions)
                .consistent_read(true)
                .key_condition_expression("public_id = :id")
                .expression_attribute_values(":id", text(&id.to_string()))
                .set_projection_expression(attributes.map(str::to_owned))
                .set_exclusive_start_key(start);
            let response = request.send().await;
            let response = response.map_err(|error| AdminError::of("Query", &self.tables.sessions, &error))?;
            items.extend(response.items.unwrap_or_default());
            start = response.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Ends one session. Has no effect if there is no such session, so that the SDK can repeat a lost call. Needs
    /// `dynamodb:DeleteItem` on Sessions.
    pub async fn end_session(&self, id: PublicId, session: SessionId) -> Result<(), AdminError> {
        let table = &self.tables.sessions;
        let request = self.client.delete_item().table_name(table).set_key(Some(sessions::key(id, session)));
        request.send().await.map(drop).map_err(|error| AdminError::of("DeleteItem", table, &error))
    }

    /// Ends a page of all sessions, and returns how many, and the position after them. Needs `dynamodb:Scan` and
    /// `dynamodb:BatchWriteItem` on Sessions.
    pub async fn end_sessions_page(&self, start: Option<Cursor>) -> Result<(usize, Option<Cursor>), AdminError> {
        let (keys, next) = self.scan(&self.tables.sessions, Some("public_id, session_id"), start).await?;
        let count = keys.len();
        self.delete_sessions(keys).await?;
        Ok((count, next))
    }

    pub(super) async fn delete_sessions(&self, keys: Vec<Item>) -> Result<(), AdminError> {
        const OPERATION: &str = "BatchWriteItem";
        let table = &self.tables.sessions;
        for chunk in keys.chunks(MAX_DELETES) {
            let request = |key: &Item| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
                delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
            };
            let requests: Result<Vec<_>, _> = chunk.iter().map(request).collect();
            let requests = requests.map_err(|error| AdminError::failed(OPERATION, table, &error))?;
            let mut batch = Batch::new(OPERATION, table, requests);
            while let Some(left) = batch.next().await? {
                let response = self.client.batch_write_item().request_items(table, left).send().await;
                let response = response.map_err(|error| AdminError::of(OPERATION, table, &error))?;
                batch.left = response.unprocessed_items.and_then(|mut items| items.remove(table)).unwrap_or_default();
            }
        }
        Ok(())
    }
}
