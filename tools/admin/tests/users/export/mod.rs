//! `admin users export`.

mod failures;
mod formats;
mod round_trip;

use std::{collections::HashMap, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use tokio::process::Command;
use uuid::Uuid;

use crate::harness::{Outcome, Sandbox, finish_export};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

impl Sandbox {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `admin users export` with these options, over the database at `endpoint`.
    fn export_command_over(&self, endpoint: &str, options: &[&str]) -> Command {
        self.command(&[&["users", "export", "--endpoint", endpoint], options].concat())
    }

    fn export_command(&self, options: &[&str]) -> Command {
        self.export_command_over(&self.service.endpoint, options)
    }

    async fn export_over(&self, endpoint: &str, options: &[&str]) -> Outcome {
        finish_export(self.export_command_over(endpoint, options).spawn().unwrap()).await
    }

    async fn export(&self, options: &[&str]) -> Outcome {
        self.export_over(&self.service.endpoint, options).await
    }

    /// Writes both items of an account, and returns its `public_id`.
    async fn add(&self, name: &str, email: &str) -> String {
        let id = Uuid::new_v4().to_string();
        self.put("Users", &[("public_id", s(&id)), ("name", s(name)), ("email", s(email)), ("created_at", n(1))]).await;
        self.put("Credentials", &[("email", s(email)), ("public_id", s(&id)), ("password_hash", s(HASH))]).await;
        id
    }

    async fn put(&self, table: &str, attributes: &[(&str, AttributeValue)]) {
        let item: HashMap<String, AttributeValue> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.service.database.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

impl Outcome {
    /// Asserts exit code 1, an error line, and that standard error mentions `words`.
    fn assert_failed(&self, words: &[&str]) -> &Self {
        self.assert_exit(1, &[]);
        for word in words {
            assert!(self.err.contains(word), "{word}: {self:?}");
        }
        self
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
