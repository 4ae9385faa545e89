//! One journey through the whole service over HTTP: in this process, under `cargo lambda watch`, and with release
//! binaries under AWS's runtime interface emulator. The last two need programs that `.ci/run` installs.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{env, fs, path::PathBuf, process::Stdio};

use reqwest::{Client, Method, RequestBuilder, multipart::Form};
use serde_json::{Value, json};
use shared::domain::user::PublicId;
use testkit::{
    ADA, Answer, Service, events, gateway, poll,
    service::{self, BROWSER, database_endpoint, send},
    text,
};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

#[tokio::test]
async fn the_journey_through_the_service_in_this_process() {
    let service = Service::start().await;
    journey(&service.url).await;
}

#[tokio::test]
#[ignore = "needs `cargo lambda watch`, whose URL is in POSTERN_URL"]
async fn the_journey_through_cargo_lambda_watch() {
    journey(&variable("POSTERN_URL")).await;
}

#[tokio::test]
#[ignore = "needs AWS's emulator (POSTERN_EMULATOR) and the release binaries (POSTERN_BINARIES)"]
async fn the_journey_through_the_release_binaries_under_the_runtime_interface_emulator() {
    let database = database_endpoint().await;
    let client = aws_sdk_dynamodb::Client::new(&local::database::connection(&database).await);
    let settings = local::service::settings(|_| None, &database).unwrap();
    local::database::create_tables(&client, &settings).await.unwrap();
    let mut functions = Vec::new();
    for name in ["signup", "login", "list-users"] {
        functions.push(Emulated::start(name, &database).await);
    }
    let [signup, login, list] = &functions[..] else { unreachable!() };
    // The invocations of docs/guides/local-development.md with `sam local invoke`.
    assert_eq!(invoke(&signup.url, &sample("signup", "")).await.status, 201);
    let logged_in = invoke(&login.url, &sample("login", "")).await;
    assert_eq!(logged_in.status, 201);
    let token = logged_in.json()["token"].as_str().unwrap().to_owned();
    let listed = invoke(&list.url, &sample("list-users", &token)).await;
    assert_eq!((listed.status, listed.json()["users"][0]["email"].as_str()), (200, Some(ADA[1])));
    let routes = [
        ("/", login),
        ("/signup", signup),
        ("/login", login),
        ("/refresh", login),
        ("/logout", login),
        ("/password", login),
        ("DELETE /user/me", login),
        ("POST /user/me", login),
        ("/.well-known/jwks.json", login),
        ("/.well-known/openid-configuration", login),
        ("/.well-known/change-password", login),
        ("/user", list),
    ];
    journey(&gateway::serve(routes.map(|(path, function)| (path, function.url.clone())).to_vec()).await).await;
}

/// A release binary under the emulator, with the environment of `events/env.json`.
struct Emulated {
    url: String,
    _process: Child,
}

impl Emulated {
    async fn start(name: &str, database: &str) -> Self {
        let variables: Value = serde_json::from_str(&fs::read_to_string(folder().join("env.json")).unwrap()).unwrap();
        let variables =
            variables["Parameters"].as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let (port, runtime_port) = (free_port().await, free_port().await);
        let process = Command::new(variable("POSTERN_EMULATOR"))
            .arg("--runtime-interface-emulator-address")
            .arg(format!("127.0.0.1:{port}"))
            .arg("--runtime-api-address")
            .arg(format!("127.0.0.1:{runtime_port}"))
            .arg(PathBuf::from(variable("POSTERN_BINARIES")).join(name))
            .envs(variables)
            .env("AWS_ENDPOINT_URL_DYNAMODB", database)
            .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the emulator starts");
        poll::until("the emulator listens", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        Self { url: format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"), _process: process }
    }
}

/// A variable that `.ci/run` sets.
#[expect(clippy::disallowed_methods, reason = "the programs under test are named in the environment")]
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn sample(name: &str, token: &str) -> Value {
    let text = events::read_sample(name);
    serde_json::from_str(&text.replace("{{token}}", token)).unwrap()
}

async fn invoke(function: &str, event: &Value) -> Answer {
    let answer = Client::new().post(function).json(event).send().await.unwrap().json().await.unwrap();
    events::read(&answer)
}

async fn journey(api: &str) {
    let http = service::client();
    let request = |method: Method, path: &str| http.request(method, format!("{api}{path}"));
    // Each journey has its own mailboxes, so that it can run more than once.
    let run = PublicId::random();
    let mailbox = |kind: &str| format!("{kind}.{run}@example.com");
    let mailboxes = ["json", "form", "multipart"].map(mailbox);
    sign_up(&request, &mailboxes).await;
    let token = log_in(&request, &mailboxes[0]).await;
    list(&request, &token, &mailboxes).await;
    rejections(&request, &token, &mailboxes[0]).await;
    sessions(&request, &mailboxes[0], ADA[2]).await;
    pages(&request, &mailbox("browser"), ADA[2]).await;
}

/// Sign-ups with JSON, a form and multipart, and one with an email address in use.
async fn sign_up(request: &impl Fn(Method, &str) -> RequestBuilder, [json, form, multipart]: &[String; 3]) {
    let ([name, _, password], post) = (ADA, || request(Method::POST, "/signup"));
    let body = |email: &str| json!({ "name": name, "email": email, "password": password });
    let signed_up = send(post().json(&body(json))).await;
    assert_eq!((signed_up.status, signed_up.json()["message"].as_str()), (201, Some("Successfully registered.")));
    let fields = [("name", "Zoë & Söhne"), ("email", form), ("password", password)];
    let signed_up = send(post().form(&fields)).await;
    assert_eq!((signed_up.status, signed_up.json()["name"].as_str()), (201, Some("Zoë & Söhne")));
    let parts = Form::new().text("name", "李小龍").text("email", multipart.clone()).text("password", password);
    let signed_up = send(post().multipart(parts)).await;
    assert_eq!((signed_up.status, signed_up.json()["name"].as_str()), (201, Some("李小龍")));
    let taken = send(post().json(&body(&json.to_uppercase()))).await;
    assert_eq!(taken.code(), (202, "email-taken".to_owned()));
}

/// Log-ins with JSON, a form, multipart and Basic credentials. Returns the last access token.
async fn log_in(request: &impl Fn(Method, &str) -> RequestBuilder, email: &str) -> String {
    let (password, post) = (ADA[2], || request(Method::POST, "/login"));
    let mut token = String::new();
    for log_in in [
        post().json(&json!({ "email": email, "password": password })),
        post().form(&[("email", email), ("password", password)]),
        post().multipart(Form::new().text("email", email.to_owned()).text("password", password)),
        post().basic_auth(email, Some(password)),
    ] {
        let logged_in = send(log_in).await;
        assert_eq!(logged_in.status, 201, "{logged_in:?}");
        text(&logged_in.json(), "token").clone_into(&mut token);
    }
    token
}

/// The list and the user's own record, with the token in each of the three headers.
async fn list(request: &impl Fn(Method, &str) -> RequestBuilder, token: &str, mailboxes: &[String; 3]) {
    for authenticated in [
        request(Method::GET, "/user").header("x-access-token", token),
        request(Method::GET, "/user").bearer_auth(token),
        request(Method::GET, "/user").header("authorization", format!("JWT {token}")),
    ] {
        assert_eq!(send(authenticated).await.status, 200);
    }
    let me = send(request(Method::GET, "/user/me").header("x-access-token", token)).await;
    assert_eq!((me.status, me.json()["email"].as_str()), (200, Some(mailboxes[0].as_str())));
    assert_eq!(send(request(Method::HEAD, "/user").header("x-access-token", token)).await.status, 200);
    let listed = walk(|path| request(Method::GET, path).header("x-access-token", token)).await;
    for email in mailboxes {
        assert_eq!(listed.iter().filter(|listed| *listed == email).count(), 1, "{email}");
    }
}

/// Requests that are rejected.
async fn rejections(request: &impl Fn(Method, &str) -> RequestBuilder, token: &str, email: &str) {
    let (post, get) = (|path: &str| request(Method::POST, path), |path: &str| request(Method::GET, path));
    let wrong = [("email", email), ("password", "wrong")];
    let unknown = [("email", "unknown@example.com"), ("password", ADA[2])];
    let large = "a".repeat(100_000);
    for (request, status, code) in [
        (post("/login").form(&wrong), 403, "wrong-password"),
        (post("/login").form(&unknown), 401, "unknown-user"),
        (post("/login"), 401, "credentials-missing"),
        (post("/login").form(&[("password", large.as_str())]), 413, "body-too-large"),
        (post("/signup").json(&json!({ "name": "a\nb" })), 422, "invalid-fields"),
        (post("/signup").json(&json!([])), 400, "malformed-json"),
        (post("/signup").header("content-type", "text/plain").body("x"), 415, "unsupported-media-type"),
        (request(Method::PUT, "/signup"), 405, "method-not-allowed"),
        (request(Method::DELETE, "/user"), 405, "method-not-allowed"),
        (get("/user"), 401, "token-missing"),
        (get("/user").bearer_auth(format!("{token}x")), 401, "invalid-token"),
        (get("/user?limit=0").bearer_auth(token), 422, "invalid-fields"),
        (get("/user?cursor=x").bearer_auth(token), 422, "invalid-fields"),
    ] {
        let answer = send(request).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{answer:?}");
    }
}

/// The life of an account in a browser.
async fn pages(request: &impl Fn(Method, &str) -> RequestBuilder, email: &str, password: &str) {
    let browse = async |method: Method, path: &str, cookies: &[String], fields: &[(&str, &str)]| {
        let request =
            BROWSER.iter().fold(request(method, path), |request, (name, value)| request.header(*name, *value));
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        send(if fields.is_empty() { request } else { request.form(fields) }).await
    };
    let get = async |path: &str, cookies: &[String]| browse(Method::GET, path, cookies, &[]).await;
    let post = async |path: &str, cookies: &[String], fields: &[(&str, &str)]| {
        let answer = browse(Method::POST, path, cookies, fields).await;
        (answer.status, answer.header("location").unwrap_or_default().to_owned(), answer.cookies())
    };

    for (path, title) in [("/", "Log in"), ("/login", "Log in"), ("/signup", "Sign up")] {
        let page = get(path, &[]).await;
        assert_eq!((page.status, page.title()), (200, Some(title)), "{page:?}");
    }
    let (status, target, _) = post("/signup", &[], &[("name", "Zoë"), ("email", email), ("password", password)]).await;
    assert_eq!((status, target.as_str()), (303, "/?notice=signed-up"));
    let log_in = [("email", email), ("password", password), ("return_to", "/user/me")];
    let (status, target, cookies) = post("/login", &[], &log_in).await;
    assert_eq!((status, target.as_str(), cookies.len()), (303, "/user/me", 3));
    assert_eq!(
        (get("/user", &cookies).await.title(), get("/user/me", &cookies).await.title()),
        (Some("Users"), Some("Your account"))
    );

    // The access token has expired.
    let redirect = get("/user?limit=2", &cookies[1..]).await;
    assert_eq!((redirect.status, redirect.header("location")), (303, Some("/refresh?return_to=%2Fuser%3Flimit%3D2")));
    let refreshed = get("/refresh?return_to=%2Fuser%3Flimit%3D2", &cookies[1..]).await;
    assert_eq!(
        (refreshed.status, refreshed.header("location"), refreshed.cookies().len()),
        (303, Some("/user?limit=2&refreshed=1"), 2)
    );
    let cookies = refreshed.cookies();

    let forged =
        request(Method::POST, "/logout").header("cookie", cookies.join("; ")).header("sec-fetch-site", "cross-site");
    assert_eq!(send(forged).await.code(), (403, "cross-site".to_owned()));
    let (status, target, left) = post("/user/me", &cookies, &[("_method", "DELETE"), ("password", password)]).await;
    assert_eq!((status, target.as_str(), left.len()), (303, "/?notice=deleted", 0));
    // The refresh cookie is tried, and its session has ended as well.
    for (path, location) in [("/user", "/refresh?return_to=%2Fuser"), ("/refresh", "/?return_to=%2Fuser")] {
        let after = get(path, &cookies).await;
        assert_eq!((after.status, after.header("location")), (303, Some(location)), "{path}");
    }
}

/// Refresh, log-out, password change and deletion.
async fn sessions(request: &impl Fn(Method, &str) -> RequestBuilder, email: &str, password: &str) {
    let post = |path: &str, body: &Value| request(Method::POST, path).json(body);
    let log_in = |password: &str| post("/login", &json!({ "email": email, "password": password }));
    let text = |answer: &Answer, name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let me = async |token: &str| send(request(Method::GET, "/user/me").bearer_auth(token)).await.status;

    let logged_in = send(log_in(password)).await;
    let refreshed = send(post("/refresh", &json!({ "refresh_token": text(&logged_in, "refresh_token") }))).await;
    assert_eq!((refreshed.status, me(&text(&refreshed, "token")).await), (200, 200));
    let rejected = send(post("/refresh", &json!({ "refresh_token": "none" }))).await;
    assert_eq!(rejected.code(), (401, "invalid-refresh-token".to_owned()));
    let log_out = || request(Method::POST, "/logout").bearer_auth(text(&refreshed, "token"));
    assert_eq!((send(log_out()).await.status, send(log_out()).await.status), (204, 204));
    assert_eq!((me(&text(&refreshed, "token")).await, me(&text(&logged_in, "token")).await), (401, 401));

    let (first, second) = (send(log_in(password)).await, send(log_in(password)).await);
    let new = "a better tortoise lamp quarrel";
    let body = json!({ "current_password": password, "new_password": new });
    let changed = send(post("/password", &body).bearer_auth(text(&first, "token"))).await;
    assert_eq!((changed.status, me(&text(&changed, "token")).await), (200, 200));
    assert_eq!((me(&text(&first, "token")).await, me(&text(&second, "token")).await), (401, 401));
    assert_eq!((send(log_in(password)).await.status, send(log_in(new)).await.status), (403, 201));

    assert_eq!(send(request(Method::GET, "/.well-known/jwks.json")).await.json(), json!({ "keys": [] }));
    let configuration = send(request(Method::GET, "/.well-known/openid-configuration")).await;
    assert_eq!(configuration.code(), (404, "no-issuer-url".to_owned()));

    let wrong = request(Method::DELETE, "/user/me").json(&json!({ "password": password }));
    assert_eq!(send(wrong.bearer_auth(text(&changed, "token"))).await.code(), (403, "wrong-password".to_owned()));
    let delete = request(Method::DELETE, "/user/me").json(&json!({ "password": new }));
    assert_eq!(send(delete.bearer_auth(text(&changed, "token"))).await.status, 204);
    assert_eq!((me(&text(&changed, "token")).await, send(log_in(new)).await.status), (401, 401));
}

/// The email addresses on all pages of two users each.
async fn walk(get: impl Fn(&str) -> RequestBuilder) -> Vec<String> {
    let (mut emails, mut path) = (Vec::new(), "/user?limit=2".to_owned());
    loop {
        let page = send(get(&path)).await.json();
        emails.extend(page["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return emails };
        path = format!("/user?limit=2&cursor={next}");
    }
}
