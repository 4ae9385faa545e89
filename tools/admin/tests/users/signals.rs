//! Signals while the database has made a change, and its response is not there yet.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::ADA;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::harness::{Outcome, Sandbox};

/// A proxy that holds the response to the first call of an operation.
struct Holding {
    url: String,
    held: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Holding {
    async fn start(endpoint: &str, operation: &'static str) -> Self {
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((is_held, held), (release, released)) = (oneshot::channel(), oneshot::channel());
        let hold = Arc::new(Mutex::new(Some((is_held, released))));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&upstream).await.unwrap();
                tokio::spawn(pass(client, server, operation, hold.clone()));
            }
        });
        Self { url, held, release }
    }
}

type Hold = Arc<Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>>;

async fn pass(mut client: TcpStream, mut server: TcpStream, operation: &str, hold: Hold) {
    while let Some(request) = read(&mut client).await {
        server.write_all(&request).await.unwrap();
        let Some(response) = read(&mut server).await else { break };
        let is_operation = String::from_utf8_lossy(&request).contains(&format!(".{operation}"));
        let held = is_operation.then(|| hold.lock().unwrap().take()).flatten();
        if let Some((is_held, released)) = held {
            is_held.send(()).unwrap();
            released.await.unwrap();
        }
        client.write_all(&response).await.unwrap();
    }
}

/// A complete HTTP message with `content-length`.
async fn read(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&message).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if message.len() >= head.len() + 4 + length {
                return Some(message);
            }
        }
        if from.read_buf(&mut message).await.ok()? == 0 {
            return None;
        }
    }
}

/// Runs a command that gets a signal between the change and its response.
async fn interrupt(sandbox: &Sandbox, operation: &'static str, arguments: &[&str], signal: Signal) -> Outcome {
    let proxy = Holding::start(&sandbox.service.endpoint, operation).await;
    let options = ["--endpoint", &proxy.url, "--audit-log", "audit.jsonl"];
    let child = sandbox.command(&[&["users"], arguments, &options].concat()).spawn().unwrap();
    proxy.held.await.unwrap();
    kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
    proxy.release.send(()).unwrap();
    Outcome::new(&child.wait_with_output().await.unwrap())
}

fn audit_file(sandbox: &Sandbox) -> Vec<Value> {
    let file = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap();
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_change_that_is_made_is_recorded_despite_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        let (ada, _) = sandbox.ada_and_grace().await;
        let changes: [(&'static str, &[&str], &str); 4] = [
            ("TransactWriteItems", &["disable", ADA[1]], "user-disabled"),
            ("TransactWriteItems", &["claims", ADA[1], "set", "level", "9"], "claims-changed"),
            ("TransactWriteItems", &["throttle", ADA[1], "--reset"], "rate-limit-reset"),
            ("TransactWriteItems", &["delete", ADA[1], "--yes"], "user-deleted"),
        ];
        for (number, (operation, command, event)) in changes.into_iter().enumerate() {
            interrupt(&sandbox, operation, command, signal).await.assert_success();
            let lines = audit_file(&sandbox);
            assert_eq!(lines.len(), number + 1, "{command:?}");
            assert_eq!((&lines[number]["event"], &lines[number]["public_id"]), (&event.into(), &ada.as_str().into()));
        }
    }
}

#[tokio::test]
async fn an_interrupted_end_of_all_sessions_records_those_that_are_ended() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        // Three pages of 1 MB.
        for number in 0..8 {
            let put = sandbox.service.database.put_item().table_name("Sessions");
            let put = put.item("public_id", AttributeValue::S(format!("user {number}")));
            let put = put.item("session_id", AttributeValue::S("session".to_owned()));
            put.item("agent", AttributeValue::S("a".repeat(350_000))).send().await.unwrap();
        }
        let outcome = interrupt(&sandbox, "BatchWriteItem", &["log-out", "--all", "--yes"], signal).await;
        outcome.assert_exit(1, &["interrupted", "run the command again"]);
        let left = sandbox.service.items("Sessions").await.len();
        let lines = audit_file(&sandbox);
        assert_eq!((lines.len(), &lines[0]["complete"]), (1, &false.into()), "{lines:?}");
        assert!((1..8).contains(&left), "{left}");
        assert_eq!(lines[0]["count"], 8 - left, "{lines:?}");
        sandbox.users(&["log-out", "--all", "--yes"]).await.assert_success();
        assert!(sandbox.service.items("Sessions").await.is_empty());
    }
}
