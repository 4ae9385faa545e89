//! `admin users export`.

use shared::domain::time::UnixSeconds;

use crate::{failure::Failure, options::users::ExportUsers, report::Report};

#[expect(clippy::unused_async, reason = "the command is not implemented")]
pub(crate) async fn run(_: &ExportUsers, _: UnixSeconds) -> Result<Report, Failure> {
    Err(Failure::Failed("export is not implemented".to_owned()))
}
