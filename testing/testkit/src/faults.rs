//! A fault-injecting proxy in front of a database. It fails a share of the calls, each in one of six ways.

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

/// Longer than the timeout of an attempt.
const TOO_LONG: Duration = Duration::from_millis(1200);

const THROTTLED: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","#,
    r#""message":"The level of configured provisioned throughput for the table was exceeded."}"#
);
const FAILED: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}"#;

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// DynamoDB throttles the call.
    Throttled,
    /// DynamoDB fails with status 500.
    Failed,
    /// The connection closes before the database receives the call.
    LostBefore,
    /// The database executes the call, and the connection closes before the response.
    LostAfter,
    /// The database executes the call, and half of the response body arrives.
    Cut,
    /// The database executes the call, and the response arrives after the client's timeout.
    Late,
}

const FAULTS: [Fault; 6] =
    [Fault::Throttled, Fault::Failed, Fault::LostBefore, Fault::LostAfter, Fault::Cut, Fault::Late];

/// A fault-injecting proxy. The same seed and order of calls give the same faults.
pub struct FaultProxy {
    /// The URL of the proxy.
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

impl FaultProxy {
    /// Forwards calls to the database at `endpoint` and fails `percent` of them.
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
                // Broken connections are expected.
                tokio::spawn(async move { drop(serve(connection, &state).await) });
            }
        });
        Self { url, state }
    }

    /// Fails `percent` of all further calls.
    pub fn set(&self, percent: u8) {
        self.state.percent.store(percent, Ordering::SeqCst);
    }

    /// The number of injected faults.
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

/// Serves requests until the client or a fault closes the connection.
async fn serve(connection: TcpStream, state: &State) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    while let Some((headers, body)) = read(&mut connection).await? {
        let fault = state.draw();
        let (status, response) = match fault {
            Some(Fault::Throttled) => (400, THROTTLED.as_bytes().to_vec()),
            Some(Fault::Failed) => (500, FAILED.as_bytes().to_vec()),
            Some(Fault::LostBefore) => return Ok(()),
            None | Some(Fault::LostAfter | Fault::Cut | Fault::Late) => forward(state, headers, body).await,
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            response.len()
        );
        match fault {
            Some(Fault::LostAfter) => return Ok(()),
            Some(Fault::Cut) => {
                connection.write_all(head.as_bytes()).await?;
                connection.write_all(&response[..response.len() / 2]).await?;
                return connection.flush().await;
            }
            Some(Fault::Late) => sleep(TOO_LONG).await,
            _ => {}
        }
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(&response).await?;
        connection.flush().await?;
    }
    Ok(())
}

/// The headers and body of the next request, if there is one. The SDK always sends a Content-Length.
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
        headers.append(
            HeaderName::try_from(name).expect("a valid header name"),
            HeaderValue::try_from(value).expect("a valid header value"),
        );
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    Ok(Some((headers, body)))
}

async fn forward(state: &State, mut headers: HeaderMap, body: Vec<u8>) -> (u16, Vec<u8>) {
    headers.remove("host");
    let request = state.http.post(&state.upstream).headers(headers).body(body);
    let response = request.send().await.expect("the database responds");
    (response.status().as_u16(), response.bytes().await.expect("the response is complete").to_vec())
}
