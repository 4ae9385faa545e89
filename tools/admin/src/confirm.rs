//! Confirmation before keys, users or sessions are lost.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{failure::Failure, users::escape};

/// Succeeds if `yes` is set or the operator confirms at the terminal. `loss` describes the loss in whole sentences.
pub(crate) fn confirm(loss: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Failed(format!(
            "{loss} Nothing is written: standard input is not a terminal, so confirmation is impossible; \
             --yes confirms in advance"
        )));
    }
    let answer = prompt(loss)
        .map_err(|error| Failure::Failed(format!("nothing is written: the confirmation prompt failed: {error}")))?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::Failed("nothing is written".to_owned())) }
}

/// Asks on standard error: standard output is for the report alone.
fn prompt(loss: &str) -> io::Result<String> {
    let mut err = io::stderr().lock();
    write!(err, "{}\nContinue? [y/N] ", escape(loss))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_y_and_yes_confirm() {
        for yes in ["y\n", "Y\n", "yes\n", " YES \n", "yes"] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", "\n", "n\n", "no\n", "yess\n", "ye\n", "y y\n", "ja\n", "1\n"] {
            assert!(!is_yes(no), "{no}");
        }
    }
}
