use std::os::unix::fs::symlink;

use shared::domain::keys::Algorithm;
use testkit::poll;
use tokio::time::timeout;

use crate::harness::{LIMIT, Locations, PRIVATE_FILE, Sandbox, mode, set};

#[tokio::test]
async fn a_failed_write_leaves_the_old_file_and_no_temporary_file() {
    let sandbox = Sandbox::new().await;
    let old = set(Algorithm::EdDsa, &[1]).to_json();
    sandbox.put(PRIVATE_FILE, &old);
    // No file can grow, as on a full disk.
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_admin"), "keys", "rotate", "--keys", PRIVATE_FILE];
    let outcome = sandbox.finish(&mut sandbox.command("/bin/sh", &arguments)).await;
    outcome.assert_failed(&["file:keys.json could not be written", "its value is unchanged"]);
    assert_eq!(sandbox.text(PRIVATE_FILE), Some(old));
    assert_eq!(sandbox.files(), ["keys.json"]);
}

#[tokio::test]
async fn a_missing_directory_is_not_created() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", "file:missing/keys.json"]).await;
    outcome.assert_failed(&["file:missing/keys.json could not be written (No such file or directory"]);
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn a_read_only_directory_keeps_its_file() {
    let sandbox = Sandbox::new().await;
    let old = set(Algorithm::EdDsa, &[1]).to_json();
    std::fs::create_dir(sandbox.path("closed")).unwrap();
    sandbox.write("closed/keys.json", &old);
    let permit = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(sandbox.path("closed"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(0o500);
    // root can write anywhere.
    if std::fs::write(sandbox.path("closed/other"), "").is_err() {
        let outcome = sandbox.run(&["keys", "rotate", "--keys", "file:closed/keys.json"]).await;
        outcome.assert_failed(&["could not be written (Permission denied", "its value is unchanged"]);
        assert_eq!(std::fs::read_to_string(sandbox.path("closed/keys.json")).unwrap(), old);
    }
    permit(0o700);
}

#[tokio::test]
async fn a_symbolic_link_stays_a_link() {
    let sandbox = Sandbox::new().await;
    sandbox.write("real.json", &set(Algorithm::EdDsa, &[1]).to_json());
    symlink("real.json", sandbox.path("keys.json")).unwrap();
    sandbox.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await.assert_success();
    assert!(sandbox.path("keys.json").is_symlink());
    assert_eq!(sandbox.kids("file:real.json").len(), 2);
    assert_eq!(mode(&sandbox.path("real.json")), 0o600);
    let both = ["--keys", PRIVATE_FILE, "--public-keys", "file:real.json"];
    for command in [&["new", "--algorithm", "EdDSA", "--yes"][..], &["rotate"], &["publish", "--yes"], &["list"]] {
        let outcome = sandbox.run(&[&["keys"], command, &both[..]].concat()).await;
        outcome.assert_exit(2, &["--keys and --public-keys name the same location"]);
    }
}

#[tokio::test]
async fn only_the_two_files_remain_after_success() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    sandbox.keys(&["new", "--algorithm", "ES256"], &locations).await.assert_success();
    sandbox.keys(&["rotate"], &locations).await.assert_success();
    let kid = sandbox.kids(&locations.keys)[1].clone();
    sandbox.keys(&["retire", &kid, "--yes"], &locations).await.assert_success();
    assert_eq!(sandbox.files(), ["keys.json", "public-keys.json"]);
    assert_eq!(mode(&sandbox.path("keys.json")), 0o600);
}

#[tokio::test]
async fn the_second_of_two_concurrent_writers_fails() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let first = std::fs::File::open(sandbox.path(".")).unwrap();
    first.lock().unwrap();
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_admin"), &["keys", "rotate", "--keys", PRIVATE_FILE]);
    let second = command.spawn().unwrap();
    poll::until("the new file exists", async || sandbox.files().len() > 1).await;
    // The program has read the file and is about to replace it.
    let other = set(Algorithm::EdDsa, &[2]).to_json();
    sandbox.put(PRIVATE_FILE, &other);
    drop(first);
    let output = timeout(LIMIT, second.wait_with_output()).await.expect("the program ends").unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("was changed by another writer"));
    assert_eq!(sandbox.text(PRIVATE_FILE), Some(other));
    assert_eq!(sandbox.files(), ["keys.json"]);
}

#[tokio::test]
async fn files_need_no_aws() {
    let sandbox = Sandbox::new().await;
    let mut command =
        sandbox.command(env!("CARGO_BIN_EXE_admin"), &["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE]);
    sandbox.finish(command.env_clear()).await.assert_success();
    assert!(sandbox.aws.account().calls.is_empty());
}
