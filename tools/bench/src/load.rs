//! `local` at full concurrency for a minute, then at twice the load:
//! `cargo build --release -p local && cargo run --release -p testkit --example load -- target/release/local 60`
//! (binary, seconds of each part; on Linux). Each client signs in, then lists, asks for its own record, refreshes, and logs in again.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a program that cannot go on should stop"
)]

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

const PASSWORD: &str = "tortoise lamp quarrel";

struct Local {
    process: Child,
    url: String,
}

impl Drop for Local {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let binary = arguments.next().expect("the path of the binary local");
    let seconds = arguments.next().expect("seconds").parse().expect("seconds are a number");
    let local = start(&binary).await;
    // One log-in keeps a core busy, so this many keep all of them busy and some waiting.
    let clients = 4 * thread::available_parallelism().map_or(1, usize::from);
    for clients in [clients, 2 * clients] {
        part(&local, clients, Duration::from_secs(seconds)).await;
    }
}

async fn start(binary: &str) -> Local {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new(binary)
        .args(["--port", &port.to_string(), "--dynamodb-port", "0"])
        .env("RUST_LOG", "error")
        .env("THROTTLE_ADDRESS_SIGNUPS", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let local = Local { process, url: format!("http://127.0.0.1:{port}") };
    while reqwest::get(&local.url).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
    local
}

/// What a client saw.
#[derive(Default)]
struct Seen {
    log_ins: Vec<Duration>,
    others: Vec<Duration>,
    refused: usize,
    failed: usize,
}

async fn part(local: &Local, clients: usize, duration: Duration) {
    let url = Arc::new(local.url.clone());
    let memory = |local: &Local| resident(local.process.id());
    let before = memory(local);
    let mut workers = JoinSet::new();
    let end = Instant::now() + duration;
    for number in 0..clients {
        let url = url.clone();
        workers.spawn(async move { client(&url, u8::try_from(number + 2).expect("few clients"), clients, end).await });
    }
    sleep(duration / 2).await;
    let halfway = memory(local);
    let seen = workers.join_all().await.into_iter().fold(Seen::default(), |mut all, one| {
        all.log_ins.extend(one.log_ins);
        all.others.extend(one.others);
        all.refused += one.refused;
        all.failed += one.failed;
        all
    });
    let after = memory(local);
    let times = |mut times: Vec<Duration>| {
        times.sort();
        let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        format!("{:.0}/s, p50 {:.1} ms, p99 {:.1} ms", times.len() as f64 / duration.as_secs_f64(), at(50), at(99))
    };
    println!(
        "{clients} clients: log-ins {}; other calls {}; 429 {}, failed {}; memory {before:.1}, {halfway:.1}, {after:.1} MiB",
        times(seen.log_ins),
        times(seen.others),
        seen.refused,
        seen.failed
    );
}

/// One client at an address of its own, with an account of its own, one request after the other.
async fn client(url: &str, last: u8, of: usize, end: Instant) -> Seen {
    let http = Client::builder().local_address(IpAddr::from(Ipv4Addr::new(127, 0, 0, last))).build().unwrap();
    let email = format!("user{last}-{of}@example.com");
    let mut seen = Seen::default();
    post(&http, url, "/signup", &json!({ "name": "Ada", "email": email, "password": PASSWORD })).await;
    while Instant::now() < end {
        let started = Instant::now();
        let (status, answer) = post(&http, url, "/login", &json!({ "email": email, "password": PASSWORD })).await;
        seen.note(true, status, started.elapsed());
        let Some(token) = answer["token"].as_str() else { continue };
        for path in ["/user", "/user/me"] {
            let started = Instant::now();
            let status =
                http.get(format!("{url}{path}")).bearer_auth(token).send().await.map(|answer| answer.status().as_u16());
            seen.note(false, status.unwrap_or(0), started.elapsed());
        }
        let started = Instant::now();
        let (status, _) = post(&http, url, "/refresh", &json!({ "refresh_token": answer["refresh_token"] })).await;
        seen.note(false, status, started.elapsed());
    }
    seen
}

impl Seen {
    fn note(&mut self, is_log_in: bool, status: u16, duration: Duration) {
        match status {
            200..300 if is_log_in => self.log_ins.push(duration),
            200..300 => self.others.push(duration),
            429 => self.refused += 1,
            _ => self.failed += 1,
        }
    }
}

async fn post(http: &Client, url: &str, path: &str, body: &Value) -> (u16, Value) {
    match http.request(Method::POST, format!("{url}{path}")).json(body).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap_or_default()),
        Err(_) => (0, Value::Null),
    }
}

/// Memory of a process, in MiB (`proc_pid_status(5)`).
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
