//! `admin users list`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{aws::store::admin::UserRecord, domain::time::UnixSeconds};

use super::{
    connection::{Connection, Table},
    output::{Lines, escape, json_line, pad},
    progress::Progress,
};
use crate::{failure::Failure, options::users::ListUsers, print_error, report::Report, utc::utc};

/// How many users `--newest` prints without `--limit`.
const NEWEST: u32 = 100;

/// A line of the listing as JSON.
#[derive(Serialize)]
struct Row<'a> {
    public_id: &'a str,
    name: Option<&'a str>,
    email: Option<&'a str>,
    email_verified: Option<bool>,
    disabled: bool,
    groups: &'a [String],
    claims: &'a Map<String, Value>,
    created_at: Option<String>,
}

pub(crate) async fn run(options: &ListUsers, now: UnixSeconds) -> Result<Report, Failure> {
    let connection = Connection::open(&options.common, &[Table::Users]).await?;
    let mut lines = Lines::new();
    // Without it, the terminal would show a bar between the lines.
    let progress = options.newest.then(|| Progress::new("users read"));
    let mut newest = Newest::new(options.limit.unwrap_or(NEWEST));
    let mut left = options.limit.map_or(u64::MAX, u64::from);
    let mut needs_header = !options.common.json && !options.newest;
    let mut pages = connection.store.users();
    'pages: loop {
        let users = match pages.next().await {
            Ok(Some(users)) => users,
            Ok(None) => break,
            Err(error) => {
                lines.flush()?;
                return Err(connection.failure(error).await);
            }
        };
        if let Some(progress) = &progress {
            progress.add(users.len());
        }
        // An error has no header before it.
        if std::mem::take(&mut needs_header) && !lines.row(&header())? {
            break;
        }
        for user in users {
            report_invalid(&user);
            if !is_selected(&user, options, now) {
                continue;
            }
            if options.newest {
                newest.add(user);
                continue;
            }
            if left == 0 || !print(&mut lines, &user, options.common.json)? {
                break 'pages;
            }
            left -= 1;
        }
        if !lines.flush()? {
            break;
        }
    }
    drop(progress);
    if options.newest {
        print_newest(&mut lines, newest, options.common.json)?;
    }
    lines.flush()?;
    Ok(Report::default())
}

fn print_newest(lines: &mut Lines, newest: Newest, json: bool) -> Result<(), Failure> {
    if !json && !lines.row(&header())? {
        return Ok(());
    }
    for user in newest.users.into_values().rev() {
        if !print(lines, &user, json)? {
            break;
        }
    }
    Ok(())
}

fn is_selected(user: &UserRecord, options: &ListUsers, now: UnixSeconds) -> bool {
    let is_member = options.group.as_ref().is_none_or(|group| user.groups.contains(group));
    let is_old = options.older_than.is_none_or(|age| user.created_at.is_some_and(|at| now.since(at) > age));
    is_member && is_old && (!options.disabled || user.disabled)
}

/// An item that the functions would reject does not end the listing.
fn report_invalid(user: &UserRecord) {
    if !user.invalid.is_empty() {
        let id = escape(&user.public_id);
        print_error(&format!("note: the item {id} in Users has no valid {}", user.invalid.join(", ")));
    }
}

fn print(lines: &mut Lines, user: &UserRecord, json: bool) -> Result<bool, Failure> {
    if json {
        return lines.write(&json_line(&Row {
            public_id: &user.public_id,
            name: user.name.as_deref(),
            email: user.email.as_deref(),
            email_verified: user.email_verified,
            disabled: user.disabled,
            groups: &user.groups,
            claims: user.claims.as_object(),
            created_at: user.created_at.and_then(utc),
        })?);
    }
    let date = user.created_at.and_then(utc).and_then(|time| time.split('T').next().map(str::to_owned));
    let cell = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), escape);
    lines.row(&row(&[
        &escape(&user.public_id),
        if user.disabled { "disabled" } else { "active" },
        &date.unwrap_or_else(|| "-".to_owned()),
        &cell(&user.email),
        &cell(&user.name),
        &escape(&user.groups.join(", ")),
    ]))
}

fn header() -> String {
    row(&["PUBLIC_ID", "STATUS", "CREATED", "EMAIL", "NAME", "GROUPS"])
}

/// Columns of a fixed width, because the rows that follow are not known.
fn row(cells: &[&str; 6]) -> String {
    let widths = [36, 8, 10, 28, 20, 0];
    cells.iter().zip(widths).map(|(cell, width)| pad(cell, width)).collect::<Vec<_>>().join("  ")
}

/// The newest users that were added, at most `limit`.
struct Newest {
    /// By sign-up time, in seconds since 1970 or 0 if it is not stored, then by identifier, so that the order is always
    /// the same.
    users: BTreeMap<(u64, String), UserRecord>,
    limit: usize,
}

impl Newest {
    fn new(limit: u32) -> Self {
        Self { users: BTreeMap::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX) }
    }

    fn add(&mut self, user: UserRecord) {
        let signed_up = user.created_at.map_or(0, UnixSeconds::get);
        self.users.insert((signed_up, user.public_id.clone()), user);
        if self.users.len() > self.limit {
            self.users.pop_first();
        }
    }
}
