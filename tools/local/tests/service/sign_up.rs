//! `POST /signup`.

use reqwest::{Method, multipart::Form};
use serde_json::{Value, json};
use testkit::{ADA, GRACE, Service, service::send};

fn problem(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_successful_sign_up_is_201_in_both_profiles() {
    for profile in ["tutorial", "strict"] {
        let answer = Service::with(&[("AUTH_PROFILE", profile)]).await.sign_up(ADA).await;
        let mut body = answer.json();
        let id = body["public_id"].take();
        assert_eq!(id.as_str().map(str::len), Some(36));
        let expected =
            json!({ "message": "Successfully registered.", "public_id": null, "name": ADA[0], "email": ADA[1] });
        assert_eq!((answer.status, body), (201, expected), "{profile}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn an_email_address_in_use_is_202_in_the_tutorial_profile() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let answer = service.sign_up(["Other", "ada@example.com", "another password yet"]).await;
    assert_eq!(answer.problem(), problem(202, "email-taken", "User already exists. Please Log in."));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(service.items("Users").await.len(), 1);
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201, "the first password still works");
}

#[tokio::test]
async fn an_email_address_in_use_is_409_in_the_strict_profile() {
    let service = Service::strict().await;
    service.sign_up(ADA).await;
    let answer = service.sign_up(ADA).await;
    assert_eq!(answer.problem(), problem(409, "email-taken", "User already exists. Please Log in."));
}

#[tokio::test]
async fn json_form_and_multipart_bodies_are_equivalent() {
    let service = Service::start().await;
    let [name, _, password] = ADA;
    let json = json!({ "name": name, "email": "json@example.com", "password": password });
    assert_eq!(service.post("/signup", &json).await.status, 201);
    let form = [("name", name), ("email", "form@example.com"), ("password", password)];
    assert_eq!(send(service.request(Method::POST, "/signup").form(&form)).await.status, 201);
    let multipart = Form::new().text("name", name).text("email", "multipart@example.com").text("password", password);
    assert_eq!(send(service.request(Method::POST, "/signup").multipart(multipart)).await.status, 201);
    for kind in ["json", "form", "multipart"] {
        assert_eq!(service.log_in(&format!("{kind}@example.com"), password).await.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let service = Service::with(&[("LIST_USERS_GROUP", "admin")]).await;
    let id = "00000000-0000-4000-8000-000000000000";
    let body = json!({
        "name": ADA[0], "email": ADA[1], "password": ADA[2], "public_id": id, "groups": ["admin"], "admin": true,
        "disabled": true, "created_at": 0, "password_hash": "x",
    });
    let answer = service.post("/signup", &body).await;
    assert_eq!(answer.status, 201);
    assert_ne!(answer.json()["public_id"], id);
    let token = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(service.get("/user", &token).await.code(), (403, "forbidden".to_owned()));
    assert_eq!(service.get("/user/me", &token).await.json()["groups"], json!([]));
}

#[tokio::test]
async fn every_invalid_field_is_reported_at_once() {
    let service = Service::start().await;
    let answer = service.sign_up(["a\r\nb", "ada", "short"]).await;
    assert_eq!(answer.code(), (422, "invalid-fields".to_owned()));
    let expected = [("name", "control-character"), ("email", "malformed"), ("password", "too-short")];
    assert_eq!(
        answer.field_errors(),
        (422, expected.map(|(field, code)| (field.to_owned(), code.to_owned())).to_vec())
    );
    assert!(answer.json()["errors"][0]["detail"].is_string());
    assert!(service.items("Users").await.is_empty() && service.items("Credentials").await.is_empty());
}

#[tokio::test]
async fn missing_and_empty_fields_are_reported_as_required() {
    let service = Service::start().await;
    let required = ["name", "email", "password"].map(|field| (field.to_owned(), "required".to_owned())).to_vec();
    assert_eq!(service.post("/signup", &json!({})).await.field_errors(), (422, required.clone()));
    assert_eq!(service.sign_up(["", "", ""]).await.field_errors(), (422, required.clone()));
    assert_eq!(send(service.request(Method::POST, "/signup")).await.field_errors(), (422, required));
}

async fn password_code(service: &Service, password: &str) -> Option<String> {
    let answer = service.sign_up(["Ada Lovelace", "ada@example.com", password]).await;
    answer.field_errors().1.first().map(|(_, code)| code.clone())
}

#[tokio::test]
async fn a_password_has_at_least_8_characters_in_the_tutorial_profile() {
    let service = Service::start().await;
    assert_eq!(password_code(&service, "zq8vmt2").await.as_deref(), Some("too-short"));
    assert_eq!(password_code(&service, "zq8vmt2k").await, None);
}

#[tokio::test]
async fn a_password_has_at_least_15_characters_in_the_strict_profile() {
    let service = Service::strict().await;
    assert_eq!(password_code(&service, "zq8vmt2kwp4hx1").await.as_deref(), Some("too-short"));
    assert_eq!(password_code(&service, "zq8vmt2kwp4hx1n").await, None);
}

#[tokio::test]
async fn common_passwords_and_the_users_own_name_and_email_are_rejected() {
    let service = Service::start().await;
    for (password, code) in [
        ("password", "well-known"),
        ("Password123", "well-known"),
        ("qwertyuiop", "well-known"),
        ("111111111111", "well-known"),
        ("Pass@123", "well-known"),
        ("Admin@123", "well-known"),
        ("welcome@123", "well-known"),
        ("Postern2024!", "well-known"),
        ("656565656565656565656565656565", "well-known"),
        ("Ada Lovelace", "same-as-name"),
        ("ada@example.com", "same-as-email"),
        (&"long enough ".repeat(100), "too-long"),
    ] {
        assert_eq!(password_code(&service, password).await.as_deref(), Some(code), "{password:.20}");
    }
    assert!(service.items("Credentials").await.is_empty());
}

#[tokio::test]
async fn long_forms_of_common_passwords_are_rejected_in_the_strict_profile() {
    let service = Service::strict().await;
    for password in
        ["1qaz2wsx3edc4rfv5tgb", "Password123456!", "Kapler123Kapler123", "theworldinyourhand", "qwertyQWERTY12345"]
    {
        assert_eq!(password_code(&service, password).await.as_deref(), Some("well-known"), "{password}");
    }
    assert_eq!(password_code(&service, "correct horse battery staple").await, None);
}

#[tokio::test]
async fn a_password_needs_no_digits_capitals_or_symbols_and_may_have_1024_bytes() {
    let service = Service::start().await;
    let longest = "tortoise lamp quarrel ".repeat(47)[..1024].to_owned();
    for (index, password) in
        ["tortoise lamp quarrel", "пингвин летит домой", "  spaces around it  ", &longest].iter().enumerate()
    {
        let email = format!("user{index}@example.com");
        assert_eq!(service.sign_up(["Ada", &email, password]).await.status, 201, "{password:.30}");
        assert_eq!(service.log_in(&email, password).await.status, 201, "{password:.30}");
        assert_eq!(
            service.log_in(&email, password.trim_end_matches(' ').trim_start()).await.status == 201,
            password.trim() == *password
        );
    }
}

#[tokio::test]
async fn a_name_is_returned_unchanged_after_trimming() {
    let service = Service::start().await;
    let names = [
        "Zoë",
        "Zoe\u{308}",
        "李小龍",
        "أحمد بن ماجد",
        "Ὀδυσσεύς",
        "👩‍👩‍👧",
        "<script>alert(1)</script>",
        "Robert'); DROP TABLE Users;--",
        "Robert'); DROP TABLE\u{a0}Users;--",
    ];
    for (index, name) in names.iter().enumerate() {
        let answer = service.sign_up([&format!("  {name}\t"), &format!("user{index}@example.com"), GRACE[2]]).await;
        assert_eq!((answer.status, answer.json()["name"].as_str()), (201, Some(*name)));
    }
    let token = service.member(ADA).await.1;
    let listed = service.get("/user", &token).await.json();
    let listed: Vec<&str> =
        listed["users"].as_array().unwrap().iter().filter_map(|user| user["name"].as_str()).collect();
    assert!(names.iter().all(|name| listed.contains(name)), "{listed:?}");
}

#[tokio::test]
async fn a_stored_account_has_only_the_documented_attributes() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    let [user] = service.items("Users").await.try_into().unwrap();
    let mut attributes: Vec<&str> = user.keys().map(String::as_str).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["created_at", "email", "name", "public_id"]);
    let [credentials] = service.items("Credentials").await.try_into().unwrap();
    let mut attributes: Vec<&str> = credentials.keys().map(String::as_str).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["email", "password_hash", "password_set_at", "public_id"]);
    assert_eq!(credentials["public_id"].as_s(), Ok(&id));
    assert!(credentials["password_hash"].as_s().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn problem_documents_have_the_members_of_rfc_9457_and_extensions() {
    let answer = Service::start().await.post("/signup", &Value::Null).await;
    let expected = json!({
        "type": "about:blank", "title": "Bad Request", "status": 400, "code": "malformed-json",
        "detail": "The body must be a single JSON object in UTF-8, such as {\"email\": \"…\"}.",
        "message": "The body must be a single JSON object in UTF-8, such as {\"email\": \"…\"}.",
    });
    assert_eq!(answer.json(), expected);
}
