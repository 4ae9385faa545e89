//! Domains of email addresses in canonical form.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A canonical domain: lower case, as A-labels (RFC 5890), with at least two labels within the lengths of DNS (RFC 1035
/// section 2.3.4).
///
/// ```
/// # use shared::domain::user::EmailDomain;
/// assert_eq!(EmailDomain::parse("BÜCHER.example").unwrap().as_str(), "xn--bcher-kva.example");
/// assert_eq!(EmailDomain::parse("localhost"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailDomain(String);

impl EmailDomain {
    /// Validates a domain and converts it to canonical form by UTS 46.
    pub fn parse(text: &str) -> Option<Self> {
        let domain =
            Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
        let domain = domain.ok()?;
        let (_, top_level) = domain.rsplit_once('.')?;
        // No top-level domain is a number, but the last part of an IPv4 address is.
        let is_number = top_level.bytes().all(|b| b.is_ascii_digit());
        (!is_number).then(|| Self(domain.into_owned()))
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_domain_are_equal() {
        for form in ["bücher.example", "BÜCHER.Example", "bu\u{308}cher.example", "XN--BCHER-KVA.example"] {
            assert_eq!(EmailDomain::parse(form).unwrap().as_str(), "xn--bcher-kva.example", "{form}");
        }
    }

    #[test]
    fn text_that_is_no_domain_with_two_labels_is_rejected() {
        for text in [
            "",
            " ",
            "example",
            ".example.com",
            "example.com.",
            "example..com",
            "*.example.com",
            "@example.com",
            "ada@example.com",
            "exa mple.com",
            "-example.com",
            "example.com:443",
            "https://example.com",
            "192.0.2.1",
            "[192.0.2.1]",
            "xn--a.example",
            &format!("{}.com", "a".repeat(64)),
            &"a.".repeat(130),
        ] {
            assert_eq!(EmailDomain::parse(text), None, "{text}");
        }
    }
}
