//! The Lambda function that logs users in.

use std::process::ExitCode;

use login::Login;
use shared::{lambda, secret, store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, aws| {
        let key = secret::load(settings.key()?, &aws).await?;
        Ok(login::routes(Login::new(&settings, &key, store::connect(&aws))?))
    })
    .await
}
