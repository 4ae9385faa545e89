//! Two builds side by side: cold starts, warm calls and sizes, measured alternately in one run.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    figures::Samples,
    fixture::{Fixture, Transport},
    process::{Failure, Running},
    progress::Progress,
    report,
    row::{Row, Unit},
    sizes,
    starts::{self, Subject},
    warm::Calls,
};

/// Warm calls per process. The time of a hash depends on the physical memory of the process, so several processes are
/// measured.
const ROUNDS_PER_PROCESS: usize = 25;

/// Directories of release binaries. Functions that are missing from one of them are skipped.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Directory of the earlier build: signup, login, list-users.
    old: PathBuf,
    /// Directory of the later build.
    new: PathBuf,
    /// Number of cold starts, and of warm calls of each kind.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
}

/// A kind of call: the function, the label, the expected status and the event.
type Kind<'f> = (&'static str, &'static str, u64, Box<dyn Fn() -> Value + 'f>);

/// Measures both builds and prints a table. The old build is the baseline of the new one.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folders = [&arguments.old, &arguments.new].map(std::path::absolute);
    let [old, new] = folders;
    let folders = [old?, new?];
    let fixture = Fixture::new(Path::new("target/bench")).await?;
    let kinds: [Kind<'_>; 4] = [
        ("list-users", "GET /user, 100 users", 200, Box::new(|| fixture.users())),
        ("login", "POST /refresh, ended session", 401, Box::new(|| fixture.refresh())),
        ("login", "POST /login", 201, Box::new(|| fixture.log_in())),
        ("signup", "POST /signup", 201, Box::new(|| fixture.sign_up())),
    ];
    let is_there = |name: &str| folders.iter().all(|folder| folder.join(name).is_file());
    let mut rows = Vec::new();
    for name in ["signup", "login", "list-users"].into_iter().filter(|name| is_there(name)) {
        rows.extend(cold(&fixture, name, &folders, arguments.rounds).await?);
        rows.extend(size(name, &folders)?);
    }
    for kind in kinds.iter().filter(|(name, ..)| is_there(name)) {
        rows.extend(warm(&fixture, kind, &folders, arguments.rounds).await?);
    }
    if rows.is_empty() {
        return Err("neither signup, login nor list-users is in both directories".into());
    }
    println!("{}", report::table(&rows));
    Ok(())
}

/// Cold starts with a request for an unknown path, without the warm-up of the database connection.
async fn cold(fixture: &Fixture, name: &str, folders: &[PathBuf; 2], rounds: usize) -> Result<Vec<Row>, Failure> {
    let subjects: Vec<Subject> = labels(name)
        .into_iter()
        .zip(folders)
        .map(|(label, folder)| Subject {
            name: label,
            program: fixture.function(name, folder, Transport::Http, false),
            event: Fixture::unknown_path(),
            status: 404,
            leftover: None,
        })
        .collect();
    let starts = starts::measure(&subjects, rounds, &Progress::new("starts", rounds)).await?;
    Ok(starts::rows(&subjects, &starts))
}

async fn warm(
    fixture: &Fixture,
    (name, what, status, event): &Kind<'_>,
    folders: &[PathBuf; 2],
    rounds: usize,
) -> Result<Vec<Row>, Failure> {
    let mut calls = [0, 1].map(|process| Calls::new(what, process, *status, event));
    let progress = Progress::new(what, rounds);
    for first in (0..rounds).step_by(ROUNDS_PER_PROCESS) {
        let mut processes = Vec::new();
        for folder in folders {
            processes.push(Running::start(&fixture.function(name, folder, Transport::Http, true)).await?);
        }
        for calls in &calls {
            calls.warm_up(&mut processes).await?;
        }
        for round in first..rounds.min(first + ROUNDS_PER_PROCESS) {
            // The order alternates, so that neither build always runs first.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for place in order {
                calls[place].measure_once(&mut processes).await?;
            }
            progress.step();
        }
        for process in processes {
            process.stop().await;
        }
    }
    let [old, new] = &calls;
    let time = rows(what, name, Unit::Milliseconds, [&old.time, &new.time]);
    Ok(time.into_iter().chain(rows(what, name, Unit::Cpu, [&old.cpu, &new.cpu])).collect())
}

fn size(name: &str, folders: &[PathBuf; 2]) -> Result<[Row; 2], Failure> {
    let [old, new] = folders;
    let (old, new) = (std::fs::read(old.join(name))?, std::fs::read(new.join(name))?);
    Ok(rows("zip", name, Unit::MB, [&sizes::zip_size(&old)?, &sizes::zip_size(&new)?]))
}

/// A row for each build, the second one relative to the first.
fn rows(what: &str, name: &str, unit: Unit, [old, new]: [&Samples; 2]) -> [Row; 2] {
    let [old_label, new_label] = labels(name);
    [Row::new(what, &old_label, unit, old), Row::new(what, &new_label, unit, new).relative_to(&old_label, new, old)]
}

fn labels(name: &str) -> [String; 2] {
    [format!("{name}, old"), format!("{name}, new")]
}
