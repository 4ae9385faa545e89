use std::{os::unix::fs::symlink, time::Duration};

use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, PRIVATE_FILE, Places, mode, set};

#[tokio::test]
async fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
    let desk = Desk::new().await;
    let old = set(Algorithm::EdDsa, &[1]).to_json();
    desk.put(PRIVATE_FILE, &old);
    // No file may grow, as on a disk that is full.
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_admin"), "keys", "rotate", "--keys", PRIVATE_FILE];
    let said = desk.finish(&mut desk.command("/bin/sh", &arguments)).await;
    said.is_failed(&["file:keys.json could not be written", "and holds what it held"]);
    assert_eq!(desk.text(PRIVATE_FILE), Some(old));
    assert_eq!(desk.files(), ["keys.json"]);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_not_made() {
    let desk = Desk::new().await;
    let said = desk.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", "file:none/keys.json"]).await;
    said.is_failed(&["file:none/keys.json could not be written (No such file or directory"]);
    assert!(desk.files().is_empty());
}

#[tokio::test]
async fn a_directory_that_nobody_may_write_to_keeps_its_file() {
    let desk = Desk::new().await;
    let old = set(Algorithm::EdDsa, &[1]).to_json();
    std::fs::create_dir(desk.path("closed")).unwrap();
    desk.write("closed/keys.json", &old);
    let permit = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(desk.path("closed"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(0o500);
    // The superuser may write anywhere.
    if std::fs::write(desk.path("closed/other"), "").is_err() {
        let said = desk.run(&["keys", "rotate", "--keys", "file:closed/keys.json"]).await;
        said.is_failed(&["could not be written (Permission denied", "and holds what it held"]);
        assert_eq!(std::fs::read_to_string(desk.path("closed/keys.json")).unwrap(), old);
    }
    permit(0o700);
}

#[tokio::test]
async fn a_link_stays_a_link() {
    let desk = Desk::new().await;
    desk.write("real.json", &set(Algorithm::EdDsa, &[1]).to_json());
    symlink("real.json", desk.path("keys.json")).unwrap();
    desk.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await.is_done();
    assert!(desk.path("keys.json").is_symlink());
    assert_eq!(desk.kids("file:real.json").len(), 2);
    assert_eq!(mode(&desk.path("real.json")), 0o600);
    let both = ["--keys", PRIVATE_FILE, "--public-keys", "file:real.json"];
    for command in [&["new", "--algorithm", "EdDSA", "--yes"][..], &["rotate"], &["publish", "--yes"], &["list"]] {
        let said = desk.run(&[&["keys"], command, &both[..]].concat()).await;
        said.is_ended(2, &["--keys and --public-keys name the same place"]);
    }
}

#[tokio::test]
async fn only_the_two_files_are_left_when_all_is_done() {
    let desk = Desk::new().await;
    let places = Places::files();
    desk.keys(&["new", "--algorithm", "ES256"], &places).await.is_done();
    desk.keys(&["rotate"], &places).await.is_done();
    let kid = desk.kids(&places.keys)[1].clone();
    desk.keys(&["retire", &kid, "--yes"], &places).await.is_done();
    assert_eq!(desk.files(), ["keys.json", "public-keys.json"]);
    assert_eq!(mode(&desk.path("keys.json")), 0o600);
}

#[tokio::test]
async fn of_two_who_write_at_once_the_second_one_is_told() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let first = std::fs::File::open(desk.path(".")).unwrap();
    first.lock().unwrap();
    let mut command = desk.command(env!("CARGO_BIN_EXE_admin"), &["keys", "rotate", "--keys", PRIVATE_FILE]);
    let second = command.spawn().unwrap();
    while desk.files().len() == 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It has read, and is about to write.
    let other = set(Algorithm::EdDsa, &[2]).to_json();
    desk.put(PRIVATE_FILE, &other);
    drop(first);
    let output = second.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("was changed by somebody else meanwhile"));
    assert_eq!(desk.text(PRIVATE_FILE), Some(other));
    assert_eq!(desk.files(), ["keys.json"]);
}

#[tokio::test]
async fn files_need_no_aws() {
    let desk = Desk::new().await;
    let mut command =
        desk.command(env!("CARGO_BIN_EXE_admin"), &["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE]);
    desk.finish(command.env_clear()).await.is_done();
    assert!(desk.aws.account().calls.is_empty());
}
