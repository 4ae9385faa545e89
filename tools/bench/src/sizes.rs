//! How large the binaries are, and how large what is deployed.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::Path,
};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    figures::Samples,
    process::Failure,
    report::{Bound, Row, Unit},
};

/// A row for each binary and for each zip.
pub(crate) fn measure(binaries: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for name in ["hello", "list-users", "login", "signup"] {
        let binary = fs::read(binaries.join(name))?;
        rows.push(Row::new("binary", name, Unit::MB, &megabytes(binary.len())?));
        let row = Row::new("zip", name, Unit::MB, &megabytes(zipped(&binary)?)?);
        rows.push(if name == "hello" { row } else { row.bound(Bound::Most(4.0)) });
    }
    Ok(rows)
}

/// As `sam deploy` packs it: one file that is called `bootstrap`, deflated at the usual level.
fn zipped(binary: &[u8]) -> Result<usize, Failure> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default().unix_permissions(0o755))?;
    zip.write_all(binary)?;
    Ok(zip.finish()?.into_inner().len())
}

fn megabytes(octets: usize) -> Result<Samples, Failure> {
    Ok(Samples::from_iter([f64::from(u32::try_from(octets)?) / 1e6]))
}
