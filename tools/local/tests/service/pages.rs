//! What browsers get: pages, forms that come back, cookies, and nothing for other sites. How it looks and feels, Chromium shows
//! (`.ci/browser`).

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testkit::{
    ADA, Answer, GRACE, Service, forge,
    service::{BROWSER, send},
};

const NEW_PASSWORD: &str = "a better tortoise lamp quarrel";

fn browser(service: &Service, method: Method, path: &str, cookies: &[String]) -> RequestBuilder {
    let request =
        BROWSER.iter().fold(service.request(method, path), |request, (name, value)| request.header(*name, *value));
    if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
}

async fn get(service: &Service, path: &str, cookies: &[String]) -> Answer {
    send(browser(service, Method::GET, path, cookies)).await
}

async fn post(service: &Service, path: &str, cookies: &[String], fields: &[(&str, &str)]) -> Answer {
    send(browser(service, Method::POST, path, cookies).form(fields)).await
}

/// Status, title and place of an answer: what a browser makes of it.
fn seen(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.title().unwrap_or_default(), answer.header("location").unwrap_or_default())
}

async fn signed_in(service: &Service) -> Vec<String> {
    service.sign_up(ADA).await;
    let answer = post(service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await;
    assert_eq!(seen(&answer), (303, "", "/user"));
    assert_eq!(answer.cookies().len(), 2, "{answer:?}");
    answer.cookies()
}

/// The same cookies, an hour later for the access token.
fn expired(mut cookies: Vec<String>) -> Vec<String> {
    let mut claims = forge::payload(&cookies[0]);
    for time in ["iat", "nbf", "exp"] {
        claims[time] = json!(claims[time].as_i64().expect("a time") - 3600);
    }
    cookies[0] = format!("access_token={}", forge::with_claims(&claims));
    cookies
}

/// The same parameters, sent as other sites have browsers send them.
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
async fn pages_are_for_browsers_and_programs_get_json_and_never_a_cookie() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let (_, token) = service.member(GRACE).await;
    for (path, title) in [("/user", "Users"), ("/user/me", "Your account")] {
        assert_eq!(get(&service, path, &cookies).await.title(), Some(title));
        let json = service.get(path, &token).await;
        assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")), "{json:?}");
        // A cookie is as good as a token.
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
async fn a_refused_form_has_the_status_of_the_contract_and_no_password_in_it() {
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
    assert_eq!(seen(&send(unreadable).await), (415, "Error: That did not work", ""));
    let large = post(&service, "/signup", &[], &[("name", &"x".repeat(70_000))]).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn in_strict_an_unknown_user_and_a_wrong_password_give_the_same_page_byte_for_byte() {
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
async fn who_guesses_too_often_gets_a_page_that_says_how_long_to_wait() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let guess =
        async || post(&service, "/login", &[], &[("email", ADA[1]), ("password", "tortoise lamp quarrel")]).await;
    for _ in 0..5 {
        assert_eq!(guess().await.status, 403);
    }
    let refused = guess().await;
    assert_eq!(seen(&refused), (429, "Error: Log in", ""));
    assert!(refused.header("retry-after").is_some() && refused.text.contains("Wait "), "{refused:?}");
}

#[tokio::test]
async fn without_a_database_a_page_says_so_and_nobody_is_sent_to_log_in() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let lost = Service::over(&[], &service.endpoint, "http://127.0.0.1:1").await;
    for answer in [
        get(&lost, "/user", &cookies).await,
        get(&lost, "/refresh?return_to=%2Fuser", &cookies).await,
        post(&lost, "/logout", &cookies, &[]).await,
        post(&lost, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await,
    ] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        assert!(answer.headers.get("set-cookie").is_none(), "the sign-in is kept: {answer:?}");
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 200);
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
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
            let shown = format!("{request:?}");
            let answer = send(request).await;
            assert_eq!(seen(&answer), (403, "Error: Not allowed", ""), "{shown}");
            assert!(answer.headers.get("set-cookie").is_none(), "{shown}");
        }
    }
    // What a script of another site would send with the cookies, if a browser let it.
    let delete =
        service.request(Method::DELETE, "/user/me").header("cookie", &cookie).json(&json!({ "password": ADA[2] }));
    let log_out = service.request(Method::POST, "/logout").header("cookie", &cookie);
    for request in forged(&delete).into_iter().chain(forged(&log_out)) {
        assert_eq!(send(request).await.code(), (403, "cross-site".to_owned()));
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 200, "nobody is logged out");
    assert_eq!(service.items("Users").await.len(), 1, "nobody is deleted, and nobody signed up");
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201, "the password is as it was");
}

#[tokio::test]
async fn a_browser_from_before_fetch_metadata_is_known_by_its_origin() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let form = service.request(Method::POST, "/login").header("accept", BROWSER[0].1).header("origin", &service.url);
    let answer = send(form.form(&[("email", ADA[1]), ("password", ADA[2])])).await;
    assert_eq!(seen(&answer), (303, "", "/user"));
}

#[tokio::test]
async fn a_log_in_leads_to_where_one_was_and_never_to_another_site() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let away = get(&service, "/user?limit=5&cursor=AAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    assert_eq!(seen(&away), (303, "", "/?return_to=%2Fuser%3Flimit%3D5%26cursor%3DAAAAAAAAAAAAAAAAAAAAAA"));
    let page = get(&service, away.header("location").unwrap(), &[]).await;
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
        let escaped = return_to.bytes().map(|octet| format!("%{octet:02X}")).collect::<Vec<_>>().concat();
        let page = get(&service, &format!("/?return_to={escaped}"), &[]).await;
        assert!(page.status == 200 && !page.text.contains("evil"), "{page:?}");
    }
}

#[tokio::test]
async fn an_access_token_that_is_over_is_renewed_by_its_session() {
    let service = Service::start().await;
    let cookies = expired(signed_in(&service).await);
    assert_eq!(
        seen(&get(&service, "/user?limit=5", &cookies).await),
        (303, "", "/refresh?return_to=%2Fuser%3Flimit%3D5")
    );
    let renewed = get(&service, "/refresh?return_to=%2Fuser%3Flimit%3D5", &cookies).await;
    assert_eq!(seen(&renewed), (303, "", "/user?limit=5"));
    // Two tabs: whoever comes with the old one gets the same new one.
    assert_eq!(get(&service, "/refresh", &cookies).await.cookies()[1], renewed.cookies()[1]);
    assert_eq!(seen(&get(&service, "/user", &renewed.cookies()).await), (200, "Users", ""));
    // A form that is older than its token is taken for the sake of the session.
    let fields = [("current_password", ADA[2]), ("new_password", NEW_PASSWORD)];
    let changed = post(&service, "/password", &expired(renewed.cookies()), &fields).await;
    assert_eq!(seen(&changed), (303, "", "/user/me?notice=password-changed"));
    assert_eq!(get(&service, "/user", &changed.cookies()).await.status, 200);
}

#[tokio::test]
async fn who_is_out_is_sent_to_log_in_with_no_cookie_left() {
    for out in ["disabled", "gone", "logged out", "forged", "without a session"] {
        let service = Service::start().await;
        let mut cookies = signed_in(&service).await;
        let id = service.items("Users").await[0]["public_id"].as_s().unwrap().clone();
        match out {
            "disabled" => service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await,
            "gone" => service.delete_user(&id).await,
            "logged out" => assert_eq!(post(&service, "/logout", &cookies, &[("scope", "global")]).await.status, 303),
            "forged" => cookies[0].push('x'),
            _ => cookies = vec!["refresh_token=none".to_owned()],
        }
        let mut place = "/user".to_owned();
        let mut answer = get(&service, &place, &cookies).await;
        if answer.header("location") == Some("/refresh?return_to=%2Fuser") {
            answer.header("location").unwrap().clone_into(&mut place);
            answer = get(&service, &place, &cookies).await;
        }
        assert_eq!(seen(&answer), (303, "", "/?return_to=%2Fuser"), "{out}");
        assert_eq!((answer.headers.get_all("set-cookie").iter().count(), answer.cookies().len()), (2, 0), "{out}");
    }
}

#[tokio::test]
async fn logging_out_works_once_twice_and_after_the_token_is_over() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    for _ in 0..2 {
        let answer = post(&service, "/logout", &cookies, &[]).await;
        assert_eq!((seen(&answer), answer.cookies().len()), ((303, "", "/?notice=logged-out"), 0));
    }
    assert_eq!(get(&service, "/user", &cookies).await.status, 303);
    assert!(service.items("Sessions").await.is_empty());
    // Without an access token, the session is enough.
    let answer = post(&service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await;
    assert_eq!(post(&service, "/logout", &answer.cookies()[1..], &[]).await.status, 303);
    assert!(service.items("Sessions").await.is_empty());
    // Who is out already cannot end the others, and is not told so.
    let global = post(&service, "/logout", &answer.cookies(), &[("scope", "global")]).await;
    assert_eq!(seen(&global), (303, "", "/?return_to=%2Fuser%2Fme"));
    assert_eq!(
        seen(&post(&service, "/logout", &[], &[("scope", "global")]).await),
        (303, "", "/?return_to=%2Fuser%2Fme")
    );
}

#[tokio::test]
async fn what_was_done_is_said_only_to_who_comes_from_a_page_of_this_site() {
    let service = Service::start().await;
    let said = |page: &Answer| page.text.contains("Your account is deleted.");
    assert!(said(&get(&service, "/?notice=deleted", &[]).await));
    for site in ["cross-site", "same-site", "none"] {
        let request = service.request(Method::GET, "/?notice=deleted").header("accept", BROWSER[0].1);
        assert!(!said(&send(request.header("sec-fetch-site", site)).await), "{site}");
    }
    for notice in ["", "nothing", "<b>", "deleted&notice=deleted"] {
        assert!(!get(&service, &format!("/?notice={notice}"), &[]).await.text.contains("role=\"status\""), "{notice}");
    }
}

#[tokio::test]
async fn markup_is_text_wherever_it_was_typed() {
    let service = Service::start().await;
    let markup = "<script>x</script>\"'&";
    let fields = [("name", markup), ("email", markup), ("password", "short")];
    let refused = post(&service, "/signup", &[], &fields).await;
    service.sign_up([markup, ADA[1], ADA[2]]).await;
    let cookies = post(&service, "/login", &[], &[("email", ADA[1]), ("password", ADA[2])]).await.cookies();
    for page in [refused, get(&service, "/user", &cookies).await, get(&service, "/user/me", &cookies).await] {
        assert!(page.text.contains("&#60;script&#62;x&#60;/script&#62;&#34;&#39;&#38;"), "{page:?}");
        assert!(!page.text.contains("<script"), "{page:?}");
    }
}

#[tokio::test]
async fn the_list_goes_on_page_by_page_and_ends() {
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
    assert!(end.text.contains("There is nobody on this page."), "{end:?}");
    assert_eq!(seen(&get(&service, "/user?limit=0", &cookies).await).0, 422);
}

#[tokio::test]
async fn a_cookie_that_comes_twice_is_refused() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let twice = [cookies[0].clone(), cookies[0].clone()];
    assert_eq!(seen(&get(&service, "/user", &twice).await), (303, "", "/?return_to=%2Fuser"));
}
