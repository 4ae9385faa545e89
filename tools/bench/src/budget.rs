//! Limits of the measurements: the target, which the table shows, and the budget, which `--check` enforces.
//!
//! A budget is today's figure with headroom for machine noise. Budgets limit ratios, sizes and memory, never a time,
//! since times depend on the machine.

use crate::row::{
    Bound::{self, Max, MaxRatio, MinRatio, RatioBetween},
    Row,
    Unit::{self, Cpu, MB, MiB, Milliseconds},
};

/// The subject of a limit that applies to each row of its label and unit.
const EACH: &str = "each";

/// Limits of the rows with this label, subject and unit.
struct Limit {
    what: &'static str,
    subject: &'static str,
    unit: Unit,
    target: Option<Bound>,
    budget: Option<Bound>,
}

const LIMITS: [Limit; 30] = [
    limit("start to first GET /next", "list-users", Milliseconds, Some(MaxRatio(1.35)), Some(MaxRatio(2.2))),
    limit("start to first GET /next", "login", Milliseconds, Some(MaxRatio(1.35)), Some(MaxRatio(2.5))),
    limit("start to first response", "list-users", Milliseconds, Some(MaxRatio(1.7)), Some(MaxRatio(3.2))),
    limit("start to first response", "login", Milliseconds, Some(MaxRatio(1.7)), Some(MaxRatio(4.0))),
    limit("start to first GET /next", "list-users, warmed up", Milliseconds, Some(MaxRatio(1.7)), Some(MaxRatio(3.5))),
    limit("start to first GET /next", "login, warmed up", Milliseconds, Some(MaxRatio(1.7)), Some(MaxRatio(4.0))),
    limit("first call over TLS", "list-users", Cpu, Some(Max(6.0)), Some(MaxRatio(15.0))),
    limit("first call over TLS", "login", Cpu, Some(Max(6.0)), Some(MaxRatio(20.0))),
    limit("first call over TLS, warmed up", "list-users, warmed up", Cpu, Some(Max(1.5)), Some(MaxRatio(5.0))),
    limit("first call over TLS, warmed up", "login, warmed up", Cpu, Some(Max(1.5)), Some(MaxRatio(7.0))),
    limit("GET /user/me", "list-users", Milliseconds, None, Some(MaxRatio(6.0))),
    limit("GET /user/me", "list-users", Cpu, None, Some(MaxRatio(6.0))),
    limit("GET /user, 100 users", "list-users", Milliseconds, None, Some(MaxRatio(16.0))),
    limit("GET /user, 100 users", "list-users", Cpu, Some(Max(1.0)), Some(MaxRatio(16.0))),
    limit("argon2, pooled memory", "raw-argon2", Cpu, Some(MaxRatio(0.8)), Some(MaxRatio(0.9))),
    limit("argon2, pooled memory, relative to malloc", "raw-argon2", Cpu, None, Some(MaxRatio(1.1))),
    limit("POST /login", "login", Cpu, Some(MaxRatio(1.05)), Some(MaxRatio(1.25))),
    limit("POST /signup", "signup", Cpu, None, Some(MaxRatio(1.25))),
    // Builds differ, so this detects work that the estimate of a hash does not include, and does not measure it.
    limit("hash of the highest cost", EACH, Cpu, None, Some(RatioBetween(0.05, 3.0))),
    limit("page among 100,000 users", "list-users", Milliseconds, Some(MaxRatio(1.1)), Some(MaxRatio(1.3))),
    limit("page among 100,000 users", "list-users", Cpu, Some(MaxRatio(1.1)), Some(MaxRatio(1.3))),
    limit("page among 1,000,000 users", "list-users", Milliseconds, Some(MaxRatio(1.1)), None),
    limit("page among 1,000,000 users", "list-users", Cpu, Some(MaxRatio(1.1)), None),
    limit("peak memory", "list-users", MiB, Some(Max(12.0)), Some(Max(12.0))),
    limit("peak memory", "login", MiB, Some(Max(36.0)), Some(Max(36.0))),
    limit("peak memory", "signup", MiB, Some(Max(36.0)), Some(Max(38.0))),
    limit("zip", "list-users", MB, Some(Max(4.0)), Some(Max(3.8))),
    limit("zip", "login", MB, Some(Max(4.0)), Some(Max(5.6))),
    limit("zip", "signup", MB, Some(Max(4.0)), Some(Max(4.9))),
    limit("cold: start to first response", "Flask, Python", Milliseconds, Some(MinRatio(200.0)), None),
];

const fn limit(
    what: &'static str,
    subject: &'static str,
    unit: Unit,
    target: Option<Bound>,
    budget: Option<Bound>,
) -> Limit {
    Limit { what, subject, unit, target, budget }
}

impl Limit {
    /// A ratio does not apply to the rows of the baseline itself.
    fn applies_to(&self, row: &Row, bound: Bound) -> bool {
        row.what == self.what
            && (self.subject == EACH || row.subject == self.subject)
            && row.unit() == self.unit
            && (row.has_ratio() || matches!(bound, Max(_)))
    }
}

/// The target of a row.
pub(crate) fn target(row: &Row) -> Option<Bound> {
    LIMITS.iter().find_map(|limit| limit.target.filter(|&target| limit.applies_to(row, target)))
}

/// The missed targets, one sentence each. A row without measurements misses its target.
pub(crate) fn missed_targets(rows: &[Row]) -> Vec<String> {
    rows.iter().filter_map(|row| row.violation(target(row)?)).collect()
}

/// The exceeded budgets, one sentence each. A missing row violates its budget.
pub(crate) fn violations(rows: &[Row]) -> Vec<String> {
    let violations = |limit: &Limit| {
        let Some(budget) = limit.budget else { return Vec::new() };
        let measured: Vec<&Row> = rows.iter().filter(|row| limit.applies_to(row, budget)).collect();
        if measured.is_empty() {
            return vec![format!("{}, {}: was not measured", limit.what, limit.subject)];
        }
        measured.into_iter().filter_map(|row| row.violation(budget)).collect()
    };
    LIMITS.iter().flat_map(violations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Samples;

    fn row(what: &str, subject: &str, value: f64, baseline: f64) -> Row {
        let samples = |value: f64| Samples::from_iter([value]);
        Row::new(what, subject, Milliseconds, &samples(value)).relative_to("hello", &samples(value), &samples(baseline))
    }

    fn zip(size: f64) -> Row {
        Row::new("zip", "list-users", MB, &Samples::from_iter([size]))
    }

    #[test]
    fn an_exceeded_budget_and_a_missing_row_are_reported() {
        let of_zip =
            |rows: &[Row]| violations(rows).into_iter().filter(|line| line.starts_with("zip, list-users")).collect();
        let (good, bad, missing): (Vec<_>, Vec<_>, Vec<_>) = (of_zip(&[zip(3.7)]), of_zip(&[zip(4.1)]), of_zip(&[]));
        assert!(good.is_empty());
        assert_eq!(bad, ["zip, list-users: 4.100, and at most 3.8 is allowed"]);
        assert_eq!(missing, ["zip, list-users: was not measured"]);
    }

    #[test]
    fn each_hash_that_takes_longer_than_estimated_is_reported() {
        let hash = |subject, ratio| {
            let (cpu, estimate) = (Samples::from_iter([ratio]), Samples::from_iter([1.0]));
            Row::new("hash of the highest cost", subject, Cpu, &cpu).relative_to("estimate", &cpu, &estimate)
        };
        let rows = [hash("scrypt$ln=17,r=8,p=1", 0.5), hash("2b$14", 3.5), hash("pbkdf2-sha1$i=1000000", 0.01)];
        let reported: Vec<_> = violations(&rows).into_iter().filter(|line| line.starts_with("hash of")).collect();
        assert_eq!(
            reported,
            [
                "hash of the highest cost, 2b$14: 3.500, and at most 3 is allowed",
                "hash of the highest cost, pbkdf2-sha1$i=1000000: 0.010, and at least 0.05 is allowed",
            ]
        );
    }

    #[test]
    fn a_missed_target_is_reported_and_a_met_one_is_not() {
        assert!(missed_targets(&[row("start to first GET /next", "login", 2.6, 2.0)]).is_empty());
        assert!(missed_targets(&[row("start to first GET /next", "hello", 9.0, 1.0)]).is_empty());
        let sentence = "start to first GET /next, login: 1.400, and at most 1.35 is allowed";
        assert_eq!(missed_targets(&[row("start to first GET /next", "login", 2.8, 2.0)]), [sentence]);
        assert_eq!(missed_targets(&[zip(7.0)]).len(), 1);
        assert_eq!(missed_targets(&[row("cold: start to first response", "Flask, Python", 7.0, 1.0)]).len(), 1);
    }

    #[test]
    fn a_row_without_measurements_misses_its_target() {
        let empty = Samples::default();
        let start = Row::new("start to first GET /next", "login", Milliseconds, &empty);
        assert_eq!(missed_targets(&[start.relative_to("hello", &empty, &empty)]).len(), 1);
        assert_eq!(missed_targets(&[Row::new("zip", "login", MB, &empty)]).len(), 1);
    }

    #[test]
    fn every_limit_has_a_key_of_its_own() {
        for (place, limit) in LIMITS.iter().enumerate() {
            let is_same =
                |other: &&Limit| (other.what, other.subject, other.unit) == (limit.what, limit.subject, limit.unit);
            assert_eq!(LIMITS[..place].iter().find(is_same).map(|other| other.what), None);
        }
    }
}
