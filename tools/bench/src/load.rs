//! Load on `local`: throughput, latency and memory at full concurrency and at twice that.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    figures::Samples,
    process::{Failure, milliseconds},
};

const PASSWORD: &str = "tortoise lamp quarrel";

/// The binary and the duration.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Release binary of local.
    binary: PathBuf,
    /// Duration of each of the two parts, in seconds.
    seconds: u64,
}

struct Local {
    process: Child,
    url: String,
}

impl Drop for Local {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
    }
}

/// Runs both parts and prints one line for each.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let local = start(&arguments.binary).await?;
    // A log-in occupies a core, so this number of clients keeps all cores busy and some clients waiting.
    let clients = 4 * thread::available_parallelism().map_or(1, usize::from);
    for clients in [clients, 2 * clients] {
        run_part(&local, u8::try_from(clients)?, Duration::from_secs(arguments.seconds)).await?;
    }
    Ok(())
}

async fn start(binary: &Path) -> Result<Local, Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let process = Command::new(binary)
        .args(["--port", &port.to_string(), "--dynamodb-port", "0"])
        .env("RUST_LOG", "error")
        .env("THROTTLE_ADDRESS_SIGNUPS", "0")
        .env("THROTTLE_PAIR_LOGINS", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut local = Local { process, url: format!("http://127.0.0.1:{port}") };
    while reqwest::get(&local.url).await.is_err() {
        if let Some(status) = local.process.try_wait()? {
            return Err(format!("local ended ({status})").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(local)
}

/// The responses that a client received.
#[derive(Default)]
struct Responses {
    log_ins: Samples,
    others: Samples,
    rate_limited: usize,
    failed: usize,
}

async fn run_part(local: &Local, clients: u8, duration: Duration) -> Result<(), Failure> {
    let id = local.process.id();
    let before = resident_mib(id);
    let mut workers = JoinSet::new();
    let end = Instant::now() + duration;
    for number in 0..clients {
        let url = local.url.clone();
        workers.spawn(async move { run_client(&url, number + 2, clients, end).await });
    }
    sleep(duration / 2).await;
    let halfway = resident_mib(id);
    let mut all = Responses::default();
    for responses in workers.join_all().await {
        let responses = responses?;
        all.log_ins.extend(responses.log_ins);
        all.others.extend(responses.others);
        all.rate_limited += responses.rate_limited;
        all.failed += responses.failed;
    }
    let after = resident_mib(id);
    let times = |times: &Samples| {
        let rate = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX)) / duration.as_secs_f64();
        format!("{rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms", times.median(), times.quantile(0.99))
    };
    println!(
        "{clients} clients: log-ins {}; other calls {}; 429: {}, failed: {}; \
         memory {before:.1}, {halfway:.1}, {after:.1} MiB",
        times(&all.log_ins),
        times(&all.others),
        all.rate_limited,
        all.failed
    );
    Ok(())
}

/// One client with its own address and account, which sends one request at a time: log-in, list, own record, refresh.
async fn run_client(url: &str, last_byte: u8, clients: u8, end: Instant) -> Result<Responses, Failure> {
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, last_byte));
    let http = Client::builder().local_address(address).build()?;
    let email = format!("user{last_byte}-{clients}@example.com");
    let mut responses = Responses::default();
    post(&http, url, "/signup", &json!({ "name": "Ada", "email": email, "password": PASSWORD })).await;
    while Instant::now() < end {
        let started = Instant::now();
        let (status, tokens) = post(&http, url, "/login", &json!({ "email": email, "password": PASSWORD })).await;
        responses.record(true, status, started.elapsed());
        let Some(token) = tokens["token"].as_str() else { continue };
        for path in ["/user", "/user/me"] {
            let started = Instant::now();
            let response = http.get(format!("{url}{path}")).bearer_auth(token).send().await;
            responses.record(false, response.map_or(0, |response| response.status().as_u16()), started.elapsed());
        }
        let started = Instant::now();
        let (status, _) = post(&http, url, "/refresh", &json!({ "refresh_token": tokens["refresh_token"] })).await;
        responses.record(false, status, started.elapsed());
    }
    Ok(responses)
}

impl Responses {
    fn record(&mut self, is_log_in: bool, status: u16, duration: Duration) {
        match status {
            200..300 if is_log_in => self.log_ins.push(milliseconds(duration)),
            200..300 => self.others.push(milliseconds(duration)),
            429 => self.rate_limited += 1,
            _ => self.failed += 1,
        }
    }
}

/// Status and body of the response; status 0 without a response.
async fn post(http: &Client, url: &str, path: &str, body: &Value) -> (u16, Value) {
    match http.post(format!("{url}{path}")).json(body).send().await {
        Ok(response) => (response.status().as_u16(), response.json().await.unwrap_or_default()),
        Err(_) => (0, Value::Null),
    }
}

/// Resident memory of a process, in MiB (`proc_pid_status(5)`).
fn resident_mib(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
