//! Password hashes at the highest permitted costs, relative to the time that the limits assume for them.

use std::{iter::repeat_n, process, time::Duration};

use shared::domain::password::{Hasher, OWASP_MINIMUM, Password, Verdict, highest_costs};

use crate::{
    figures::Samples,
    process::{Failure, cpu_of, milliseconds},
    progress::Progress,
    row::{Row, Unit},
};

/// Time beyond the estimate in a build without optimization of all libraries.
const ALLOWANCE: Duration = Duration::from_millis(7);

/// CPU time of comparing a password with a hash of each shape.
pub(crate) async fn measure(rounds: usize) -> Result<Vec<Row>, Failure> {
    let hasher = Hasher::new(OWASP_MINIMUM, 1)?;
    let progress = Progress::new("hashes of the highest cost", highest_costs().count());
    let mut rows = Vec::new();
    for (shape, hash) in highest_costs() {
        let estimate = milliseconds(Duration::from_nanos(hash.inspect()?.nanoseconds()) + ALLOWANCE);
        let mut cpu = Samples::default();
        for _ in 0..rounds {
            let before = cpu_of(process::id())?;
            let verdict = hasher.verify(Password::new("wrong"), Some(hash.clone())).await?;
            cpu.push(cpu_of(process::id())? - before);
            if verdict != Verdict::Mismatch {
                return Err(format!("{shape} was not compared: {verdict:?}").into());
            }
        }
        let row = Row::new("hash of the highest cost", shape, Unit::Cpu, &cpu);
        rows.push(row.relative_to("estimate for Lambda", &cpu, &repeat_n(estimate, rounds).collect()));
        progress.step();
    }
    Ok(rows)
}
