//! Several processes of one function. As on Lambda, each handles one event at a time.

use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use crate::{Answer, events, lambda::Function};

/// A pool of processes of one function.
pub struct Fleet {
    idle: (mpsc::Sender<Function>, Mutex<mpsc::Receiver<Function>>),
}

impl Fleet {
    /// Starts `processes` processes of a binary.
    pub async fn start(binary: &str, variables: &[(&str, &str)], processes: usize) -> Self {
        let (sender, receiver) = mpsc::channel(processes);
        for _ in 0..processes {
            sender.send(Function::start(binary, variables).await).await.expect("there is room");
        }
        Self { idle: (sender, Mutex::new(receiver)) }
    }

    /// Passes an event to the next idle process and returns its response.
    pub async fn answer(&self, event: Value) -> Answer {
        let function = self.idle.1.lock().await.recv().await.expect("processes come back");
        let answer = function.invoke(event).await;
        self.idle.0.send(function).await.expect("there is room");
        let answer = events::read(&answer.expect("the invocation succeeds"));
        answer.check();
        answer
    }
}
