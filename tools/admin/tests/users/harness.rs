//! The test harness: a service with its own database, and the program as an operator runs it.

use std::{
    fs,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use testkit::{Service, text};
use tokio::{process::Command, time::timeout};
use uuid::Uuid;

/// With 20 % of the calls failing, a command may retry for a while.
const LIMIT: Duration = Duration::from_secs(120);

/// The fields of an audit line that every line has.
pub(crate) const CALLER: &str = "local:operator";

/// A service, and a directory for files of the program.
pub(crate) struct Sandbox {
    pub(crate) service: Service,
    directory: PathBuf,
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
        Self::with(&[]).await
    }

    /// A sandbox whose service has these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let directory = std::env::temp_dir().join(format!("postern-users-{}", Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        Self { service: Service::with(settings).await, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The program, without any variable of AWS except `AWS_EC2_METADATA_DISABLED`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        command.args(arguments).current_dir(&self.directory).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs([("USER", "operator"), ("AWS_EC2_METADATA_DISABLED", "true")]);
        command
    }

    /// Runs `admin users ARGUMENTS` against the database of the service.
    pub(crate) async fn users(&self, arguments: &[&str]) -> Outcome {
        self.users_at(&self.service.endpoint, arguments).await
    }

    /// Runs `admin users ARGUMENTS` against the database at `endpoint`.
    pub(crate) async fn users_at(&self, endpoint: &str, arguments: &[&str]) -> Outcome {
        self.run(&[&["users"], arguments, &["--endpoint", endpoint]].concat(), &[]).await
    }

    pub(crate) async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let output = timeout(LIMIT, command.output()).await.expect("the program ends").unwrap();
        Outcome::new(&output)
    }

    /// Signs up a user, and returns the `public_id`.
    pub(crate) async fn sign_up(&self, user: [&str; 3]) -> String {
        text(&self.service.sign_up(user).await.json(), "public_id").to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Outcome {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outcome = Self {
            code: output.status.code().expect("no signal"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        for text in [&outcome.out, &outcome.err] {
            assert!(!text.contains("argon2id$v") && !text.contains("$m="), "a hash is printed: {outcome:?}");
            assert!(!text.contains("panicked"), "{outcome:?}");
        }
        outcome
    }

    pub(crate) fn assert_success(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Asserts the exit code, an error line as the last line, and that the output mentions `words`.
    pub(crate) fn assert_exit(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.lines().last().is_some_and(|line| line.starts_with("admin: ")), "{self:?}");
        self.assert_mentions(words)
    }

    pub(crate) fn assert_mentions(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word) || self.out.contains(word), "{word}: {self:?}");
        }
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The audit lines on standard error.
    pub(crate) fn audit(&self) -> Vec<Value> {
        self.err.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
