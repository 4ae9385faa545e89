//! What an export leaves behind when it cannot be completed.

use std::{
    fs::{self, File},
    io::Read as _,
    thread,
};

use rustix::process::Signal;
use testkit::{faults::FaultProxy, poll};
use tokio::{io::AsyncReadExt as _, net::TcpListener, process::Child, sync::oneshot, time::timeout};

use crate::harness::{LIMIT, Sandbox, Terminal, finish_export, send};

/// More than a pipe and the buffers of two processes hold.
async fn add_many(sandbox: &Sandbox) {
    let name = "x".repeat(100_000);
    for number in 0..20 {
        sandbox.add(&name, &format!("user{number}@example.com")).await;
    }
}

#[tokio::test]
async fn a_full_disk_is_reported() {
    let sandbox = Sandbox::new().await;
    sandbox.add("Ada", "ada@example.com").await;
    let words = ["No space left on device", "free some space"];
    let outcome = sandbox.export(&["--to", "jsonl", "--output", "/dev/full"]).await;
    outcome.assert_failed(&words).assert_failed(&["/dev/full is incomplete"]);
    assert_eq!(outcome.audit_line()["complete"], false);

    let mut command = sandbox.export_command(&["--to", "jsonl", "--with-hashes"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let outcome = finish_export(command.spawn().unwrap()).await;
    outcome.assert_failed(&words).assert_failed(&["standard output is incomplete"]);
    // It may contain hashes of the users that were written.
    assert_eq!(outcome.audit_line()["complete"], false);
}

#[tokio::test]
async fn a_reader_that_ends_early_is_reported() {
    let sandbox = Sandbox::new().await;
    add_many(&sandbox).await;
    let mut child = sandbox.export_command(&["--to", "jsonl"]).spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    timeout(LIMIT, pipe.read_u8()).await.expect("the program writes").unwrap();
    drop(pipe);
    finish_export(child).await.assert_failed(&["Broken pipe", "the reader ended before the export did"]);
}

#[tokio::test]
async fn hashes_that_went_into_a_pipe_are_recorded_although_the_rest_is_missing() {
    let sandbox = Sandbox::new().await;
    add_many(&sandbox).await;
    let status = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(status.success());
    let child = sandbox.export_command(&["--to", "jsonl", "--with-hashes", "--output", "pipe"]).spawn().unwrap();
    let path = sandbox.path("pipe");
    let (done, read) = oneshot::channel();
    // Opens together with the other end, and is closed after one byte. The end of the test does not wait for a thread.
    thread::spawn(move || {
        let _ = done.send(File::open(path).and_then(|mut pipe| pipe.read_exact(&mut [0])));
    });
    timeout(LIMIT, read).await.expect("the program writes").unwrap().unwrap();
    let outcome = finish_export(child).await;
    outcome.assert_failed(&["Broken pipe", "pipe is incomplete"]);
    let line = outcome.audit_line();
    assert_eq!((&line["complete"], &line["with_hashes"]), (&false.into(), &true.into()));
    assert!(line["count"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn an_export_and_its_audit_log_are_two_files() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("old"), "an older export").unwrap();
    for (output, log) in [("old", "old"), ("new", "./new"), ("./old", "old")] {
        let outcome = sandbox.export(&["--to", "jsonl", "--output", output, "--audit-log", log]).await;
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.err.contains("--audit-log must be another file than --output"), "{outcome:?}");
    }
    assert_eq!((sandbox.files(), sandbox.read("old")), (vec!["old".to_owned()], "an older export".to_owned()));
}

#[tokio::test]
async fn a_symbolic_link_to_a_new_file_is_followed() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.add("Ada", "ada@example.com").await;
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    for (target, link) in [("new", "link"), ("link", "second"), ("elsewhere/users", "far"), ("a", "b"), ("b", "a")] {
        std::os::unix::fs::symlink(target, sandbox.path(link)).unwrap();
    }
    let before = sandbox.files();
    for (output, log) in [("new", "link"), ("link", "new"), ("second/", "link"), ("second", "./new")] {
        let outcome = sandbox.export(&["--to", "jsonl", "--output", output, "--audit-log", log]).await;
        outcome.assert_exit(2, &["--audit-log must be another file than --output"]);
    }
    sandbox.export(&["--to", "jsonl", "--output", "a"]).await.assert_failed(&["too many levels of symbolic links"]);
    assert_eq!(sandbox.files(), before);
    for (link, target) in [("second/", "new"), ("second/", "new"), ("far", "elsewhere/users")] {
        let outcome = sandbox.export(&["--to", "jsonl", "--output", link, "--audit-log", "log"]).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(sandbox.read(target).contains(&id) && sandbox.path(link.trim_end_matches('/')).is_symlink(), "{link}");
    }
    assert_eq!(sandbox.read("log").lines().count(), 3);
}

/// Waits until signals no longer end the program by themselves.
async fn handles_signals(child: &Child) {
    let status = format!("/proc/{}/status", child.id().unwrap());
    poll::until("the program handles signals", async || {
        let status = fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        [Signal::INT, Signal::TERM, Signal::HUP].iter().all(|signal| caught >> (signal.as_raw() - 1) & 1 == 1)
    })
    .await;
}

#[tokio::test]
async fn a_signal_ends_an_export_whose_pipe_has_no_reader() {
    for (output, log) in [("pipe", "log"), ("users", "pipe")] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let sandbox = Sandbox::new().await;
            let status = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
            assert!(status.success());
            let options = ["--to", "jsonl", "--output", output, "--audit-log", log];
            let child = sandbox.export_command(&options).spawn().unwrap();
            handles_signals(&child).await;
            // The log is opened after the temporary file.
            let files = if output == "pipe" { 1 } else { 2 };
            poll::until("the files are there", async || sandbox.files().len() == files).await;
            send(&child, signal);
            let message = format!("nothing was written to {output}");
            finish_export(child).await.assert_failed(&["interrupted", &message]);
            assert_eq!(sandbox.files(), ["pipe"], "{signal:?}");
        }
    }
}

#[tokio::test]
async fn a_signal_ends_an_export_that_waits_for_its_reader() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        add_many(&sandbox).await;
        let mut child = sandbox.export_command(&["--to", "jsonl"]).spawn().unwrap();
        // Written, and not read any further.
        let mut pipe = child.stdout.take().unwrap();
        timeout(LIMIT, pipe.read_u8()).await.expect("the program writes").unwrap();
        send(&child, signal);
        let outcome = finish_export(child).await;
        outcome.assert_failed(&["interrupted", "standard output is incomplete"]);
        assert_eq!(outcome.audit_line()["complete"], false);
    }
}

#[tokio::test]
async fn a_signal_leaves_no_part_of_a_file() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        fs::write(sandbox.path("users.jsonl"), "an older export").unwrap();
        // A database that accepts connections and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let child =
            sandbox.export_command_over(&endpoint, &["--to", "jsonl", "--output", "users.jsonl"]).spawn().unwrap();
        let connection = timeout(LIMIT, listener.accept()).await.expect("the program connects").unwrap();
        assert_eq!(sandbox.files().len(), 2, "the file is written beside the old one");
        send(&child, signal);
        finish_export(child).await.assert_failed(&["interrupted", "nothing was written to users.jsonl"]);
        drop(connection);
        assert_eq!(
            (sandbox.files(), sandbox.read("users.jsonl")),
            (vec!["users.jsonl".to_owned()], "an older export".to_owned())
        );
    }
}

#[tokio::test]
async fn a_database_that_fails_leaves_no_part_of_a_file() {
    let sandbox = Sandbox::new().await;
    sandbox.add("Ada", "ada@example.com").await;
    fs::write(sandbox.path("users.jsonl"), "an older export").unwrap();
    let options = ["--to", "jsonl", "--with-hashes", "--output", "users.jsonl"];
    // The tables do not exist in this database.
    let outcome = sandbox.export(&[&options[..], &["--users-table", "Nothing"]].concat()).await;
    outcome.assert_failed(&["table Nothing does not exist", "nothing was written to users.jsonl"]);
    let outcome = sandbox.export(&[&options[..], &["--credentials-table", "Nothing"]].concat()).await;
    outcome.assert_failed(&["table Nothing does not exist", "nothing was written to users.jsonl"]);
    assert!(!outcome.err.contains("users-exported"), "{outcome:?}");
    assert_eq!(
        (sandbox.files(), sandbox.read("users.jsonl")),
        (vec!["users.jsonl".to_owned()], "an older export".to_owned())
    );
}

#[tokio::test]
async fn faults_of_the_database_lose_no_user() {
    let sandbox = Sandbox::new().await;
    for number in 0..250 {
        sandbox.add("User", &format!("user{number}@example.com")).await;
    }
    let proxy = FaultProxy::start(&sandbox.service.endpoint, 20, 7).await;
    for _ in 0..5 {
        let outcome = sandbox.export_over(&proxy.url, &["--to", "jsonl", "--with-hashes"]).await;
        assert_eq!((outcome.code, outcome.out.lines().count()), (0, 250), "{}", outcome.err);
    }
    assert!(proxy.injected() > 2, "{} faults", proxy.injected());
}

#[tokio::test]
async fn a_file_that_cannot_be_created_is_named() {
    let sandbox = Sandbox::new().await;
    fs::create_dir(sandbox.path("folder")).unwrap();
    for (path, problem) in [("missing/users.jsonl", "No such file or directory"), ("folder", "Is a directory")] {
        let outcome = sandbox.export(&["--to", "jsonl", "--output", path]).await;
        outcome.assert_failed(&[problem, &format!("nothing was written to {path}")]);
    }
    assert_eq!(sandbox.files(), ["folder"]);
}

#[tokio::test]
async fn hashes_are_not_written_to_a_terminal() {
    let sandbox = Sandbox::new().await;
    sandbox.add("Ada", "ada@example.com").await;
    let terminal = Terminal::open();
    let run = async |options: &[&str]| {
        let mut command = sandbox.export_command(options);
        command.stdout(terminal.inner());
        finish_export(command.spawn().unwrap()).await
    };
    let outcome = run(&["--to", "jsonl", "--with-hashes"]).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.err.contains("not written to a terminal; give --output FILE"), "{outcome:?}");
    let outcome = run(&["--to", "jsonl", "--with-hashes", "--output", &terminal.name]).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert_eq!(run(&["--to", "jsonl"]).await.code, 0);
}
