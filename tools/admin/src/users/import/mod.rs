//! `admin users import`.

use shared::domain::time::UnixSeconds;

use crate::{failure::Failure, options::users::ImportUsers, report::Report};

#[expect(clippy::unused_async, reason = "the command is not implemented")]
pub(crate) async fn run(_: &ImportUsers, _: UnixSeconds) -> Result<Report, Failure> {
    Err(Failure::Failed("import is not implemented".to_owned()))
}
