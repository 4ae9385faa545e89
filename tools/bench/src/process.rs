//! A process under Lambda's Runtime API, with its CPU time and memory.

use std::{
    error::Error,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::lambda::Function;
use tokio::{process::Command, time::sleep};

/// Why a measurement failed.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A program and its environment.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The executable.
    pub(crate) file: PathBuf,
    /// Command-line arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Working directory.
    pub(crate) directory: PathBuf,
    /// Environment variables beyond those that Lambda sets.
    pub(crate) variables: Vec<(String, String)>,
}

impl Program {
    /// The program `name` in `folder`.
    pub(crate) fn new(name: &str, folder: &Path) -> Self {
        let file = folder.join(name);
        Self { file, arguments: Vec::new(), directory: folder.to_owned(), variables: Vec::new() }
    }

    /// Adds environment variables.
    pub(crate) fn with<'v>(mut self, variables: impl IntoIterator<Item = (&'v str, String)>) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }
}

/// A running process.
pub(crate) struct Running {
    function: Function,
    /// Milliseconds from the start of the process to its first `GET /next`.
    pub(crate) next: f64,
    /// Milliseconds of CPU time until then.
    pub(crate) next_cpu: f64,
    id: u32,
}

/// A response and its cost.
pub(crate) struct Call {
    /// The function's response.
    pub(crate) response: Value,
    /// Milliseconds from the delivery of the event to the response.
    pub(crate) time: f64,
    /// Milliseconds of CPU time of the whole process, until it requests the next event.
    pub(crate) cpu: f64,
}

impl Running {
    /// Starts a program and waits until it requests an event.
    pub(crate) async fn start(program: &Program) -> Result<Self, Failure> {
        let mut command = Command::new(&program.file);
        command.args(&program.arguments).current_dir(&program.directory);
        let variables: Vec<_> = program.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut function = Function::spawn(command, &variables).await;
        let id = function.id().ok_or("the process has ended")?;
        let next = milliseconds(function.idle().await - function.started);
        let mut running = Self { function, next, next_cpu: 0.0, id };
        running.next_cpu = running.settled_cpu().await?;
        Ok(running)
    }

    /// Delivers an event, and waits for the response and for the request of the next event.
    pub(crate) async fn call(&mut self, event: Value) -> Result<Call, Failure> {
        let before = cpu_of(self.id)?;
        let delivered = Instant::now();
        let response = self.function.invoke(event).await.map_err(|error| format!("the invocation failed: {error}"))?;
        let time = milliseconds(delivered.elapsed());
        let cpu = self.settled_cpu().await? - before;
        Ok(Call { response, time, cpu })
    }

    /// Peak resident memory in MiB (`VmHWM`).
    pub(crate) fn peak_memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel reports no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// Ends the process as Lambda does.
    pub(crate) async fn stop(self) {
        self.function.stop().await;
    }

    /// CPU time so far, read once the function waits for an event.
    async fn settled_cpu(&mut self) -> Result<f64, Failure> {
        self.function.idle().await;
        // The request has arrived, but the process may not be asleep yet.
        sleep(Duration::from_millis(1)).await;
        cpu_of(self.id)
    }
}

/// Milliseconds of CPU time of a process so far.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_of(process: u32) -> Result<f64, Failure> {
    use nix::{
        time::{clock_getcpuclockid, clock_gettime},
        unistd::Pid,
    };

    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process)?))?;
    Ok(milliseconds(Duration::from(clock_gettime(clock)?)))
}

/// Other systems do not report the CPU time and memory of another process in this form.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_of(_: u32) -> Result<f64, Failure> {
    Err("measuring requires Linux".into())
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Microseconds of one run of `work`, averaged over `runs` of them.
pub(crate) fn microseconds_per_run(runs: u32, mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..runs {
        work();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(runs)
}
