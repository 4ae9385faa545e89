//! The Lambda function that logs users in.

use std::process::ExitCode;

use login::Login;
use shared::{aws::keys::cache as key_cache, http::lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |start| {
        let settings = start.settings.login()?;
        lambda::warn_of_relaxed_rules("login", &settings.relaxed_rules);
        let keys = key_cache::signing(&settings.keys, &start.aws, start.clock.now()).await?;
        Ok(login::routes(Login::new(settings, keys, start.database, start.clock)?))
    })
    .await
}
