//! `GET /user` and `GET /user/me`.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use reqwest::Method;
use serde_json::json;
use shared::domain::user::PublicId;
use testkit::{ADA, GRACE, Service, service::send};

/// Writes users to the table. Signing them up would cost a password hash each.
async fn seed(service: &Service, count: usize) -> HashSet<String> {
    let ids: Vec<String> = (0..count).map(|_| PublicId::random().to_string()).collect();
    for chunk in ids.chunks(25) {
        let writes = chunk.iter().map(|id| {
            let put = PutRequest::builder()
                .item("public_id", AttributeValue::S(id.clone()))
                .item("name", AttributeValue::S("User".to_owned()))
                .item("email", AttributeValue::S(format!("{id}@example.com")));
            WriteRequest::builder().put_request(put.build().unwrap()).build()
        });
        service.database.batch_write_item().request_items("Users", writes.collect()).send().await.unwrap();
    }
    ids.into_iter().collect()
}

#[tokio::test]
async fn a_logged_in_user_lists_all_users_in_the_tutorial_profile() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    let answer = service.get("/user", &token).await;
    let expected = json!({ "users": [{ "public_id": id, "name": ADA[0], "email": ADA[1] }], "next": null });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("link"), None);
}

#[tokio::test]
async fn only_members_of_group_admin_list_users_in_the_strict_profile() {
    let service = Service::strict().await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(service.get("/user", &token).await.code(), (403, "forbidden".to_owned()));
    assert_eq!(service.get("/user/me", &token).await.status, 200, "every user may read their own record");
    service.set_on_user(&id, "groups", AttributeValue::Ss(vec!["staff".to_owned()])).await;
    assert_eq!(service.get("/user", &token).await.status, 403);
    service.set_on_user(&id, "groups", AttributeValue::Ss(vec!["admin".to_owned(), "staff".to_owned()])).await;
    assert_eq!(service.get("/user", &token).await.status, 200);
}

#[tokio::test]
async fn user_me_returns_the_authenticated_user() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    service.member(GRACE).await;
    let answer = service.get("/user/me", &token).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "public_id": id, "name": ADA[0], "email": ADA[1], "groups": [], "claims": {} }))
    );
    service.set_on_user(&id, "groups", AttributeValue::Ss(vec!["staff".to_owned()])).await;
    assert_eq!(service.get("/user/me", &token).await.json()["groups"], json!(["staff"]));
}

#[tokio::test]
async fn a_missing_token_is_401_in_both_profiles() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile)]).await;
        for path in ["/user", "/user/me", "/user?limit=0"] {
            let answer = send(service.request(Method::GET, path)).await;
            assert_eq!(
                answer.problem(),
                (401, "token-missing".to_owned(), "Token is missing !!".to_owned()),
                "{profile} {path}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"Login required\""));
        }
    }
}

#[tokio::test]
async fn a_token_is_accepted_in_three_headers_but_not_in_the_url() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    let get = |path: &str| service.request(Method::GET, path);
    assert_eq!(send(get("/user").header("x-access-token", &token)).await.status, 200);
    for prefix in ["Bearer", "bearer", "JWT", "jwt"] {
        assert_eq!(
            send(get("/user").header("authorization", format!("{prefix} {token}"))).await.status,
            200,
            "{prefix}"
        );
    }
    assert_eq!(send(get("/user").header("authorization", &token)).await.status, 401);
    assert_eq!(
        send(get(&format!("/user?token={token}&access_token={token}&jwt={token}"))).await.code(),
        (401, "token-missing".to_owned())
    );
}

#[tokio::test]
async fn two_different_tokens_are_401() {
    let service = Service::start().await;
    let (ada, grace) = (service.member(ADA).await.1, service.member(GRACE).await.1);
    let both = |one: &str, other: &str| {
        send(
            service
                .request(Method::GET, "/user")
                .header("x-access-token", one)
                .header("authorization", format!("Bearer {other}")),
        )
    };
    assert_eq!(both(&ada, &grace).await.code(), (401, "invalid-token".to_owned()));
    assert_eq!(both(&ada, &ada).await.status, 200);
    let twice = service.request(Method::GET, "/user").header("x-access-token", &ada).header("x-access-token", &ada);
    assert_eq!(send(twice).await.code(), (401, "invalid-token".to_owned()));
}

#[tokio::test]
async fn paging_returns_each_user_exactly_once() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    let mut all = seed(&service, 230).await;
    all.insert(id);
    for limit in [1, 7, 77, 100, 231, 1000] {
        let mut seen = Vec::new();
        let mut path = format!("/user?limit={limit}");
        loop {
            let answer = service.get(&path, &token).await;
            let page = answer.json();
            let users = page["users"].as_array().unwrap();
            assert!(!users.is_empty() && users.len() <= limit, "a page is neither empty nor too long");
            seen.extend(users.iter().map(|user| user["public_id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else {
                assert_eq!(answer.header("link"), None);
                break;
            };
            path = format!("/user?limit={limit}&cursor={next}");
            assert_eq!(
                answer.header("link"),
                Some(format!("<{path}>; rel=\"next\"").as_str()),
                "the Link header agrees"
            );
        }
        assert_eq!(seen.len(), all.len(), "limit {limit}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), all, "limit {limit}");
    }
    let first = service.get("/user", &token).await.json();
    assert_eq!(first["users"].as_array().unwrap().len(), 100, "the default page size is 100");
}

#[tokio::test]
async fn a_cursor_of_a_deleted_user_still_works() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    seed(&service, 20).await;
    let first = service.get("/user?limit=5", &token).await.json();
    let last = first["users"][4]["public_id"].as_str().unwrap();
    if last != id {
        service.delete_user(last).await;
    }
    let rest = service.get(&format!("/user?cursor={}", first["next"].as_str().unwrap()), &token).await.json();
    assert_eq!(rest["users"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn invalid_limits_and_cursors_are_422_and_duplicate_ones_are_400() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    for query in ["limit=0", "limit=-1", "limit=1001", "limit=abc", "limit=1.0", "limit=99999999999"] {
        let expected = (422, vec![("limit".to_owned(), "out-of-range".to_owned())]);
        assert_eq!(service.get(&format!("/user?{query}"), &token).await.field_errors(), expected, "{query}");
    }
    for query in
        ["cursor=garbage", "cursor=null", "cursor=%00", "cursor=AAAA", "cursor=../../etc/passwd", "cursor='%20OR%201=1"]
    {
        let expected = (422, vec![("cursor".to_owned(), "malformed".to_owned())]);
        assert_eq!(service.get(&format!("/user?{query}"), &token).await.field_errors(), expected, "{query}");
    }
    assert_eq!(service.get("/user?limit=1&limit=1", &token).await.code(), (400, "duplicate-field".to_owned()));
    assert_eq!(service.get("/user?limit=%zz", &token).await.code(), (400, "malformed-form".to_owned()));
    assert_eq!(service.get("/user?limit=5&unknown=%20&x", &token).await.status, 200);
}

#[tokio::test]
async fn head_works_wherever_get_does() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    for path in ["/user", "/user/me"] {
        let answer = send(service.request(Method::HEAD, path).header("x-access-token", &token)).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
        assert_eq!(send(service.request(Method::HEAD, path)).await.status, 401, "{path}");
    }
}

/// Follows the cursors from the first page, and returns the identifiers of all users and the number of pages.
async fn list_all(service: &Service, token: &str, limit: usize) -> (Vec<String>, usize) {
    let (mut listed, mut pages) = (Vec::new(), 0);
    let mut path = format!("/user?limit={limit}");
    loop {
        let answer = service.get(&path, token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        pages += 1;
        let page = answer.json();
        let users = page["users"].as_array().unwrap();
        assert!(users.len() <= limit);
        listed.extend(users.iter().map(|user| user["public_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return (listed, pages) };
        path = format!("/user?limit={limit}&cursor={next}");
    }
}

#[tokio::test]
async fn items_of_another_form_are_omitted_and_hide_no_user() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    let mut all = seed(&service, 20).await;
    all.insert(id);
    let (number, text) = (AttributeValue::N("1".to_owned()), AttributeValue::S("x".to_owned()));
    for (attribute, value) in [
        ("name", number.clone()),
        ("email", number.clone()),
        ("name", AttributeValue::Null(true)),
        ("email", AttributeValue::Bool(true)),
        ("other", text.clone()),
    ] {
        for _ in 0..4 {
            // The other attributes are missing.
            service.set_on_user(&PublicId::random().to_string(), attribute, value.clone()).await;
        }
    }
    for id in ["x", "ada@example.com", "4C2F3A0E-6E0B-4C43-A1A3-6D6A3F2A9C55", "not-a-uuid", &"long".repeat(100)] {
        service.set_on_user(id, "name", text.clone()).await;
        service.set_on_user(id, "email", text.clone()).await;
    }
    for limit in [1, 2, 3, 7, 45, 46, 1000] {
        let (listed, pages) = list_all(&service, &token, limit).await;
        assert_eq!(listed.len(), all.len(), "each user once, with {limit} per page");
        assert_eq!(listed.into_iter().collect::<HashSet<_>>(), all, "limit {limit}");
        // 41 items have an identifier, and items without one may follow the last of them.
        assert!(pages <= 42, "{pages} pages of {limit}");
    }
}

#[tokio::test]
async fn a_table_of_only_corrupt_items_has_an_end() {
    let service = Service::start().await;
    let (id, token) = service.member(ADA).await;
    for number in 0..30 {
        service.set_on_user(&format!("key {number}"), "name", AttributeValue::N("1".to_owned())).await;
    }
    for limit in [1, 4, 100] {
        assert_eq!(list_all(&service, &token, limit).await.0, std::slice::from_ref(&id), "limit {limit}");
    }
}
