use testkit::{ADA, faults::FaultProxy};

use crate::harness::Sandbox;

#[tokio::test]
async fn a_command_survives_a_fault_in_every_fifth_call() {
    for seed in 1..=2 {
        assert_eq!(run_all(20, seed).await, 0, "retries hide all faults");
    }
}

#[tokio::test]
async fn a_command_that_fails_has_changed_nothing_or_everything_and_a_retry_completes_it() {
    // A command succeeds only if each of its calls has a response that is merely late.
    let failed = run_all(100, 2).await;
    assert!(failed > 2, "{failed} commands failed");
}

/// Runs commands with faults in `percent` of the calls. Returns how many failed.
async fn run_all(percent: u8, seed: u64) -> usize {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let session = sandbox.session(&ada).await;
    let proxy = FaultProxy::start(&sandbox.service.endpoint, percent, seed).await;
    let commands: [&[&str]; 12] = [
        &["show", ADA[1]],
        &["list"],
        &["list", "--newest"],
        &["count", "--legacy"],
        &["throttle", ADA[1]],
        &["throttle", ADA[1], "--reset"],
        &["groups", ADA[1], "add", "admin"],
        &["claims", &ada, "set", "level", "4"],
        &["log-out", ADA[1], "--session", &session],
        &["disable", ADA[1]],
        &["enable", ADA[1]],
        &["log-out", ADA[1]],
    ];
    let mut failed = 0;
    for command in commands {
        let before = sandbox.tables().await;
        let outcome = sandbox.users_at(&proxy.url, command).await;
        let after = sandbox.tables().await;
        if outcome.code != 0 {
            failed += 1;
            outcome.assert_exit(1, &["did not complete"]);
            // A command that lost its response may still have been executed, but never in part.
            if after != before && command[0] != "log-out" {
                sandbox.users(command).await.assert_success();
                assert_eq!(sandbox.tables().await, after, "the change was complete: {command:?}");
            }
        }
        let retried = sandbox.users(command).await;
        if command.contains(&"--session") && after != before {
            retried.assert_exit(1, &["has no session"]);
        } else {
            retried.assert_success();
        }
        let problems = sandbox.users(&["show", ADA[1], "--json"]).await.json();
        assert_eq!(problems["problems"], serde_json::json!([]), "{percent} {command:?}");
    }
    let json = sandbox.users(&["show", ADA[1], "--json"]).await.json();
    assert_eq!((&json["groups"], &json["claims"]["level"]), (&serde_json::json!(["admin", "staff"]), &4.into()));
    let outcome = sandbox.users_at(&proxy.url, &["delete", ADA[1], "--yes"]).await;
    let tables = sandbox.tables().await;
    assert_eq!(tables["Users"].len(), tables["Credentials"].len(), "{outcome:?}");
    if outcome.code != 0 {
        failed += 1;
        outcome.assert_exit(1, &["did not complete"]);
    }
    if tables["Users"].len() == 2 {
        assert_ne!(outcome.code, 0, "a user who is not deleted is not reported as deleted");
        sandbox.users(&["delete", ADA[1], "--yes"]).await.assert_success();
    }
    let tables = sandbox.tables().await;
    assert!(tables["Users"].len() == 1 && tables["Sessions"].is_empty(), "{tables:?}");
    assert!(proxy.injected() > 5, "{}", proxy.injected());
    failed
}
