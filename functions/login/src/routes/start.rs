//! `GET /` and `GET /login` (or at `JWT_AUTH_URL_RULE`): the log-in page, or the users for a logged-in browser.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use shared::http::{
    browser::ReturnTo,
    error::Error,
    pages::{self, Notice},
    paths,
};

use crate::Login;

pub(crate) async fn start(State(login): State<Arc<Login>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    if login.has_cookies(&headers) && !asks_for_log_in(&uri) {
        return Ok(pages::see_other(ReturnTo::default().as_str()));
    }
    login.show_log_in(&headers, &uri)
}

/// Whether the query has a parameter of the log-in page, with any value. Pages that redirect a browser here with
/// cookies that are no longer valid always add one. Otherwise the two redirects would form a loop where the cookies
/// cannot be removed.
fn asks_for_log_in(uri: &Uri) -> bool {
    let parameters = uri.query().unwrap_or_default().split('&');
    let mut names = parameters.map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name));
    names.any(|name| [ReturnTo::PARAMETER, Notice::PARAMETER].contains(&name))
}

/// `GET /.well-known/change-password`: the account page, which has the form.
pub(crate) async fn change_password_page() -> Response {
    pages::see_other(paths::ME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parameters_of_the_log_in_page_ask_for_it() {
        for query in ["return_to=%2Fuser", "notice=deleted", "utm_source=x&return_to=%2Fuser", "return_to=", "notice"] {
            assert!(asks_for_log_in(&format!("/?{query}").parse().unwrap()), "{query}");
        }
        for query in ["", "utm_source=x", "x=return_to", "Return_To=%2Fuser", "return_to2=x", "=notice", "&&", "%FF=1"]
        {
            assert!(!asks_for_log_in(&format!("/?{query}").parse().unwrap()), "{query}");
        }
        assert!(!asks_for_log_in(&"/login".parse().unwrap()));
    }
}
