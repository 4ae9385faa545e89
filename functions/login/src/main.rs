//! The Lambda function that logs users in, renews and ends their sessions, and publishes the keys.

use std::process::ExitCode;

use login::Login;
use shared::{aws::keys::cache as key_cache, http::lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, aws, database| {
        let keys = key_cache::signing(&settings, &aws).await?;
        Ok(login::routes(Login::new(&settings, keys, database)?))
    })
    .await
}
