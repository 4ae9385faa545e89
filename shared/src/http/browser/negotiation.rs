//! Content negotiation: a page or JSON.

use axum::http::{HeaderMap, header::ACCEPT};
use mime::Mime;

use crate::http::request::media_type;

/// Whether the client prefers a page to JSON (RFC 9110 12.5.1). Browsers prefer `text/html`; other clients accept
/// anything or ask for JSON, and get JSON.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Mime> = accept.flat_map(|value| value.split(',')).filter_map(media_type::parse).collect();
    let quality = |wanted: &str| ranges.iter().find(|range| range.essence_str() == wanted).map(quality);
    let json = ["application/json", "application/*", "*/*"].into_iter().find_map(quality);
    quality("text/html").is_some_and(|html| html > json.unwrap_or(0.0))
}

fn quality(range: &Mime) -> f32 {
    range.get_param("q").map_or(1.0, |q| q.as_str().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn accepts_page(accept: &str) -> bool {
        wants_page(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]))
    }

    #[test]
    fn browsers_get_pages_and_other_clients_get_json() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html, application/json;q=0.9",
            "text/html",
            "TEXT/HTML;q=0.2, application/*;q=0.1",
            "text/html ; charset=utf-8 ; q=0.9, */* ; q=0.8",
        ] {
            assert!(accepts_page(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json, text/html",
            "application/json, text/plain, */*",
            "text/html;q=0, */*",
            "text/html;q=0.5, */*",
            "text/html ; q=0.5, */*",
            "text/html, application/json ; q=1",
            "text/*",
            "text/html;q=no",
            "",
            "html",
        ] {
            assert!(!accepts_page(accept), "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_accept_header_is_handled(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = wants_page(&HeaderMap::from_iter([(ACCEPT, value)]));
            }
        }
    }
}
