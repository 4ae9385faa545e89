//! The body of a request: its size limit and its media type.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use http_body_util::BodyExt as _;

use crate::http::{error::Error, request::media_type};

/// Longest accepted body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A larger body is read up to this length before it is refused, in bytes; API Gateway accepts no more either. A
/// connection that closes while the client is still sending would keep the client from reading the response.
const MAX_DRAIN: usize = 10 * 1024 * 1024;

/// Collects a body of at most [`MAX_BODY`] bytes.
pub(crate) async fn collect(mut body: Body) -> Result<Bytes, Error> {
    let mut collected = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Malformed {
            code: "incomplete-body",
            detail: "The body is incomplete. Send the request again.".to_owned(),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY {
            collected.extend_from_slice(&data);
        } else if length > MAX_DRAIN {
            break;
        }
    }
    if length > MAX_BODY { Err(Error::BodyTooLarge) } else { Ok(collected.into()) }
}

/// The type of a body that is not empty, by its `Content-Type`.
pub(crate) enum BodyType {
    Json,
    Form,
    Multipart,
}

impl BodyType {
    /// The body type of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            // With two types, an intermediary might parse the body differently than this service.
            (None, _) | (Some(_), Some(_)) => None,
        };
        let mime = value.and_then(media_type::parse).ok_or(Error::UnsupportedMediaType)?;
        if mime.params().any(|(name, value)| name == mime::CHARSET && !is_utf8(value.as_str())) {
            return Err(Error::UnsupportedMediaType);
        }
        match mime.essence_str() {
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => Ok(Self::Multipart),
            _ => Err(Error::UnsupportedMediaType),
        }
    }
}

/// Whether a charset is UTF-8, by its registered name or by the label without a hyphen that many clients send.
fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_collected_and_a_longer_one_is_refused() {
        let collected = async |length: usize| collect(Body::from(vec![b'x'; length])).await;
        assert_eq!(collected(MAX_BODY).await.unwrap().len(), MAX_BODY);
        for length in [MAX_BODY + 1, MAX_DRAIN + 1] {
            assert!(matches!(collected(length).await, Err(Error::BodyTooLarge)), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_content_type_is_handled(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, value);
                let _ = BodyType::of(&headers);
            }
        }
    }
}
