//! The test harness: a service with its own database, and the program as an operator runs it.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::Value;
use testkit::{ADA, GRACE, Service, text};
use tokio::{
    io::{AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};
use uuid::Uuid;

/// The longest wait for the program. With faults of the database, it retries for a while.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The caller in the audit lines of a local run.
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

    /// The names of all files, also of hidden ones.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
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
        finish(self.command(arguments).envs(variables.iter().copied()).spawn().unwrap()).await
    }

    /// A shell that runs `script` in the directory, with the program as `$ADMIN` and the database as `$ENDPOINT`.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).current_dir(&self.directory).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs([("USER", "operator"), ("ADMIN", env!("CARGO_BIN_EXE_admin"))]);
        command.env("ENDPOINT", &self.service.endpoint);
        command
    }

    /// Starts `admin users ARGUMENTS` at a terminal and waits for its confirmation prompt.
    pub(crate) async fn prompt(&self, arguments: &[&str]) -> Prompt {
        let terminal = Terminal::open();
        let mut command = self.command(&[&["users"], arguments, &["--endpoint", &self.service.endpoint]].concat());
        let mut process = command.stdin(terminal.inner()).spawn().unwrap();
        let err = BufReader::new(process.stderr.take().unwrap());
        let mut prompt = Prompt { process, err, text: String::new(), terminal };
        prompt.wait().await;
        prompt
    }

    /// The items of all tables, in a form that can be compared.
    pub(crate) async fn tables(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut tables = BTreeMap::new();
        for table in ["Users", "Credentials", "Sessions", "Throttle"] {
            let mut items: Vec<String> = self.service.items(table).await.iter().map(sorted).collect();
            items.sort();
            tables.insert(table, items);
        }
        tables
    }

    /// The item of a user in Users.
    pub(crate) async fn user(&self, id: &str) -> HashMap<String, AttributeValue> {
        let items = self.service.items("Users").await;
        items.into_iter().find(|item| item["public_id"].as_s().unwrap() == id).unwrap_or_default()
    }

    /// Ada with a group, a claim, a session and a failed guess, and Grace. Returns their identifiers.
    pub(crate) async fn ada_and_grace(&self) -> (String, String) {
        let (ada, grace) = (self.sign_up(ADA).await, self.sign_up(GRACE).await);
        self.service.log_in(ADA[1], ADA[2]).await;
        self.service.log_in(ADA[1], "not the password of Ada").await;
        self.service.set_on_user(&ada, "groups", AttributeValue::Ss(vec!["staff".to_owned()])).await;
        self.service.set_on_user(&ada, "claims", AttributeValue::S(r#"{"level":3}"#.to_owned())).await;
        (ada, grace)
    }

    /// The identifier of the only session of a user.
    pub(crate) async fn session(&self, id: &str) -> String {
        let items = self.service.items("Sessions").await;
        let session = items.into_iter().find(|item| item["public_id"].as_s().unwrap() == id).unwrap();
        session["session_id"].as_s().unwrap().clone()
    }

    /// Signs up a user, and returns the `public_id`.
    pub(crate) async fn sign_up(&self, user: [&str; 3]) -> String {
        text(&self.service.sign_up(user).await.json(), "public_id").to_owned()
    }
}

/// An item with sorted attributes and sets.
fn sorted(item: &HashMap<String, AttributeValue>) -> String {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            format!("{texts:?}")
        }
        value => format!("{value:?}"),
    };
    format!("{:?}", item.iter().map(|(name, attribute)| (name, value(attribute))).collect::<BTreeMap<_, _>>())
}

/// A pseudoterminal.
pub(crate) struct Terminal {
    /// The side of the operator.
    outer: File,
    /// The path of the side of the program.
    pub(crate) name: String,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let outer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&outer).unwrap();
        unlockpt(&outer).unwrap();
        let name = ptsname(&outer, Vec::new()).unwrap().into_string().unwrap();
        Self { outer: outer.into(), name }
    }

    /// The side of the program.
    pub(crate) fn inner(&self) -> Stdio {
        File::options().read(true).write(true).open(&self.name).unwrap().into()
    }
}

/// A program that waits for an answer to its confirmation prompt.
pub(crate) struct Prompt {
    process: Child,
    err: BufReader<ChildStderr>,
    /// Standard error so far.
    pub(crate) text: String,
    terminal: Terminal,
}

impl Prompt {
    /// Waits for the next prompt.
    pub(crate) async fn wait(&mut self) {
        let start = self.text.len();
        let read = async {
            while !self.text[start..].ends_with("[y/N] ") {
                self.text.push(char::from(self.err.read_u8().await.unwrap_or_else(|_| panic!("ended: {}", self.text))));
            }
        };
        timeout(LIMIT, read).await.expect("the program asks");
    }

    /// Types an answer.
    pub(crate) fn answer(&mut self, answer: &str) {
        use std::io::Write as _;
        self.terminal.outer.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Waits for the end of the program.
    pub(crate) async fn finish(mut self) -> Outcome {
        let mut stderr = self.text.into_bytes();
        timeout(LIMIT, self.err.read_to_end(&mut stderr)).await.expect("the program ends").unwrap();
        let output = timeout(LIMIT, self.process.wait_with_output()).await.expect("the program ends").unwrap();
        Outcome::new(&Output { stderr, ..output })
    }
}

/// Waits for the end of a program whose standard error is a pipe.
pub(crate) async fn finish(program: Child) -> Outcome {
    let output = timeout(LIMIT, program.wait_with_output()).await.expect("the program ends").unwrap();
    Outcome::new(&output)
}

/// As [`finish`], for an export: it may write hashes to standard output.
pub(crate) async fn finish_export(program: Child) -> Outcome {
    let output = timeout(LIMIT, program.wait_with_output()).await.expect("the program ends").unwrap();
    Outcome::with_hashes(&output)
}

/// Sends a signal to a program that runs.
pub(crate) fn send(program: &Child, signal: Signal) {
    kill_process(Pid::from_raw(program.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
}

/// The permissions of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Outcome {
    pub(crate) fn new(output: &Output) -> Self {
        let outcome = Self::with_hashes(output);
        outcome.assert_no_hash(&outcome.out);
        outcome
    }

    /// The outcome of a program that may write hashes to standard output.
    fn with_hashes(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outcome = Self {
            code: output.status.code().expect("no signal"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        outcome.assert_no_hash(&outcome.err);
        assert!(!outcome.out.contains("panicked") && !outcome.err.contains("panicked"), "{outcome:?}");
        outcome
    }

    fn assert_no_hash(&self, text: &str) {
        let has_hash = ["$argon2", "argon2id$v", "$m="].iter().any(|part| text.contains(part));
        assert!(!has_hash, "a hash is printed: {self:?}");
    }

    pub(crate) fn assert_success(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Asserts the exit code, an error line as the last line, and that the output mentions `words`.
    pub(crate) fn assert_exit(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        // At a terminal, the typed answer ends the line of the prompt.
        let line = self.err.rsplit("[y/N] ").next().and_then(|rest| rest.lines().last()).unwrap_or_default();
        assert!(line.starts_with("admin: "), "{self:?}");
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

    /// The only audit line.
    pub(crate) fn audit_line(&self) -> Value {
        let [line] = &self.audit()[..] else { panic!("not one audit line: {self:?}") };
        line.clone()
    }
}
