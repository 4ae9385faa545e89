//! The baseline of a log-in: a process that computes password hashes and nothing else.

use std::{path::Path, process::Stdio};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::process::Failure;

/// The running process. It computes hashes for each line of standard input.
pub(crate) struct RawArgon2 {
    process: Child,
    requests: ChildStdin,
    responses: Lines<BufReader<ChildStdout>>,
}

/// Nanoseconds of CPU time for one hash.
#[derive(Deserialize)]
pub(crate) struct Hash {
    /// With memory that the library allocates.
    pub(crate) default: f64,
    /// The same on another thread.
    pub(crate) thread: f64,
    /// With memory of the functions' pool.
    pub(crate) pooled: f64,
    /// With reused memory for which huge pages were not requested.
    pub(crate) small_pages: f64,
}

impl RawArgon2 {
    /// Starts the process. Its allocator either returns large blocks to the kernel immediately, or retains them, as
    /// glibc does once a large block has been freed.
    pub(crate) fn start(binaries: &Path, returns_memory: bool) -> Result<Self, Failure> {
        let mut command = Command::new(binaries.join("raw-argon2"));
        if returns_memory {
            command.env("MALLOC_MMAP_THRESHOLD_", "131072");
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let requests = process.stdin.take().ok_or("no standard input")?;
        let responses = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { process, requests, responses })
    }

    pub(crate) async fn hash(&mut self) -> Result<Hash, Failure> {
        self.requests.write_all(b"\n").await?;
        let line = self.responses.next_line().await?.ok_or("raw-argon2 ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        drop(self.requests);
        self.process.wait().await?;
        Ok(())
    }
}
