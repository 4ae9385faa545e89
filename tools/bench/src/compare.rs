//! Whether a change made the functions slower: two folders of release binaries (signup, login, list-users), side by side in one run:
//! `cargo run --release -p testkit --example two_builds -- OLD NEW`.
//!
//! From the start of a process to its first answer, without the database; and `GET /user` of a process that is warm.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program for a terminal")]

use std::{path::PathBuf, time::Instant};

use testkit::{events::Setting, lambda::Function};

const STARTS: usize = 60;
const CALLS: usize = 600;

#[tokio::main]
async fn main() {
    let folders: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let names = [("signup", "signup-options"), ("login", "jwks"), ("list-users", "unknown-path")];
    let is_there = |folder: &PathBuf| names.iter().all(|(name, _)| folder.join(name).is_file());
    if folders.len() != 2 || !folders.iter().all(is_there) {
        eprintln!("usage: two_builds OLD NEW, two folders that hold the release binaries signup, login and list-users");
        std::process::exit(2);
    }
    let setting = Setting::new("list-users").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("RUST_LOG", "error"));
    println!("{:32} {:>10} {:>10} {:>8}", "milliseconds, median", "old", "new", "ratio");
    for (name, sample) in names {
        let event = setting.event(sample).await;
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..STARTS {
            for (times, folder) in times.iter_mut().zip(&folders) {
                let started = Instant::now();
                let function = Function::start(&folder.join(name).display().to_string(), &variables).await;
                function.invoke(event.clone()).await.expect("an answer");
                times.push(started.elapsed().as_secs_f64() * 1e3);
                function.stop().await;
            }
        }
        report(&format!("{name}: start to first answer"), times);
    }
    let mut functions = Vec::new();
    for folder in &folders {
        functions.push(Function::start(&folder.join("list-users").display().to_string(), &variables).await);
    }
    let event = setting.event("list-users").await;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..CALLS {
        for (times, function) in times.iter_mut().zip(&functions) {
            let started = Instant::now();
            let answer = function.invoke(event.clone()).await.expect("an answer");
            assert_eq!(answer["statusCode"], 200);
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    report("list-users: GET /user, warm", times);
}

fn report(name: &str, times: [Vec<f64>; 2]) {
    let [old, new] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    println!("{name:32} {old:>10.3} {new:>10.3} {:>8.3}", new / old);
}
