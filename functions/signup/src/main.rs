//! The Lambda function that signs users up.

use std::process::ExitCode;

use shared::http::lambda;
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, _, database| Ok(signup::routes(Signup::new(&settings, database)?))).await
}
