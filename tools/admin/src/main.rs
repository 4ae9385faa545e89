//! `cargo run -p admin`: the command-line tool for operators of Postern.

mod backends;
mod confirm;
mod failure;
mod keys;
mod options;
mod report;
mod shell;
mod users;
mod utc;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};
use shared::config::clock::Clock;

use crate::{
    failure::Failure,
    options::{Command, Options, keys::KeysCommand},
    report::Report,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Options::try_parse() {
        Ok(options) => run(options).await,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Report::from(error.to_string()))
        }
        Err(error) => Err(Failure::Usage(in_one_line(&error))),
    };
    match outcome.and_then(print) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print_error(&failure.to_string());
            failure.exit_code()
        }
    }
}

async fn run(options: Options) -> Result<Report, Failure> {
    // The one place that reads the clock.
    let now = Clock::system().now();
    let command = match options.command {
        Command::Keys(command) => command,
        Command::Users(command) => return users::run(command, now).await,
    };
    let now = now.seconds();
    match command {
        KeysCommand::New(options) => keys::new::run(options, now).await,
        KeysCommand::Rotate(options) => keys::rotate::run(options, now).await,
        KeysCommand::Retire(options) => keys::retire::run(options, now).await,
        KeysCommand::Publish(options) => keys::publish::run(options, now).await,
        KeysCommand::List(options) => keys::list::run(&options, now).await,
    }
}

/// Formats a clap error as one line, without the usage and the tips.
fn in_one_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing; --help lists the commands".to_owned();
    }
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    format!("{}; --help lists the options", lines.join(" ").trim_start_matches("error: "))
}

fn print(report: Report) -> Result<(), Failure> {
    for note in report.notes {
        print_error(&format!("note: {note}"));
    }
    let mut out = io::stdout().lock();
    match out.write_all(report.text.as_bytes()).and_then(|()| out.flush()) {
        // In `admin keys list | head -1`, the reader closes the pipe early.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Failed(format!(
            "the command succeeded, but its report could not be written to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Writes one line to standard error. A failure is ignored: there is no other place to report it.
pub(crate) fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "admin: {}", users::escape(&text.replace(['\n', '\r', '\t'], " ")));
}
