//! Counts of an import, the rejected rows, and the file that lists them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use serde_json::{Map, Value, json};
use shared::aws::store::admin::Import;

use super::reject::Rejection;
use crate::backends::{NewFile, sync};

/// Rejected rows that are printed. A report has all of them.
const PRINTED: u64 = 20;

/// What has become of the rows so far.
pub(super) struct Summary {
    unit: &'static str,
    dry_run: bool,
    pub(super) read: u64,
    pub(super) created: u64,
    pub(super) unchanged: u64,
    rejected: BTreeMap<&'static str, u64>,
    report: Option<RejectedRows>,
}

/// The file that lists the rejected rows.
struct RejectedRows {
    target: NewFile,
    file: BufWriter<File>,
    is_finished: bool,
}

impl RejectedRows {
    fn create(path: &Path) -> io::Result<Self> {
        let (target, file) = NewFile::create(path)?;
        Ok(Self { target, file: BufWriter::new(file), is_finished: false })
    }
}

impl Summary {
    /// Creates the report with mode 0600: it has the addresses of the rejected rows. It gets its name at the end.
    pub(super) fn new(unit: &'static str, dry_run: bool, report: Option<&Path>) -> io::Result<Self> {
        let report = report.map(RejectedRows::create).transpose()?;
        Ok(Self { unit, dry_run, read: 0, created: 0, unchanged: 0, rejected: BTreeMap::new(), report })
    }

    pub(super) fn count(&mut self, outcome: Import) {
        match outcome {
            Import::Created => self.created += 1,
            Import::Unchanged | Import::CreatedEarlier => self.unchanged += 1,
            Import::EmailTaken | Import::IdTaken => {}
        }
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Counts a rejected row and adds it to the report. Returns the line to print, which has no address.
    pub(super) fn reject(&mut self, row: i64, email: &str, rejection: &Rejection) -> io::Result<Option<String>> {
        let (code, detail, unit) = (rejection.reason.code(), &rejection.detail, self.unit);
        *self.rejected.entry(code).or_default() += 1;
        if let Some(report) = &mut self.report {
            let mut line = json!({ unit: row, "reason": code, "detail": detail });
            if !email.is_empty() {
                line["email"] = Value::from(email);
            }
            writeln!(report.file, "{line}")?;
        }
        Ok(match self.rejected() {
            count if count <= PRINTED => Some(format!("{unit} {row}: {detail} ({code})")),
            count if count == PRINTED + 1 => {
                let all = if self.report.is_some() { "the report lists all" } else { "--report FILE lists all" };
                Some(format!("further rejected rows are not printed; {all}"))
            }
            _ => None,
        })
    }

    /// Writes what is left of the report, and replaces that of an earlier run.
    pub(super) fn finish_report(&mut self) -> io::Result<()> {
        let Some(report) = &mut self.report else { return Ok(()) };
        report.file.flush()?;
        sync(report.file.get_ref())?;
        report.target.finish()?;
        report.is_finished = true;
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        let created = if self.dry_run { "would be created" } else { "created" };
        let mut rows = vec![("read".to_owned(), self.read), (created.to_owned(), self.created)];
        rows.push(("unchanged".to_owned(), self.unchanged));
        rows.push(("rejected".to_owned(), self.rejected()));
        rows.extend(self.rejected.iter().map(|(code, count)| (format!("  {code}"), *count)));
        let mut text = String::new();
        for (name, count) in rows {
            let _ = writeln!(text, "{name:<22}{count:>10}");
        }
        if let Some(report) = self.report.as_ref().filter(|report| report.is_finished && self.rejected() > 0) {
            let _ = writeln!(text, "The rejected rows are in {}.", report.target.path().display());
        }
        text
    }

    /// The counts for the audit log.
    pub(super) fn counts(&self) -> Map<String, Value> {
        let counts = [("created", self.created), ("unchanged", self.unchanged), ("rejected", self.rejected())];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
    }

    pub(super) fn json(&self, completed: bool) -> Value {
        json!({
            "completed": completed,
            "dry_run": self.dry_run,
            "read": self.read,
            "created": self.created,
            "unchanged": self.unchanged,
            "rejected": self.rejected(),
            "reasons": self.rejected,
        })
    }
}
