//! Quoting for a POSIX shell.

/// Quotes `text` as one word, if it needs quotes.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_shell_word() {
        assert_eq!(quote("file:keys.json"), "file:keys.json");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
    }
}
