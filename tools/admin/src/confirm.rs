//! Asking before something is lost.

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Goes on if `yes` is given, or if somebody at a terminal says so. `loss` says what is lost, in whole sentences.
pub(crate) fn confirm(loss: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Failed(format!(
            "{loss} Nothing is written: standard input is no terminal, so nobody can be asked; --yes says that it is meant"
        )));
    }
    let answer = ask(loss).map_err(|error| Failure::Failed(format!("nothing is written: cannot ask: {error}")))?;
    if means_yes(&answer) { Ok(()) } else { Err(Failure::Failed("nothing is written".to_owned())) }
}

/// On standard error, so that standard output stays what the command has to say.
fn ask(loss: &str) -> io::Result<String> {
    let mut err = io::stderr().lock();
    write!(err, "{}\nContinue? [y/N] ", loss.replace(char::is_control, " "))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

fn means_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_means_yes() {
        for yes in ["y\n", "Y\n", "yes\n", " YES \n", "yes"] {
            assert!(means_yes(yes), "{yes}");
        }
        for no in ["", "\n", "n\n", "no\n", "yess\n", "ye\n", "y y\n", "ja\n", "1\n"] {
            assert!(!means_yes(no), "{no}");
        }
    }
}
