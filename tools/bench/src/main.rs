//! Measures Postern's functions: beside the floor that Lambda's runtime client sets, and beside what people use today.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod budget;
mod chart;
mod cost;
mod figures;
mod listing;
mod peers;
mod process;
mod progress;
mod report;
mod sizes;
mod starts;
mod suite;
mod warm;
mod fixture;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{process::Failure, suite::Suite};

#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
/// Measures Postern's functions in release builds, beside a function that only says hello.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Folder of the binaries signup, login, list-users, hello and raw-argon2.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// Fewer rounds, and no table of 1,000,000 users: a minute in all.
    #[arg(long)]
    quick: bool,
    /// Beside cargo lambda's template, Express and Flask too, installed from crates.io, npm and PyPI below `target/bench`.
    #[arg(long)]
    peers: bool,
    /// Print JSON in place of the table.
    #[arg(long)]
    json: bool,
    /// Write a chart of the cold starts, as SVG, with --peers.
    #[arg(long, value_name = "FILE", requires = "peers")]
    chart: Option<PathBuf>,
    /// Fail where a ratio, a size or the memory leaves its budget.
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Command {
    /// What log-ins and listings cost on AWS, beside Cognito.
    Cost(cost::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Cost(arguments)) = &arguments.command {
        print!("{}", cost::report(arguments));
        return ExitCode::SUCCESS;
    }
    match run(&arguments).await {
        Ok(broken) if broken.is_empty() || !arguments.check => ExitCode::SUCCESS,
        Ok(broken) => {
            eprintln!("Not within the budget:\n  {}", broken.join("\n  "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and tells which budgets are not kept.
async fn run(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let peers = if arguments.peers { peers::install(Path::new("target/bench"))? } else { Vec::new() };
    let rows = Suite::new(&arguments.binaries, arguments.quick, peers)?.run().await?;
    if let Some(file) = &arguments.chart {
        std::fs::write(file, suite::chart(&rows)?)?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{}", report::table(&rows));
    }
    let unkept = report::unkept_bounds(&rows);
    if !unkept.is_empty() {
        eprintln!("Beyond what it should be:\n  {}", unkept.join("\n  "));
    }
    Ok(budget::unkept(&rows))
}
