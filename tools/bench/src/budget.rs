//! What must not get worse unnoticed: ratios, sizes and memory, never a time. Each is what the functions take today, and room for
//! the moods of a machine; what they should take says the table itself.

use crate::report::{Bound, Row};

/// What is measured, of which program, and what it may be.
const BUDGETS: [(&str, &str, Bound); 23] = [
    ("start to first GET /next", "list-users", Bound::Ratio(2.2)),
    ("start to first GET /next", "login", Bound::Ratio(2.5)),
    ("start to first answer", "list-users", Bound::Ratio(3.2)),
    ("start to first answer", "login", Bound::Ratio(4.0)),
    ("start to first GET /next", "list-users, warmed up", Bound::Ratio(3.5)),
    ("start to first GET /next", "login, warmed up", Bound::Ratio(4.0)),
    ("first call over TLS", "list-users", Bound::Ratio(15.0)),
    ("first call over TLS", "login", Bound::Ratio(20.0)),
    ("first call over TLS, warmed up", "list-users, warmed up", Bound::Ratio(5.0)),
    ("first call over TLS, warmed up", "login, warmed up", Bound::Ratio(7.0)),
    ("GET /user/me", "list-users", Bound::Ratio(6.0)),
    ("GET /user, 100 users", "list-users", Bound::Ratio(16.0)),
    ("argon2, memory kept", "raw-argon2", Bound::Ratio(0.9)),
    ("argon2, memory kept, beside malloc's", "raw-argon2", Bound::Ratio(1.1)),
    ("POST /login", "login", Bound::Ratio(1.25)),
    ("POST /signup", "signup", Bound::Ratio(1.25)),
    ("a page among 100,000 users", "list-users", Bound::Ratio(1.3)),
    ("peak memory", "list-users", Bound::Most(12.0)),
    ("peak memory", "login", Bound::Most(36.0)),
    ("peak memory", "signup", Bound::Most(38.0)),
    ("zip", "list-users", Bound::Most(3.8)),
    ("zip", "login", Bound::Most(5.6)),
    ("zip", "signup", Bound::Most(4.9)),
];

/// The budgets that are not kept, a sentence each. One whose row is gone is not kept.
pub(crate) fn unkept(rows: &[Row]) -> Vec<String> {
    let unkept = |&(what, subject, bound): &(&str, &str, Bound)| {
        let mut meant = rows.iter().filter(|row| row.is(what, subject, bound)).peekable();
        if meant.peek().is_none() {
            return Some(format!("{what}, {subject}: was not measured"));
        }
        meant.find_map(|row| row.breaks(bound))
    };
    BUDGETS.iter().filter_map(unkept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{figures::Samples, report::Unit};

    #[test]
    fn a_budget_is_kept_or_named_and_needs_its_row() {
        let zip = |size| Row::new("zip", "list-users", Unit::MB, &Samples::from_iter([size]));
        let named =
            |rows: &[Row]| unkept(rows).into_iter().filter(|line| line.starts_with("zip, list-users")).collect();
        let (good, bad, gone): (Vec<_>, Vec<_>, Vec<_>) = (named(&[zip(3.7)]), named(&[zip(4.1)]), named(&[]));
        assert!(good.is_empty());
        assert_eq!(bad, ["zip, list-users: 4.100, and at most 3.8 is allowed"]);
        assert_eq!(gone, ["zip, list-users: was not measured"]);
    }
}
