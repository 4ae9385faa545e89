//! `admin users import`.

mod audit_log;
mod bad_input;
mod conflicts;
mod django;
mod exports;
mod files;
mod flask;
mod json_layouts;
mod jsonl;
mod quotes;
mod resume;
mod sqlite_values;

use std::{collections::BTreeMap, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::harness::{Outcome, Sandbox};

/// "tortoise lamp quarrel" by Werkzeug, with few iterations.
const WERKZEUG: &str = "pbkdf2:sha256:1000$q1w2e3r4$c4c481ded2feb3b05bd7730dc485b905accef7a804492f264c53856284df32ce";

impl Sandbox {
    /// Writes `content` to a file and imports it.
    async fn import(&self, format: &str, content: impl AsRef<[u8]>) -> Outcome {
        self.import_with(format, content, &[]).await
    }

    async fn import_with(&self, format: &str, content: impl AsRef<[u8]>, options: &[&str]) -> Outcome {
        fs::write(self.path("source"), content).unwrap();
        self.users(&[&["import", "source", "--from", format, "--json"], options].concat()).await
    }

    /// The users by address, with the attributes of both items.
    async fn accounts(&self) -> BTreeMap<String, Value> {
        let mut accounts = BTreeMap::new();
        let users = self.service.items("Users").await;
        let credentials = self.service.items("Credentials").await;
        assert_eq!(users.len(), credentials.len(), "half an account was written");
        for user in users {
            let login = credentials.iter().find(|login| login["email"] == user["email"]).expect("credentials");
            for shared in ["public_id", "email_verified", "disabled"] {
                assert_eq!(user.get(shared), login.get(shared), "{shared}");
            }
            let mut account = json!({});
            for (name, value) in user.iter().chain(login) {
                account[name] = plain(value);
            }
            accounts.insert(account["email"].as_str().unwrap().to_owned(), account);
        }
        accounts
    }
}

/// The value of an attribute.
fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            json!(texts)
        }
        other => panic!("{other:?}"),
    }
}

/// The kinds and numbers of rejected rows.
fn reasons(outcome: &Outcome) -> Value {
    outcome.json()["reasons"].clone()
}
