//! Warm calls: how long they take, how much of the processor, and how much memory the process ever had.

use std::{path::Path, process::Stdio};

use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    figures::Samples,
    process::{Failure, Program, Running},
    progress::Progress,
    report::{Bound, Row, Unit},
    fixture::{Way, World},
};

/// What one kind of call took.
struct Calls<'w> {
    what: &'static str,
    /// Which of the processes it goes to.
    process: usize,
    status: u64,
    event: Box<dyn Fn() -> Value + 'w>,
    time: Samples,
    cpu: Samples,
}

/// Calls of each kind in turn, a hash and nothing else beside the log-ins, and the memory at the end.
pub(crate) async fn measure(world: &World, binaries: &Path, rounds: usize, hashes: usize) -> Result<Vec<Row>, Failure> {
    let names = ["hello", "list-users", "login", "signup"];
    let mut processes = Vec::new();
    for name in names {
        let program = if name == "hello" {
            Program::new(name, binaries)
        } else {
            world.function(name, binaries, Way::Http, true)
        };
        processes.push(Running::start(&program).await?);
    }
    let mut calls = [
        Calls::new("warm call", 0, 200, World::nothing),
        Calls::new("GET /user/me", 1, 200, || world.me()),
        Calls::new("GET /user, 100 users", 1, 200, || world.users()),
        Calls::new("POST /refresh, refused", 2, 401, || world.refresh()),
    ];
    run(&mut calls, &mut processes, rounds, &Progress::new("warm calls", rounds)).await?;
    let mut rows = rows(&names, &calls, &calls[0]);
    let mut hashing =
        [Calls::new("POST /login", 2, 201, World::log_in), Calls::new("POST /signup", 3, 201, || world.sign_up())];
    rows.extend(hashed(&names, &mut hashing, &mut processes, binaries, hashes).await?);
    for (name, process) in names.iter().zip(&processes) {
        let peak = Samples::from_iter([process.peak_memory()?]);
        let bound = match *name {
            "hello" => None,
            "list-users" => Some(Bound::Most(12.0)),
            _ => Some(Bound::Most(36.0)),
        };
        let row = Row::new("peak memory", name, Unit::MiB, &peak);
        rows.push(bound.into_iter().fold(row, Row::bound));
    }
    for process in processes {
        process.stop().await;
    }
    Ok(rows)
}

impl<'w> Calls<'w> {
    fn new(what: &'static str, process: usize, status: u64, event: impl Fn() -> Value + 'w) -> Self {
        Self { what, process, status, event: Box::new(event), time: Samples::default(), cpu: Samples::default() }
    }

    async fn once(&mut self, processes: &mut [Running]) -> Result<(), Failure> {
        let process = processes.get_mut(self.process).ok_or("no such process")?;
        let call = process.call((self.event)()).await?;
        if call.answer["statusCode"] != self.status {
            return Err(format!("{} is answered {}", self.what, call.answer).into());
        }
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
            calls.once(processes).await?;
        }
        progress.step();
    }
    Ok(())
}

fn rows(names: &[&str], calls: &[Calls<'_>], floor: &Calls<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for calls in calls {
        let name = names[calls.process];
        let (time, cpu) = (
            Row::new(calls.what, name, Unit::Milliseconds, &calls.time),
            Row::new(calls.what, name, Unit::Cpu, &calls.cpu),
        );
        let cpu = if calls.what.starts_with("GET /user,") { cpu.bound(Bound::Most(1.0)) } else { cpu };
        let is_floor = std::ptr::eq(calls, floor);
        rows.push(if is_floor { time } else { time.beside("hello", &calls.time, &floor.time) });
        rows.push(if is_floor { cpu } else { cpu.beside("hello", &calls.cpu, &floor.cpu) });
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
    let (mut returning, mut raw) = (RawArgon2::start(binaries, true)?, RawArgon2::start(binaries, false)?);
    // The first hash of each takes its memory.
    raw.hash().await?;
    for calls in &mut *calls {
        calls.once(processes).await?;
        (calls.time, calls.cpu) = Default::default();
    }
    let [mut plain, mut malloc, mut kept] = <[Samples; 3]>::default();
    for _ in 0..rounds {
        plain.push(returning.hash().await?.plain / 1e6);
        let hash = raw.hash().await?;
        malloc.push(hash.thread / 1e6);
        kept.push(hash.kept / 1e6);
        for calls in &mut *calls {
            calls.once(processes).await?;
        }
        progress.step();
    }
    returning.stop().await?;
    raw.stop().await?;
    let row = |what, samples| Row::new(what, "raw-argon2", Unit::Cpu, samples);
    let mut rows = vec![
        row("argon2, called plainly", &plain),
        row("argon2, called plainly, memory kept by malloc", &malloc).beside("called plainly", &malloc, &plain),
        row("argon2, memory kept", &kept).beside("called plainly", &kept, &plain).bound(Bound::Ratio(0.8)),
        row("argon2, memory kept, beside malloc's", &kept).beside("memory kept by malloc", &kept, &malloc),
    ];
    for (calls, bound) in calls.iter().zip([Some(Bound::Ratio(1.05)), None]) {
        let name = names[calls.process];
        rows.push(Row::new(calls.what, name, Unit::Milliseconds, &calls.time));
        let cpu = Row::new(calls.what, name, Unit::Cpu, &calls.cpu).beside("argon2, memory kept", &calls.cpu, &kept);
        rows.push(bound.into_iter().fold(cpu, Row::bound));
    }
    Ok(rows)
}

/// A process that hashes when it is asked to.
struct RawArgon2 {
    process: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// Nanoseconds of CPU for one hash.
#[derive(Deserialize)]
struct Hash {
    plain: f64,
    thread: f64,
    kept: f64,
}

impl RawArgon2 {
    /// Its allocator returns large blocks to the kernel at once, or, as glibc does when some have come and gone, keeps them.
    fn start(binaries: &Path, returns_memory: bool) -> Result<Self, Failure> {
        let mut command = Command::new(binaries.join("raw-argon2"));
        if returns_memory {
            command.env("MALLOC_MMAP_THRESHOLD_", "131072");
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let asks = process.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { process, asks, answers })
    }

    async fn hash(&mut self) -> Result<Hash, Failure> {
        self.asks.write_all(b"\n").await?;
        let line = self.answers.next_line().await?.ok_or("raw-argon2 ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn stop(mut self) -> Result<(), Failure> {
        drop(self.asks);
        self.process.wait().await?;
        Ok(())
    }
}
