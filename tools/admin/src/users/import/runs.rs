//! Earlier runs in the audit log that were not completed. They may have created users whose lines are missing.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

use serde::Deserialize;
use shared::domain::time::UnixMillis;

/// The first line of a run. `run` is its start in milliseconds, which is stored with each user that it creates.
pub(super) const STARTED: &str = "users-import-started";

/// The last line of a run.
pub(super) const ENDED: &str = "users-imported";

#[derive(Deserialize)]
struct Line {
    event: String,
    run: u64,
    #[serde(default)]
    completed: bool,
}

/// The runs in this file that did not complete. A file that does not exist, a pipe or a device has none.
pub(super) fn incomplete(path: &Path) -> io::Result<BTreeSet<UnixMillis>> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => read(BufReader::new(File::open(path)?)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(BTreeSet::new()),
    }
}

/// Lines that are not complete, and those of other commands, are skipped.
fn read(mut file: impl io::BufRead) -> io::Result<BTreeSet<UnixMillis>> {
    let (mut runs, mut line) = (BTreeSet::new(), Vec::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice(&line) {
            Ok(Line { event, run, .. }) if event == STARTED => _ = runs.insert(UnixMillis::new(run)),
            Ok(Line { event, run, completed: true }) if event == ENDED => _ = runs.remove(&UnixMillis::new(run)),
            _ => {}
        }
        line.clear();
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_line_of_its_completion_is_incomplete() {
        let log = concat!(
            r#"{"event":"users-imported","created":1,"caller":"local:a"}"#,
            "\n\n",
            r#"{"event":"users-import-started","run":1}"#,
            "\n",
            r#"{"event":"user-disabled","public_id":"a","run":9}"#,
            "\n",
            r#"{"event":"user-imp"#,
            "\n",
            r#"{"event":"users-import-started","run":2}"#,
            "\n",
            r#"{"event":"users-import-started","run":3}"#,
            "\n",
            r#"{"event":"users-imported","run":2,"completed":true}"#,
            "\n",
            r#"{"event":"users-imported","run":3,"completed":false}"#,
            "\n",
            r#"{"event":"users-import-started","run":4}"#,
        );
        let runs = read(log.as_bytes()).unwrap();
        assert_eq!(runs, [1, 3, 4].map(UnixMillis::new).into());
        assert_eq!(read(&b"\xff\n"[..]).unwrap(), BTreeSet::new());
    }
}
