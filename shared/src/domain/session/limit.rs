//! The limit of sessions of a user, and when a log-in checks it.
//!
//! The sessions of a user are separate items, so counting them takes a query. A log-in without a query counts itself in
//! a write that it makes anyway, for rate limiting: in the item of its pair of account and client or, if that client is
//! new, in the item of the account.

/// Most sessions of a user. The least recently used one ends when another one starts.
pub const MAX_SESSIONS: usize = 100;

/// From this number of sessions on, every log-in checks the limit.
const MANY: u64 = 20;

/// With fewer sessions, each log-in whose number is a multiple of this checks it. Between two checks, an item thus
/// counts at most 7. A browser has two such items: of its pair of account and address, and of its device, once they are
/// known. Five browsers at five addresses and the new clients therefore start at most 10 × 7 + 7 sessions between two
/// checks, which together with 19 are fewer than the limit.
const INTERVAL: u64 = 8;

/// Whether a log-in checks the limit: given the number of sessions at the last check, and the number of this log-in
/// among those that were counted in the same item. `None`: it could not be counted.
pub fn is_check_due(sessions: u64, log_in: Option<u64>) -> bool {
    sessions >= MANY || log_in.is_none_or(|number| number % INTERVAL == 0)
}

/// Whether the number of sessions at the last check has to be stored again.
pub fn is_hint_outdated(stored: u64, sessions: u64) -> bool {
    (stored >= MANY) != (sessions >= MANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_log_ins_of_a_client_check_nothing_and_the_eighth_does() {
        let due: Vec<u64> = (1..=20).filter(|number| is_check_due(0, Some(*number))).collect();
        assert_eq!(due, [8, 16]);
        assert!(!is_check_due(MANY - 1, Some(1)));
    }

    #[test]
    fn five_browsers_and_new_clients_stay_below_the_limit_between_two_checks() {
        let unchecked = (1..100).take_while(|number| !is_check_due(MANY - 1, Some(*number))).count();
        let items = 2 * 5 + 1;
        assert!(usize::try_from(MANY - 1).unwrap() + items * unchecked <= MAX_SESSIONS);
    }

    #[test]
    fn with_many_sessions_every_log_in_checks_the_limit() {
        assert!((1..=30).all(|number| is_check_due(MANY, Some(number))));
        assert!(is_check_due(0, None), "a log-in that was not counted");
    }

    #[test]
    fn the_number_is_stored_only_if_it_changes_when_log_ins_check() {
        assert!(!is_hint_outdated(0, 5) && !is_hint_outdated(20, 100));
        assert!(is_hint_outdated(5, 20) && is_hint_outdated(100, 19));
    }
}
