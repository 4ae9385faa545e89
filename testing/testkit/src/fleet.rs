//! Several processes of one function, as Lambda runs them: each has one event at a time.

use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use crate::{Answer, events, lambda::Function};

/// The processes.
pub struct Fleet {
    idle: (mpsc::Sender<Function>, Mutex<mpsc::Receiver<Function>>),
}

impl Fleet {
    /// Starts so many processes of a binary.
    pub async fn start(binary: &str, variables: &[(&str, &str)], processes: usize) -> Self {
        let (sender, receiver) = mpsc::channel(processes);
        for _ in 0..processes {
            sender.send(Function::start(binary, variables).await).await.expect("there is room");
        }
        Self { idle: (sender, Mutex::new(receiver)) }
    }

    /// Gives an event to a process that has none, as soon as there is one.
    pub async fn answer(&self, event: Value) -> Answer {
        let function = self.idle.1.lock().await.recv().await.expect("processes come back");
        let answer = function.invoke(event).await;
        self.idle.0.send(function).await.expect("there is room");
        let answer = events::read(&answer.expect("the invocation succeeds"));
        answer.check();
        answer
    }
}
