//! What pages cost beside the database, and what they weigh: `cargo run --release -p shared --example page_cost`.
//!
//! Five rounds, the pages one after the other in each, so that what else the machine does falls on all of them alike.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program for a terminal")]

use std::{hint::black_box, time::Instant};

use axum::http::StatusCode;
use shared::{
    domain::user::{PublicId, PublicUser, User},
    http::pages::{self, AccountPage, SignUpPage, UsersPage},
};

const ROUNDS: usize = 5;
const TIMES: u32 = 2000;

/// Microseconds for one of `TIMES` runs.
fn measure(work: &dyn Fn() -> usize) -> f64 {
    let started = Instant::now();
    for _ in 0..TIMES {
        black_box(work());
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn main() {
    let ada = || PublicUser {
        public_id: PublicId::random(),
        name: "Ada Lovelace".to_owned(),
        email: "ada.lovelace@example.com".to_owned(),
    };
    let (caller, users): (_, Vec<_>) = (ada(), (0..50).map(|_| ada()).collect());
    let size = |response: axum::response::Response| {
        axum::body::HttpBody::size_hint(response.body())
            .exact()
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(0)
    };
    let sign_up = || size(pages::show(StatusCode::OK, &SignUpPage::new(15)).expect("a page"));
    let account = || {
        let user = User { profile: ada(), groups: vec!["admin".to_owned()], disabled: false, version: 0 };
        size(pages::show(StatusCode::OK, &AccountPage::new(user)).expect("a page"))
    };
    let list = || {
        let (first, next) = ("/user".to_owned(), Some("/user?cursor=AAAAAAAAAAAAAAAAAAAAAA".to_owned()));
        let page = UsersPage { caller: &caller, users: &users, is_further: false, first, next };
        size(pages::show(StatusCode::OK, &page).expect("a page"))
    };
    let json = || serde_json::to_vec(&users).expect("JSON").len();
    let subjects: [(&str, &dyn Fn() -> usize); 4] =
        [("sign-up", &sign_up), ("account", &account), ("50 users", &list), ("50 users as JSON", &json)];
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (times, (_, work)) in times.iter_mut().zip(subjects) {
            times.push(measure(work));
        }
    }
    println!("{:20} {:>8} {:>12}", "page", "octets", "µs (median)");
    for (mut times, (name, work)) in times.into_iter().zip(subjects) {
        times.sort_by(f64::total_cmp);
        println!("{name:20} {:>8} {:>12.1}", work(), times[ROUNDS / 2]);
    }
}
