//! Lambda around a real binary: the Runtime API on loopback, as far as a function calls it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

struct Invocation {
    event: Value,
    /// Told when the function has the event.
    fetched: oneshot::Sender<()>,
    answer: oneshot::Sender<Result<Value, Value>>,
}

struct RuntimeApi {
    /// Since when the function has been waiting for an event, if it is.
    asked: watch::Sender<Option<Instant>>,
    events: Mutex<mpsc::Receiver<Invocation>>,
    waiting: Mutex<Option<oneshot::Sender<Result<Value, Value>>>>,
}

/// A function's binary, running.
pub struct Function {
    /// When the process was started.
    pub started: Instant,
    asked: watch::Receiver<Option<Instant>>,
    events: mpsc::Sender<Invocation>,
    process: Child,
    /// What it writes to standard error and to standard output. A pipe that nobody empties would stop it.
    written: [JoinHandle<String>; 2],
}

impl Function {
    /// Starts a binary with these variables and no others of its own.
    pub async fn start(binary: &str, variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(binary), variables).await
    }

    /// Starts a program with these variables and no others of its own.
    pub async fn spawn(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let (events, receiver) = mpsc::channel(1);
        let (asked, asks) = watch::channel(None);
        let api = Arc::new(RuntimeApi { asked, events: Mutex::new(receiver), waiting: Mutex::new(None) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async { axum::serve(listener, router).await });
        command
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
            .kill_on_drop(true);
        let started = Instant::now();
        let mut process = command.spawn().expect("the binary starts");
        let written = [read(process.stderr.take()), read(process.stdout.take())];
        Self { started, asked: asks, events, process, written }
    }

    /// The process's number, for as long as nobody has ended it.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the function has nothing to do, and tells when it asked for an event.
    pub async fn idle(&mut self) -> Instant {
        let asked = timeout(Duration::from_secs(20), self.asked.wait_for(Option::is_some)).await;
        asked.expect("the function starts in time").expect("the Runtime API is there").expect("it was asked")
    }

    /// Gives the function an event and waits for what it answers: `Err` where the invocation itself fails.
    pub async fn invoke(&self, event: Value) -> Result<Value, Value> {
        let (_, answer) = self.give(event).await;
        timeout(Duration::from_secs(20), answer)
            .await
            .expect("the function answers in time")
            .expect("the function answers")
    }

    async fn give(&self, event: Value) -> (oneshot::Receiver<()>, oneshot::Receiver<Result<Value, Value>>) {
        let ((fetched, is_fetched), (answer, answered)) = (oneshot::channel(), oneshot::channel());
        self.events.send(Invocation { event, fetched, answer }).await.expect("the Runtime API is there");
        (is_fetched, answered)
    }

    /// Gives the function an event and ends it as `kill -9` does, so long after it has fetched it.
    pub async fn kill_after(mut self, event: Value, delay: Duration) {
        let (fetched, _answer) = self.give(event).await;
        timeout(Duration::from_secs(20), fetched).await.expect("the function starts in time").expect("and fetches");
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

/// The first audit line of `event` in a function's log.
pub fn audit_line(log: &str, event: &str) -> Value {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.find(|line| line["target"] == "audit" && line["event"] == event);
    found.unwrap_or_else(|| panic!("no {event}: {log}"))
}

/// What a metric comes to in what a function wrote to standard output: as CloudWatch has it by this outcome, or by the function alone.
pub fn sum(output: &str, metric: &str, outcome: Option<&str>) -> u64 {
    let by = if outcome.is_some() { json!([["Function", "Outcome"]]) } else { json!([["Function"]]) };
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let meant = lines.filter(|line| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == by);
    let meant = meant.filter(|line| outcome.is_none_or(|outcome| line["Outcome"] == outcome));
    meant.filter_map(|line| line[metric].as_u64()).sum()
}

/// Calls `kill` with delays that close in on the moment at which what is killed takes effect; `kill` tells whether it had. Fails
/// unless it was seen to be both too early and too late.
pub async fn close_in(mut kill: impl AsyncFnMut(Duration) -> bool) {
    let (mut before, mut after) = (None, None);
    // The first ones find the moment, whatever a machine takes for it; the others are near it.
    for round in 0..20 {
        let delay = match (before, after) {
            (None, _) => Duration::ZERO,
            (Some(before), None) => Duration::from_millis(5).max(before * 2),
            (Some(before), Some(after)) => (before + after) / 2,
        };
        let seen = if kill(delay).await { &mut after } else { &mut before };
        *seen = Some(delay);
        if round >= 9 && before.is_some() && after.is_some() {
            return;
        }
    }
    panic!("one kill before and one after the effect: {before:?}, {after:?}");
}

fn read(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut text = String::new();
        pipe.expect("the pipe is there").read_to_string(&mut text).await.expect("what functions write is UTF-8");
        text
    })
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> impl IntoResponse {
    api.asked.send_replace(Some(Instant::now()));
    let mut events = api.events.lock().await;
    let Some(Invocation { event, fetched, answer }) = events.recv().await else { return std::future::pending().await };
    api.asked.send_replace(None);
    *api.waiting.lock().await = Some(answer);
    // Nobody waits for this but who is about to end the function.
    let _ = fetched.send(());
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
