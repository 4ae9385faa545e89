//! A browser: it sends the headers of a same-origin form, and keeps cookies.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use testkit::{
    Answer, Service,
    service::{BROWSER, CLIENT, send},
};

/// A browser at an IP address.
pub(crate) struct Browser<'s> {
    service: &'s Service,
    address: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl<'s> Browser<'s> {
    /// A browser without cookies at 192.0.2.`last`.
    pub(crate) fn at(service: &'s Service, last: u8) -> Self {
        Self { service, address: format!("192.0.2.{last}"), cookies: BTreeMap::new() }
    }

    /// The browser at another address.
    pub(crate) fn moved_to(self, last: u8) -> Self {
        Self { address: format!("192.0.2.{last}"), ..self }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.service.request(method, path).header(CLIENT, &self.address);
        let request = BROWSER.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Sends a request, and stores the cookies of the response.
    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = send(request).await;
        for set in answer.headers.get_all("set-cookie") {
            let cookie = set.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET` of a page that the browser stops loading: it does not receive the cookies.
    pub(crate) async fn get_without_response(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(fields)).await
    }

    /// Logs in by form.
    pub(crate) async fn log_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/login", &[("email", email), ("password", password)]).await
    }

    /// The value of a cookie, by its name without prefix.
    pub(crate) fn cookie(&self, name: &str) -> &str {
        self.cookies.get(&format!("postern_{name}")).map_or("", String::as_str)
    }

    /// Replaces the value of a cookie.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.cookies.insert(format!("postern_{name}"), value.into());
    }

    /// Whether the page of the user's account is shown, after following redirects of `GET /refresh`.
    pub(crate) async fn is_logged_in(&mut self) -> bool {
        for _ in 0..2 {
            let answer = self.get("/user/me").await;
            match answer.header("location") {
                Some(location) if location.starts_with("/refresh") => {
                    let location = location.to_owned();
                    self.get(&location).await;
                }
                _ => return answer.status == 200,
            }
        }
        false
    }
}
