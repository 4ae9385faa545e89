//! The signals that end a command, for commands that must not end at any moment.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// SIGINT, SIGTERM and SIGHUP. Once created, none of them ends the process by itself, also after a drop, so a prompt
/// comes before.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |error| Failure::Failed(format!("nothing is written: signals cannot be handled: {error}"));
        let signal = |kind| signal(kind).map_err(failed);
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Waits for the next signal. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Whether a signal has arrived since the last call. Does not wait.
    pub(crate) async fn has_arrived(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.next() => true,
            () = std::future::ready(()) => false,
        }
    }
}
