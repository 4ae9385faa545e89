//! Fuzz target for new passwords.

use std::{
    panic,
    sync::Once,
    time::{Duration, Instant},
};

use shared::domain::password::{Password, estimator, strength};

/// Most time for one password, in an unoptimized build on a busy machine. An optimized one needs a few milliseconds.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Checks the strength of a password. The input is the name, the email address and the password, one per line; the
/// password may contain line breaks. The check ends in time and without a panic, and refuses the name and the address.
pub fn password(data: &[u8]) {
    static HOOK: Once = Once::new();
    HOOK.call_once(ignore_panics_of_the_estimator);
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n').map(str::trim);
    let [name, email, typed] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let check = |text: &str| {
        let password = Password::choose(text, 8).ok()?;
        #[expect(clippy::disallowed_methods, reason = "the target measures the check")]
        let started = Instant::now();
        let verdict = strength::check(&password, name, [email, email]);
        assert!(started.elapsed() < TIME_LIMIT, "{:?} for {text:?}", started.elapsed());
        assert!(!estimator::is_running());
        Some(verdict)
    };
    check(typed);
    for known in [name, email] {
        assert!(check(known).is_none_or(|verdict| verdict.is_err()), "{known:?} is accepted");
    }
}

/// The hook of libFuzzer ends the process on every panic, also on one that is caught.
fn ignore_panics_of_the_estimator() {
    let other = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !estimator::is_running() {
            other(panic);
        }
    }));
}
