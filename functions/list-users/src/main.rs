//! The Lambda function that lists users and tells a user who they are.

use std::process::ExitCode;

use list_users::ListUsers;
use shared::{lambda, secret, store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, aws| {
        let key = secret::load(settings.key()?, &aws).await?;
        Ok(list_users::routes(ListUsers::new(&settings, &key, store::connect(&aws))?))
    })
    .await
}
