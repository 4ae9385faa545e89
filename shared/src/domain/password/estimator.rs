//! zxcvbn, with bounded input and without its panics.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use zxcvbn::zxcvbn;

/// Most characters of a text. zxcvbn tries all readings of all parts, which takes seconds for 100 chosen characters.
///
/// It also computes 5ⁿ for a keypad walk of n turns in 64 bits. From 28 turns on that overflows: builds with overflow
/// checks panic, others continue with a number that is too small.
pub(super) const LONGEST: usize = 28;

/// Most different symbols that may stand for letters (`$` for s) in a text. Further ones become dots. No common
/// password has more.
const SYMBOLS: usize = 3;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the estimator runs on this thread. A panic is then caught, and the password counts as weak.
pub fn is_running() -> bool {
    RUNNING.get()
}

/// The decimal logarithm of the guesses that a text of at most [`LONGEST`] characters withstands. An attacker tries
/// `context` first. It is 0 if the estimator panics: such a text is a pattern that no random password has.
pub(super) fn guesses_log10(text: &str, context: &[&str]) -> f64 {
    let text = with_few_symbols(text);
    guarded(|| zxcvbn(&text, context).guesses_log10()).unwrap_or(0.0)
}

/// The result, or nothing after a panic.
pub(crate) fn guarded<T>(estimate: impl FnOnce() -> T) -> Option<T> {
    RUNNING.set(true);
    let result = catch_unwind(AssertUnwindSafe(estimate));
    RUNNING.set(false);
    result.ok()
}

fn with_few_symbols(text: &str) -> String {
    let mut seen = Vec::new();
    let mut limit = |c: char| {
        if !"@({[<!|$+%".contains(c) || seen.contains(&c) {
            return c;
        }
        if seen.len() == SYMBOLS {
            return '.';
        }
        seen.push(c);
        c
    };
    text.chars().map(&mut limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_estimator_is_a_missing_result() {
        assert_eq!(guarded(|| Some(1).filter(|n| *n > 1).expect("for the test")), None);
        assert!(!is_running(), "the next panic is not the estimator's");
        assert_eq!(guarded(is_running), Some(true));
    }

    /// Longer walks overflow in zxcvbn 3.1.1.
    #[test]
    fn the_longest_keypad_walks_do_not_overflow() {
        for walk in ["65", "56", "14", "12", "5256", "7845", "98", "*8"] {
            let walk: String = walk.chars().cycle().take(LONGEST).collect();
            assert!(guarded(|| zxcvbn(&walk, &[])).is_some(), "{walk}");
        }
    }

    #[test]
    fn symbols_beyond_three_become_dots() {
        assert_eq!(with_few_symbols("p@$$w0rd!"), "p@$$w0rd!", "common substitutions are unchanged");
        assert_eq!(with_few_symbols("4@8({[<3691!|7"), "4@8({..3691..7");
    }
}
