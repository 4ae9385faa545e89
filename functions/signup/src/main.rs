//! The Lambda function that signs users up.

use std::process::ExitCode;

use shared::http::lambda;
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |start| {
        let settings = start.settings.signup()?;
        lambda::warn_of_relaxed_rules("signup", &settings.relaxed_rules);
        Ok(signup::routes(Signup::new(&settings, start.database, start.clock)?))
    })
    .await
}
