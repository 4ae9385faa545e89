//! CSV for spreadsheets (RFC 4180).

use csv::{Terminator, WriterBuilder};

use super::{ExportedUser, Written, append_json};
use crate::utc::utc;

const COLUMNS: [&str; 8] =
    ["public_id", "name", "email", "created_at", "groups", "claims", "email_verified", "disabled"];

pub(super) fn header(with_hashes: bool, out: &mut Vec<u8>) {
    append(COLUMNS.into_iter().chain(with_hashes.then_some("password_hash")), out);
}

pub(super) fn user(user: &ExportedUser, with_hashes: bool, out: &mut Vec<u8>) -> Written {
    // A name of a group may contain any separator.
    let mut groups = Vec::new();
    if !user.groups.is_empty() {
        append_json(&user.groups, &mut groups);
    }
    let claims = if user.claims.is_empty() { String::new() } else { user.claims.to_json() };
    let mut cells = vec![
        user.public_id.to_string(),
        user.name.clone(),
        user.email.clone(),
        user.created_at.and_then(utc).unwrap_or_default(),
        String::from_utf8_lossy(&groups).into_owned(),
        claims,
        user.email_verified.map(|verified| verified.to_string()).unwrap_or_default(),
        user.disabled.to_string(),
    ];
    if with_hashes {
        cells.push(user.password_hash.as_ref().map_or_else(String::new, |hash| hash.as_str().to_owned()));
    }
    append(cells.iter().map(|cell| neutralize(cell)), out);
    Written::Complete
}

fn append(cells: impl IntoIterator<Item = impl AsRef<[u8]>>, out: &mut Vec<u8>) {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    // Writing to memory does not fail.
    let _ = writer.write_record(cells).and_then(|()| Ok(writer.flush()?));
}

/// Inserts an apostrophe wherever a spreadsheet would find a formula (OWASP, "CSV Injection"): at the start of the
/// cell, and after a semicolon, a tab or a line break. The separator of a spreadsheet depends on its locale, and with
/// another one than a comma, the quotation marks around a cell have no effect.
fn neutralize(cell: &str) -> String {
    let is_control = |c| matches!(c, '\t' | '\r' | '\n');
    let is_formula = |c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    // Neither protects what follows: some programs drop spaces, and empty quotation marks.
    let is_dropped = |c: char| c == '"' || (c.is_whitespace() && !is_control(c));
    let mut safe = String::with_capacity(cell.len());
    for (index, part) in cell.split_inclusive(|c| c == ';' || is_control(c)).enumerate() {
        let start = part.trim_start_matches(is_dropped);
        if start.starts_with(is_formula) || (index == 0 && start.starts_with(is_control)) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_be_formulas_start_with_an_apostrophe() {
        for cell in ["=1+1", "+1", "-1", "@A1", "\tA", "\rA", "\nA", "＝1", "  =1", "\u{3000}=1", "=\"a\"", "\"=1"] {
            assert_eq!(neutralize(cell), format!("'{cell}"));
        }
        for cell in ["", " ", "Ada", "a=b", "1-1", "'=1", "$argon2id$v=19", "{\"a\":\"=1\"}", "Ada; Grace", "a;", ";"] {
            assert_eq!(neutralize(cell), cell);
        }
    }

    #[test]
    fn a_formula_after_a_separator_of_another_locale_gets_an_apostrophe() {
        for formula in
            ["=cmd|' /C calc'!A0", "+1", "-1", "@A1", "＝1", "  =1", "\u{a0}=1", "\"=1", "\"\"=1&\"", " \" =1"]
        {
            for separator in [";", "\t", "\n", "\r", "\r\n", ";;", "; \t", "\";"] {
                let cell = format!("a{separator}{formula}{separator}{formula}");
                let expected = format!("a{separator}'{formula}{separator}'{formula}");
                assert_eq!(neutralize(&cell), expected);
                // At the start of the cell too.
                let formula_first = neutralize(&format!("{formula};b{separator}{formula}"));
                assert_eq!(formula_first, format!("'{formula};b{separator}'{formula}"));
            }
        }
        assert_eq!(neutralize("\t=1"), "'\t'=1");
        assert_eq!(neutralize("{\"a\":\"b;=1\"}"), "{\"a\":\"b;'=1\"}");
    }

    #[test]
    fn separators_quotes_and_line_breaks_are_quoted() {
        let mut out = Vec::new();
        append(["a", "b,c", "d\"e", "f\ng", ""], &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
    }
}
