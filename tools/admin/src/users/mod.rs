//! `admin users`: listing and changing users.

mod audit;
mod change;
mod claims;
mod connection;
mod count;
mod counters;
mod delete;
mod enable;
mod export;
mod files;
mod groups;
mod import;
mod list;
mod log_out;
mod output;
mod progress;
mod show;
mod signals;
mod throttle;
mod user_name;

use shared::domain::time::UnixMillis;

pub(crate) use self::output::escape;
use crate::{failure::Failure, options::users::UsersCommand, report::Report};

pub(crate) async fn run(command: UsersCommand, now: UnixMillis) -> Result<Report, Failure> {
    let started = now;
    let now = now.seconds();
    match command {
        UsersCommand::List(options) => list::run(&options, now).await,
        UsersCommand::Show(options) => show::run(&options, now).await,
        UsersCommand::Disable(options) => enable::disable(&options, now).await,
        UsersCommand::Enable(options) => enable::enable(&options, now).await,
        UsersCommand::Delete(options) => delete::run(&options, now).await,
        UsersCommand::Groups(options) => groups::run(&options, now).await,
        UsersCommand::Claims(options) => claims::run(&options, now).await,
        UsersCommand::LogOut(options) => log_out::run(&options, now).await,
        UsersCommand::Throttle(options) => throttle::run(&options, now).await,
        UsersCommand::Count(options) => count::run(&options).await,
        UsersCommand::Import(options) => import::run(&options, started).await,
        UsersCommand::Export(options) => export::run(&options, now).await,
    }
}
