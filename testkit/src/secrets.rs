//! AWS Secrets Manager, as far as a function calls it.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Serves one secret on a free port and gives its URL.
pub async fn serve(arn: &'static str, secret: &'static str) -> String {
    let get = move |body: String| async move {
        let request: Value = serde_json::from_str(&body).unwrap_or_default();
        if request["SecretId"] == arn {
            (StatusCode::OK, Json(json!({ "ARN": arn, "Name": "postern", "SecretString": secret })))
        } else {
            (
                StatusCode::BAD_REQUEST,
                Json(json!({ "__type": "ResourceNotFoundException", "message": "Secrets Manager can't find it." })),
            )
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(get))).await });
    url
}
