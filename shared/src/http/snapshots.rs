//! Snapshots of whole responses: problems and pages.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header::ACCEPT},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http_body_util::BodyExt as _;
use insta::assert_snapshot;
use tower::ServiceExt as _;

use crate::{
    config::SecurityProfile,
    domain::{
        authorization::PasswordRefusal,
        authorization::TokenRefusal,
        client_ip::AddressForm,
        deployment::Deployment,
        password::{PasswordError, strength::StrengthError},
        user::{EmailError, NameError},
    },
    http::{
        browser::ReturnTo,
        error::{Error, ErrorStyle},
        pages::{self, Form, FormRejection, LogInPage, Notice, SignUpPage},
        service::{self, ResponseOptions},
    },
};

/// The response of a service whose only route gives `response`.
async fn through_service(profile: SecurityProfile, accept: &str, response: fn() -> Response) -> String {
    let style = ErrorStyle { profile, realm: None };
    let (address, deployment) = (AddressForm::None, Deployment::Aws);
    let options = ResponseOptions { style, address, deployment, hsts_subdomains: false };
    let service = service::service(Router::new().route("/", get(async move || response())), options);
    let request = Request::builder().uri("/").header(ACCEPT, accept).body(Body::empty()).unwrap();
    render(service.oneshot(request).await.unwrap()).await
}

/// Status, the headers that depend on the response, and the body.
async fn render(response: Response) -> String {
    let (parts, body) = response.into_parts();
    let headers = ["content-type", "www-authenticate", "retry-after", "allow"].into_iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().unwrap();
        Some(format!("{name}: {value}\n"))
    });
    let headers: String = headers.collect();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
    let body = if text.starts_with('{') { text.replace(",\"", ",\n\"") } else { abridged(&text) };
    format!("{}\n{headers}\n{}", parts.status, body.trim_end())
}

/// A page with only the title in its head, and with line breaks in the tags of fields.
fn abridged(page: &str) -> String {
    let between = |start: &str, end: &str| page.split_once(start).unwrap().1.split_once(end).unwrap().0;
    let (title, body) = (between("<title>", "</title>"), between("</head>\n", "</html>"));
    let body =
        body.replace(" autocapitalize=", "\n  autocapitalize=").replace(" aria-describedby=", "\n  aria-describedby=");
    format!("<title>{title}</title>\n{body}")
}

async fn problem(profile: SecurityProfile, response: fn() -> Response) -> String {
    through_service(profile, "application/json", response).await
}

async fn page(profile: SecurityProfile, response: fn() -> Response) -> String {
    through_service(profile, "text/html", response).await
}

fn log_in_page() -> LogInPage {
    LogInPage {
        action: "/login".to_owned(),
        email_field: "email".to_owned(),
        password_field: "password".to_owned(),
        email: String::new(),
        lacks_password: false,
        offers_sign_up: true,
        return_to: None,
        notice: None,
        errors: None,
    }
}

fn invalid_sign_up() -> Error {
    let password = PasswordError::TooShort { minimum: 15 };
    Error::Invalid(vec![NameError::Empty.into(), EmailError::Malformed.into(), password.into()])
}

#[tokio::test]
async fn a_problem_lists_the_invalid_fields() {
    let shown = problem(SecurityProfile::Strict, || invalid_sign_up().into_response()).await;
    assert_snapshot!(shown, @r#"
    422 Unprocessable Entity
    content-type: application/problem+json

    {"type":"about:blank",
    "title":"Unprocessable Content",
    "status":422,
    "detail":"Some fields are invalid. See errors for details.",
    "code":"invalid-fields",
    "message":"Some fields are invalid. See errors for details.",
    "errors":[{"field":"name",
    "code":"required",
    "detail":"must not be empty"},{"field":"email",
    "code":"malformed",
    "detail":"must be a valid email address, such as name@example.com"},{"field":"password",
    "code":"too-short",
    "detail":"must be at least 15 characters long"}]}
    "#);
}

#[tokio::test]
async fn a_weak_password_is_a_field_error() {
    let shown =
        problem(SecurityProfile::Strict, || Error::Invalid(vec![StrengthError::WellKnown.into()]).into_response());
    assert_snapshot!(shown.await, @r#"
    422 Unprocessable Entity
    content-type: application/problem+json

    {"type":"about:blank",
    "title":"Unprocessable Content",
    "status":422,
    "detail":"Some fields are invalid. See errors for details.",
    "code":"invalid-fields",
    "message":"Some fields are invalid. See errors for details.",
    "errors":[{"field":"password",
    "code":"well-known",
    "detail":"is too easy to guess; choose a stronger one, such as four random words"}]}
    "#);
}

#[tokio::test]
async fn missing_credentials_get_a_basic_challenge() {
    let shown = problem(SecurityProfile::Strict, || Error::CredentialsMissing.into_response()).await;
    assert_snapshot!(shown, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Basic realm="Login required", charset="UTF-8"

    {"type":"about:blank",
    "title":"Unauthorized",
    "status":401,
    "detail":"Send an email address and a password.",
    "code":"credentials-missing",
    "message":"Could not verify"}
    "#);
}

#[tokio::test]
async fn a_wrong_password_gets_the_tutorials_response() {
    let shown =
        problem(SecurityProfile::Tutorial, || Error::WrongPassword(PasswordRefusal::Wrong).into_response()).await;
    assert_snapshot!(shown, @r#"
    403 Forbidden
    content-type: application/problem+json
    www-authenticate: Basic realm="Wrong Password !!", charset="UTF-8"

    {"type":"about:blank",
    "title":"Forbidden",
    "status":403,
    "detail":"The password is incorrect.",
    "code":"wrong-password",
    "message":"Could not verify"}
    "#);
}

#[tokio::test]
async fn a_refused_token_gets_a_bearer_challenge() {
    let shown = problem(SecurityProfile::Strict, || Error::from(TokenRefusal::SessionEnded).into_response()).await;
    assert_snapshot!(shown, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer realm="Login required", error="invalid_token"

    {"type":"about:blank",
    "title":"Unauthorized",
    "status":401,
    "detail":"The access token is invalid, expired or revoked. Log in to get a new one.",
    "code":"invalid-token",
    "message":"Token is invalid !!"}
    "#);
}

#[tokio::test]
async fn a_rate_limit_gets_retry_after() {
    let wait = || Error::Throttled { wait: Duration::from_millis(29_001) }.into_response();
    assert_snapshot!(problem(SecurityProfile::Strict, wait).await, @r#"
    429 Too Many Requests
    content-type: application/problem+json
    retry-after: 30

    {"type":"about:blank",
    "title":"Too Many Requests",
    "status":429,
    "detail":"Too many attempts. Wait for the number of seconds in the Retry-After header, then try again.",
    "code":"too-many-requests",
    "message":"Too many attempts. Wait for the number of seconds in the Retry-After header, then try again."}
    "#);
}

#[tokio::test]
async fn the_log_in_page_shows_a_notice_and_remembers_the_page_to_return_to() {
    let shown = page(SecurityProfile::Strict, || {
        let return_to = ReturnTo::parse("/user?limit=5");
        let page = LogInPage { return_to, notice: Some(Notice::SignedUp), ..log_in_page() };
        pages::show(StatusCode::OK, &page).into_response()
    });
    assert_snapshot!(shown.await, @r#"
    200 OK
    content-type: text/html; charset=utf-8

    <title>Log in – Postern</title>
    <body>
    <main>
    <h1>Log in</h1>
    <p class="notice" role="status">Your account has been created. Log in to continue.</p>
    <form method="post" action="/login" novalidate>
    <input type="hidden" name="return_to" value="/user?limit=5">
    <div class="field">
    <label for="email">Email address</label>
    <input id="email" name="email" type="email" autocomplete="username" value="" required
      autocapitalize="none" spellcheck="false" dir="auto">
    </div>
    <div class="field">
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" value="" required>
    </div>
    <button>Log in</button>
    </form>
    <p>New here? <a href="/signup">Sign up</a></p>
    </main>
    </body>
    "#);
}

#[tokio::test]
async fn a_refused_log_in_form_has_no_basic_challenge() {
    let shown = page(SecurityProfile::Strict, || {
        let form = LogInPage { email: "ada@example.com".to_owned(), ..log_in_page() };
        FormRejection::new(Error::WrongPassword(PasswordRefusal::Wrong), Form::LogIn(form)).into_response()
    });
    assert_snapshot!(shown.await, @r#"
    401 Unauthorized
    content-type: text/html; charset=utf-8
    www-authenticate: Bearer realm="Login required"

    <title>Error: Log in – Postern</title>
    <body>
    <main>
    <div class="summary" role="alert" tabindex="-1" autofocus>
    <h2>There is a problem</h2>
    <p>The email address or password is incorrect.</p>
    </div>
    <h1>Log in</h1>
    <form method="post" action="/login" novalidate>
    <div class="field">
    <label for="email">Email address</label>
    <input id="email" name="email" type="email" autocomplete="username" value="ada@example.com" required
      autocapitalize="none" spellcheck="false" dir="auto">
    </div>
    <div class="field">
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" value="" required>
    </div>
    <button>Log in</button>
    </form>
    <p>New here? <a href="/signup">Sign up</a></p>
    </main>
    </body>
    "#);
}

#[tokio::test]
async fn a_refused_sign_up_form_shows_an_error_at_each_field() {
    let shown = page(SecurityProfile::Strict, || {
        let form = SignUpPage { email: "\"<ada>".to_owned(), ..SignUpPage::new(15) };
        FormRejection::new(invalid_sign_up(), Form::SignUp(form)).into_response()
    });
    assert_snapshot!(shown.await, @r##"
    422 Unprocessable Entity
    content-type: text/html; charset=utf-8

    <title>Error: Sign up – Postern</title>
    <body>
    <main>
    <div class="summary" role="alert" tabindex="-1" autofocus>
    <h2>There is a problem</h2>
    <ul>
    <li><a href="#name">Name must not be empty.</a></li>
    <li><a href="#email">Email address must be a valid email address, such as name@example.com.</a></li>
    <li><a href="#password">Password must be at least 15 characters long.</a></li>
    </ul>
    </div>
    <h1>Sign up</h1>
    <form method="post" action="/signup" novalidate>
    <div class="field">
    <label for="name">Name</label>
    <p class="error" id="name-error">Name must not be empty.</p>
    <input id="name" name="name" type="text" autocomplete="name" value="" required
      aria-describedby="name-error" aria-invalid="true">
    </div>
    <div class="field">
    <label for="email">Email address</label>
    <p class="error" id="email-error">Email address must be a valid email address, such as name@example.com.</p>
    <input id="email" name="email" type="email" autocomplete="username" value="&#34;&#60;ada&#62;" required
      autocapitalize="none" spellcheck="false" dir="auto"
      aria-describedby="email-error" aria-invalid="true">
    </div>
    <div class="field">
    <label for="password">Password</label>
    <p class="hint" id="password-hint">Use at least 15 characters that are hard to guess, such as four random words.</p>
    <p class="error" id="password-error">Password must be at least 15 characters long.</p>
    <input id="password" name="password" type="password" autocomplete="new-password" value="" required
      aria-describedby="password-hint password-error" aria-invalid="true">
    </div>
    <button>Sign up</button>
    </form>
    <p>Already have an account? <a href="/">Log in</a></p>
    </main>
    </body>
    "##);
}

#[tokio::test]
async fn an_error_without_a_form_gets_a_page_of_its_own() {
    assert_snapshot!(page(SecurityProfile::Strict, || Error::Late.into_response()).await, @r#"
    503 Service Unavailable
    content-type: text/html; charset=utf-8
    retry-after: 1

    <title>Error: Service unavailable – Postern</title>
    <body>
    <main>
    <h1>Service unavailable</h1>
    <p>The service is temporarily unavailable. Try again in a moment.</p>
    <p><a href="/">Start page</a></p>
    </main>
    </body>
    "#);
}

#[tokio::test]
async fn closed_sign_up_is_a_problem_or_a_page() {
    let closed = || Error::SignUpClosed.into_response();
    assert_snapshot!(problem(SecurityProfile::Tutorial, closed).await, @r#"
    403 Forbidden
    content-type: application/problem+json

    {"type":"about:blank",
    "title":"Forbidden",
    "status":403,
    "detail":"This service does not accept new accounts at present. Contact its administrator to get an account.",
    "code":"sign-up-closed",
    "message":"This service does not accept new accounts at present. Contact its administrator to get an account."}
    "#);
    assert_snapshot!(page(SecurityProfile::Tutorial, closed).await, @r#"
    403 Forbidden
    content-type: text/html; charset=utf-8

    <title>Error: Sign-up is closed – Postern</title>
    <body>
    <main>
    <h1>Sign-up is closed</h1>
    <p>This service does not accept new accounts at present. Contact its administrator to get an account.</p>
    <p><a href="/">Start page</a></p>
    </main>
    </body>
    "#);
}

#[tokio::test]
async fn the_log_in_page_has_no_link_to_a_closed_sign_up() {
    let shown = page(SecurityProfile::Strict, || {
        let page = LogInPage { offers_sign_up: false, ..log_in_page() };
        pages::show(StatusCode::OK, &page).into_response()
    });
    assert!(shown.await.ends_with("<button>Log in</button>\n</form>\n</main>\n</body>"));
}
