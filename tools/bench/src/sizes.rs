//! Sizes of the binaries and of the zip files that are deployed.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::Path,
};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    figures::Samples,
    process::Failure,
    row::{Row, Unit},
};

/// A row for each binary and for each zip.
pub(crate) fn measure(binaries: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for name in ["hello", "list-users", "login", "signup"] {
        let binary = fs::read(binaries.join(name))?;
        rows.push(Row::new("binary", name, Unit::MB, &megabytes(binary.len())?));
        rows.push(Row::new("zip", name, Unit::MB, &zip_size(&binary)?));
    }
    Ok(rows)
}

/// Size of the zip that `sam deploy` uploads: one file named `bootstrap`, deflated at the default level.
pub(crate) fn zip_size(binary: &[u8]) -> Result<Samples, Failure> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default().unix_permissions(0o755))?;
    zip.write_all(binary)?;
    megabytes(zip.finish()?.into_inner().len())
}

fn megabytes(bytes: usize) -> Result<Samples, Failure> {
    Ok(Samples::from_iter([f64::from(u32::try_from(bytes)?) / 1e6]))
}
