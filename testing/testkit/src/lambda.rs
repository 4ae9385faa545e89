//! The Lambda Runtime API around a real binary, limited to the calls that a function makes.
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
    /// Notified when the function has received the event.
    fetched: oneshot::Sender<()>,
    answer: oneshot::Sender<Result<Value, Value>>,
}

struct RuntimeApi {
    /// When the function asked for its next event, if it is idle.
    idle_since: watch::Sender<Option<Instant>>,
    events: Mutex<mpsc::Receiver<Invocation>>,
    waiting: Mutex<Option<oneshot::Sender<Result<Value, Value>>>>,
}

/// A running process of a function's binary.
pub struct Function {
    /// When the process was started.
    pub started: Instant,
    idle_since: watch::Receiver<Option<Instant>>,
    events: mpsc::Sender<Invocation>,
    process: Child,
    /// Readers of standard error and standard output. A full pipe would block the process.
    written: [JoinHandle<String>; 2],
}

impl Function {
    /// Starts a binary with these environment variables, in addition to those that Lambda sets.
    pub async fn start(binary: &str, variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(binary), variables).await
    }

    /// Starts a program with these environment variables, in addition to those that Lambda sets.
    pub async fn spawn(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let (events, receiver) = mpsc::channel(1);
        let (idle_since, is_idle) = watch::channel(None);
        let api = Arc::new(RuntimeApi { idle_since, events: Mutex::new(receiver), waiting: Mutex::new(None) });
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
            // As in AWS's emulator, which makes it a local run. A test of a deployed function replaces it.
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST")
            .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut process = command.spawn().expect("the binary starts");
        let written = [read(process.stderr.take()), read(process.stdout.take())];
        Self { started, idle_since: is_idle, events, process, written }
    }

    /// The process ID, unless the process has ended.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the function is idle and returns when it asked for its next event.
    pub async fn idle(&mut self) -> Instant {
        let since = timeout(Duration::from_secs(20), self.idle_since.wait_for(Option::is_some)).await;
        since.expect("the function starts in time").expect("the Runtime API runs").expect("the function is idle")
    }

    /// Invokes the function and waits for its result. `Err` is a failed invocation.
    pub async fn invoke(&self, event: Value) -> Result<Value, Value> {
        let (_, answer) = self.give(event).await;
        timeout(Duration::from_secs(20), answer)
            .await
            .expect("the function answers in time")
            .expect("the function answers")
    }

    async fn give(&self, event: Value) -> (oneshot::Receiver<()>, oneshot::Receiver<Result<Value, Value>>) {
        let ((fetched, is_fetched), (answer, answered)) = (oneshot::channel(), oneshot::channel());
        self.events.send(Invocation { event, fetched, answer }).await.expect("the Runtime API runs");
        (is_fetched, answered)
    }

    /// Invokes the function and kills it (`SIGKILL`) `delay` after it has received the event.
    pub async fn kill_after(mut self, event: Value, delay: Duration) {
        let (fetched, _answer) = self.give(event).await;
        timeout(Duration::from_secs(20), fetched)
            .await
            .expect("the function starts in time")
            .expect("the function receives the event");
        tokio::time::sleep(delay).await;
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
    }

    /// Waits until the function exits and returns its exit code and standard error.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let code = timeout(Duration::from_secs(20), self.process.wait()).await.expect("the function ends in time");
        let [log, _] = self.written;
        (code.unwrap().code(), log.await.unwrap())
    }

    /// Kills the function, as Lambda does, and returns its standard error and standard output.
    pub async fn stop_with_output(mut self) -> (String, String) {
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
        let [log, output] = self.written;
        (log.await.unwrap(), output.await.unwrap())
    }

    /// Kills the function, as Lambda does, and returns its standard error.
    pub async fn stop(mut self) -> String {
        self.process.start_kill().unwrap();
        self.end().await.1
    }
}

/// The first audit line for `event` in a function's log.
pub fn audit_line(log: &str, event: &str) -> Value {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.find(|line| line["target"] == "audit" && line["event"] == event);
    found.unwrap_or_else(|| panic!("no {event}: {log}"))
}

/// The sum of a metric in a function's standard output (CloudWatch embedded metric format), for one outcome or for the
/// function as a whole.
pub fn sum(output: &str, metric: &str, outcome: Option<&str>) -> u64 {
    let by = if outcome.is_some() { json!([["Function", "Outcome"]]) } else { json!([["Function"]]) };
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let selected = lines.filter(|line| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == by);
    let selected = selected.filter(|line| outcome.is_none_or(|outcome| line["Outcome"] == outcome));
    selected.filter_map(|line| line[metric].as_u64()).sum()
}

/// Bisects the moment at which a killed call takes effect.
///
/// Calls `kill` with delays around that moment; `kill` returns whether the call had taken effect. Fails unless at least
/// one kill was too early and one too late.
pub async fn close_in(mut kill: impl AsyncFnMut(Duration) -> bool) {
    let (mut before, mut after) = (None, None);
    // The first rounds find the moment, however fast the machine is. The others are close to it.
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
    panic!("no kill before or none after the effect: {before:?}, {after:?}");
}

fn read(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut text = String::new();
        pipe.expect("the pipe is there").read_to_string(&mut text).await.expect("output is UTF-8");
        text
    })
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> impl IntoResponse {
    api.idle_since.send_replace(Some(Instant::now()));
    let mut events = api.events.lock().await;
    let Some(Invocation { event, fetched, answer }) = events.recv().await else { return std::future::pending().await };
    api.idle_since.send_replace(None);
    *api.waiting.lock().await = Some(answer);
    // Only `kill_after` waits for this.
    let _ = fetched.send(());
    let deadline = "4102444800000";
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline),
    ];
    (headers, Json(event))
}

async fn respond(State(api): State<Arc<RuntimeApi>>, Path(_): Path<String>, answer: String) -> StatusCode {
    finish(&api, Ok(serde_json::from_str(&answer).expect("a result is JSON"))).await
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
