//! A fake of AWS Secrets Manager, limited to the one call that the functions make.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A fake Secrets Manager with a single secret, on a free port.
pub struct FakeKeyStore {
    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub url: String,
    state: Arc<KeyStoreState>,
}

struct KeyStoreState {
    arn: String,
    text: Mutex<String>,
    reads: AtomicUsize,
    fails: AtomicBool,
    to_ignore: AtomicUsize,
}

impl FakeKeyStore {
    /// Stores `text` in a secret with this ARN.
    pub async fn start(arn: &str, text: &str) -> Self {
        let state = Arc::new(KeyStoreState {
            arn: arn.to_owned(),
            text: Mutex::new(text.to_owned()),
            reads: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            to_ignore: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(get_secret_value)).with_state(state.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Replaces the value of the secret.
    pub fn set(&self, text: &str) {
        text.clone_into(&mut self.state.text.lock().unwrap());
    }

    /// Denies access to the secret, or grants it again.
    pub fn fail(&self, fails: bool) {
        self.state.fails.store(fails, Ordering::SeqCst);
    }

    /// Leaves the next `count` calls without a response.
    pub fn ignore(&self, count: usize) {
        self.state.to_ignore.store(count, Ordering::SeqCst);
    }

    /// The number of calls so far, failed ones included.
    pub fn reads(&self) -> usize {
        self.state.reads.load(Ordering::SeqCst)
    }
}

async fn get_secret_value(
    State(state): State<Arc<KeyStoreState>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    state.reads.fetch_add(1, Ordering::SeqCst);
    if state.to_ignore.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        std::future::pending::<()>().await;
    }
    let rejected = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({ "__type": kind, "message": "No." })));
    if state.fails.load(Ordering::SeqCst) {
        return rejected("AccessDeniedException");
    }
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("secretsmanager.GetSecretValue") if request["SecretId"] == state.arn => {
            let text = state.text.lock().unwrap().clone();
            (StatusCode::OK, Json(json!({ "ARN": state.arn, "Name": "postern", "SecretString": text })))
        }
        _ => rejected("ResourceNotFoundException"),
    }
}
