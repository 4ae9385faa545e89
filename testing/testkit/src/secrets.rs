//! AWS Secrets Manager and the Parameter Store of Systems Manager, as far as a function calls them.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

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

/// A keeper of one text, on a free port.
pub struct Keeper {
    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_SECRETS_MANAGER` and `AWS_ENDPOINT_URL_SSM`.
    pub url: String,
    kept: Arc<Kept>,
}

struct Kept {
    arn: String,
    text: Mutex<String>,
    reads: AtomicUsize,
    fails: AtomicBool,
    to_ignore: AtomicUsize,
}

impl Keeper {
    /// Keeps `text` under `arn`, of a secret or of a parameter.
    pub async fn start(arn: &str, text: &str) -> Self {
        let kept = Arc::new(Kept {
            arn: arn.to_owned(),
            text: Mutex::new(text.to_owned()),
            reads: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            to_ignore: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(kept.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, kept }
    }

    /// Keeps another text from now on.
    pub fn set(&self, text: &str) {
        text.clone_into(&mut self.kept.text.lock().unwrap());
    }

    /// Refuses to answer from now on, or answers again.
    pub fn fail(&self, fails: bool) {
        self.kept.fails.store(fails, Ordering::SeqCst);
    }

    /// Never answers the next `count` calls.
    pub fn ignore(&self, count: usize) {
        self.kept.to_ignore.store(count, Ordering::SeqCst);
    }

    /// How often it was read, failures included.
    pub fn reads(&self) -> usize {
        self.kept.reads.load(Ordering::SeqCst)
    }
}

async fn answer(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    kept.reads.fetch_add(1, Ordering::SeqCst);
    if kept.to_ignore.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        std::future::pending::<()>().await;
    }
    let refused = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({ "__type": kind, "message": "No." })));
    if kept.fails.load(Ordering::SeqCst) {
        return refused("AccessDeniedException");
    }
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = kept.text.lock().unwrap().clone();
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("secretsmanager.GetSecretValue") if request["SecretId"] == kept.arn => {
            (StatusCode::OK, Json(json!({ "ARN": kept.arn, "Name": "postern", "SecretString": text })))
        }
        Some("AmazonSSM.GetParameter") if request["Name"] == kept.arn => {
            let parameter = json!({ "ARN": kept.arn, "Name": "postern", "Type": "String", "Value": text });
            (StatusCode::OK, Json(json!({ "Parameter": parameter })))
        }
        Some("AmazonSSM.GetParameter") => refused("ParameterNotFound"),
        _ => refused("ResourceNotFoundException"),
    }
}
