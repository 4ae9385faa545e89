//! Export, empty the tables, import, log in.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use testkit::{ADA, GRACE, Service};

use super::s;
use crate::harness::Sandbox;

async fn empty(service: &Service, table: &str, key: &str) {
    for item in service.items(table).await {
        let delete = service.database.delete_item().table_name(table).key(key, item[key].clone());
        delete.send().await.unwrap();
    }
    assert_eq!(service.items(table).await.len(), 0);
}

#[tokio::test]
async fn an_export_restores_every_user_after_the_tables_were_emptied() {
    let sandbox = Sandbox::new().await;
    let service = &sandbox.service;
    let (ada, token) = service.member(ADA).await;
    let (grace, _) = service.member(GRACE).await;
    service.set_on_user(&ada, "groups", AttributeValue::Ss(vec!["admin".to_owned(), "staff".to_owned()])).await;
    service.set_on_user(&ada, "claims", s(r#"{"department":"research","levels":[1,2.5,null]}"#)).await;
    service.set_on_user(&ada, "email_verified", AttributeValue::Bool(true)).await;
    service.set_on_user(&grace, "disabled", AttributeValue::Bool(true)).await;

    let export = async |file: &str| {
        let outcome = sandbox.export(&["--to", "jsonl", "--with-hashes", "--output", file]).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        sandbox.read(file).lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let before = export("before.jsonl").await;
    empty(service, "Users", "public_id").await;
    empty(service, "Credentials", "email").await;
    assert_eq!(service.get("/user/me", &token).await.status, 401);
    assert_ne!(service.log_in(ADA[1], ADA[2]).await.status, 201);

    let outcome = sandbox.users(&["import", "before.jsonl", "--from", "jsonl"]).await;
    outcome.assert_success();
    assert_eq!((before.len(), export("after.jsonl").await), (2, before));
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    // A disabled user stays disabled.
    assert_ne!(service.log_in(GRACE[1], GRACE[2]).await.status, 201);
}
