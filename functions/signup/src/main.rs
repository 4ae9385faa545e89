//! The Lambda function that signs users up.

use std::process::ExitCode;

use shared::{lambda, store};
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(async |settings, aws| Ok(signup::routes(Signup::new(&settings, store::connect(&aws))?))).await
}
