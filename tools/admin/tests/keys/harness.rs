//! A desk of one's own: a directory, an AWS, and the program.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use shared::domain::keys::{
    jwk::{Algorithm, Jwk},
    key_set::{JwkSet, SigningKeySet, VerifyingKeySet},
};
use tokio::{
    io::{AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};
use uuid::Uuid;

use crate::fake_aws::Aws;

const LIMIT: Duration = Duration::from_secs(60);

/// Files of a desk.
pub(crate) const PRIVATE_FILE: &str = "file:keys.json";
pub(crate) const PUBLIC_FILE: &str = "file:public-keys.json";

/// A directory and an AWS for one test. Nothing that the program says there may hold anything private.
pub(crate) struct Desk {
    directory: PathBuf,
    pub(crate) aws: Aws,
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Where the two sets are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) keys: String,
    pub(crate) public: String,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("postern-admin-{}", Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        Self { directory, aws: Aws::start().await }
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
        // Not the region of the places: an ARN names its own.
        let variables = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")];
        command.envs(variables);
        for variable in ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_SSM"] {
            command.env(variable, &self.aws.url);
        }
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(env!("CARGO_BIN_EXE_admin"), arguments);
        self.finish(command.envs(variables.iter().copied())).await
    }

    pub(crate) async fn finish(&self, command: &mut Command) -> Said {
        let before = self.private_values();
        let output = timeout(LIMIT, command.output()).await.expect("the program ends").unwrap();
        self.said(&output, before)
    }

    /// Runs `admin keys COMMAND` for two places.
    pub(crate) async fn keys(&self, command: &[&str], places: &Places) -> Said {
        let places = ["--keys", &places.keys, "--public-keys", &places.public];
        self.run(&[&["keys"], command, &places[..]].concat()).await
    }

    fn said(&self, output: &Output, mut private: Vec<String>) -> Said {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        let said = Said {
            code: output.status.code().expect("no signal"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        private.extend(self.private_values());
        for value in private {
            assert!(!said.out.contains(&value) && !said.err.contains(&value), "says something private: {said:?}");
        }
        said
    }

    /// Every private member of every set that is at this desk or ever was in its AWS, and every plain key.
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

    /// Starts the program at a terminal, and waits for its question.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Asked {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let inner = File::options().read(true).write(true).open(name).unwrap();
        let mut command = self.command(env!("CARGO_BIN_EXE_admin"), arguments);
        let mut process = command.stdin(Stdio::from(inner)).spawn().unwrap();
        let mut err = BufReader::new(process.stderr.take().unwrap());
        let question = timeout(LIMIT, read_until(&mut err, "[y/N] ")).await.expect("the program asks");
        Asked { process, err, question, terminal: terminal.into() }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// What a place holds, or nothing.
    pub(crate) fn text(&self, place: &str) -> Option<String> {
        match place.strip_prefix("file:") {
            Some(name) => fs::read_to_string(self.path(name)).ok(),
            None => self.aws.text(place),
        }
    }

    /// Puts a text there by other means.
    pub(crate) fn put(&self, place: &str, text: &str) {
        match place.strip_prefix("file:") {
            Some(name) => self.write(name, text),
            None => self.aws.put(place, text),
        }
    }

    pub(crate) fn kids(&self, place: &str) -> Vec<String> {
        kids(&self.text(place).unwrap_or_default())
    }

    /// That the two sets are what the functions take, and belong together.
    pub(crate) fn assert_sound(&self, places: &Places, algorithm: Algorithm) {
        let private = self.text(&places.keys).expect("there are keys");
        let keys = SigningKeySet::parse(&private, algorithm, false).expect("the functions take the keys");
        if algorithm.is_asymmetric() {
            let public = self.text(&places.public).expect("there are public keys");
            assert_eq!(public.trim_end(), keys.public(), "the public set is that of the private one");
            assert!(VerifyingKeySet::parse_public(&public, algorithm, false).is_ok());
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Said {
    pub(crate) fn is_done(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        for line in self.err.lines() {
            assert!(line.starts_with("admin: note: "), "{self:?}");
        }
        self
    }

    /// That it has failed with one line, which has these words in it.
    pub(crate) fn is_failed(&self, words: &[&str]) -> &Self {
        self.is_ended(1, words)
    }

    pub(crate) fn is_ended(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        // At a terminal, what is typed ends the question's line.
        let line = self.err.rsplit("[y/N] ").next().and_then(|said| said.lines().last()).unwrap_or_default();
        assert!(line.starts_with("admin: ") && self.err.ends_with('\n'), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.says(words)
    }

    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word) || self.out.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// A program that has asked.
pub(crate) struct Asked {
    process: Child,
    err: BufReader<ChildStderr>,
    pub(crate) question: String,
    terminal: File,
}

impl Asked {
    /// Types an answer. Nothing is Ctrl-D.
    pub(crate) async fn answer(mut self, desk: &Desk, answer: &str) -> Said {
        let typed = if answer.is_empty() { "\u{4}".to_owned() } else { format!("{answer}\n") };
        self.terminal.write_all(typed.as_bytes()).unwrap();
        let mut stderr = self.question.into_bytes();
        timeout(LIMIT, self.err.read_to_end(&mut stderr)).await.expect("the program ends").unwrap();
        let output = timeout(LIMIT, self.process.wait_with_output()).await.expect("the program ends").unwrap();
        desk.said(&Output { stderr, ..output }, Vec::new())
    }
}

async fn read_until(from: &mut BufReader<ChildStderr>, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(from.read_u8().await.unwrap_or_else(|_| panic!("it ended: {text}"))));
    }
    text
}

impl Places {
    pub(crate) fn files() -> Self {
        Self { keys: PRIVATE_FILE.to_owned(), public: PUBLIC_FILE.to_owned() }
    }

    /// A secret that has no value yet, and a parameter that is not there.
    pub(crate) fn secret(desk: &Desk) -> Self {
        let keys = desk.aws.create_secret();
        Self { keys, public: Aws::parameter_arn(&format!("postern/{}", Uuid::new_v4())) }
    }

    /// Parameters that are not there.
    pub(crate) fn parameters() -> Self {
        let arn = || Aws::parameter_arn(&format!("postern-{}", Uuid::new_v4()));
        Self { keys: arn(), public: arn() }
    }

    /// Of every kind.
    pub(crate) fn all(desk: &Desk) -> [Self; 3] {
        [Self::files(), Self::secret(desk), Self::parameters()]
    }
}

/// Keys made at these moments, in this order.
pub(crate) fn set(algorithm: Algorithm, made: &[u64]) -> JwkSet {
    JwkSet::new(made.iter().map(|at| Jwk::generate(algorithm, *at).unwrap()).collect())
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
