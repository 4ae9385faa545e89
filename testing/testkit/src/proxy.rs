//! Proxies between a service and its database: one that loses responses, one that holds them, one that rejects calls,
//! and one that records them.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// An endpoint that refuses connections: no process listens on port 9.
pub const UNREACHABLE: &str = "http://127.0.0.1:9";

/// An error of DynamoDB, for [`RejectingProxy`].
macro_rules! dynamodb_error {
    ($kind:literal, $rest:literal) => {
        concat!(r#"{"__type":"com.amazonaws.dynamodb.v20120810#"#, $kind, "\",", $rest, "}")
    };
}

/// Too many calls.
pub const THROTTLED: &str = dynamodb_error!("ThrottlingException", r#""message":"Slow down.""#);

/// A missing permission.
pub const ACCESS_DENIED: &str = dynamodb_error!("AccessDeniedException", r#""message":"no""#);

/// A missing table.
pub const TABLE_NOT_FOUND: &str =
    dynamodb_error!("ResourceNotFoundException", r#""message":"Requested resource not found: Table: Credentials""#);

/// A write that conflicts with a transaction on the same item.
pub const WRITE_CONFLICT: &str =
    dynamodb_error!("TransactionConflictException", r#""message":"Transaction is ongoing for the item""#);

/// A transaction that conflicts with another one.
pub const TRANSACTION_CANCELED: &str = dynamodb_error!(
    "TransactionCanceledException",
    r#""message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]"#
);

/// A transaction that is repeated while its first attempt is in progress.
pub const TRANSACTION_IN_PROGRESS: &str =
    dynamodb_error!("TransactionInProgressException", r#""message":"in progress""#);

/// A TCP proxy that loses responses.
pub struct LossyProxy {
    /// The URL of the proxy.
    pub url: String,
    to_lose: Arc<AtomicUsize>,
    operation: Arc<OnceLock<&'static str>>,
}

impl LossyProxy {
    /// A proxy in front of `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to_lose = Arc::new(AtomicUsize::new(0));
        let operation = Arc::new(OnceLock::new());
        let (counter, selected) = (to_lose.clone(), operation.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&upstream).await.expect("the database listens");
                tokio::spawn(pass(client, server, counter.clone(), selected.clone()));
            }
        });
        Self { url, to_lose, operation }
    }

    /// Forwards the next `count` requests and closes the connection in place of each response.
    pub fn lose_responses(&self, count: usize) {
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// Forwards each request of `operation`, such as `PutItem`, and closes the connection in place of its response.
    pub fn lose_all_responses_to(&self, operation: &'static str) {
        self.operation.set(operation).expect("one operation");
    }

    /// The number of responses that remain to be lost.
    pub fn left_to_lose(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: TcpStream, to_lose: Arc<AtomicUsize>, operation: Arc<OnceLock<&'static str>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_selected = Arc::new(AtomicBool::new(false));
    let selected = is_selected.clone();
    let requests = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..length]);
            let names = |operation: &&str| request.contains(&format!("DynamoDB_20120810.{operation}"));
            if operation.get().is_some_and(names) {
                selected.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        let is_lost = is_selected.load(Ordering::SeqCst) || take_one(&to_lose);
        if is_lost || to_client.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

/// Decrements a counter. False if it is zero already.
fn take_one(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// A proxy that rejects some calls of one operation with an error and forwards all others.
pub struct RejectingProxy {
    /// The URL of the proxy.
    pub url: String,
    rejection: Arc<Rejection>,
}

struct Rejection {
    upstream: String,
    http: reqwest::Client,
    operation: &'static str,
    error: &'static str,
    to_forward: AtomicUsize,
    to_reject: AtomicUsize,
}

impl RejectingProxy {
    /// Rejects the next `count` calls of `operation` with status 400 and `error`, a JSON error of DynamoDB.
    ///
    /// An operation has DynamoDB's name, such as `GetItem`. Operations on the rate limiter's table have a prefix, such
    /// as `Throttle.GetItem`.
    pub async fn start(endpoint: &str, operation: &'static str, count: usize, error: &'static str) -> Self {
        let rejection = Arc::new(Rejection {
            upstream: endpoint.to_owned(),
            http: reqwest::Client::new(),
            operation,
            error,
            to_forward: AtomicUsize::new(0),
            to_reject: AtomicUsize::new(count),
        });
        let router = Router::new().fallback(reject_or_forward).with_state(rejection.clone());
        Self { url: serve(router).await, rejection }
    }

    /// Forwards the next `count` calls of the operation before any is rejected.
    pub fn after(&self, count: usize) -> &Self {
        self.rejection.to_forward.store(count, Ordering::SeqCst);
        self
    }

    /// Rejects the next `count` calls of the operation.
    pub fn reject(&self, count: usize) {
        self.rejection.to_reject.store(count, Ordering::SeqCst);
    }

    /// The number of calls that remain to be rejected.
    pub fn left(&self) -> usize {
        self.rejection.to_reject.load(Ordering::SeqCst)
    }
}

async fn reject_or_forward(State(rejection): State<Arc<Rejection>>, headers: HeaderMap, body: Bytes) -> Response {
    let json = [("content-type", "application/x-amz-json-1.0")];
    let is_selected = operation(&headers, &body) == rejection.operation;
    if is_selected && !take_one(&rejection.to_forward) && take_one(&rejection.to_reject) {
        return (StatusCode::BAD_REQUEST, json, rejection.error).into_response();
    }
    forward(&rejection.http, &rejection.upstream, headers, body).await
}

/// A proxy that holds the responses to one operation until they are released, and forwards all others.
///
/// The database has executed a call whose response is held. A client that stops waiting calls again, and that response
/// is held too; so a test releases the responses as soon as it can.
pub struct HoldingProxy {
    /// The URL of the proxy.
    pub url: String,
    holder: Arc<Holder>,
}

struct Holder {
    upstream: String,
    http: reqwest::Client,
    operation: &'static str,
    to_forward: AtomicUsize,
    is_holding: watch::Sender<bool>,
    held: watch::Sender<usize>,
}

impl HoldingProxy {
    /// The longest wait for a call. A loaded machine may need most of it.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Forwards all calls to `endpoint` until [`HoldingProxy::hold_after`].
    ///
    /// The operation is named as in [`RejectingProxy::start`].
    pub async fn start(endpoint: &str, operation: &'static str) -> Self {
        let holder = Arc::new(Holder {
            upstream: endpoint.to_owned(),
            http: reqwest::Client::new(),
            operation,
            to_forward: AtomicUsize::new(0),
            is_holding: watch::Sender::new(false),
            held: watch::Sender::new(0),
        });
        let router = Router::new().fallback(forward_and_hold).with_state(holder.clone());
        Self { url: serve(router).await, holder }
    }

    /// Holds the responses to the operation, except to its next `count` calls.
    pub fn hold_after(&self, count: usize) {
        self.holder.to_forward.store(count, Ordering::SeqCst);
        self.holder.is_holding.send_replace(true);
    }

    /// Waits until a response is held. Fails after 60 seconds.
    pub async fn wait(&self) {
        let mut held = self.holder.held.subscribe();
        let is_held = timeout(Self::DEADLINE, held.wait_for(|held| *held > 0)).await;
        let operation = self.holder.operation;
        is_held.unwrap_or_else(|_| panic!("timed out waiting for {operation}")).expect("the proxy runs");
    }

    /// Forwards the held responses and holds no more.
    pub fn release(&self) {
        self.holder.is_holding.send_replace(false);
    }
}

async fn forward_and_hold(State(holder): State<Arc<Holder>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut is_holding = holder.is_holding.subscribe();
    let is_selected = *is_holding.borrow() && operation(&headers, &body) == holder.operation;
    let is_to_hold = is_selected && !take_one(&holder.to_forward);
    let response = forward(&holder.http, &holder.upstream, headers, body).await;
    if is_to_hold {
        holder.held.send_modify(|held| *held += 1);
        is_holding.wait_for(|is_holding| !is_holding).await.expect("the proxy runs");
        holder.held.send_modify(|held| *held -= 1);
    }
    response
}

/// DynamoDB's name of the operation, such as `GetItem`, or `Throttle.GetItem` on the rate limiter's table.
fn operation(headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers.get("x-amz-target").map(|target| String::from_utf8_lossy(target.as_bytes()).into_owned());
    let operation = target.unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned();
    let table = br#""TableName":"Throttle""#;
    if body.windows(table.len()).any(|part| part == table) { format!("Throttle.{operation}") } else { operation }
}

async fn forward(http: &reqwest::Client, upstream: &str, headers: HeaderMap, body: Bytes) -> Response {
    let response = http.post(upstream).headers(headers).body(body).send().await.expect("the database responds");
    let json = [("content-type", "application/x-amz-json-1.0")];
    (response.status(), json, response.bytes().await.expect("the response is complete")).into_response()
}

/// Serves a router on a free port and returns its URL.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// A proxy that records the calls of a service.
pub struct RecordingProxy {
    /// The URL of the proxy.
    pub url: String,
    recorder: Arc<Recorder>,
}

struct Recorder {
    upstream: String,
    http: reqwest::Client,
    calls: watch::Sender<Vec<String>>,
}

impl RecordingProxy {
    /// Forwards all calls to `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        let (calls, _) = watch::channel(Vec::new());
        let recorder = Arc::new(Recorder { upstream: endpoint.to_owned(), http: reqwest::Client::new(), calls });
        let router = Router::new().fallback(record_and_forward).with_state(recorder.clone());
        Self { url: serve(router).await, recorder }
    }

    /// DynamoDB's names of the operations since the last call, sorted.
    pub fn take(&self) -> Vec<String> {
        let mut calls = self.recorder.calls.send_replace(Vec::new());
        calls.sort();
        calls
    }

    /// Waits for a call of `operation` since the last [`RecordingProxy::take`].
    pub async fn wait_for(&self, operation: &str) {
        let mut calls = self.recorder.calls.subscribe();
        let is_there = |calls: &Vec<String>| calls.iter().any(|call| call == operation);
        calls.wait_for(is_there).await.expect("the recorder runs");
    }
}

async fn record_and_forward(State(recorder): State<Arc<Recorder>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = operation(&headers, &body);
    recorder.calls.send_modify(|calls| calls.push(operation));
    forward(&recorder.http, &recorder.upstream, headers, body).await
}
