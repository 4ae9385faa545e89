//! Pages, forms, cookies and protection against cross-site requests. `testing/browser` tests the pages in Chromium.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testkit::{
    ADA, Answer, GRACE, Service,
    service::{BROWSER, send},
};

const NEW_PASSWORD: &str = "a better tortoise lamp quarrel";

fn browser(service: &Service, method: Method, path: &str, cookies: &[String]) -> RequestBuilder {
    let request =
        BROWSER.iter().fold(service.request(method, path), |request, (name, value)| request.header(*name, *value));
    if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
}

pub(super) async fn get(service: &Service, path: &str, cookies: &[String]) -> Answer {
    send(browser(service, Method::GET, path, cookies)).await
}

pub(super) async fn post(service: &Service, path: &str, cookies: &[String], fields: &[(&str, &str)]) -> Answer {
    send(browser(service, Method::POST, path, cookies).form(fields)).await
}

/// Status, title and redirect target of a response.
pub(super) fn seen(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.title().unwrap_or_default(), answer.header("location").unwrap_or_default())
}

pub(super) async fn signed_in(service: &Service) -> Vec<String> {
    service.sign_up(ADA).await;
    let answer = post(service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await;
    assert_eq!(seen(&answer), (303, "", "/user"));
    // The third one is the device.
    assert_eq!(answer.cookies().len(), 3, "{answer:?}");
    answer.cookies()[..2].to_vec()
}

/// The same request, with the headers that browsers send for cross-site requests.
fn forged(request: &RequestBuilder) -> Vec<RequestBuilder> {
    let with = |pairs: &[(&str, &str)]| {
        let request = request.try_clone().expect("the body is text");
        pairs.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    vec![
        with(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]),
        with(&[("sec-fetch-site", "same-site")]),
        with(&[("sec-fetch-site", "none")]),
        with(&[("origin", "https://evil.example")]),
        with(&[("origin", "null")]),
        with(&[]),
    ]
}

#[tokio::test]
async fn browsers_get_pages_and_api_clients_get_json_without_cookies() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let (_, token) = service.member(GRACE).await;
    for (path, title) in [("/user", "Users"), ("/user/me", "Your account")] {
        assert_eq!(get(&service, path, &cookies).await.title(), Some(title));
        let json = service.get(path, &token).await;
        assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")), "{json:?}");
        // A cookie authenticates an API client as well.
        let json = send(service.request(Method::GET, path).header("cookie", cookies.join("; "))).await;
        assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")), "{json:?}");
    }
    for accept in ["*/*", "application/json", "application/json, text/plain, */*"] {
        let log_in = service.request(Method::POST, "/login").header("accept", accept);
        let answer = send(log_in.form(&[("email", ADA[1]), ("password", ADA[2])])).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (201, None), "{accept}");
    }
}

#[tokio::test]
async fn a_rejected_form_has_the_status_of_the_api_and_no_password_in_it() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    for (path, fields, status, challenge) in [
        ("/login", vec![("email", ADA[1]), ("password", "tortoise lamp quarrel")], 403, None),
        (
            "/login",
            vec![("email", GRACE[1]), ("password", "tortoise lamp quarrel")],
            401,
            Some("Bearer realm=\"Login required\""),
        ),
        ("/login", vec![("email", ADA[1])], 401, Some("Bearer realm=\"Login required\"")),
        ("/signup", vec![("name", ADA[0]), ("email", ADA[1]), ("password", "tortoise lamp quarrel")], 202, None),
        ("/signup", vec![("email", "<x>"), ("password", "tortoise lamp quarrel")], 422, None),
    ] {
        let answer = post(&service, path, &[], &fields).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge), "{answer:?}");
        assert!(!answer.text.contains("tortoise") && !answer.text.contains("<x>"), "{answer:?}");
        assert!(answer.cookies().is_empty());
    }
    let unreadable = browser(&service, Method::POST, "/login", &[]).body("x").header("content-type", "text/plain");
    assert_eq!(seen(&send(unreadable).await), (415, "Error: Invalid request", ""));
    let large = post(&service, "/signup", &[], &[("name", &"x".repeat(70_000))]).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn in_the_strict_profile_the_pages_for_an_unknown_user_and_a_wrong_password_are_identical() {
    let service = Service::strict().await;
    service.sign_up(ADA).await;
    let mut pages = Vec::new();
    for email in [ADA[1], GRACE[1]] {
        let page = post(&service, "/login", &[], &[("email", email), ("password", "tortoise lamp quarrel")]).await;
        assert_eq!(page.status, 401);
        let changing = ["x-request-id", "date", "content-length"];
        let headers = page.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str())).collect::<Vec<_>>();
        pages.push((format!("{headers:?}"), page.text.replace(email, "")));
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn a_throttled_log_in_gets_a_page_with_the_time_to_wait() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let guess =
        async || post(&service, "/login", &[], &[("email", ADA[1]), ("password", "tortoise lamp quarrel")]).await;
    for _ in 0..5 {
        assert_eq!(guess().await.status, 403);
    }
    let throttled = guess().await;
    assert_eq!(seen(&throttled), (429, "Error: Log in", ""));
    assert!(throttled.header("retry-after").is_some() && throttled.text.contains("Wait "), "{throttled:?}");
}

#[tokio::test]
async fn an_unavailable_database_is_a_503_page_and_not_a_redirect_to_log_in() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let disconnected = Service::over(&[], &service.endpoint, "http://127.0.0.1:1").await;
    for answer in [
        get(&disconnected, "/user", &cookies).await,
        get(&disconnected, "/refresh?return_to=%2Fuser", &cookies).await,
        post(&disconnected, "/logout", &cookies, &[]).await,
        post(&disconnected, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await,
    ] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        assert!(answer.headers.get("set-cookie").is_none(), "the cookies remain: {answer:?}");
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 200);
}

#[tokio::test]
async fn cross_site_forms_change_nothing() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let cookie = cookies.join("; ");
    for (path, fields) in [
        ("/login", vec![("email", ADA[1]), ("password", ADA[2])]),
        ("/signup", vec![("name", GRACE[0]), ("email", GRACE[1]), ("password", GRACE[2])]),
        ("/logout", vec![("scope", "global")]),
        ("/logout", vec![("scope", "no such scope")]),
        ("/password", vec![("current_password", ADA[2]), ("new_password", NEW_PASSWORD)]),
        ("/user/me", vec![("_method", "DELETE"), ("password", ADA[2])]),
    ] {
        let form = service.request(Method::POST, path).header("accept", BROWSER[0].1).header("cookie", &cookie);
        for request in forged(&form.form(&fields)) {
            let sent = format!("{request:?}");
            let answer = send(request).await;
            assert_eq!(seen(&answer), (403, "Error: Not allowed", ""), "{sent}");
            assert!(answer.headers.get("set-cookie").is_none(), "{sent}");
        }
    }
    // Requests that a script of another site could send with the cookies, if browsers allowed it.
    let delete =
        service.request(Method::DELETE, "/user/me").header("cookie", &cookie).json(&json!({ "password": ADA[2] }));
    let log_out = service.request(Method::POST, "/logout").header("cookie", &cookie);
    for request in forged(&delete).into_iter().chain(forged(&log_out)) {
        assert_eq!(send(request).await.code(), (403, "cross-site".to_owned()));
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 200, "no user is logged out");
    assert_eq!(service.items("Users").await.len(), 1, "no user is deleted or created");
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201, "the password is unchanged");
}

#[tokio::test]
async fn a_browser_without_fetch_metadata_is_identified_by_its_origin() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let form = service.request(Method::POST, "/login").header("accept", BROWSER[0].1).header("origin", &service.url);
    let answer = send(form.form(&[("email", ADA[1]), ("password", ADA[2])])).await;
    assert_eq!(seen(&answer), (303, "", "/user"));
}

#[tokio::test]
async fn a_log_in_redirects_to_the_previous_page_and_never_to_another_site() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let redirect = get(&service, "/user?limit=5&cursor=AAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    assert_eq!(seen(&redirect), (303, "", "/?return_to=%2Fuser%3Flimit%3D5%26cursor%3DAAAAAAAAAAAAAAAAAAAAAA"));
    let page = get(&service, redirect.header("location").unwrap(), &[]).await;
    assert!(
        page.text.contains("name=\"return_to\" value=\"/user?limit=5&#38;cursor=AAAAAAAAAAAAAAAAAAAAAA\""),
        "{page:?}"
    );
    for (return_to, place) in [
        ("/user?limit=5", "/user?limit=5"),
        ("/user/me", "/user/me"),
        ("//evil.example", "/user"),
        ("https://evil.example/user", "/user"),
        ("/\\evil.example", "/user"),
        ("/user\r\nset-cookie: a=b", "/user"),
        ("", "/user"),
    ] {
        let fields = [("email", ADA[1]), ("password", ADA[2]), ("return_to", return_to)];
        assert_eq!(seen(&post(&service, "/login", &[], &fields).await), (303, "", place), "{return_to:?}");
        let escaped = return_to.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let page = get(&service, &format!("/?return_to={escaped}"), &[]).await;
        assert!(page.status == 200 && !page.text.contains("evil"), "{page:?}");
    }
}

#[tokio::test]
async fn an_expired_access_token_is_refreshed_by_its_session() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    service.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(
        seen(&get(&service, "/user?limit=5", &cookies).await),
        (303, "", "/refresh?return_to=%2Fuser%3Flimit%3D5")
    );
    let refreshed = get(&service, "/refresh?return_to=%2Fuser%3Flimit%3D5", &cookies).await;
    assert_eq!(seen(&refreshed), (303, "", "/user?limit=5&refreshed=1"));
    assert_eq!(refreshed.cookies()[1], cookies[1], "GET does not rotate the refresh token");
    assert_ne!(refreshed.cookies()[0], cookies[0]);
    let without_mark = get(&service, "/user?limit=5&refreshed=1", &refreshed.cookies()).await;
    assert_eq!(seen(&without_mark), (303, "", "/user?limit=5"));
    assert_eq!(seen(&get(&service, "/user", &refreshed.cookies()).await), (200, "Users", ""));
    // A form is accepted with an expired access token if the session is active.
    let fields = [("current_password", ADA[2]), ("new_password", NEW_PASSWORD)];
    service.clock.advance(Duration::from_secs(60 * 60));
    let changed = post(&service, "/password", &refreshed.cookies(), &fields).await;
    assert_eq!(seen(&changed), (303, "", "/user/me?notice=password-changed"));
    assert_eq!(get(&service, "/user", &changed.cookies()).await.status, 200);
}

#[tokio::test]
async fn an_invalid_session_redirects_to_log_in_and_clears_the_cookies() {
    for reason in ["disabled", "deleted", "logged out", "forged", "without a session"] {
        let service = Service::start().await;
        let mut cookies = signed_in(&service).await;
        let id = service.items("Users").await[0]["public_id"].as_s().unwrap().clone();
        match reason {
            "disabled" => service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await,
            "deleted" => service.delete_user(&id).await,
            "logged out" => assert_eq!(post(&service, "/logout", &cookies, &[("scope", "global")]).await.status, 303),
            "forged" => cookies.iter_mut().for_each(|cookie| cookie.push('x')),
            _ => cookies = vec!["postern_refresh_token=none".to_owned()],
        }
        let mut path = "/user".to_owned();
        let mut answer = get(&service, &path, &cookies).await;
        if answer.header("location") == Some("/refresh?return_to=%2Fuser") {
            answer.header("location").unwrap().clone_into(&mut path);
            answer = get(&service, &path, &cookies).await;
        }
        assert_eq!(seen(&answer), (303, "", "/?return_to=%2Fuser"), "{reason}");
        assert_eq!((answer.headers.get_all("set-cookie").iter().count(), answer.cookies().len()), (2, 0), "{reason}");
    }
}

#[tokio::test]
async fn log_out_works_repeatedly_and_after_the_access_token_expires() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    // Only the first log-out ends a session, so only it says so.
    for location in ["/?notice=logged-out", "/"] {
        let answer = post(&service, "/logout", &cookies, &[]).await;
        assert_eq!((seen(&answer), answer.cookies().len()), ((303, "", location), 0));
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 303);
    assert!(service.items("Sessions").await.is_empty());
    // The refresh cookie alone is enough.
    let answer = post(&service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await;
    assert_eq!(post(&service, "/logout", &answer.cookies()[1..2], &[]).await.status, 303);
    assert!(service.items("Sessions").await.is_empty());
    // An ended session cannot end other sessions.
    let global = post(&service, "/logout", &answer.cookies(), &[("scope", "global")]).await;
    assert_eq!(seen(&global), (303, "", "/?return_to=%2Fuser%2Fme"));
    assert_eq!(
        seen(&post(&service, "/logout", &[], &[("scope", "global")]).await),
        (303, "", "/?return_to=%2Fuser%2Fme")
    );
}

#[tokio::test]
async fn notices_are_shown_only_after_a_redirect_from_this_site() {
    let service = Service::start().await;
    let has_notice = |page: &Answer| page.text.contains("Your account has been deleted.");
    assert!(has_notice(&get(&service, "/?notice=deleted", &[]).await));
    for site in ["cross-site", "same-site", "none"] {
        let request = service.request(Method::GET, "/?notice=deleted").header("accept", BROWSER[0].1);
        assert!(!has_notice(&send(request.header("sec-fetch-site", site)).await), "{site}");
    }
    for notice in ["", "nothing", "<b>", "deleted&notice=deleted"] {
        assert!(!get(&service, &format!("/?notice={notice}"), &[]).await.text.contains("role=\"status\""), "{notice}");
    }
}

#[tokio::test]
async fn markup_in_user_input_is_escaped() {
    let service = Service::start().await;
    let markup = "<script>x</script>\"'&";
    let fields = [("name", markup), ("email", markup), ("password", "short")];
    let rejected = post(&service, "/signup", &[], &fields).await;
    service.sign_up([markup, ADA[1], ADA[2]]).await;
    let cookies = post(&service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await.cookies();
    for page in [rejected, get(&service, "/user", &cookies).await, get(&service, "/user/me", &cookies).await] {
        assert!(page.text.contains("&#60;script&#62;x&#60;/script&#62;&#34;&#39;&#38;"), "{page:?}");
        assert!(!page.text.contains("<script"), "{page:?}");
    }
}

#[tokio::test]
async fn the_user_list_is_paged() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    for number in 0..4 {
        service.sign_up(["User", &format!("user{number}@example.com"), ADA[2]]).await;
    }
    let (mut path, mut rows, mut pages) = ("/user?limit=2".to_owned(), 0, 0);
    loop {
        let page = get(&service, &path, &cookies).await;
        rows += page.text.matches("<tr><td").count();
        pages += 1;
        assert_eq!(page.text.contains("First page"), pages > 1);
        let Some((_, rest)) =
            page.text.split_once("rel=\"next\"").map(|(before, _)| before.rsplit_once("href=\"").unwrap())
        else {
            break;
        };
        path = rest.split_once('"').unwrap().0.replace("&#38;", "&");
        assert!(path.starts_with("/user?limit=2&cursor="), "{path}");
    }
    assert_eq!((rows, pages), (5, 3));
    let end = get(&service, "/user?cursor=_____________________w", &cookies).await;
    assert!(end.text.contains("There are no users on this page."), "{end:?}");
    assert_eq!(seen(&get(&service, "/user?limit=0", &cookies).await).0, 422);
}

#[tokio::test]
async fn a_duplicate_cookie_is_rejected() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let duplicate = [cookies[0].clone(), cookies[0].clone()];
    assert_eq!(seen(&get(&service, "/user", &duplicate).await), (303, "", "/?return_to=%2Fuser"));
}
