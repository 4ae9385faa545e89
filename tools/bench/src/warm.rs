//! Warm calls: elapsed time, CPU time, and the peak memory of the process.

use std::path::Path;

use serde_json::Value;

use crate::{
    figures::Samples,
    fixture::{Fixture, Transport},
    process::{Call, Failure, Program, Running},
    progress::Progress,
    raw_argon2::{Hash, RawArgon2},
    row::{Row, Unit},
};

/// Measurements of one kind of call.
pub(crate) struct Calls<'f> {
    what: &'static str,
    /// Index of the process that handles it.
    process: usize,
    /// Expected status of the response.
    status: u64,
    event: Box<dyn Fn() -> Value + 'f>,
    pub(crate) time: Samples,
    pub(crate) cpu: Samples,
}

/// Calls of each kind in turn, log-ins and sign-ups relative to a hash alone, and the peak memory at the end.
pub(crate) async fn measure(
    fixture: &Fixture,
    binaries: &Path,
    rounds: usize,
    hashes: usize,
) -> Result<Vec<Row>, Failure> {
    let names = ["hello", "list-users", "login", "signup"];
    let mut processes = Vec::new();
    for name in names {
        let program = if name == "hello" {
            Program::new(name, binaries)
        } else {
            fixture.function(name, binaries, Transport::Http, true)
        };
        processes.push(Running::start(&program).await?);
    }
    let mut calls = [
        Calls::new("warm call", 0, 200, Fixture::unknown_path),
        Calls::new("GET /user/me", 1, 200, || fixture.me()),
        Calls::new("GET /user, 100 users", 1, 200, || fixture.users()),
        Calls::new("POST /refresh, ended session", 2, 401, || fixture.refresh()),
    ];
    run(&mut calls, &mut processes, rounds, &Progress::new("warm calls", rounds)).await?;
    let mut rows = rows(&names, &calls);
    let mut hashing = [
        Calls::new("POST /login", 2, 201, || fixture.log_in()),
        Calls::new("POST /signup", 3, 201, || fixture.sign_up()),
    ];
    rows.extend(hashed(&names, &mut hashing, &mut processes, binaries, hashes).await?);
    for (name, process) in names.iter().zip(&processes) {
        let peak = Samples::from_iter([process.peak_memory()?]);
        rows.push(Row::new("peak memory", name, Unit::MiB, &peak));
    }
    for process in processes {
        process.stop().await;
    }
    Ok(rows)
}

impl<'f> Calls<'f> {
    pub(crate) fn new(what: &'static str, process: usize, status: u64, event: impl Fn() -> Value + 'f) -> Self {
        Self { what, process, status, event: Box::new(event), time: Samples::default(), cpu: Samples::default() }
    }

    /// Makes one call without recording it: the first hash of a process allocates its memory.
    pub(crate) async fn warm_up(&self, processes: &mut [Running]) -> Result<Call, Failure> {
        let process = processes.get_mut(self.process).ok_or("no such process")?;
        let call = process.call((self.event)()).await?;
        if call.response["statusCode"] != self.status {
            return Err(format!("{} responds with {}", self.what, call.response).into());
        }
        Ok(call)
    }

    /// Makes one call and records its time and CPU time.
    pub(crate) async fn measure_once(&mut self, processes: &mut [Running]) -> Result<(), Failure> {
        let call = self.warm_up(processes).await?;
        self.time.push(call.time);
        self.cpu.push(call.cpu);
        Ok(())
    }
}

async fn run(
    calls: &mut [Calls<'_>],
    processes: &mut [Running],
    rounds: usize,
    progress: &Progress,
) -> Result<(), Failure> {
    for _ in 0..rounds {
        for calls in &mut *calls {
            calls.measure_once(processes).await?;
        }
        progress.step();
    }
    Ok(())
}

/// Rows for time and CPU time. The first kind of call is the baseline.
fn rows(names: &[&str], calls: &[Calls<'_>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, kind) in calls.iter().enumerate() {
        let name = names[kind.process];
        let time = Row::new(kind.what, name, Unit::Milliseconds, &kind.time);
        let cpu = Row::new(kind.what, name, Unit::Cpu, &kind.cpu);
        rows.extend(match place {
            0 => [time, cpu],
            _ => [
                time.relative_to("hello", &kind.time, &calls[0].time),
                cpu.relative_to("hello", &kind.cpu, &calls[0].cpu),
            ],
        });
    }
    rows
}

async fn hashed(
    names: &[&str],
    calls: &mut [Calls<'_>; 2],
    processes: &mut [Running],
    binaries: &Path,
    rounds: usize,
) -> Result<Vec<Row>, Failure> {
    let progress = Progress::new("log-ins and hashes", rounds);
    let (mut returning, mut retaining) = (RawArgon2::start(binaries, true)?, RawArgon2::start(binaries, false)?);
    retaining.hash().await?;
    for calls in &*calls {
        calls.warm_up(processes).await?;
    }
    let [mut default, mut retained, mut pooled, mut small_pages] = <[Samples; 4]>::default();
    for _ in 0..rounds {
        default.push(returning.hash().await?.default / 1e6);
        let hash: Hash = retaining.hash().await?;
        retained.push(hash.thread / 1e6);
        pooled.push(hash.pooled / 1e6);
        small_pages.push(hash.small_pages / 1e6);
        for calls in &mut *calls {
            calls.measure_once(processes).await?;
        }
        progress.step();
    }
    returning.stop().await?;
    retaining.stop().await?;
    let row = |what, samples| Row::new(what, "raw-argon2", Unit::Cpu, samples);
    let mut rows = vec![
        row("argon2, library default", &default),
        row("argon2, library default, malloc retains memory", &retained).relative_to(
            "library default",
            &retained,
            &default,
        ),
        row("argon2, pooled memory", &pooled).relative_to("library default", &pooled, &default),
        row("argon2, pooled memory, relative to malloc", &pooled).relative_to(
            "malloc retains memory",
            &pooled,
            &retained,
        ),
        row("argon2, pooled memory, relative to small pages", &pooled).relative_to(
            "pooled memory, small pages",
            &pooled,
            &small_pages,
        ),
    ];
    for calls in calls {
        let name = names[calls.process];
        rows.push(Row::new(calls.what, name, Unit::Milliseconds, &calls.time));
        let cpu = Row::new(calls.what, name, Unit::Cpu, &calls.cpu);
        rows.push(cpu.relative_to("argon2, pooled memory", &calls.cpu, &pooled));
    }
    Ok(rows)
}
