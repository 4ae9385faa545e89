//! The program `local`, run from the command line.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    process::{Output, Stdio},
    time::Duration,
};

use shared::{
    config::clock::Clock,
    domain::{
        keys::{Algorithm, Jwk, JwkSet},
        time::UnixSeconds,
    },
};
use testkit::ADA;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for name in ["AUTH_PROFILE", "JWT_SECRET_KEY", "JWT_SECRET_ARN", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

struct Local {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Local {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::of(command(arguments).envs(variables.iter().copied()).spawn().unwrap())
    }

    fn of(mut process: Child) -> Self {
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads up to the next line that starts with `start`, and returns the rest of that line.
    async fn line(&mut self, start: &str) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("local prints more lines");
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
        };
        timeout(Duration::from_secs(10), found).await.unwrap_or_else(|_| panic!("local prints {start}"))
    }

    /// Stops the process and returns its exit code, standard error, and the time that this took.
    async fn stop(mut self, signal: &str) -> (Option<i32>, String, Duration) {
        let id = self.process.id().unwrap().to_string();
        let (clock, started) = (Clock::system(), Clock::system().now());
        shell(&format!("kill {signal} {id}")).await;
        let status = timeout(Duration::from_secs(5), self.process.wait()).await.expect("local stops").unwrap();
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        (status.code(), log, clock.now().since(started))
    }

    /// Stops the process and returns its standard error and the rest of its standard output.
    async fn stop_with_output(mut self, signal: &str) -> (String, String) {
        let id = self.process.id().unwrap().to_string();
        shell(&format!("kill {signal} {id}")).await;
        let (mut log, mut rest) = (String::new(), String::new());
        self.process.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        self.lines.into_inner().read_to_string(&mut rest).await.unwrap();
        (log, rest)
    }
}

/// Checks that the program fails with a single line on standard error, and returns its exit code and that line.
async fn fails(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output: Output = timeout(Duration::from_secs(10), command(arguments).envs(variables.iter().copied()).output())
        .await
        .expect("local ends")
        .unwrap();
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    assert_eq!(text.trim_end().lines().count(), 1, "not one line: {text}");
    (output.status.code(), text)
}

async fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().await.unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_three_printed_commands_work_when_pasted_in_order() {
    let unusual = [
        ("JWT_AUTH_URL_RULE", "/auth"),
        ("JWT_AUTH_USERNAME_KEY", "user's name"),
        ("JWT_AUTH_PASSWORD_KEY", "pass $word"),
    ];
    for variables in [&[][..], &[("AUTH_PROFILE", "strict")], &unusual] {
        let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0"], variables);
        assert!(local.line("API on ").await.starts_with("http://127.0.0.1:"));
        local.line("Try it:").await;
        let mut script = Vec::new();
        for start in ["curl", "TOKEN", "curl"] {
            script.push(format!("{start}{}", local.line(start).await));
        }
        let answers = shell(&script.join("\necho\n")).await;
        assert!(answers.contains("Successfully registered."), "{variables:?} {answers}");
        assert_eq!(answers.matches("ada@example.com").count(), 2, "{variables:?} {answers}");
    }
}

#[tokio::test]
async fn the_printed_commands_work_for_an_existing_user_while_sign_up_is_closed() {
    let mut open = Local::start(&["--port", "0", "--dynamodb-port", "0"], &[]);
    let api = open.line("API on ").await;
    let endpoint = open.line("DynamoDB on ").await;
    let form = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
    assert_eq!(reqwest::Client::new().post(format!("{api}/signup")).form(&form).send().await.unwrap().status(), 201);
    let arguments = ["--port", "0", "--dynamodb-endpoint", endpoint.split(' ').next().unwrap()];
    let mut closed = Local::start(&arguments, &[("SIGNUP", "closed")]);
    closed.line("Sign-up is closed. With the address and the password of a user, try:").await;
    let blank = closed.lines.next_line().await.unwrap().unwrap();
    let log_in = closed.lines.next_line().await.unwrap().unwrap();
    assert!(blank.is_empty() && log_in.starts_with("TOKEN=") && !log_in.contains("ada@"), "{log_in}");
    let log_in = log_in.replace("ADDRESS", ADA[1]).replace("PASSWORD", ADA[2]);
    let listed = shell(&format!("{log_in}\ncurl{}", closed.line("curl").await)).await;
    assert_eq!(listed.matches(ADA[1]).count(), 1, "{listed}");
}

#[tokio::test]
async fn defaults_for_missing_settings_are_printed() {
    let empty = [("USERS_TABLE", ""), ("CREDENTIALS_TABLE", ""), ("JWT_SECRET_KEY", "")];
    let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0"], &empty);
    let database = local.line("DynamoDB on ").await;
    assert!(database.ends_with("(in memory; tables Users, Credentials, Sessions and Throttle)"), "{database}");
    // The notes follow the commands.
    local.line("TOKEN=").await;
    local.line("curl ").await;
    assert!(local.line("JWT_SECRET_KEY is not set").await.contains("a random key"));
    local.line("The tutorial profile is active; AUTH_PROFILE=strict has stricter defaults").await;
    let (_, log, _) = local.stop("-TERM").await;
    assert_eq!(log, "", "no warnings in addition to the one line");
    let (key, table) = ("a key that only this test uses: 77d0", "people");
    let mut local = Local::start(
        &["--port", "0", "--dynamodb-port", "0"],
        &[("JWT_SECRET_KEY", key), ("USERS_TABLE", table), ("AUTH_PROFILE", "strict")],
    );
    assert!(local.line("DynamoDB on ").await.contains("tables people, Credentials, Sessions and Throttle"));
    local.line("TOKEN=").await;
    local.line("curl ").await;
    let (log, notes) = local.stop_with_output("-TERM").await;
    let note = "\nThese settings are weaker than recommended: JWT_ALGORITHM, JWT_AUDIENCE.\n";
    assert_eq!((log.as_str(), notes.as_str()), ("", note), "no note about the key, and no key");
    let keys = JwkSet::new(vec![Jwk::generate(Algorithm::EdDsa, UnixSeconds::new(1)).unwrap()]).to_json();
    let recommended = [("JWT_SECRET_KEY", keys.as_str()), ("JWT_ALGORITHM", "EdDSA"), ("AUTH_PROFILE", "strict")];
    let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0"], &recommended);
    local.line("TOKEN=").await;
    local.line("curl ").await;
    assert_eq!(local.stop_with_output("-TERM").await, (String::new(), String::new()), "no note");
}

#[tokio::test]
async fn each_algorithm_works_without_further_settings() {
    let http = reqwest::Client::new();
    for algorithm in ["HS256", "EdDSA", "ES256", "RS256"] {
        let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0"], &[("JWT_ALGORITHM", algorithm)]);
        let api = local.line("API on ").await;
        let form = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
        assert_eq!(http.post(format!("{api}/signup")).form(&form).send().await.unwrap().status(), 201);
        let logged_in = http.post(format!("{api}/login")).form(&form).send().await.unwrap().text().await.unwrap();
        let token: serde_json::Value = serde_json::from_str(&logged_in).unwrap();
        let token = token["token"].as_str().unwrap();
        assert_eq!(testkit::forge::header(token)["alg"], algorithm);
        let me = http.get(format!("{api}/user/me")).bearer_auth(token).send().await.unwrap();
        assert_eq!(me.status(), 200, "{algorithm}");
    }
}

#[tokio::test]
async fn a_database_file_persists_across_restarts() {
    let file = std::env::temp_dir().join(format!("postern-{}.db", uuid()));
    let path = file.to_str().unwrap();
    let http = reqwest::Client::new();
    let form = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
    for (call, status) in [("signup", 201), ("login", 201), ("signup", 202)] {
        let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0", "--data", path], &[]);
        let api = local.line("API on ").await;
        assert_eq!(http.post(format!("{api}/{call}")).form(&form).send().await.unwrap().status(), status, "{call}");
        assert_eq!(local.stop("-TERM").await.0, Some(0));
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{path}{suffix}"));
    }
}

#[tokio::test]
async fn a_new_database_file_is_readable_by_its_owner_only() {
    let directory = std::env::temp_dir().join(format!("postern-{}", uuid()));
    std::fs::create_dir(&directory).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // SQLite itself would take `:memory:` for a database in memory.
    for name in ["users.db", ":memory:"] {
        let mut local = command(&["--dynamodb-only", "--dynamodb-port", "0", "--data", name]);
        let process = local.current_dir(&directory).spawn().unwrap();
        let mut local = Local::of(process);
        local.line("DynamoDB on ").await;
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        assert!(std::fs::metadata(directory.join(name)).unwrap().len() > 0, "{name}");
        assert_eq!(local.stop("-TERM").await.0, Some(0));
    }
    // The operator's choice for an existing file is kept.
    let file = directory.join("shared.db");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let arguments = ["--dynamodb-only", "--dynamodb-port", "0", "--data", file.to_str().unwrap()];
    let mut local = Local::start(&arguments, &[]);
    local.line("DynamoDB on ").await;
    assert_eq!(mode(&file), 0o640);
    std::fs::remove_dir_all(directory).unwrap();
}

fn uuid() -> String {
    shared::domain::user::PublicId::random().to_string()
}

#[tokio::test]
async fn database_only_mode_serves_a_second_local() {
    let mut database = Local::start(&["--dynamodb-only", "--dynamodb-port", "0"], &[]);
    let endpoint = database.line("DynamoDB on ").await;
    let endpoint = endpoint.split(' ').next().unwrap();
    let mut local = Local::start(&["--port", "0", "--dynamodb-endpoint", endpoint], &[]);
    let api = local.line("API on ").await;
    let form = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
    assert_eq!(reqwest::Client::new().post(format!("{api}/signup")).form(&form).send().await.unwrap().status(), 201);
    let answer = reqwest::Client::new().get(format!("{endpoint}/signup")).send().await.unwrap();
    assert_ne!(answer.status(), 405, "the database does not serve the API");
}

#[tokio::test]
async fn web_apps_of_the_given_origins_may_call_the_api() {
    let ports = ["--port", "0", "--dynamodb-port", "0"];
    let http = reqwest::Client::new();
    let apps = ["http://localhost:5173", "http://127.0.0.1:8080", "https://app.example.com"];
    let repeated = ["--cors-allow-origin", apps[0], "--cors-allow-origin", apps[1], "--cors-allow-origin", apps[2]];
    let separated = ["--cors-allow-origin", &apps.join(",")];
    for (options, may_call) in [(&repeated[..], true), (&separated, true), (&[], false)] {
        let mut local = Local::start(&[&ports[..], options].concat(), &[]);
        let login = format!("{}/login", local.line("API on ").await);
        for app in apps {
            let preflight = http.request(reqwest::Method::OPTIONS, &login).header("origin", app);
            let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
            let refused = http.post(&login).header("origin", app).send().await.unwrap();
            assert_eq!((preflight.status().as_u16(), refused.status().as_u16()), (204, 401));
            for response in [preflight, refused] {
                let allowed =
                    response.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap());
                assert_eq!(allowed, may_call.then_some(app), "{options:?}");
            }
        }
        assert_eq!(local.stop("-TERM").await.0, Some(0));
    }
}

#[tokio::test]
async fn ctrl_c_and_sigterm_stop_it_immediately_despite_open_connections() {
    for signal in ["-INT", "-TERM"] {
        let mut local = Local::start(&["--port", "0", "--dynamodb-port", "0"], &[]);
        let api = local.line("API on ").await;
        let _open = tokio::net::TcpStream::connect(api.trim_start_matches("http://")).await.unwrap();
        let (code, _, took) = local.stop(signal).await;
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_a_one_line_error_with_exit_code_1() {
    let in_use = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = in_use.local_addr().unwrap().port().to_string();
    let (code, text) = fails(&["--port", &port, "--dynamodb-port", "0"], &[]).await;
    assert_eq!(
        (code, text),
        (Some(1), format!("local: port {port} is in use; choose another with --port, or 0 for a free port\n"))
    );
    let (code, text) = fails(&["--port", "0", "--dynamodb-port", &port], &[]).await;
    assert_eq!(
        (code, text),
        (Some(1), format!("local: port {port} is in use; choose another with --dynamodb-port, or 0 for a free port\n"))
    );
}

#[tokio::test]
async fn an_invalid_option_is_a_one_line_error_with_exit_code_2() {
    for arguments in [
        &["--prot", "3000"][..],
        &["--port", "65536"],
        &["--port", "abc"],
        &["--port"],
        &["extra"],
        &["--dynamodb-endpoint", "not-a-url"],
        &["--cors-allow-origin", "localhost:5173"],
        &["--cors-allow-origin", "http://localhost:5173,http://localhost:5174/"],
        &["--cors-allow-origin", "*", "--dynamodb-only"],
        &["--dynamodb-endpoint", "http://127.0.0.1:1", "--data", "x"],
        &["--dynamodb-endpoint", "http://127.0.0.1:1", "--dynamodb-only"],
    ] {
        let (code, text) = fails(arguments, &[]).await;
        assert_eq!(code, Some(2), "{arguments:?} {text}");
        assert!(text.starts_with("local: ") && text.contains("--help"), "{text}");
    }
}

#[tokio::test]
async fn an_unusable_file_or_setting_is_a_one_line_error_with_exit_code_1() {
    let (code, text) =
        fails(&["--port", "0", "--dynamodb-port", "0", "--data", "/missing/directory/users.db"], &[]).await;
    assert!(code == Some(1) && text.contains("/missing/directory/users.db"), "{text}");
    let ports = ["--port", "0", "--dynamodb-port", "0"];
    let (code, text) = fails(&ports, &[("JWT_SECRET_KEY", "hunter2")]).await;
    assert!(code == Some(1) && text.contains("JWT_SECRET_KEY") && !text.contains("hunter2"), "{text}");
    let (code, text) = fails(&["--port", "0", "--dynamodb-endpoint", "http://127.0.0.1:9"], &[]).await;
    assert!(code == Some(1) && text.contains("cannot create the table"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_of_its_own_is_refused_and_left_unchanged() {
    let directory = std::env::temp_dir().join(format!("postern-{}", uuid()));
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("users.db");
    let refused = async |contents: &str, problem: &str| {
        let before = std::fs::read(&file).unwrap();
        for more in [&[][..], &["--dynamodb-only"]] {
            let arguments = [&["--port", "0", "--dynamodb-port", "0", "--data", file.to_str().unwrap()], more].concat();
            let (code, text) = fails(&arguments, &[]).await;
            let expected = format!("local: cannot open the database {}: {problem}", file.display());
            assert_eq!((code, text.trim_end()), (Some(1), expected.as_str()), "{contents}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "{contents} is changed");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "{contents}: no files beside it");
        std::fs::remove_file(&file).unwrap();
    };
    for (sql, tables) in [
        ("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)", "users"),
        ("CREATE TABLE user (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE todo (id INTEGER)", "todo, user"),
        ("PRAGMA journal_mode = WAL; CREATE TABLE user (id INTEGER)", "user"),
        ("PRAGMA page_size = 512; CREATE TABLE _tables (id INTEGER)", "_tables"),
        ("CREATE TABLE _config (key TEXT); CREATE TABLE sqliteusers (id INTEGER)", "_config, sqliteusers"),
        ("CREATE VIEW people AS SELECT 'ada' AS name", "people"),
    ] {
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let problem = format!("it belongs to another application, with the tables {tables}; choose a new file");
        refused(sql, &problem).await;
    }
    for text in ["x", "{}\n", "id,name,email\n", &"longer than a page of SQLite\n".repeat(500)] {
        std::fs::write(&file, text).unwrap();
        refused(text, "it is not an SQLite database; choose a new file").await;
    }
    std::fs::write(&file, format!("SQLite format 3\0{}", "damaged".repeat(500))).unwrap();
    refused("damaged", "it is damaged; choose a new file").await;
    std::fs::remove_dir(directory).unwrap();
}

#[tokio::test]
async fn a_database_that_another_program_has_locked_is_named_as_such() {
    let file = std::env::temp_dir().join(format!("postern-{}.db", uuid()));
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE user (id INTEGER); BEGIN EXCLUSIVE").unwrap();
    let (code, text) = fails(&["--dynamodb-only", "--dynamodb-port", "0", "--data", file.to_str().unwrap()], &[]).await;
    assert!(code == Some(1) && text.contains("another program is using it"), "{text}");
    drop(other);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_database_of_a_killed_process_is_opened_again() {
    let file = std::env::temp_dir().join(format!("postern-{}.db", uuid()));
    for _ in 0..2 {
        let arguments = ["--dynamodb-only", "--dynamodb-port", "0", "--data", file.to_str().unwrap()];
        let mut local = Local::start(&arguments, &[]);
        local.line("DynamoDB on ").await;
        local.process.kill().await.unwrap();
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}

#[tokio::test]
async fn help_lists_the_options() {
    let output = command(&["--help"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for option in [
        "--port",
        "--dynamodb-port",
        "--data",
        "--dynamodb-only",
        "--dynamodb-endpoint",
        "--version",
        "--cors-allow-origin",
    ] {
        assert!(text.contains(option), "{text}");
    }
}
