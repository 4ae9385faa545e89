//! The Lambda function that lists users and tells a user who they are.

use std::process::ExitCode;

use list_users::ListUsers;
use shared::{aws::keys::cache as key_cache, http::lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, aws, database| {
        let keys = key_cache::verifying(&settings, &aws).await?;
        Ok(list_users::routes(ListUsers::new(&settings, keys, database)?))
    })
    .await
}
