//! Size and rendering time of pages, without the database.

use std::hint::black_box;

use axum::{body::HttpBody as _, http::StatusCode, response::Response};
use shared::{
    domain::user::{PublicId, PublicUser, User, UserClaims},
    http::pages::{self, AccountPage, SignUpPage, UsersPage},
};

use crate::{
    figures::Samples,
    process::{Failure, microseconds_per_run},
};

const ROUNDS: usize = 5;
const RUNS_PER_ROUND: u32 = 2000;

/// Renders a page and returns its size in bytes.
type Render<'r> = &'r dyn Fn() -> Result<usize, Failure>;

/// Renders all pages in turn in each round, and prints a line for each page.
pub(crate) fn run() -> Result<(), Failure> {
    let user = || PublicUser {
        public_id: PublicId::random(),
        name: "Ada Lovelace".to_owned(),
        email: "ada.lovelace@example.com".to_owned(),
    };
    let (caller, users): (_, Vec<_>) = (user(), (0..50).map(|_| user()).collect());
    let sign_up = || size(&pages::show(StatusCode::OK, &SignUpPage::new(15))?);
    let account = || {
        let user = User {
            profile: user(),
            groups: vec!["admin".to_owned()],
            claims: UserClaims::default(),
            disabled: false,
            version: 0,
        };
        size(&pages::show(StatusCode::OK, &AccountPage::new(user, &[], None))?)
    };
    let list = || {
        let (first, next) = ("/user".to_owned(), Some("/user?cursor=AAAAAAAAAAAAAAAAAAAAAA".to_owned()));
        let page = UsersPage { caller: &caller, users: &users, is_further: false, first, next };
        size(&pages::show(StatusCode::OK, &page)?)
    };
    let json = || Ok(serde_json::to_vec(&users)?.len());
    let subjects: [(&str, Render<'_>); 4] =
        [("sign-up", &sign_up), ("account", &account), ("50 users", &list), ("50 users as JSON", &json)];
    for (_, render) in subjects {
        render()?;
    }
    let mut times = <[Samples; 4]>::default();
    for _ in 0..ROUNDS {
        for (times, (_, render)) in times.iter_mut().zip(subjects) {
            times.push(microseconds_per_run(RUNS_PER_ROUND, || drop(black_box(render()))));
        }
    }
    println!("{:20} {:>8} {:>12}", "page", "bytes", "µs (median)");
    for (times, (name, render)) in times.iter().zip(subjects) {
        println!("{name:20} {:>8} {:>12.1}", render()?, times.median());
    }
    Ok(())
}

fn size(page: &Response) -> Result<usize, Failure> {
    Ok(usize::try_from(page.body().size_hint().exact().ok_or("a page of unknown size")?)?)
}
