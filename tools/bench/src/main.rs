//! Measures Postern's functions relative to a baseline (a function that only says hello) and to peers on other stacks.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures durations and runs the tools of its peers")]

mod budget;
mod chart;
mod compare;
mod cost;
mod faults;
mod figures;
mod fixture;
mod hashes;
mod listing;
mod load;
mod pages;
mod peers;
mod process;
mod progress;
mod raw_argon2;
mod report;
mod row;
mod sizes;
mod starts;
mod suite;
mod timing;
mod tokens;
mod warm;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{process::Failure, suite::Suite};

#[expect(clippy::struct_excessive_bools, reason = "command-line switches")]
/// Measures release builds of Postern's functions relative to a function that only says hello.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Directory of the binaries signup, login, list-users, hello and raw-argon2.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/release")]
    binaries: PathBuf,
    /// Run fewer rounds, without the table of 1,000,000 users: about one minute.
    #[arg(long)]
    quick: bool,
    /// Also measure cargo lambda's template, Express and Flask, installed from crates.io, npm and PyPI into
    /// `target/bench`.
    #[arg(long)]
    peers: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write a chart of the cold starts as SVG. Requires --peers.
    #[arg(long, value_name = "FILE", requires = "peers")]
    chart: Option<PathBuf>,
    /// Fail if a ratio, a size or the memory exceeds its budget.
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Calculate the cost of Postern on AWS, compared with Cognito.
    Cost(Box<cost::Arguments>),
    /// Compare two builds: cold starts, warm calls, CPU time and zips, measured alternately.
    Compare(compare::Arguments),
    /// Measure throughput, latency and memory of `local` under load (Linux).
    Load(load::Arguments),
    /// Sign up users while a fifth of the database calls fail, and check the tables.
    Faults(faults::Arguments),
    /// Compare response times that must not reveal accounts, and the cost of large input.
    Timing,
    /// Measure size and rendering time of pages.
    Pages,
    /// Measure signing and verification of tokens with each algorithm.
    Tokens,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => measure(&arguments).await,
        Some(command) => run(command).await.map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Cost(arguments) => {
            print!("{}", cost::report(arguments));
            Ok(())
        }
        Command::Compare(arguments) => compare::run(arguments).await,
        Command::Load(arguments) => load::run(arguments).await,
        Command::Faults(arguments) => faults::run(arguments).await,
        Command::Timing => timing::run().await,
        Command::Pages => pages::run(),
        Command::Tokens => tokens::run(),
    }
}

/// Runs the benchmark and prints the results. `false`: a budget that should be checked is exceeded.
async fn measure(arguments: &Arguments) -> Result<bool, Failure> {
    let peers = if arguments.peers { peers::install(Path::new("target/bench"))? } else { Vec::new() };
    let rows = Suite::new(&arguments.binaries, arguments.quick, peers)?.run().await?;
    if let Some(file) = &arguments.chart {
        std::fs::write(file, suite::chart(&rows)?)?;
    }
    if arguments.json {
        println!("{}", report::json(&rows)?);
    } else {
        println!("{}", report::table(&rows));
    }
    print_list("Missed targets:", &budget::missed_targets(&rows));
    let violations = if arguments.check { budget::violations(&rows) } else { Vec::new() };
    print_list("Exceeded budgets:", &violations);
    Ok(violations.is_empty())
}

fn print_list(heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        eprintln!("{heading}\n  {}", lines.join("\n  "));
    }
}
