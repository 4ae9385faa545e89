use aws_sdk_dynamodb::types::AttributeValue;
use testkit::{ADA, GRACE};
use uuid::Uuid;

use crate::harness::Sandbox;

/// Every command for one user. Each would change Ada.
fn changes<'a>(user: &'a str, session: &'a str) -> [Vec<&'a str>; 10] {
    [
        vec!["disable", user],
        vec!["enable", user],
        vec!["delete", user, "--yes"],
        vec!["groups", user, "add", "admin"],
        vec!["groups", user, "remove", "staff"],
        vec!["claims", user, "set", "level", "4"],
        vec!["claims", user, "unset", "level"],
        vec!["log-out", user],
        vec!["log-out", user, "--session", session],
        vec!["throttle", user, "--reset"],
    ]
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test]
async fn an_unknown_user_and_a_slip_are_clear_errors_and_change_nothing() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let session = sandbox.session(&ada).await;
    let before = sandbox.tables().await;
    let last = ada.chars().last().unwrap();
    let slip = format!("{}{}", &ada[..ada.len() - 1], if last == '0' { '1' } else { '0' });
    let (upper, unknown) = (ada.to_uppercase(), Uuid::new_v4().to_string());
    for (user, code, message) in [
        ("unknown@example.com", 1, "no user has the address unknown@example.com"),
        ("ada@exampel.com", 1, "no user has the address ada@exampel.com"),
        (&unknown, 1, "no user has the public_id"),
        (&slip, 1, "no user has the public_id"),
        (&upper, 2, "neither an email address nor a public_id; a public_id is in lower case"),
        (&ada[..ada.len() - 1], 2, "neither an email address nor a public_id"),
        ("ada", 2, "neither an email address nor a public_id"),
        ("ada@", 2, "is not an email address"),
        ("", 2, "\"\" is neither an email address nor a public_id"),
    ] {
        for command in [vec!["show", user], vec!["throttle", user]].into_iter().chain(changes(user, &session)) {
            sandbox.users(&command).await.assert_exit(code, &[message]);
        }
    }
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn items_that_do_not_belong_together_are_shown_and_nothing_is_changed() {
    for damage in 0..5 {
        let sandbox = Sandbox::new().await;
        let (ada, grace) = sandbox.ada_and_grace().await;
        let session = sandbox.session(&ada).await;
        let service = &sandbox.service;
        // And the name under which no item is found.
        let (problem, missing) = match damage {
            0 => {
                service.set("Credentials", ("email", ADA[1]), "public_id", text(&grace)).await;
                ("belong to", None)
            }
            1 => {
                service.set_on_user(&ada, "email", text(GRACE[1])).await;
                ("belong to", None)
            }
            2 => {
                service.delete_user(&ada).await;
                ("which does not exist", Some(ada.as_str()))
            }
            3 => {
                let delete = service.database.delete_item().table_name("Credentials");
                delete.key("email", text(ADA[1])).send().await.unwrap();
                ("which has no credentials", Some(ADA[1]))
            }
            _ => {
                service.set("Credentials", ("email", ADA[1]), "public_id", text("not an id")).await;
                ("name no user", None)
            }
        };
        let before = sandbox.tables().await;
        for user in [ADA[1], &ada] {
            let is_missing = missing == Some(user);
            let shown = sandbox.users(&["show", user]).await;
            if is_missing {
                shown.assert_exit(1, &["no user has"]);
            } else {
                shown.assert_success().assert_mentions(&["problems:", problem]);
            }
            for command in changes(user, &session) {
                // Guesses at an address without account are counted too, and can be reset.
                if is_missing && user == ADA[1] && command[0] == "throttle" {
                    continue;
                }
                let outcome = sandbox.users(&command).await;
                let message = if is_missing { "no user has" } else { "`admin users show` prints both items" };
                outcome.assert_exit(1, &[message]);
                assert!(outcome.audit().is_empty(), "{outcome:?}");
            }
        }
        assert_eq!(sandbox.tables().await, before, "{damage}");
        sandbox.users(&["disable", GRACE[1]]).await.assert_success();
    }
}

#[tokio::test]
async fn an_attribute_that_cannot_be_changed_safely_is_named() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    sandbox.service.set_on_user(&ada, "claims", text(r#"{"sub":"another user"}"#)).await;
    sandbox.service.set_on_user(&ada, "version", text("3")).await;
    let before = sandbox.tables().await;
    for (command, attribute) in [
        (&["groups", ADA[1], "add", "admin"][..], "claims"),
        (&["claims", ADA[1], "set", "level", "4"], "claims"),
        (&["claims", ADA[1], "unset", "level"], "claims"),
        (&["disable", ADA[1]], "version"),
        (&["log-out", ADA[1]], "version"),
    ] {
        let message = format!("the item in Users lacks a valid {attribute}; nothing is written");
        sandbox.users(command).await.assert_exit(1, &[&message]);
    }
    assert_eq!(sandbox.tables().await, before);
    sandbox.users(&["show", ADA[1]]).await.assert_success().assert_mentions(&["no valid claims", "no valid version"]);
}
