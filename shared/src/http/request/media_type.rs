//! Media types in headers.

use mime::Mime;

/// Parses a media type with its parameters (RFC 9110 8.3.1).
///
/// White space around semicolons and empty parameters are allowed (RFC 9110 5.6.6). The `mime` crate, which parses the
/// rest, allows neither.
pub(crate) fn parse(text: &str) -> Option<Mime> {
    without_optional_space(text).parse().ok()
}

/// Drops the white space around semicolons, and empty parameters. Quoted values are left as they are.
pub(crate) fn without_optional_space(text: &str) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let is_escape = is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escape;
        is_quoted ^= c == '"' && !is_escape;
        c == ';' && !is_quoted
    });
    let parts = parts.map(|part| part.trim_matches([' ', '\t'])).enumerate();
    let parts: Vec<&str> =
        parts.filter(|(index, part)| *index == 0 || !part.is_empty()).map(|(_, part)| part).collect();
    parts.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_around_semicolons_and_empty_parameters_are_dropped() {
        for text in [
            "a/b;c=d;e=f",
            "a/b ; c=d ; e=f",
            "a/b\t;\tc=d \t ;e=f ",
            " a/b; c=d; e=f",
            "a/b;;c=d; ;e=f;",
            "a/b ;c=d;e=f ; ",
        ] {
            assert_eq!(without_optional_space(text), "a/b;c=d;e=f", "{text:?}");
        }
        for quoted in [r#"a/b;c=" ; ";d=e"#, r#"a/b;c="\" ; ";d=e"#, r#"a/b;c="\\";d=" ; ""#, r#"a/b;c=" ;"#] {
            assert_eq!(without_optional_space(quoted), quoted);
        }
    }

    #[test]
    fn a_type_is_recognized_with_any_white_space_and_no_other_leniency() {
        for text in ["text/html", "TEXT/HTML ; q=0.5", "text/html;q=0.5;", "text/html ;; charset=\"utf-8\" ; q=1"] {
            assert_eq!(parse(text).unwrap().essence_str(), "text/html", "{text}");
        }
        for text in [
            "",
            ";",
            ";text/html",
            "text",
            "text /html",
            "text/ html",
            "text/html; q = 1",
            "text/html; q",
            "text/html, a/b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
