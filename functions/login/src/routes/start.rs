//! `GET /`: the users for a logged-in browser, or else the log-in page.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use shared::http::{browser::ReturnTo, error::Error, pages};

use crate::Login;

pub(crate) async fn start(State(login): State<Arc<Login>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    // A query means that another page redirected here.
    if uri.query().is_none() && login.has_cookies(&headers) {
        return Ok(pages::see_other(ReturnTo::default().as_str()));
    }
    login.show_log_in(&headers, &uri)
}
