//! What stands between a service and its database, and what an embedded database cannot do: a network that loses answers,
//! and a database that refuses for a while.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// A proxy that passes bytes on, and now and then none.
pub struct Proxy {
    /// Where the proxy listens.
    pub url: String,
    to_lose: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy in front of `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to_lose = Arc::new(AtomicUsize::new(0));
        let counter = to_lose.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&upstream).await.expect("the database listens");
                tokio::spawn(pass(client, server, counter.clone()));
            }
        });
        Self { url, to_lose }
    }

    /// Lets the next `count` requests through and drops the connection in place of each answer.
    pub fn lose_answers(&self, count: usize) {
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// Answers that are still to be lost.
    pub fn left_to_lose(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: TcpStream, to_lose: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        let lost = to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if lost || to_client.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

/// A database that answers some calls with an error and passes on all others.
pub struct Refusing {
    /// Where it listens.
    pub url: String,
    first: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
}

struct Refusal {
    upstream: String,
    http: reqwest::Client,
    operation: &'static str,
    error: &'static str,
    first: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
}

impl Refusing {
    /// Answers the next `count` calls of `operation` with `error`, DynamoDB's JSON for it, and a status of 400. An operation has
    /// DynamoDB's name, such as `GetItem`, on the throttle's table `Throttle.GetItem`.
    pub async fn start(endpoint: &str, operation: &'static str, count: usize, error: &'static str) -> Self {
        let (first, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(count)));
        let state = Refusal {
            upstream: endpoint.to_owned(),
            http: reqwest::Client::new(),
            operation,
            error,
            first: first.clone(),
            left: left.clone(),
        };
        let router = Router::new().fallback(refuse_or_pass).with_state(Arc::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, first, left }
    }

    /// Lets the next `count` calls of the operation through, before any is refused.
    pub fn after(&self, count: usize) -> &Self {
        self.first.store(count, Ordering::SeqCst);
        self
    }

    /// Refuses the next `count` calls.
    pub fn refuse(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }

    /// Calls that are still to be refused.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

async fn refuse_or_pass(State(refusal): State<Arc<Refusal>>, headers: HeaderMap, body: Bytes) -> Response {
    let json = [("content-type", "application/x-amz-json-1.0")];
    let is_meant = operation(&headers, &body) == refusal.operation;
    let counted = |left: usize| left.checked_sub(1);
    let takes_one = |from: &AtomicUsize| from.fetch_update(Ordering::SeqCst, Ordering::SeqCst, counted).is_ok();
    if is_meant && !takes_one(&refusal.first) && takes_one(&refusal.left) {
        return (StatusCode::BAD_REQUEST, json, refusal.error).into_response();
    }
    forward(&refusal.http, &refusal.upstream, headers, body).await
}

/// DynamoDB's name of the operation, such as `GetItem`; on the throttle's table, `Throttle.GetItem`.
fn operation(headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers.get("x-amz-target").map(|target| String::from_utf8_lossy(target.as_bytes()).into_owned());
    let operation = target.unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned();
    let table = br#""TableName":"Throttle""#;
    if body.windows(table.len()).any(|part| part == table) { format!("Throttle.{operation}") } else { operation }
}

async fn forward(http: &reqwest::Client, upstream: &str, headers: HeaderMap, body: Bytes) -> Response {
    let answer = http.post(upstream).headers(headers).body(body).send().await.expect("the database answers");
    let json = [("content-type", "application/x-amz-json-1.0")];
    (answer.status(), json, answer.bytes().await.expect("the database answers whole")).into_response()
}

/// A database that remembers what it was asked for.
pub struct Recording {
    /// Where it listens.
    pub url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Recording {
    /// Passes all calls on to `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let state = Arc::new((endpoint.to_owned(), reqwest::Client::new(), calls.clone()));
        let router = Router::new().fallback(record_and_pass).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, calls }
    }

    /// DynamoDB's names of the operations since the last time, sorted.
    pub fn take(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap());
        calls.sort();
        calls
    }
}

type Recorder = Arc<(String, reqwest::Client, Arc<Mutex<Vec<String>>>)>;

async fn record_and_pass(State(recorder): State<Recorder>, headers: HeaderMap, body: Bytes) -> Response {
    let (upstream, http, calls) = &*recorder;
    calls.lock().unwrap().push(operation(&headers, &body));
    forward(http, upstream, headers, body).await
}
