//! The test harness: runs the program in a directory of its own, with a fake AWS.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, Jwk, JwkSet, SigningKeySet, VerifyingKeySet},
    time::UnixSeconds,
};
use tokio::{
    io::{AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};
use uuid::Uuid;

use crate::fake_aws::FakeAws;

/// The longest wait for the program.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Locations in the directory of a sandbox.
pub(crate) const PRIVATE_FILE: &str = "file:keys.json";
pub(crate) const PUBLIC_FILE: &str = "file:public-keys.json";

/// A directory and a fake AWS for one test. The program must not print a private value of either.
pub(crate) struct Sandbox {
    directory: PathBuf,
    pub(crate) aws: FakeAws,
}

/// Exit code and output of the program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Locations of the two sets.
#[derive(Debug, Clone)]
pub(crate) struct Locations {
    pub(crate) keys: String,
    pub(crate) public: String,
}

impl Sandbox {
    pub(crate) async fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("postern-admin-{}", Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        Self { directory, aws: FakeAws::start().await }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The region in an ARN takes precedence over this one.
        let variables = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")];
        command.envs(variables);
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.aws.url);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.command(env!("CARGO_BIN_EXE_admin"), arguments);
        self.finish(command.envs(variables.iter().copied())).await
    }

    pub(crate) async fn finish(&self, command: &mut Command) -> Outcome {
        let before = self.private_values();
        let output = timeout(LIMIT, command.output()).await.expect("the program ends").unwrap();
        self.outcome(&output, before)
    }

    /// Runs `admin keys COMMAND` with both locations.
    pub(crate) async fn keys(&self, command: &[&str], locations: &Locations) -> Outcome {
        let locations = ["--keys", &locations.keys, "--public-keys", &locations.public];
        self.run(&[&["keys"], command, &locations[..]].concat()).await
    }

    fn outcome(&self, output: &Output, mut private: Vec<String>) -> Outcome {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outcome = Outcome {
            code: output.status.code().expect("no signal"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        private.extend(self.private_values());
        for value in private {
            assert!(
                !outcome.out.contains(&value) && !outcome.err.contains(&value),
                "a private value is printed: {outcome:?}"
            );
        }
        outcome
    }

    /// Every private member of every set in the directory or, at any time, in a secret; and every plain key.
    fn private_values(&self) -> Vec<String> {
        let files = self.files().into_iter().filter_map(|name| fs::read_to_string(self.path(&name)).ok());
        let mut values = Vec::new();
        for text in files.chain(self.aws.all_texts()) {
            match serde_json::from_str::<Value>(&text) {
                Ok(set) => values.extend(private_members(&set)),
                Err(_) if text.len() >= 16 => values.push(text.trim().to_owned()),
                Err(_) => {}
            }
        }
        values
    }

    /// Starts the program at a terminal and waits for its confirmation prompt.
    pub(crate) async fn prompt(&self, arguments: &[&str]) -> Prompt {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let inner = File::options().read(true).write(true).open(name).unwrap();
        let mut command = self.command(env!("CARGO_BIN_EXE_admin"), arguments);
        let mut process = command.stdin(Stdio::from(inner)).spawn().unwrap();
        let mut err = BufReader::new(process.stderr.take().unwrap());
        let question = timeout(LIMIT, read_until(&mut err, "[y/N] ")).await.expect("the program asks");
        Prompt { process, err, question, terminal: terminal.into() }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The current value at a location.
    pub(crate) fn text(&self, location: &str) -> Option<String> {
        match location.strip_prefix("file:") {
            Some(name) => fs::read_to_string(self.path(name)).ok(),
            None => self.aws.text(location),
        }
    }

    /// Writes a value as another client does.
    pub(crate) fn put(&self, location: &str, text: &str) {
        match location.strip_prefix("file:") {
            Some(name) => self.write(name, text),
            None => self.aws.put(location, text),
        }
    }

    pub(crate) fn kids(&self, location: &str) -> Vec<String> {
        kids(&self.text(location).unwrap_or_default())
    }

    /// Asserts that the functions accept both sets and that the public set is that of the private keys.
    pub(crate) fn assert_consistent(&self, locations: &Locations, algorithm: Algorithm) {
        let private = self.text(&locations.keys).expect("there are keys");
        let keys = SigningKeySet::parse(&private, algorithm, Deployment::Aws).expect("the functions accept the keys");
        if algorithm.is_asymmetric() {
            let public = self.text(&locations.public).expect("there are public keys");
            assert_eq!(public.trim_end(), keys.public(), "the public set is that of the private one");
            assert!(VerifyingKeySet::parse_public(&public, algorithm, Deployment::Aws).is_ok());
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Outcome {
    pub(crate) fn assert_success(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        for line in self.err.lines() {
            assert!(line.starts_with("admin: note: "), "{self:?}");
        }
        self
    }

    /// Asserts exit code 1 and an error line. The output mentions `words`.
    pub(crate) fn assert_failed(&self, words: &[&str]) -> &Self {
        self.assert_exit(1, words)
    }

    pub(crate) fn assert_exit(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        // At a terminal, the typed answer ends the line of the prompt.
        let line = self.err.rsplit("[y/N] ").next().and_then(|rest| rest.lines().last()).unwrap_or_default();
        assert!(line.starts_with("admin: ") && self.err.ends_with('\n'), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.assert_mentions(words)
    }

    pub(crate) fn assert_mentions(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word) || self.out.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// A program that waits for an answer to its confirmation prompt.
pub(crate) struct Prompt {
    process: Child,
    err: BufReader<ChildStderr>,
    pub(crate) question: String,
    terminal: File,
}

impl Prompt {
    /// Types an answer. An empty answer is Ctrl-D.
    pub(crate) async fn answer(mut self, sandbox: &Sandbox, answer: &str) -> Outcome {
        let typed = if answer.is_empty() { "\u{4}".to_owned() } else { format!("{answer}\n") };
        self.terminal.write_all(typed.as_bytes()).unwrap();
        let mut stderr = self.question.into_bytes();
        timeout(LIMIT, self.err.read_to_end(&mut stderr)).await.expect("the program ends").unwrap();
        let output = timeout(LIMIT, self.process.wait_with_output()).await.expect("the program ends").unwrap();
        sandbox.outcome(&Output { stderr, ..output }, Vec::new())
    }
}

async fn read_until(from: &mut BufReader<ChildStderr>, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(from.read_u8().await.unwrap_or_else(|_| panic!("the program ended: {text}"))));
    }
    text
}

impl Locations {
    pub(crate) fn files() -> Self {
        Self { keys: PRIVATE_FILE.to_owned(), public: PUBLIC_FILE.to_owned() }
    }

    /// Two secrets without a value.
    pub(crate) fn secrets(sandbox: &Sandbox) -> Self {
        Self::named_secrets(sandbox, "postern")
    }

    /// Two secrets without a value, whose names start with `name`.
    pub(crate) fn named_secrets(sandbox: &Sandbox, name: &str) -> Self {
        let [keys, public] = [name, &format!("{name}-public")].map(|name| sandbox.aws.create_secret(name));
        Self { keys, public }
    }

    /// A secret without a value for the private keys, and a file that does not exist for the public ones.
    pub(crate) fn mixed(sandbox: &Sandbox) -> Self {
        Self { public: format!("file:public-{}.json", Uuid::new_v4()), ..Self::secrets(sandbox) }
    }

    /// Two files, two secrets, and one of each.
    pub(crate) fn all(sandbox: &Sandbox) -> [Self; 3] {
        [Self::files(), Self::secrets(sandbox), Self::mixed(sandbox)]
    }
}

/// New keys with these creation times, in this order.
pub(crate) fn set(algorithm: Algorithm, created: &[u64]) -> JwkSet {
    JwkSet::new(created.iter().map(|at| Jwk::generate(algorithm, UnixSeconds::new(*at)).unwrap()).collect())
}

pub(crate) fn kids(text: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(text).unwrap_or_default();
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
}

fn private_members(set: &Value) -> Vec<String> {
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let members = ["k", "d", "p", "q", "dp", "dq", "qi"];
    let values = keys.iter().flat_map(|key| members.iter().filter_map(|member| key[member].as_str()));
    values.filter(|value| value.len() >= 16).map(str::to_owned).collect()
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
