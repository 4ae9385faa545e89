//! The effect of each setting. `shared::config` tests invalid values, and `functions/*/tests` that a function does not
//! start with them.

use reqwest::Method;
use serde_json::json;
use testkit::{ADA, Service, forge, service::send};

async fn claims(service: &Service, path: &str, body: serde_json::Value) -> serde_json::Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = service.post(path, &body).await.json()["token"].as_str().unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn jwt_auth_url_rule_and_the_field_name_settings_move_log_in() {
    let names =
        [("JWT_AUTH_URL_RULE", "/auth"), ("JWT_AUTH_USERNAME_KEY", "username"), ("JWT_AUTH_PASSWORD_KEY", "pass word")];
    let service = Service::with(&names).await;
    assert_eq!(service.sign_up(ADA).await.status, 201, "sign-up has fixed field names");
    assert_eq!(service.post("/auth", &json!({ "username": ADA[1], "pass word": ADA[2] })).await.status, 201);
    assert_eq!(service.post("/auth", &json!({ "email": ADA[1], "password": ADA[2] })).await.status, 401);
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 404);
    let basic = service.request(Method::POST, "/auth").basic_auth(ADA[1], Some(ADA[2]));
    assert_eq!(send(basic).await.status, 201);
}

#[tokio::test]
async fn jwt_issuer_expiration_delta_and_not_before_delta_set_the_claims() {
    let service = Service::with(&[
        ("JWT_ISSUER", "https://auth.example.com"),
        ("JWT_EXPIRATION_DELTA", "120"),
        ("JWT_NOT_BEFORE_DELTA", "60"),
    ])
    .await;
    service.sign_up(ADA).await;
    let answer = service.log_in(ADA[1], ADA[2]).await.json();
    assert_eq!(answer["expires_in"], 120);
    let claims = claims(&service, "/login", json!({ "email": ADA[1], "password": ADA[2] })).await;
    let issued = claims["iat"].as_i64().unwrap();
    assert_eq!(
        (claims["iss"].as_str(), claims["exp"].as_i64(), claims["nbf"].as_i64()),
        (Some("https://auth.example.com"), Some(issued + 120), Some(issued + 60))
    );
    assert_eq!(service.get("/user", answer["token"].as_str().unwrap()).await.status, 401, "not valid yet");
}

#[tokio::test]
async fn jwt_leeway_tolerates_clock_skew() {
    let service = Service::with(&[("JWT_LEEWAY", "100")]).await;
    let (id, _) = service.member(ADA).await;
    let moved = |seconds: i64| {
        let mut claims = forge::claims(&id);
        claims["exp"] = json!(forge::now() + seconds);
        claims["nbf"] = json!(forge::now() - seconds);
        forge::with_claims(&claims)
    };
    assert_eq!(service.get("/user", &moved(-90)).await.status, 200);
    assert_eq!(service.get("/user", &moved(-110)).await.status, 401);
}

#[tokio::test]
async fn jwt_secret_key_sets_the_key() {
    let other = "another key that only this test uses: 8a31";
    let service = Service::with(&[("JWT_SECRET_KEY", other)]).await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(service.get("/user", &token).await.status, 200);
    assert_eq!(
        service.get("/user", &forge::with_claims(&forge::claims(&id))).await.status,
        401,
        "signed with the default key"
    );
}

#[tokio::test]
async fn jwt_auth_header_prefix_is_accepted_in_addition_to_bearer() {
    let service = Service::with(&[("JWT_AUTH_HEADER_PREFIX", "Token")]).await;
    let (_, token) = service.member(ADA).await;
    for (prefix, status) in [("Token", 200), ("token", 200), ("Bearer", 200), ("JWT", 401)] {
        let answer =
            send(service.request(Method::GET, "/user").header("authorization", format!("{prefix} {token}"))).await;
        assert_eq!(answer.status, status, "{prefix}");
    }
}

#[tokio::test]
async fn jwt_default_realm_is_in_every_challenge_without_a_tutorial_realm() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile), ("JWT_DEFAULT_REALM", "Members only")]).await;
        let challenge = |answer: testkit::Answer| answer.header("www-authenticate").unwrap().to_owned();
        assert_eq!(
            challenge(service.post("/login", &json!({})).await),
            "Basic realm=\"Members only\", charset=\"UTF-8\""
        );
        assert_eq!(challenge(send(service.request(Method::GET, "/user")).await), "Bearer realm=\"Members only\"");
        assert_eq!(
            challenge(service.get("/user", "x").await),
            "Bearer realm=\"Members only\", error=\"invalid_token\""
        );
    }
}

#[tokio::test]
async fn jwt_verify_claims_selects_the_verified_times() {
    let changed = |id: &str, claim: &str| {
        let mut claims = forge::claims(id);
        claims[claim] = json!(forge::now() + 60);
        forge::with_claims(&claims)
    };
    for (verified, nbf, iat) in [
        ("signature,exp", 200, 200),
        ("signature,exp,nbf", 401, 200),
        ("iat, exp, signature", 200, 401),
        ("signature,exp,nbf,iat,iss,sub", 401, 401),
    ] {
        let service = Service::with(&[("JWT_VERIFY_CLAIMS", verified)]).await;
        let (id, _) = service.member(ADA).await;
        assert_eq!(service.get("/user", &changed(&id, "nbf")).await.status, nbf, "{verified}");
        assert_eq!(service.get("/user", &changed(&id, "iat")).await.status, iat, "{verified}");
    }
}

#[tokio::test]
async fn jwt_required_claims_selects_the_required_claims() {
    let without = |id: &str, claim: &str| {
        let mut claims = forge::claims(id);
        claims.as_object_mut().unwrap().remove(claim);
        forge::with_claims(&claims)
    };
    let all = "exp,iat,nbf,iss,sub,public_id,jti";
    for (required, claim, status) in [
        ("exp", "iat", 200),
        ("exp", "nbf", 200),
        ("exp", "exp", 401),
        ("exp", "jti", 200),
        (all, "jti", 401),
        (all, "public_id", 401),
        ("exp", "sub", 401),
        ("exp", "iss", 401),
    ] {
        let service = Service::with(&[("JWT_REQUIRED_CLAIMS", required)]).await;
        let (id, token) = service.member(ADA).await;
        assert_eq!(service.get("/user", &without(&id, claim)).await.status, status, "{required} without {claim}");
        assert_eq!(service.get("/user", &token).await.status, 200, "{required}: issued tokens have all claims");
    }
}

#[tokio::test]
async fn list_users_group_restricts_listing_to_a_group() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let service = Service::with(&[("LIST_USERS_GROUP", "staff")]).await;
    let (id, token) = service.member(ADA).await;
    assert_eq!(service.get("/user", &token).await.status, 403);
    service.set_on_user(&id, "groups", AttributeValue::Ss(vec!["staff".to_owned()])).await;
    assert_eq!(service.get("/user", &token).await.status, 200);
    let open = Service::with(&[("AUTH_PROFILE", "strict"), ("LIST_USERS_GROUP", "")]).await;
    let (_, token) = open.member(ADA).await;
    assert_eq!(open.get("/user", &token).await.status, 200, "empty: every logged-in user");
}

#[tokio::test]
async fn password_min_length_sets_the_minimum() {
    let service = Service::with(&[("PASSWORD_MIN_LENGTH", "12")]).await;
    assert_eq!(service.sign_up([ADA[0], ADA[1], "zq8vmt2kwp4"]).await.status, 422);
    assert_eq!(service.sign_up([ADA[0], ADA[1], "zq8vmt2kwp4h"]).await.status, 201);
}

#[tokio::test]
async fn argon2_settings_apply_to_new_hashes() {
    let service =
        Service::with(&[("ARGON2_MEMORY_KIB", "20480"), ("ARGON2_ITERATIONS", "3"), ("ARGON2_PARALLELISM", "2")]).await;
    service.sign_up(ADA).await;
    let hash = service.items("Credentials").await[0]["password_hash"].as_s().unwrap().clone();
    assert!(hash.starts_with("$argon2id$v=19$m=20480,t=3,p=2$"), "{hash}");
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn users_table_and_credentials_table_set_the_table_names() {
    let service = Service::with(&[("USERS_TABLE", "people"), ("CREDENTIALS_TABLE", "secrets.of-people_1")]).await;
    service.member(ADA).await;
    assert_eq!((service.items("people").await.len(), service.items("secrets.of-people_1").await.len()), (1, 1));
}
