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
        let mut users: Vec<_> = records.into_iter().map(ExportedUser::read).collect();
        self.add_all_credentials(&mut users).await?;
        Ok(Some(users))
    }

    async fn add_all_credentials(&self, users: &mut Vec<Result<ExportedUser, Invalid>>) -> Result<(), AdminError> {
        let emails = users.iter().flatten().map(|user| user.email.clone()).collect();
        let credentials = self.credentials_of(emails).await?;
        let mut complete = Vec::with_capacity(users.len());
        for user in users.drain(..) {
            match user {
                Ok(user) => {
                    let found = credentials.get(&user.email);
                    complete.extend(self.with_credentials(user, found).await?);
                }
                invalid => complete.push(invalid),
            }
        }
        *users = complete;
        Ok(())
    }

    /// The user with the credentials, or `None` if the account was deleted in the meantime.
    async fn with_credentials(
        &self,
        mut user: ExportedUser,
        credentials: Option<&CredentialsRecord>,
    ) -> Result<Option<Result<ExportedUser, Invalid>>, AdminError> {
        if user.add_credentials(credentials, self.with_hashes).is_ok() {
            return Ok(Some(Ok(user)));
        }
        // The two reads are not a snapshot, so a contradiction is read once more.
        let Some(account) = self.store.find(&UserName::Id(user.public_id)).await? else { return Ok(None) };
        Ok(Some(match user.add_credentials(account.credentials.as_ref(), self.with_hashes) {
            Ok(()) => Ok(user),
            Err(problem) => Err(Invalid { public_id: user.public_id.to_string(), problem }),
        }))
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
