//! A function's process under Lambda's Runtime API: what it takes, beside what it answers.

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

/// Why there is no figure.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A program, and where it runs.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The file.
    pub(crate) file: PathBuf,
    /// Arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where it is started.
    pub(crate) directory: PathBuf,
    /// Variables of its own, beside those that Lambda sets.
    pub(crate) variables: Vec<(String, String)>,
}

impl Program {
    /// The program of this name in a folder.
    pub(crate) fn new(name: &str, folder: &Path) -> Self {
        let file = folder.join(name);
        Self { file, arguments: Vec::new(), directory: folder.to_owned(), variables: Vec::new() }
    }

    /// With these variables too.
    pub(crate) fn with<'v>(mut self, variables: impl IntoIterator<Item = (&'v str, String)>) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }
}

/// A process that runs.
pub(crate) struct Running {
    function: Function,
    /// Milliseconds from the start of the process to its first `GET /next`.
    pub(crate) next: f64,
    /// Milliseconds of CPU until then.
    pub(crate) next_cpu: f64,
    id: u32,
}

/// An answer, and what it took.
pub(crate) struct Call {
    /// What was answered.
    pub(crate) answer: Value,
    /// Milliseconds from handing out the event to the answer.
    pub(crate) time: f64,
    /// Milliseconds of CPU of the whole process, until it asked for the next event.
    pub(crate) cpu: f64,
}

impl Running {
    /// Starts a program and waits until it asks for an event.
    pub(crate) async fn start(program: &Program) -> Result<Self, Failure> {
        let mut command = Command::new(&program.file);
        command.args(&program.arguments).current_dir(&program.directory);
        let variables: Vec<_> = program.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut function = Function::spawn(command, &variables).await;
        let id = function.id().ok_or("the process is gone")?;
        let next = milliseconds(function.idle().await - function.started);
        let mut running = Self { function, next, next_cpu: 0.0, id };
        running.next_cpu = running.settled_cpu().await?;
        Ok(running)
    }

    /// Gives it an event, and waits until it has answered and asks for the next one.
    pub(crate) async fn call(&mut self, event: Value) -> Result<Call, Failure> {
        let before = self.cpu()?;
        let given = Instant::now();
        let answer = self.function.invoke(event).await.map_err(|error| format!("the invocation failed: {error}"))?;
        let time = milliseconds(given.elapsed());
        let cpu = self.settled_cpu().await? - before;
        Ok(Call { answer, time, cpu })
    }

    /// The most memory that it ever had, in MiB.
    pub(crate) fn peak_memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel tells no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// Ends it, as Lambda does.
    pub(crate) async fn stop(self) {
        self.function.stop().await;
    }

    /// CPU time so far, once the function waits for an event.
    async fn settled_cpu(&mut self) -> Result<f64, Failure> {
        self.function.idle().await;
        // It has asked, and has yet to go to sleep.
        sleep(Duration::from_millis(1)).await;
        self.cpu()
    }

    #[cfg(target_os = "linux")]
    fn cpu(&self) -> Result<f64, Failure> {
        use nix::{
            time::{clock_getcpuclockid, clock_gettime},
            unistd::Pid,
        };

        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(self.id)?))?;
        Ok(milliseconds(Duration::from(clock_gettime(clock)?)))
    }

    /// Only Linux tells of another process what this crate asks for, here and in `/proc`.
    #[cfg(not(target_os = "linux"))]
    fn cpu(&self) -> Result<f64, Failure> {
        Err("measuring needs Linux".into())
    }
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
