//! Cold starts: from the start of a process to its first request for an event, and to its first answer.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    figures::Samples,
    process::{Failure, Program, Running},
    progress::Progress,
    report::{Bound, Row, Unit},
};

/// A program that is started again and again, and what it is asked first.
pub(crate) struct Subject {
    /// What the table calls it.
    pub(crate) name: String,
    /// What is started.
    pub(crate) program: Program,
    /// Its first event.
    pub(crate) event: Value,
    /// What the answer's status has to be, so that no failure is measured for an answer.
    pub(crate) status: u64,
    /// A file that a new instance does not find.
    pub(crate) leftover: Option<PathBuf>,
}

/// What one program's starts took.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    /// Milliseconds to the first `GET /next`.
    pub(crate) next: Samples,
    /// Milliseconds to the first answer, without the time for which nobody had an event for it.
    pub(crate) answer: Samples,
    /// Milliseconds of CPU until the first `GET /next`.
    pub(crate) next_cpu: Samples,
    /// Milliseconds of CPU for the first event.
    pub(crate) first_cpu: Samples,
}

/// Starts all subjects, one after the other in each round.
pub(crate) async fn measure(subjects: &[Subject], rounds: usize, progress: &Progress) -> Result<Vec<Starts>, Failure> {
    let mut all: Vec<Starts> = subjects.iter().map(|_| Starts::default()).collect();
    // Each once before, so that no file has to be read from a disk.
    for subject in subjects {
        start(subject).await?;
    }
    for _ in 0..rounds {
        for (subject, starts) in subjects.iter().zip(&mut all) {
            let [next, answer, next_cpu, first_cpu] = start(subject).await?;
            starts.next.push(next);
            starts.answer.push(answer);
            starts.next_cpu.push(next_cpu);
            starts.first_cpu.push(first_cpu);
        }
        progress.step();
    }
    Ok(all)
}

async fn start(subject: &Subject) -> Result<[f64; 4], Failure> {
    if let Some(leftover) = &subject.leftover {
        // It is not there before the first start.
        fs::remove_file(leftover).ok();
    }
    let mut running = Running::start(&subject.program).await?;
    let call = running.call(subject.event.clone()).await?;
    let figures = [running.next, running.next + call.time, running.next_cpu, call.cpu];
    running.stop().await;
    if call.answer["statusCode"] != subject.status {
        return Err(format!("{} answers {}", subject.name, call.answer).into());
    }
    Ok(figures)
}

/// A row for each of the times, beside the first subject's.
pub(crate) fn rows(subjects: &[Subject], starts: &[Starts], next: Option<Bound>, answer: Option<Bound>) -> Vec<Row> {
    let times = |choose: fn(&Starts) -> &Samples| starts.iter().map(choose).collect::<Vec<_>>();
    let mut rows = beside_first("start to first GET /next", subjects, &times(|starts| &starts.next), next);
    rows.extend(beside_first("start to first answer", subjects, &times(|starts| &starts.answer), answer));
    rows
}

fn beside_first(what: &str, subjects: &[Subject], times: &[&Samples], bound: Option<Bound>) -> Vec<Row> {
    let rows =
        subjects.iter().zip(times).map(|(subject, time)| Row::new(what, &subject.name, Unit::Milliseconds, time));
    let beside = rows.zip(times).enumerate().map(|(place, (row, time))| match place {
        0 => row,
        _ => bound.into_iter().fold(row.beside(&subjects[0].name, time, times[0]), Row::bound),
    });
    beside.collect()
}
