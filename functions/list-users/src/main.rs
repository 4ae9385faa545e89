//! The Lambda function that lists users and shows the caller's own record.

use std::process::ExitCode;

use list_users::ListUsers;
use shared::{
    aws::keys::{cache as key_cache, legacy},
    http::lambda,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |start| {
        let settings = start.settings.list_users()?;
        lambda::warn_of_relaxed_rules("list-users", &settings.relaxed_rules);
        let keys = key_cache::verifying(&settings.keys, &start.aws, start.clock.now()).await?;
        let legacy = legacy::verifier(&settings, &keys, &start.aws, start.clock.now()).await?;
        let state = ListUsers::new(settings, keys, start.database, start.clock).with_legacy_tokens(legacy);
        Ok(list_users::routes(state))
    })
    .await
}
