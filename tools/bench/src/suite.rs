//! All measurements of the benchmark, in order.

use std::path::{Path, PathBuf, absolute};

use crate::{
    chart,
    figures::Samples,
    fixture::{Fixture, Transport},
    hashes, listing,
    peers::Peer,
    process::{Failure, Program},
    progress::Progress,
    row::{Row, Unit},
    sizes,
    starts::{self, Subject},
    warm,
};

/// Name of Postern's function in the comparison with peers.
const POSTERN: &str = "Postern, list-users";

/// The measurement that the chart shows.
const COLD: &str = "cold: start to first response";

/// A chart of the cold starts of Postern and its peers.
pub(crate) fn chart(rows: &[Row]) -> Result<String, Failure> {
    let cold: Vec<&Row> = rows.iter().filter(|row| row.what == COLD).collect();
    Ok(chart::draw("Process start to first response, median", &cold, |row| row.subject == POSTERN)?)
}

/// The binaries, and the number of rounds of each measurement.
pub(crate) struct Suite {
    binaries: PathBuf,
    starts: usize,
    calls: usize,
    hashes: usize,
    costs: usize,
    pages: usize,
    tables: &'static [usize],
    peers: Vec<Peer>,
}

impl Suite {
    /// Fails with the command that builds the binaries unless all of them exist.
    pub(crate) fn new(binaries: &Path, quick: bool, peers: Vec<Peer>) -> Result<Self, Failure> {
        let binaries = absolute(binaries)?;
        let names = ["signup", "login", "list-users", "hello", "raw-argon2"];
        let missing: Vec<&str> = names.into_iter().filter(|name| !binaries.join(name).is_file()).collect();
        if !missing.is_empty() {
            let (missing, folder) = (missing.join(", "), binaries.display());
            return Err(format!(
                "{folder} lacks {missing}. Build the binaries (this takes some minutes) and run this command again:\n  \
                 cargo build --release -p signup -p login -p list-users -p baseline"
            )
            .into());
        }
        Ok(if quick {
            Self {
                binaries,
                starts: 25,
                calls: 200,
                hashes: 40,
                costs: 1,
                pages: 200,
                tables: &[1_000, 100_000],
                peers,
            }
        } else {
            Self {
                binaries,
                starts: 100,
                calls: 1_000,
                hashes: 200,
                costs: 3,
                pages: 400,
                tables: &[1_000, 100_000, 1_000_000],
                peers,
            }
        })
    }

    /// Runs all measurements.
    pub(crate) async fn run(&self) -> Result<Vec<Row>, Failure> {
        let fixture = Fixture::new(Path::new("target/bench")).await?;
        let mut rows = self.cold(&fixture).await?;
        rows.extend(self.over_tls(&fixture).await?);
        rows.extend(warm::measure(&fixture, &self.binaries, self.calls, self.hashes).await?);
        rows.extend(hashes::measure(self.costs).await?);
        rows.extend(listing::measure(&self.binaries, self.tables, self.pages).await?);
        rows.extend(sizes::measure(&self.binaries)?);
        rows.extend(self.with_peers(&fixture).await?);
        Ok(rows)
    }

    /// Starts without and with the warm-up of the database connection, over HTTP.
    async fn cold(&self, fixture: &Fixture) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for warm_up in [false, true] {
            let progress = Progress::new("starts", self.starts);
            let subjects = self.subjects(fixture, Transport::Http, warm_up);
            let starts = starts::measure(&subjects, self.starts, &progress).await?;
            rows.extend(starts::rows(&subjects, &starts));
        }
        Ok(rows)
    }

    /// CPU time of the first database call over TLS, without and with the warm-up.
    async fn over_tls(&self, fixture: &Fixture) -> Result<Vec<Row>, Failure> {
        let progress = Progress::new("starts over TLS", 2 * self.starts);
        let (cold, warmed) =
            (self.subjects(fixture, Transport::Tls, false), self.subjects(fixture, Transport::Tls, true));
        let all: Vec<Subject> = cold.into_iter().chain(warmed.into_iter().skip(1)).collect();
        let starts = starts::measure(&all, self.starts, &progress).await?;
        let (baseline, functions) = starts.split_first().ok_or("no program was started")?;
        let (cold, warmed) = functions.split_at(functions.len() / 2);
        let mut rows = Vec::new();
        let mut row = |what, subject: &Subject, samples: &Samples| {
            let row = Row::new(what, &subject.name, Unit::Cpu, samples);
            rows.push(row.relative_to("hello", samples, &baseline.first_cpu));
        };
        for (subject, starts) in all[1..].iter().zip(cold) {
            row("first call over TLS", subject, &starts.first_cpu);
        }
        for (subject, starts) in all[1 + cold.len()..].iter().zip(warmed) {
            row("first call over TLS, warmed up", subject, &starts.first_cpu);
        }
        Ok(rows)
    }

    /// Cold starts of `list-users` and its peers. All reject `GET /user` without a token, except the template, which
    /// says hello.
    async fn with_peers(&self, fixture: &Fixture) -> Result<Vec<Row>, Failure> {
        if self.peers.is_empty() {
            return Ok(Vec::new());
        }
        let subject = |name: &str, program, status, leftover| Subject {
            name: name.to_owned(),
            program,
            event: Fixture::unauthenticated(),
            status,
            leftover,
        };
        let ours = fixture.function("list-users", &self.binaries, Transport::Http, true);
        let mut subjects = vec![subject(POSTERN, ours, 401, None)];
        for peer in &self.peers {
            let program = peer.program.clone().with(fixture.variables());
            subjects.push(subject(peer.name, program, peer.status, peer.leftover.clone()));
        }
        let progress = Progress::new("starts of peers", self.starts);
        let starts = starts::measure(&subjects, self.starts, &progress).await?;
        Ok(starts::rows(&subjects, &starts).into_iter().map(|row| row.in_group("cold")).collect())
    }

    fn subjects(&self, fixture: &Fixture, transport: Transport, warm_up: bool) -> Vec<Subject> {
        let suffix = if warm_up { ", warmed up" } else { "" };
        let subject = |name: &str, event, status| Subject {
            name: format!("{name}{suffix}"),
            program: fixture.function(name, &self.binaries, transport, warm_up),
            event,
            status,
            leftover: None,
        };
        vec![
            Subject {
                name: "hello".to_owned(),
                program: Program::new("hello", &self.binaries),
                event: Fixture::unknown_path(),
                status: 200,
                leftover: None,
            },
            subject("list-users", fixture.me(), 200),
            subject("login", fixture.refresh(), 401),
        ]
    }
}
