//! Lambda around a real binary: the Runtime API on loopback, as far as a function calls it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{process::Stdio, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

type Invocation = (Value, oneshot::Sender<Result<Value, Value>>);

struct RuntimeApi {
    events: Mutex<mpsc::Receiver<Invocation>>,
    waiting: Mutex<Option<oneshot::Sender<Result<Value, Value>>>>,
}

/// A function's binary, running.
pub struct Function {
    events: mpsc::Sender<Invocation>,
    process: Child,
    /// What it writes to standard error and to standard output. A pipe that nobody empties would stop it.
    written: [JoinHandle<String>; 2],
}

impl Function {
    /// Starts a binary with these variables and no others of its own.
    pub async fn start(binary: &str, variables: &[(&str, &str)]) -> Self {
        let (events, receiver) = mpsc::channel(1);
        let api = Arc::new(RuntimeApi { events: Mutex::new(receiver), waiting: Mutex::new(None) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async { axum::serve(listener, router).await });
        let mut process = Command::new(binary)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| name == "LLVM_PROFILE_FILE" || name == "LD_LIBRARY_PATH"))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let written = [read(process.stderr.take()), read(process.stdout.take())];
        Self { events, process, written }
    }

    /// Gives the function an event and waits for what it answers: `Err` where the invocation itself fails.
    pub async fn invoke(&self, event: Value) -> Result<Value, Value> {
        let (sender, answer) = oneshot::channel();
        self.events.send((event, sender)).await.expect("the Runtime API is there");
        timeout(Duration::from_secs(20), answer)
            .await
            .expect("the function answers in time")
            .expect("the function answers")
    }

    /// Gives the function an event and ends it as `kill -9` does, so long afterwards.
    pub async fn kill_after(mut self, event: Value, delay: Duration) {
        let (sender, _answer) = oneshot::channel();
        self.events.send((event, sender)).await.expect("the Runtime API is there");
        tokio::time::sleep(delay).await;
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
    }

    /// Waits until the function gives up, and tells its exit code and what it wrote to standard error.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let code = timeout(Duration::from_secs(20), self.process.wait()).await.expect("the function ends in time");
        let [log, _] = self.written;
        (code.unwrap().code(), log.await.unwrap())
    }

    /// Ends the function as Lambda does, and tells what it wrote to standard error and to standard output.
    pub async fn stop_with_output(mut self) -> (String, String) {
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
        let [log, output] = self.written;
        (log.await.unwrap(), output.await.unwrap())
    }

    /// Ends the function as Lambda does, and tells what it wrote to standard error.
    pub async fn stop(mut self) -> String {
        self.process.start_kill().unwrap();
        self.end().await.1
    }
}

fn read(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut text = String::new();
        pipe.expect("the pipe is there").read_to_string(&mut text).await.expect("what functions write is UTF-8");
        text
    })
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> impl IntoResponse {
    let mut events = api.events.lock().await;
    let Some((event, sender)) = events.recv().await else { return std::future::pending().await };
    *api.waiting.lock().await = Some(sender);
    let deadline = "4102444800000";
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline),
    ];
    (headers, Json(event))
}

async fn respond(State(api): State<Arc<RuntimeApi>>, Path(_): Path<String>, answer: String) -> StatusCode {
    finish(&api, Ok(serde_json::from_str(&answer).expect("an answer is JSON"))).await
}

async fn fail(State(api): State<Arc<RuntimeApi>>, Path(_): Path<String>, error: String) -> StatusCode {
    finish(&api, Err(serde_json::from_str(&error).unwrap_or_default())).await
}

async fn finish(api: &RuntimeApi, answer: Result<Value, Value>) -> StatusCode {
    if let Some(sender) = api.waiting.lock().await.take() {
        let _ = sender.send(answer);
    }
    StatusCode::ACCEPTED
}
