//! Cold starts: from the start of a process to its first request for an event, and to its first response.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    figures::Samples,
    process::{Failure, Program, Running},
    progress::Progress,
    row::{Row, Unit},
};

/// A program that is started repeatedly, and its first event.
pub(crate) struct Subject {
    /// Name in the table.
    pub(crate) name: String,
    pub(crate) program: Program,
    pub(crate) event: Value,
    /// Expected status of the response. Any other status ends the measurement.
    pub(crate) status: u64,
    /// A file that is removed before each start, because a new instance would not have it.
    pub(crate) leftover: Option<PathBuf>,
}

/// Measurements of the starts of one program.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    /// Milliseconds to the first `GET /next`.
    pub(crate) next: Samples,
    /// Milliseconds to the first response, without the time for which no event was available.
    pub(crate) response: Samples,
    /// Milliseconds of CPU time until the first `GET /next`.
    pub(crate) next_cpu: Samples,
    /// Milliseconds of CPU time for the first event.
    pub(crate) first_cpu: Samples,
}

/// Starts all subjects in turn, in each round.
pub(crate) async fn measure(subjects: &[Subject], rounds: usize, progress: &Progress) -> Result<Vec<Starts>, Failure> {
    let mut all: Vec<Starts> = subjects.iter().map(|_| Starts::default()).collect();
    // An unmeasured start of each loads the files into the page cache.
    for subject in subjects {
        start(subject).await?;
    }
    for round in 0..rounds {
        // The order alternates: the same program measures up to 2 % slower when it always starts second.
        for place in 0..subjects.len() {
            let place = if round % 2 == 0 { place } else { subjects.len() - 1 - place };
            let [next, response, next_cpu, first_cpu] = start(&subjects[place]).await?;
            let starts = &mut all[place];
            starts.next.push(next);
            starts.response.push(response);
            starts.next_cpu.push(next_cpu);
            starts.first_cpu.push(first_cpu);
        }
        progress.step();
    }
    Ok(all)
}

async fn start(subject: &Subject) -> Result<[f64; 4], Failure> {
    if let Some(leftover) = &subject.leftover {
        // It does not exist before the first start.
        fs::remove_file(leftover).ok();
    }
    let mut running = Running::start(&subject.program).await?;
    let call = running.call(subject.event.clone()).await?;
    let figures = [running.next, running.next + call.time, running.next_cpu, call.cpu];
    running.stop().await;
    if call.response["statusCode"] != subject.status {
        return Err(format!("{} responds with {}", subject.name, call.response).into());
    }
    Ok(figures)
}

/// Rows for both times, relative to those of the first subject.
pub(crate) fn rows(subjects: &[Subject], starts: &[Starts]) -> Vec<Row> {
    let times = |choose: fn(&Starts) -> &Samples| starts.iter().map(choose).collect::<Vec<_>>();
    let mut rows = relative_to_first("start to first GET /next", subjects, &times(|starts| &starts.next));
    rows.extend(relative_to_first("start to first response", subjects, &times(|starts| &starts.response)));
    rows
}

fn relative_to_first(what: &str, subjects: &[Subject], times: &[&Samples]) -> Vec<Row> {
    let rows =
        subjects.iter().zip(times).map(|(subject, time)| Row::new(what, &subject.name, Unit::Milliseconds, time));
    let rows = rows.zip(times).enumerate().map(|(place, (row, time))| match place {
        0 => row,
        _ => row.relative_to(&subjects[0].name, time, times[0]),
    });
    rows.collect()
}
