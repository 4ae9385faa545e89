//! AWS Secrets Manager and the Parameter Store, as far as the program calls them.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

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

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
const PARAMETER: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/";

/// Largest value of the standard tier, in characters.
const STANDARD_LIMIT: usize = 4096;

/// One account in one region, on a free port.
pub(crate) struct Aws {
    pub(crate) url: String,
    account: Arc<Mutex<Account>>,
}

type Answer = Result<Value, (StatusCode, &'static str, String)>;
type Meanwhile = Box<dyn FnOnce(&mut Account) + Send>;

#[derive(Default)]
pub(crate) struct Account {
    secrets: HashMap<String, Vec<Version>>,
    parameters: HashMap<String, Parameter>,
    /// Calls that are refused, with what they say.
    refused: HashMap<&'static str, (&'static str, String)>,
    /// What happens just before the next such call is carried out.
    meanwhile: HashMap<&'static str, Vec<Meanwhile>>,
    /// Calls whose next answer is lost, although they are carried out.
    lost: Vec<&'static str>,
    /// All calls: the action, the body and the region that was signed for.
    pub(crate) calls: Vec<(String, Value, String)>,
}

struct Version {
    id: String,
    /// `None`: octets.
    text: Option<String>,
    stages: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Parameter {
    arn: String,
    pub(crate) kind: String,
    pub(crate) key_id: Option<String>,
    pub(crate) tier: String,
    pub(crate) values: Vec<String>,
}

impl Aws {
    pub(crate) async fn start() -> Self {
        let account = Arc::new(Mutex::new(Account::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(account.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, account }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// A secret without a value.
    pub(crate) fn create_secret(&self) -> String {
        let arn = format!("{SECRET}postern-{}", &Uuid::new_v4().simple().to_string()[..6]);
        self.account().secrets.insert(arn.clone(), Vec::new());
        arn
    }

    pub(crate) fn secret_arn(name: &str) -> String {
        format!("{SECRET}{name}")
    }

    pub(crate) fn parameter_arn(name: &str) -> String {
        format!("{PARAMETER}{name}")
    }

    /// Refuses a call from now on, until `allow`.
    pub(crate) fn refuse(&self, action: &'static str, code: &'static str, message: &str) {
        self.account().refuse(action, code, message);
    }

    pub(crate) fn allow(&self, action: &str) {
        self.account().refused.remove(action);
    }

    /// Does something just before the next such call is carried out. What is said first happens at the first call.
    pub(crate) fn before(&self, action: &'static str, meanwhile: impl FnOnce(&mut Account) + Send + 'static) {
        self.account().meanwhile.entry(action).or_default().push(Box::new(meanwhile));
    }

    /// Loses the next answer.
    pub(crate) fn lose(&self, action: &'static str) {
        self.account().lost.push(action);
    }

    pub(crate) fn text(&self, arn: &str) -> Option<String> {
        self.account().text(arn)
    }

    pub(crate) fn put(&self, arn: &str, text: &str) {
        self.account().put(arn, text);
    }

    /// The labels of a secret's versions, those without any left out.
    pub(crate) fn stages(&self, arn: &str) -> Vec<Vec<String>> {
        let stages = self.account().secrets[arn].iter().map(|version| version.stages.clone()).collect::<Vec<_>>();
        stages.into_iter().filter(|stages| !stages.is_empty()).collect()
    }

    pub(crate) fn parameter(&self, arn: &str) -> Parameter {
        let account = self.account();
        account.parameters.values().find(|parameter| parameter.arn == arn).expect("it is there").clone()
    }

    /// Everything that was ever kept.
    pub(crate) fn all_texts(&self) -> Vec<String> {
        let account = self.account();
        let secrets = account.secrets.values().flatten().filter_map(|version| version.text.clone());
        let parameters = account.parameters.values().flat_map(|parameter| parameter.values.clone());
        secrets.chain(parameters).collect()
    }
}

impl Account {
    pub(crate) fn text(&self, arn: &str) -> Option<String> {
        if let Some(versions) = self.secrets.get(arn) {
            return current(versions)?.text.clone();
        }
        self.parameters.values().find(|parameter| parameter.arn == arn)?.values.last().cloned()
    }

    /// As somebody else would: a new version that is current at once.
    pub(crate) fn put(&mut self, arn: &str, text: &str) {
        let answer = if arn.starts_with(SECRET) {
            self.put_secret_value(
                &json!({ "SecretId": arn, "SecretString": text, "ClientRequestToken": Uuid::new_v4() }),
            )
        } else {
            let name = arn.strip_prefix(PARAMETER).unwrap();
            let name = if name.contains('/') { format!("/{name}") } else { name.to_owned() };
            let kind = if text.contains(r#""d":"#) || text.contains(r#""k":"#) { "SecureString" } else { "String" };
            let kind = self.parameters.get(&name).map_or(kind.to_owned(), |parameter| parameter.kind.clone());
            self.put_parameter(&json!({ "Name": name, "Value": text, "Type": kind, "Overwrite": true }))
        };
        answer.unwrap();
    }

    pub(crate) fn put_octets(&mut self, arn: &str) {
        self.put(arn, "");
        self.secrets.get_mut(arn).unwrap().last_mut().unwrap().text = None;
    }

    pub(crate) fn change(&mut self, arn: &str, change: impl FnOnce(&mut Parameter)) {
        change(self.parameters.values_mut().find(|parameter| parameter.arn == arn).unwrap());
    }

    pub(crate) fn refuse(&mut self, action: &'static str, code: &'static str, message: &str) {
        self.refused.insert(action, (code, message.to_owned()));
    }

    /// The parameter belongs to another account from now on.
    pub(crate) fn move_to_account(&mut self, arn: &str, account: &str) {
        self.change(arn, |parameter| parameter.arn = parameter.arn.replace("123456789012", account));
    }

    /// A name of one level may have a slash, which the ARN does not show.
    pub(crate) fn add_slash(&mut self, arn: &str) -> String {
        let name = arn.strip_prefix(PARAMETER).unwrap();
        let parameter = self.parameters.remove(name).unwrap();
        self.parameters.insert(format!("/{name}"), parameter);
        format!("/{name}")
    }

    pub(crate) fn requests(&self, action: &str) -> Vec<Value> {
        self.calls.iter().filter(|(called, ..)| called == action).map(|(_, body, _)| body.clone()).collect()
    }

    fn call(&mut self, action: &str, body: &Value) -> Answer {
        if let Some(meanwhile) = self.meanwhile.get_mut(action).filter(|waiting| !waiting.is_empty()) {
            meanwhile.remove(0)(self);
        }
        if let Some((code, message)) = self.refused.get(action) {
            return Err((StatusCode::BAD_REQUEST, code, message.clone()));
        }
        let answer = match action {
            "secretsmanager.GetSecretValue" => self.get_secret_value(body),
            "secretsmanager.DescribeSecret" => self.versions(body).map(|versions| {
                let stages: HashMap<_, _> = versions.iter().map(|version| (&version.id, &version.stages)).collect();
                json!({ "ARN": body["SecretId"], "VersionIdsToStages": stages })
            }),
            "secretsmanager.PutSecretValue" => self.put_secret_value(body),
            "secretsmanager.UpdateSecretVersionStage" => self.update_secret_version_stage(body),
            "AmazonSSM.GetParameter" => self.get_parameter(body),
            "AmazonSSM.PutParameter" => self.put_parameter(body),
            "AmazonSSM.DescribeParameters" => Ok(self.describe_parameters(body)),
            other => refused("UnknownOperationException", other),
        };
        match self.lost.iter().position(|lost| *lost == action) {
            Some(place) => {
                self.lost.remove(place);
                Err((StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError", "The answer is lost.".to_owned()))
            }
            None => answer,
        }
    }

    fn versions(&mut self, body: &Value) -> Result<&mut Vec<Version>, (StatusCode, &'static str, String)> {
        let versions = self.secrets.get_mut(body["SecretId"].as_str().unwrap());
        versions.ok_or_else(|| {
            let message = "Secrets Manager can't find the specified secret.".to_owned();
            (StatusCode::BAD_REQUEST, "ResourceNotFoundException", message)
        })
    }

    fn get_secret_value(&mut self, body: &Value) -> Answer {
        assert!(matches!(body["VersionStage"].as_str(), None | Some("AWSCURRENT")));
        let Some(version) = current(self.versions(body)?) else {
            let message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
            return refused("ResourceNotFoundException", message);
        };
        let mut answer = json!({ "ARN": body["SecretId"], "VersionId": version.id, "VersionStages": version.stages });
        match &version.text {
            Some(text) => answer["SecretString"] = json!(text),
            None => answer["SecretBinary"] = json!("AAAA"),
        }
        Ok(answer)
    }

    fn put_secret_value(&mut self, body: &Value) -> Answer {
        let versions = self.versions(body)?;
        let id = body["ClientRequestToken"].as_str().expect("a token, which becomes the version's id").to_owned();
        let text = body["SecretString"].as_str().unwrap().to_owned();
        if let Some(version) = versions.iter().find(|version| version.id == id) {
            if version.text.as_ref() != Some(&text) {
                return refused("ResourceExistsException", "A version with this token has another value.");
            }
            return Ok(json!({ "ARN": body["SecretId"], "VersionId": id, "VersionStages": version.stages }));
        }
        let mut stages: Vec<String> =
            serde_json::from_value(body["VersionStages"].clone()).unwrap_or_else(|_| vec!["AWSCURRENT".to_owned()]);
        // "If this operation creates the first version for the secret, then Secrets Manager automatically attaches the staging
        // label AWSCURRENT to it."
        if versions.is_empty() && !stages.iter().any(|stage| stage == "AWSCURRENT") {
            stages.push("AWSCURRENT".to_owned());
        }
        versions.push(Version { id: id.clone(), text: Some(text), stages: Vec::new() });
        for stage in &stages {
            attach(versions, stage, &id);
        }
        Ok(json!({ "ARN": body["SecretId"], "VersionId": id, "VersionStages": stages }))
    }

    /// "If the label is attached and you either do not specify this parameter, or the version ID does not match, then the
    /// operation fails."
    fn update_secret_version_stage(&mut self, body: &Value) -> Answer {
        let versions = self.versions(body)?;
        let stage = body["VersionStage"].as_str().unwrap();
        let (from, to) = (body["RemoveFromVersionId"].as_str(), body["MoveToVersionId"].as_str());
        let on = versions.iter().find(|version| version.stages.iter().any(|other| other == stage));
        let on = on.map(|version| version.id.clone());
        if on.is_some() && from != on.as_deref() || from.is_some() && on.is_none() {
            let on = on.unwrap_or_default();
            return refused(
                "InvalidParameterException",
                &format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
                     {on}, so you must explicitly reference that version in RemoveFromVersionId."
                ),
            );
        }
        match to {
            Some(to) if !versions.iter().any(|version| version.id == to) => {
                return refused(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret version.",
                );
            }
            Some(to) => attach(versions, stage, to),
            None => detach(versions, stage),
        }
        Ok(json!({ "ARN": body["SecretId"] }))
    }

    fn get_parameter(&self, body: &Value) -> Answer {
        let name = body["Name"].as_str().unwrap();
        let found = self.parameters.iter().find(|(other, parameter)| *other == name || parameter.arn == name);
        let Some((name, parameter)) = found else { return refused("ParameterNotFound", "") };
        assert_eq!(body["WithDecryption"], json!(true));
        Ok(json!({ "Parameter": {
            "ARN": parameter.arn, "Name": name, "Type": parameter.kind,
            "Value": parameter.values.last(), "Version": parameter.values.len(), "DataType": "text",
        } }))
    }

    fn put_parameter(&mut self, body: &Value) -> Answer {
        let text = |member: &str| body[member].as_str().map(str::to_owned);
        let (name, value) = (text("Name").unwrap(), text("Value").unwrap());
        if name.starts_with("arn:") || !name.starts_with('/') && name.contains('/') {
            return refused("ValidationException", "Parameter name must be a fully qualified name.");
        }
        let tier = text("Tier").unwrap_or_else(|| "Standard".to_owned());
        if tier == "Standard" && value.len() > STANDARD_LIMIT {
            let message = "Standard tier parameters support a maximum parameter value of 4096 characters.";
            return refused("ValidationException", message);
        }
        let arn = format!("{PARAMETER}{}", name.trim_start_matches('/'));
        let is_secure = text("Type").as_deref() == Some("SecureString");
        let key_id = is_secure.then(|| text("KeyId").unwrap_or_else(|| "alias/aws/ssm".to_owned()));
        if let Some(parameter) = self.parameters.get_mut(&name) {
            if body["Overwrite"] != json!(true) {
                return refused("ParameterAlreadyExists", "The parameter already exists.");
            }
            if text("Type").is_some_and(|kind| kind != parameter.kind) {
                return refused("HierarchyTypeMismatchException", "The type of a parameter cannot be changed.");
            }
            if parameter.tier == "Advanced" && tier == "Standard" {
                return refused("ValidationException", "This parameter uses the advanced-parameter tier.");
            }
            (parameter.key_id, parameter.tier) = (key_id, tier.clone());
            parameter.values.push(value);
            return Ok(json!({ "Version": parameter.values.len(), "Tier": tier }));
        }
        let Some(kind) = text("Type") else { return refused("ValidationException", "A parameter needs a type.") };
        self.parameters.insert(name, Parameter { arn, kind, key_id, tier: tier.clone(), values: vec![value] });
        Ok(json!({ "Version": 1, "Tier": tier }))
    }

    /// The first page is empty and has a next one, which clients have to be ready for.
    fn describe_parameters(&self, body: &Value) -> Value {
        if body["NextToken"].is_null() {
            return json!({ "Parameters": [], "NextToken": "more" });
        }
        assert_eq!(body["ParameterFilters"][0]["Key"], "Name");
        let name = body["ParameterFilters"][0]["Values"][0].as_str().unwrap();
        let found = self.parameters.get(name).map(|parameter| {
            json!({ "Name": name, "Type": parameter.kind, "KeyId": parameter.key_id, "Tier": parameter.tier })
        });
        json!({ "Parameters": found.into_iter().collect::<Vec<_>>() })
    }
}

fn current(versions: &[Version]) -> Option<&Version> {
    versions.iter().find(|version| version.stages.iter().any(|stage| stage == "AWSCURRENT"))
}

/// A label is on one version at most. Where AWSCURRENT was, AWSPREVIOUS goes.
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

fn refused(code: &'static str, message: &str) -> Answer {
    Err((StatusCode::BAD_REQUEST, code, message.to_owned()))
}

async fn answer(
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
        Ok(answer) => (StatusCode::OK, Json(answer)),
        Err((status, code, message)) => (status, Json(json!({ "__type": code, "message": message }))),
    }
}
