//! A database, a directory, and the program.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use testkit::Service;
use tokio::{process::Command, time::timeout};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

pub(crate) struct Sandbox {
    pub(crate) directory: PathBuf,
    pub(crate) service: Service,
}

/// Exit code and output of the program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sandbox {
    pub(crate) async fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("postern-export-{}", Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        Self { directory, service: Service::start().await }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files, also of hidden ones.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// `admin users export` with these options, over the database at `endpoint`.
    pub(crate) fn command_over(&self, endpoint: &str, options: &[&str]) -> Command {
        self.users(&["export", "--endpoint", endpoint], options)
    }

    /// `admin users import` of a file.
    pub(crate) async fn import(&self, file: &str) -> Outcome {
        finish(self.users(&["import", file, "--from", "jsonl", "--endpoint", &self.service.endpoint], &[])).await
    }

    fn users(&self, arguments: &[&str], options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        command.arg("users").args(arguments).args(options);
        command.current_dir(&self.directory).env_clear().env("USER", "ada").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn command(&self, options: &[&str]) -> Command {
        self.command_over(&self.service.endpoint, options)
    }

    pub(crate) async fn run(&self, options: &[&str]) -> Outcome {
        finish(self.command(options)).await
    }

    /// Writes both items of an account, and returns its `public_id`.
    pub(crate) async fn add(&self, name: &str, email: &str) -> String {
        let id = Uuid::new_v4().to_string();
        self.put("Users", &[("public_id", s(&id)), ("name", s(name)), ("email", s(email)), ("created_at", n(1))]).await;
        self.put("Credentials", &[("email", s(email)), ("public_id", s(&id)), ("password_hash", s(HASH))]).await;
        id
    }

    pub(crate) async fn put(&self, table: &str, attributes: &[(&str, AttributeValue)]) {
        let item: HashMap<String, AttributeValue> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.service.database.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The audit line.
    pub(crate) fn audit(&self) -> Value {
        let lines: Vec<&str> = self.err.lines().filter(|line| line.starts_with('{')).collect();
        let [line] = lines.as_slice() else { panic!("not one audit line: {self:?}") };
        serde_json::from_str(line).unwrap()
    }

    pub(crate) fn assert_failed(&self, words: &[&str]) -> &Self {
        assert_eq!(self.code, 1, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word}: {self:?}");
        }
        assert!(!self.err.contains("panicked") && !self.err.contains("$argon2"), "{self:?}");
        self
    }
}

pub(crate) async fn finish(mut command: Command) -> Outcome {
    // `Command::output` would replace the standard output of the command.
    let output = command.spawn().unwrap().wait_with_output();
    Outcome::of(timeout(LIMIT, output).await.expect("the program ends").unwrap())
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
