//! The short form of `User-Agent` (RFC 9110 section 10.1.5).

/// Longest product name, in characters.
const MAX_PRODUCT: usize = 32;

/// Tokens of browsers, in the order in which they are looked for: most browsers also name those whose pages they
/// support, so Chrome names Safari, and Edge names both.
const BROWSERS: [(&str, &str); 17] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
];

/// Parts of the names of systems, in the order in which they are looked for: Android names Linux, and iOS names Mac OS.
const SYSTEMS: [(&str, &str); 10] = [
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("iPod", "iOS"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// Browser and system, such as `Firefox on Windows`; for other clients the first product's name, such as `curl`.
/// `None` if there is neither. The result has at most 32 characters, all of them letters, digits, spaces or `-._`.
///
/// ```
/// use shared::domain::session::short_agent;
///
/// let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
/// assert_eq!(short_agent(firefox).as_deref(), Some("Firefox on Windows"));
/// assert_eq!(short_agent("curl/8.15.0").as_deref(), Some("curl"));
/// ```
pub fn short_agent(user_agent: &str) -> Option<String> {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(token, _)| user_agent.contains(token)).map(|(_, name)| *name)
    };
    // Every browser begins like this; a program that names a browser elsewhere is not one.
    let is_browser = user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/");
    match (find(&BROWSERS).filter(|_| is_browser), find(&SYSTEMS).filter(|_| is_browser)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.to_owned()),
        (None, Some(system)) => Some(format!("Browser on {system}")),
        (None, None) => product(user_agent),
    }
}

/// The name of the first product.
fn product(user_agent: &str) -> Option<String> {
    let name = user_agent.split(['/', ' ']).next()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name =
        name.len() <= MAX_PRODUCT && name.bytes().all(is_plain) && name.bytes().any(|b| b.is_ascii_alphabetic());
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_browser_is_named_with_its_system() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (agent, short) in [
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36 Edg/142.0.0.0"),
                "Edge on Windows",
            ),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {chrome} Mobile Safari/537.36 EdgA/142.0"), "Edge on Android"),
            (format!("Mozilla/5.0 (X11; Linux x86_64) {chrome} Safari/537.36 OPR/124.0.0.0"), "Opera on Linux"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {chrome} Safari/537.36"), "Chrome on ChromeOS"),
            (format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {chrome} Safari/537.36"), "Chrome on macOS"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {chrome} Mobile Safari/537.36"), "Chrome on Android"),
            (
                format!("Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) SamsungBrowser/29.0 {chrome} Safari/537.36"),
                "Samsung Internet on Android",
            ),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Version/26.0 Safari/605.1.15"),
                "Safari on macOS",
            ),
            (
                format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {webkit} Version/26.0 Safari/604.1"),
                "Safari on iOS",
            ),
            (
                format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {webkit} CriOS/142.0 Safari/604.1"),
                "Chrome on iOS",
            ),
            (
                format!("Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {webkit} FxiOS/145.0 Safari/605.1.15"),
                "Firefox on iPadOS",
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
                "Firefox on Linux",
            ),
            ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko".to_owned(), "Browser on Windows"),
            ("Opera/9.80 (Windows NT 6.1; U; en) Presto/2.12.388 Version/12.18".to_owned(), "Opera on Windows"),
            ("Mozilla/5.0 Firefox/145.0".to_owned(), "Firefox"),
        ] {
            assert_eq!(short_agent(&agent).as_deref(), Some(short), "{agent}");
        }
    }

    #[test]
    fn another_client_is_named_by_its_first_product() {
        for (agent, short) in [
            ("curl/8.15.0", "curl"),
            ("python-requests/2.32.5", "python-requests"),
            ("okhttp/5.1.0", "okhttp"),
            ("PostmanRuntime/7.49.1", "PostmanRuntime"),
            ("Dart/3.9 (dart:io)", "Dart"),
            ("MyApp 2.0 (Windows NT 10.0) Firefox/145.0", "MyApp"),
            ("Mozilla/5.0", "Mozilla"),
            ("com.example.app/1", "com.example.app"),
        ] {
            assert_eq!(short_agent(agent).as_deref(), Some(short), "{agent}");
        }
    }

    #[test]
    fn anything_else_has_no_name() {
        let long = "a".repeat(33);
        for agent in ["", " ", "/1.0", "<script>/1", "über/1", "(comment)", "123/4", "a@example.com/1", "a\tb/1", &long]
        {
            assert_eq!(short_agent(agent), None, "{agent}");
        }
        assert_eq!(short_agent(&"a".repeat(32)), Some("a".repeat(32)));
    }

    proptest! {
        #[test]
        fn any_header_gives_a_short_plain_text(agent in "(Mozilla/5.0 )?.{0,80}( Firefox/1| CrOS| Safari/)?.{0,9}") {
            if let Some(short) = short_agent(&agent) {
                prop_assert!((1..=32).contains(&short.len()), "{}", short);
                prop_assert!(short.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._ ".contains(&b)), "{}", short);
            }
        }
    }
}
