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
    append(cells.into_iter().map(neutralize), out);
    Written::Complete
}

fn append(cells: impl IntoIterator<Item = impl AsRef<[u8]>>, out: &mut Vec<u8>) {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    // Writing to memory does not fail.
    let _ = writer.write_record(cells).and_then(|()| Ok(writer.flush()?));
}

/// Prefixes a cell with an apostrophe if a spreadsheet would treat it as a formula (OWASP, "CSV Injection"). Spaces in
/// front do not protect: some programs drop them.
fn neutralize(cell: String) -> String {
    let is_formula = |c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let first = cell.trim_start_matches(|c: char| c.is_whitespace() && !is_formula(c)).chars().next();
    if first.is_some_and(is_formula) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_be_formulas_start_with_an_apostrophe() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "  =1", "\u{3000}=1", "=\"a\""] {
            assert_eq!(neutralize(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "Ada", "a=b", "1-1", "'=1", "$argon2id$v=19", "{\"a\":\"=1\"}"] {
            assert_eq!(neutralize(cell.to_owned()), cell);
        }
    }

    #[test]
    fn separators_quotes_and_line_breaks_are_quoted() {
        let mut out = Vec::new();
        append(["a", "b,c", "d\"e", "f\ng", ""], &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
    }
}
