//! `POST /login`.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, multipart::Form};
use serde_json::json;
use shared::domain::password::{Cost, Hasher, Password};
use testkit::{ADA, Service, service::send};

#[tokio::test]
async fn a_successful_log_in_is_201_in_the_tutorial_profile_and_200_in_the_strict_profile() {
    for (profile, status, life) in [("tutorial", 201, 1800), ("strict", 200, 900)] {
        let service = Service::with(&[("AUTH_PROFILE", profile)]).await;
        service.sign_up(ADA).await;
        let answer = service.log_in(ADA[1], ADA[2]).await;
        let body = answer.json();
        let expected = json!({
            "token": body["token"], "access_token": body["token"], "token_type": "Bearer", "expires_in": life,
            "refresh_token": body["refresh_token"], "refresh_expires_in": 30 * 24 * 60 * 60,
        });
        assert_eq!((answer.status, &body), (status, &expected), "{profile}");
        assert_eq!(body["token"].as_str().unwrap().split('.').count(), 3);
    }
}

#[tokio::test]
async fn log_in_without_email_or_password_is_401_with_the_tutorials_realm() {
    let service = Service::start().await;
    for body in [
        json!({}),
        json!({ "email": ADA[1] }),
        json!({ "password": ADA[2] }),
        json!({ "email": "", "password": "" }),
        json!({ "email": " ", "password": "x" }),
    ] {
        let answer = service.post("/login", &body).await;
        assert_eq!(answer.problem(), (401, "credentials-missing".to_owned(), "Could not verify".to_owned()), "{body}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Login required !!\", charset=\"UTF-8\""));
    }
    assert_eq!(send(service.request(Method::POST, "/login")).await.status, 401);
}

#[tokio::test]
async fn log_in_without_email_or_password_is_401_with_a_plain_realm_in_the_strict_profile() {
    let answer = Service::strict().await.post("/login", &json!({})).await;
    assert_eq!(answer.problem(), (401, "credentials-missing".to_owned(), "Could not verify".to_owned()));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Login required\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn log_in_of_an_unknown_user_is_401_in_the_tutorial_profile() {
    let answer = Service::start().await.log_in("unknown@example.com", ADA[2]).await;
    assert_eq!(answer.problem(), (401, "unknown-user".to_owned(), "Could not verify".to_owned()));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"User does not exist !!\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn log_in_with_a_wrong_password_is_403_in_the_tutorial_profile() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let answer = service.log_in(ADA[1], "wrong").await;
    assert_eq!(answer.problem(), (403, "wrong-password".to_owned(), "Could not verify".to_owned()));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Wrong Password !!\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn unknown_user_and_wrong_password_get_identical_responses_in_the_strict_profile() {
    let service = Service::strict().await;
    service.sign_up(ADA).await;
    let unknown = service.log_in("unknown@example.com", "wrong").await;
    let wrong = service.log_in(ADA[1], "wrong").await;
    let malformed = service.log_in("not an address", "wrong").await;
    assert_eq!(unknown.problem(), (401, "invalid-credentials".to_owned(), "Could not verify".to_owned()));
    for other in [&wrong, &malformed] {
        assert_eq!(unknown.text, other.text);
        let names = |answer: &testkit::Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&unknown), names(other));
        for name in unknown.headers.keys().filter(|name| !["x-request-id", "date"].contains(&name.as_str())) {
            assert_eq!(unknown.headers[name], other.headers[name]);
        }
    }
}

#[tokio::test]
async fn json_form_multipart_and_basic_credentials_are_equivalent() {
    let service = Service::start().await;
    let [_, email, password] = ADA;
    service.sign_up(ADA).await;
    let request = || service.request(Method::POST, "/login");
    let fields = [("email", email), ("password", password)];
    assert_eq!(service.log_in(email, password).await.status, 201);
    assert_eq!(send(request().form(&fields)).await.status, 201);
    assert_eq!(
        send(request().multipart(Form::new().text("email", email).text("password", password))).await.status,
        201
    );
    assert_eq!(send(request().basic_auth(email, Some(password))).await.status, 201);
    assert_eq!(send(request().basic_auth("ADA@Example.com", Some(password))).await.status, 201);
    assert_eq!(send(request().basic_auth(email, Some("wrong"))).await.status, 403);
    assert_eq!(send(request().basic_auth(email, Some(""))).await.status, 401);
    assert_eq!(send(request().basic_auth("", Some(password))).await.status, 401);
}

#[tokio::test]
async fn credentials_in_two_places_and_malformed_basic_are_400() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let both = service
        .request(Method::POST, "/login")
        .basic_auth(ADA[1], Some(ADA[2]))
        .form(&[("email", ADA[1]), ("password", ADA[2])]);
    assert_eq!(send(both).await.code(), (400, "ambiguous-credentials".to_owned()));
    for value in ["Basic", "Basic %%%", "Basic YWRh", "basic /////w=="] {
        let broken = service.request(Method::POST, "/login").header("authorization", value);
        assert_eq!(send(broken).await.code(), (400, "malformed-authorization".to_owned()), "{value}");
    }
    let other_scheme = service
        .request(Method::POST, "/login")
        .header("authorization", "Bearer x")
        .form(&[("email", ADA[1]), ("password", ADA[2])]);
    assert_eq!(send(other_scheme).await.status, 201);
}

#[tokio::test]
async fn a_disabled_user_gets_the_same_response_as_for_a_wrong_password() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    service.set("Credentials", ("email", ADA[1]), "disabled", AttributeValue::Bool(true)).await;
    let disabled = service.log_in(ADA[1], ADA[2]).await;
    assert_eq!(disabled.problem(), service.log_in(ADA[1], "wrong").await.problem());
    service.set("Credentials", ("email", ADA[1]), "disabled", AttributeValue::Bool(false)).await;
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

async fn stored_hash(service: &Service) -> String {
    service.items("Credentials").await[0]["password_hash"].as_s().unwrap().clone()
}

#[tokio::test]
async fn a_weaker_hash_is_upgraded_only_at_a_successful_log_in() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let weak = Hasher::new(Cost { memory_kib: 1024, iterations: 1, parallelism: 1 }, 1).unwrap();
    let weak = weak.hash(Password::new(ADA[2])).await.unwrap();
    service.set("Credentials", ("email", ADA[1]), "password_hash", AttributeValue::S(weak.as_str().to_owned())).await;
    assert_eq!(service.log_in(ADA[1], "wrong").await.status, 403);
    assert_eq!(stored_hash(&service).await, weak.as_str());
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    let upgraded = stored_hash(&service).await;
    assert!(upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{upgraded}");
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    assert_eq!(stored_hash(&service).await, upgraded, "a hash of the current cost is not replaced");
}

#[tokio::test]
async fn a_hash_that_changed_concurrently_is_not_replaced() {
    use shared::{
        aws::store::CredentialStore,
        domain::{password::PasswordHash, user::Email},
    };
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let current = stored_hash(&service).await;
    let store = CredentialStore::new(service.database.clone(), "Credentials");
    let email = Email::parse(ADA[1]).unwrap();
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    store.replace_hash(&email, &hash("an older one"), &hash("a newer one")).await.unwrap();
    assert_eq!(stored_hash(&service).await, current);
    store.replace_hash(&email, &hash(&current), &hash("a newer one")).await.unwrap();
    assert_eq!(stored_hash(&service).await, "a newer one");
}
