//! Everything that is measured, in order.

use std::path::{Path, PathBuf, absolute};

use crate::{
    chart,
    figures::Samples,
    listing,
    peers::{FLASK, Peer},
    process::{Failure, Program},
    progress::Progress,
    report::{Bound, Row, Unit},
    sizes,
    starts::{self, Starts, Subject},
    warm,
    fixture::{Way, World},
};

/// What the table calls our function beside its peers.
const POSTERN: &str = "Postern, list-users";

/// What the chart is of.
const COLD: &str = "cold: start to first answer";

/// The cold starts beside the peers' as a chart.
pub(crate) fn chart(rows: &[Row]) -> Result<String, Failure> {
    let cold: Vec<&Row> = rows.iter().filter(|row| row.what == COLD).collect();
    Ok(chart::draw("From the start of a process to its first answer, median", &cold, |row| row.subject == POSTERN)?)
}

/// The binaries, and how often each thing is measured.
pub(crate) struct Suite {
    binaries: PathBuf,
    starts: usize,
    calls: usize,
    hashes: usize,
    pages: usize,
    tables: &'static [usize],
    peers: Vec<Peer>,
}

impl Suite {
    /// Fails, saying what to build, unless all binaries are there.
    pub(crate) fn new(binaries: &Path, quick: bool, peers: Vec<Peer>) -> Result<Self, Failure> {
        let binaries = absolute(binaries)?;
        let names = ["signup", "login", "list-users", "hello", "raw-argon2"];
        let missing: Vec<&str> = names.into_iter().filter(|name| !binaries.join(name).is_file()).collect();
        if !missing.is_empty() {
            let (missing, folder) = (missing.join(", "), binaries.display());
            return Err(format!(
                "{folder} lacks {missing}. Build all of them, which takes some minutes, and run this again:\n  \
                 cargo build --release -p signup -p login -p list-users -p baseline"
            )
            .into());
        }
        Ok(if quick {
            Self { binaries, starts: 25, calls: 200, hashes: 40, pages: 200, tables: &[1_000, 100_000], peers }
        } else {
            Self {
                binaries,
                starts: 100,
                calls: 1_000,
                hashes: 200,
                pages: 400,
                tables: &[1_000, 100_000, 1_000_000],
                peers,
            }
        })
    }

    /// All rows.
    pub(crate) async fn run(&self) -> Result<Vec<Row>, Failure> {
        let world = World::new(Path::new("target/bench")).await?;
        let mut rows = self.cold(&world).await?;
        rows.extend(self.over_tls(&world).await?);
        rows.extend(warm::measure(&world, &self.binaries, self.calls, self.hashes).await?);
        rows.extend(listing::measure(&self.binaries, self.tables, self.pages).await?);
        rows.extend(sizes::measure(&self.binaries)?);
        rows.extend(self.beside_peers(&world).await?);
        Ok(rows)
    }

    /// Starts without and with the connection's warm-up, without TLS.
    async fn cold(&self, world: &World) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for (warm_up, next, answer) in [(false, 1.35, Some(1.7)), (true, 1.7, None)] {
            let progress = Progress::new("starts", self.starts);
            let subjects = self.subjects(world, Way::Http, warm_up);
            let starts = starts::measure(&subjects, self.starts, &progress).await?;
            rows.extend(starts::rows(&subjects, &starts, Some(Bound::Ratio(next)), answer.map(Bound::Ratio)));
        }
        Ok(rows)
    }

    /// What the first call of the database costs over TLS: all of it, and what a warm-up leaves of it.
    async fn over_tls(&self, world: &World) -> Result<Vec<Row>, Failure> {
        let progress = Progress::new("starts over TLS", 2 * self.starts);
        let (cold, warmed) = (self.subjects(world, Way::Tls, false), self.subjects(world, Way::Tls, true));
        let all: Vec<Subject> = cold.into_iter().chain(warmed.into_iter().skip(1)).collect();
        let starts = starts::measure(&all, self.starts, &progress).await?;
        let (floor, functions) = starts.split_first().ok_or("nothing was started")?;
        let (cold, warmed) = functions.split_at(functions.len() / 2);
        let mut rows = Vec::new();
        let mut row = |what, subject: &Subject, samples: &Samples, floor: &Samples, bound| {
            let row = Row::new(what, &subject.name, Unit::Cpu, samples).beside("hello", samples, floor);
            rows.push(row.bound(Bound::Most(bound)));
        };
        let measured = |starts: &Starts| starts.first_cpu.clone();
        for (subject, starts) in all[1..].iter().zip(cold) {
            row("first call over TLS", subject, &measured(starts), &floor.first_cpu, 6.0);
        }
        for (subject, starts) in all[1 + cold.len()..].iter().zip(warmed) {
            row("first call over TLS, warmed up", subject, &measured(starts), &floor.first_cpu, 1.5);
        }
        Ok(rows)
    }

    /// Cold starts of what people use today, beside `list-users`. Each refuses a listing without a token, and the template says hello.
    async fn beside_peers(&self, world: &World) -> Result<Vec<Row>, Failure> {
        if self.peers.is_empty() {
            return Ok(Vec::new());
        }
        let subject = |name: &str, program, status, leftover| Subject {
            name: name.to_owned(),
            program,
            event: World::stranger(),
            status,
            leftover,
        };
        let ours = world.function("list-users", &self.binaries, Way::Http, true);
        let mut subjects = vec![subject(POSTERN, ours, 401, None)];
        for peer in &self.peers {
            let program = peer.program.clone().with(world.variables());
            subjects.push(subject(peer.name, program, peer.status, peer.leftover.clone()));
        }
        let progress = Progress::new("starts of peers", self.starts);
        let starts = starts::measure(&subjects, self.starts, &progress).await?;
        let rows = starts::rows(&subjects, &starts, None, None).into_iter().map(|row| row.named("cold"));
        let bounded = rows.map(|row| match row.subject.as_str() {
            FLASK if row.what == COLD => row.bound(Bound::AtLeast(200.0)),
            _ => row,
        });
        Ok(bounded.collect())
    }

    fn subjects(&self, world: &World, way: Way, warm_up: bool) -> Vec<Subject> {
        let suffix = if warm_up { ", warmed up" } else { "" };
        let subject = |name: &str, event, status| Subject {
            name: format!("{name}{suffix}"),
            program: world.function(name, &self.binaries, way, warm_up),
            event,
            status,
            leftover: None,
        };
        vec![
            Subject {
                name: "hello".to_owned(),
                program: Program::new("hello", &self.binaries),
                event: World::nothing(),
                status: 200,
                leftover: None,
            },
            subject("list-users", world.me(), 200),
            subject("login", world.refresh(), 401),
        ]
    }
}
