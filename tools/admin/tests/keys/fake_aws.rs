//! A fake of AWS Secrets Manager, as far as the program calls it.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) const DESCRIBE: &str = "secretsmanager.DescribeSecret";
pub(crate) const GET: &str = "secretsmanager.GetSecretValue";
pub(crate) const PUT: &str = "secretsmanager.PutSecretValue";
pub(crate) const UPDATE: &str = "secretsmanager.UpdateSecretVersionStage";

const ARN_PREFIX: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";

/// Largest secret value, in bytes.
const SIZE_LIMIT: usize = 65_536;

/// One account in one region, on a free port.
pub(crate) struct FakeAws {
    pub(crate) url: String,
    account: Arc<Mutex<Account>>,
}

type Response = Result<Value, (StatusCode, &'static str, String)>;
type Hook = Box<dyn FnOnce(&mut Account) + Send>;

pub(crate) struct Account {
    secrets: HashMap<String, Vec<Version>>,
    /// Calls that are refused, with the error code and message.
    refused: Vec<(Target, &'static str, String)>,
    /// What happens just before the next such call is carried out.
    hooks: Vec<(Target, Hook)>,
    /// Actions whose next response is lost, although the call is carried out.
    lost: Vec<&'static str>,
    /// Largest secret value, in bytes.
    pub(crate) size_limit: usize,
    /// All calls: the action, the body and the region of the signature.
    pub(crate) calls: Vec<(String, Value, String)>,
}

/// Calls of one action, for one secret or for all.
struct Target {
    action: &'static str,
    arn: Option<String>,
}

struct Version {
    id: String,
    /// `None`: binary data.
    text: Option<String>,
    stages: Vec<String>,
}

impl FakeAws {
    pub(crate) async fn start() -> Self {
        let account = Arc::new(Mutex::new(Account::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(respond)).with_state(account.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, account }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// Creates a secret without a value. Its name starts with `name`.
    pub(crate) fn create_secret(&self, name: &str) -> String {
        let arn = Self::arn(&format!("{name}-{}", &Uuid::new_v4().simple().to_string()[..6]));
        self.account().secrets.insert(arn.clone(), Vec::new());
        arn
    }

    pub(crate) fn arn(name: &str) -> String {
        format!("{ARN_PREFIX}{name}")
    }

    /// Refuses an action until `allow` is called.
    pub(crate) fn refuse(&self, action: &'static str, code: &'static str, message: &str) {
        self.account().refuse(action, code, message);
    }

    /// Refuses an action on one secret until `allow` is called.
    pub(crate) fn refuse_on(&self, arn: &str, action: &'static str, code: &'static str, message: &str) {
        let target = Target { action, arn: Some(arn.to_owned()) };
        self.account().refused.push((target, code, message.to_owned()));
    }

    pub(crate) fn allow(&self, action: &str) {
        self.account().refused.retain(|(target, ..)| target.action != action);
    }

    /// Runs `hook` just before the next call of `action` is carried out. Hooks run in order, one per call.
    pub(crate) fn before(&self, action: &'static str, hook: impl FnOnce(&mut Account) + Send + 'static) {
        self.account().hooks.push((Target { action, arn: None }, Box::new(hook)));
    }

    /// Runs `hook` just before the next call of `action` on one secret is carried out.
    pub(crate) fn before_on(&self, arn: &str, action: &'static str, hook: impl FnOnce(&mut Account) + Send + 'static) {
        self.account().hooks.push((Target { action, arn: Some(arn.to_owned()) }, Box::new(hook)));
    }

    /// Loses the next response of `action`.
    pub(crate) fn lose_response(&self, action: &'static str) {
        self.account().lost.push(action);
    }

    pub(crate) fn text(&self, arn: &str) -> Option<String> {
        self.account().text(arn)
    }

    pub(crate) fn put(&self, arn: &str, text: &str) {
        self.account().put(arn, text);
    }

    /// The labels of a secret's versions. Versions without a label are left out.
    pub(crate) fn stages(&self, arn: &str) -> Vec<Vec<String>> {
        let stages = self.account().secrets[arn].iter().map(|version| version.stages.clone()).collect::<Vec<_>>();
        stages.into_iter().filter(|stages| !stages.is_empty()).collect()
    }

    /// Every value that was ever stored in any secret.
    pub(crate) fn all_texts(&self) -> Vec<String> {
        self.account().secrets.values().flatten().filter_map(|version| version.text.clone()).collect()
    }

    /// Every value that was ever stored in one secret.
    pub(crate) fn texts(&self, arn: &str) -> Vec<String> {
        self.account().secrets[arn].iter().filter_map(|version| version.text.clone()).collect()
    }
}

impl Target {
    fn matches(&self, action: &str, body: &Value) -> bool {
        self.action == action && self.arn.as_ref().is_none_or(|arn| body["SecretId"] == json!(arn))
    }
}

impl Account {
    fn new() -> Self {
        Self {
            secrets: HashMap::new(),
            refused: Vec::new(),
            hooks: Vec::new(),
            lost: Vec::new(),
            size_limit: SIZE_LIMIT,
            calls: Vec::new(),
        }
    }

    pub(crate) fn text(&self, arn: &str) -> Option<String> {
        current(self.secrets.get(arn)?)?.text.clone()
    }

    /// Writes as another client does: the new version is current at once.
    pub(crate) fn put(&mut self, arn: &str, text: &str) {
        let body = json!({ "SecretId": arn, "SecretString": text, "ClientRequestToken": Uuid::new_v4() });
        self.put_secret_value(&body).unwrap();
    }

    pub(crate) fn put_binary(&mut self, arn: &str) {
        self.put(arn, "");
        self.secrets.get_mut(arn).unwrap().last_mut().unwrap().text = None;
    }

    pub(crate) fn refuse(&mut self, action: &'static str, code: &'static str, message: &str) {
        self.refused.push((Target { action, arn: None }, code, message.to_owned()));
    }

    pub(crate) fn requests(&self, action: &str) -> Vec<Value> {
        self.calls.iter().filter(|(called, ..)| called == action).map(|(_, body, _)| body.clone()).collect()
    }

    fn call(&mut self, action: &str, body: &Value) -> Response {
        if let Some(position) = self.hooks.iter().position(|(target, _)| target.matches(action, body)) {
            self.hooks.remove(position).1(self);
        }
        if let Some((_, code, message)) = self.refused.iter().find(|(target, ..)| target.matches(action, body)) {
            return refusal(code, message);
        }
        let response = match action {
            GET => self.get_secret_value(body),
            DESCRIBE => self.versions(body).map(|versions| {
                let stages: HashMap<_, _> = versions.iter().map(|version| (&version.id, &version.stages)).collect();
                json!({ "ARN": body["SecretId"], "VersionIdsToStages": stages })
            }),
            PUT => self.put_secret_value(body),
            UPDATE => self.update_secret_version_stage(body),
            other => refusal("UnknownOperationException", other),
        };
        match self.lost.iter().position(|lost| *lost == action) {
            Some(position) => {
                self.lost.remove(position);
                Err((StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError", "The response is lost.".to_owned()))
            }
            None => response,
        }
    }

    fn versions(&mut self, body: &Value) -> Result<&mut Vec<Version>, (StatusCode, &'static str, String)> {
        let versions = self.secrets.get_mut(body["SecretId"].as_str().unwrap());
        versions.ok_or_else(|| {
            let message = "Secrets Manager can't find the specified secret.".to_owned();
            (StatusCode::BAD_REQUEST, "ResourceNotFoundException", message)
        })
    }

    fn get_secret_value(&mut self, body: &Value) -> Response {
        assert!(matches!(body["VersionStage"].as_str(), None | Some("AWSCURRENT")));
        let Some(version) = current(self.versions(body)?) else {
            let message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
            return refusal("ResourceNotFoundException", message);
        };
        let mut response = json!({ "ARN": body["SecretId"], "VersionId": version.id, "VersionStages": version.stages });
        match &version.text {
            Some(text) => response["SecretString"] = json!(text),
            None => response["SecretBinary"] = json!("AAAA"),
        }
        Ok(response)
    }

    fn put_secret_value(&mut self, body: &Value) -> Response {
        let text = body["SecretString"].as_str().unwrap().to_owned();
        if text.len() > self.size_limit {
            let message = format!("Secret value can't be longer than {} bytes.", self.size_limit);
            return refusal("InvalidParameterException", &message);
        }
        let versions = self.versions(body)?;
        let id = body["ClientRequestToken"].as_str().expect("a token, which becomes the version's id").to_owned();
        if let Some(version) = versions.iter().find(|version| version.id == id) {
            if version.text.as_ref() != Some(&text) {
                return refusal("ResourceExistsException", "A version with this token has another value.");
            }
            return Ok(json!({ "ARN": body["SecretId"], "VersionId": id, "VersionStages": version.stages }));
        }
        let mut stages: Vec<String> =
            serde_json::from_value(body["VersionStages"].clone()).unwrap_or_else(|_| vec!["AWSCURRENT".to_owned()]);
        // "If this operation creates the first version for the secret, then Secrets Manager automatically attaches the
        // staging label AWSCURRENT to it."
        if versions.is_empty() && !stages.iter().any(|stage| stage == "AWSCURRENT") {
            stages.push("AWSCURRENT".to_owned());
        }
        versions.push(Version { id: id.clone(), text: Some(text), stages: Vec::new() });
        for stage in &stages {
            attach(versions, stage, &id);
        }
        Ok(json!({ "ARN": body["SecretId"], "VersionId": id, "VersionStages": stages }))
    }

    /// "If the label is attached and you either do not specify this parameter, or the version ID does not match, then
    /// the operation fails."
    fn update_secret_version_stage(&mut self, body: &Value) -> Response {
        let versions = self.versions(body)?;
        let stage = body["VersionStage"].as_str().unwrap();
        let (from, to) = (body["RemoveFromVersionId"].as_str(), body["MoveToVersionId"].as_str());
        let on = versions.iter().find(|version| version.stages.iter().any(|other| other == stage));
        let on = on.map(|version| version.id.clone());
        if on.is_some() && from != on.as_deref() || from.is_some() && on.is_none() {
            let on = on.unwrap_or_default();
            return refusal(
                "InvalidParameterException",
                &format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
                     version {on}, so you must explicitly reference that version in RemoveFromVersionId."
                ),
            );
        }
        match to {
            Some(to) if !versions.iter().any(|version| version.id == to) => {
                return refusal(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret version.",
                );
            }
            Some(to) => attach(versions, stage, to),
            None => detach(versions, stage),
        }
        Ok(json!({ "ARN": body["SecretId"] }))
    }
}

fn current(versions: &[Version]) -> Option<&Version> {
    versions.iter().find(|version| version.stages.iter().any(|stage| stage == "AWSCURRENT"))
}

/// Moves a label to a version. A label is on one version at most, and AWSPREVIOUS follows AWSCURRENT.
fn attach(versions: &mut [Version], stage: &str, id: &str) {
    let before = versions.iter().find(|version| version.stages.iter().any(|other| other == stage));
    let before = before.map(|version| version.id.clone());
    detach(versions, stage);
    versions.iter_mut().find(|version| version.id == id).unwrap().stages.push(stage.to_owned());
    if let Some(before) = before.filter(|before| stage == "AWSCURRENT" && before != id) {
        attach(versions, "AWSPREVIOUS", &before);
    }
}

fn detach(versions: &mut [Version], stage: &str) {
    for version in versions {
        version.stages.retain(|other| other != stage);
    }
}

fn refusal(code: &'static str, message: &str) -> Response {
    Err((StatusCode::BAD_REQUEST, code, message.to_owned()))
}

async fn respond(
    State(account): State<Arc<Mutex<Account>>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let action = header("x-amz-target");
    // Credential=KEY/DATE/REGION/SERVICE/aws4_request
    let region = header("authorization").split('/').nth(2).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let mut account = account.lock().unwrap();
    account.calls.push((action.clone(), body.clone(), region));
    match account.call(&action, &body) {
        Ok(response) => (StatusCode::OK, Json(response)),
        Err((status, code, message)) => (status, Json(json!({ "__type": code, "message": message }))),
    }
}
