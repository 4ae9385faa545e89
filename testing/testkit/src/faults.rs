//! A bad network, and a bad day of DynamoDB's: a proxy in front of a database that spoils some of the calls, each in one of six ways.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Longer than an attempt of ours may take.
const TOO_LONG: Duration = Duration::from_millis(1200);

const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded."}"#;
const FAILED: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}"#;

/// What may happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is refused, for there are too many.
    Throttled,
    /// It fails, with a status of 500.
    Failed,
    /// The connection ends before the database has it.
    LostBefore,
    /// The database has carried it out, and the connection ends before the answer.
    LostAfter,
    /// It is carried out, and half of the answer's body arrives.
    Cut,
    /// It is carried out, and the answer comes too late.
    Late,
}

const FAULTS: [Fault; 6] =
    [Fault::Throttled, Fault::Failed, Fault::LostBefore, Fault::LostAfter, Fault::Cut, Fault::Late];

/// A proxy that spoils calls, the same ones for the same seed and order of calls.
pub struct Faults {
    /// Where it listens.
    pub url: String,
    state: Arc<State>,
}

struct State {
    upstream: String,
    http: reqwest::Client,
    percent: AtomicU8,
    injected: AtomicUsize,
    rng: Mutex<Rng>,
}

impl Faults {
    /// Passes calls on to the database at `endpoint`, and spoils so many in a hundred.
    pub async fn start(endpoint: &str, percent: u8, seed: u64) -> Self {
        let state = Arc::new(State {
            upstream: endpoint.to_owned(),
            http: reqwest::Client::new(),
            percent: AtomicU8::new(percent),
            injected: AtomicUsize::new(0),
            rng: Mutex::new(Rng::with_seed(seed)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let state = serving.clone();
                // A connection that ends is what this is for.
                tokio::spawn(async move { drop(serve(connection, &state).await) });
            }
        });
        Self { url, state }
    }

    /// Spoils so many calls in a hundred from now on.
    pub fn set(&self, percent: u8) {
        self.state.percent.store(percent, Ordering::SeqCst);
    }

    /// How many calls were spoiled.
    pub fn injected(&self) -> usize {
        self.state.injected.load(Ordering::SeqCst)
    }
}

impl State {
    fn draw(&self) -> Option<Fault> {
        let mut rng = self.rng.lock().unwrap();
        let fault = (rng.u8(0..100) < self.percent.load(Ordering::SeqCst)).then(|| FAULTS[rng.usize(0..FAULTS.len())]);
        self.injected.fetch_add(usize::from(fault.is_some()), Ordering::SeqCst);
        fault
    }
}

/// Answers requests until the connection ends, or is made to.
async fn serve(connection: TcpStream, state: &State) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    while let Some((headers, body)) = read(&mut connection).await? {
        let fault = state.draw();
        let (status, answer) = match fault {
            Some(Fault::Throttled) => (400, THROTTLED.as_bytes().to_vec()),
            Some(Fault::Failed) => (500, FAILED.as_bytes().to_vec()),
            Some(Fault::LostBefore) => return Ok(()),
            None | Some(Fault::LostAfter | Fault::Cut | Fault::Late) => forward(state, headers, body).await,
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        match fault {
            Some(Fault::LostAfter) => return Ok(()),
            Some(Fault::Cut) => {
                connection.write_all(head.as_bytes()).await?;
                connection.write_all(&answer[..answer.len() / 2]).await?;
                return connection.flush().await;
            }
            Some(Fault::Late) => sleep(TOO_LONG).await,
            _ => {}
        }
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(&answer).await?;
        connection.flush().await?;
    }
    Ok(())
}

/// The headers and the body of the next request, if there is one. The SDK says how long its bodies are.
async fn read(connection: &mut BufReader<TcpStream>) -> std::io::Result<Option<(HeaderMap, Vec<u8>)>> {
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    loop {
        line.clear();
        connection.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.append(HeaderName::try_from(name).expect("a header"), HeaderValue::try_from(value).expect("its value"));
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    Ok(Some((headers, body)))
}

async fn forward(state: &State, mut headers: HeaderMap, body: Vec<u8>) -> (u16, Vec<u8>) {
    headers.remove("host");
    let answer =
        state.http.post(&state.upstream).headers(headers).body(body).send().await.expect("the database answers");
    (answer.status().as_u16(), answer.bytes().await.expect("and whole").to_vec())
}
