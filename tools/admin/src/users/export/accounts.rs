//! All accounts, page by page.

use std::collections::HashMap;

use shared::aws::store::admin::{AdminError, AdminStore, CredentialsRecord, Pages, UserName, UserRecord};
use tokio::task::JoinSet;

use super::user::{ExportedUser, Invalid};

/// Users whose credentials are read with one call, which is the limit of DynamoDB.
const BATCH: usize = 100;

/// Calls at the same time.
const CONCURRENCY: usize = 8;

pub(super) struct Accounts<'a> {
    store: &'a AdminStore,
    with_hashes: bool,
    pages: Pages<'a, UserRecord>,
}

impl<'a> Accounts<'a> {
    /// Without hashes, only what disables a user is read from Credentials.
    pub(super) fn new(store: &'a AdminStore, with_hashes: bool) -> Self {
        Self { store, with_hashes, pages: store.users() }
    }

    /// The accounts of the next page of Users, which has at most 1 MB. `None`: there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Result<ExportedUser, Invalid>>>, AdminError> {
        let Some(records) = self.pages.next().await? else { return Ok(None) };
        let users = records.into_iter().map(ExportedUser::read).collect();
        self.with_credentials(users).await.map(Some)
    }

    /// Adds the credentials to the users. Those whose account was deleted in the meantime are left out.
    async fn with_credentials(
        &self,
        users: Vec<Result<ExportedUser, Invalid>>,
    ) -> Result<Vec<Result<ExportedUser, Invalid>>, AdminError> {
        let emails = users.iter().flatten().map(|user| user.email.clone()).collect();
        let credentials = self.credentials_of(emails).await?;
        let mut complete = Vec::with_capacity(users.len());
        for user in users {
            let mut user = match user {
                Ok(user) => user,
                Err(invalid) => {
                    complete.push(Err(invalid));
                    continue;
                }
            };
            let mut added = user.add_credentials(credentials.get(&user.email), self.with_hashes);
            if added.is_err() {
                // The two reads are not a snapshot, so a contradiction is read once more.
                let Some(account) = self.store.find(&UserName::Id(user.public_id)).await? else { continue };
                added = user.add_credentials(account.credentials.as_ref(), self.with_hashes);
            }
            complete.push(match added {
                Ok(()) => Ok(user),
                Err(problem) => Err(Invalid { public_id: user.public_id.to_string(), problem }),
            });
        }
        Ok(complete)
    }

    async fn credentials_of(&self, emails: Vec<String>) -> Result<HashMap<String, CredentialsRecord>, AdminError> {
        let mut found = HashMap::with_capacity(emails.len());
        let mut calls = JoinSet::new();
        let mut batches = emails.chunks(BATCH);
        loop {
            while calls.len() < CONCURRENCY {
                let Some(batch) = batches.next() else { break };
                let (store, batch, with_hashes) = (self.store.clone(), batch.to_vec(), self.with_hashes);
                calls.spawn(async move {
                    let emails: Vec<&str> = batch.iter().map(String::as_str).collect();
                    store.credentials_of(&emails, with_hashes).await
                });
            }
            match calls.join_next().await {
                None => return Ok(found),
                Some(Ok(records)) => found.extend(records?.into_iter().map(|record| (record.email.clone(), record))),
                // The panic is already on standard error.
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
    }
}
