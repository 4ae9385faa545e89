//! A page of 100 users among few and among many.

use std::path::Path;

use dynoxide::{ImportOptions, Item};
use local::database;
use serde_json::{Value, json};
use shared::domain::user::PublicId;
use testkit::{ADA, Service, events, service::KEY};
use tokio::net::TcpListener;

use crate::{
    figures::{Samples, grouped},
    process::{Failure, Program, Running},
    progress::Progress,
    report::{Bound, Row, Unit},
    fixture::ADAS_CLIENT,
};

/// Users that are written at once.
const BATCH: usize = 50_000;

/// A table with so many users, and a function that lists them.
struct Table {
    users: usize,
    /// Keeps the database.
    _service: Service,
    running: Running,
    events: Vec<Value>,
    time: Samples,
    cpu: Samples,
}

/// Pages from the first user on and from random places, of tables with so many users, in turn.
pub(crate) async fn measure(binaries: &Path, sizes: &[usize], rounds: usize) -> Result<Vec<Row>, Failure> {
    let mut tables = Vec::new();
    for &users in sizes {
        tables.push(Table::new(users, binaries).await?);
    }
    let progress = Progress::new("pages", rounds);
    for round in 0..rounds {
        for table in &mut tables {
            let event = &table.events[round % table.events.len()];
            let call = table.running.call(event.clone()).await?;
            if call.answer["statusCode"] != 200 {
                return Err(format!("a page is answered {}", call.answer).into());
            }
            table.time.push(call.time);
            table.cpu.push(call.cpu);
        }
        progress.step();
    }
    let floor = &tables[0];
    let name = |table: &Table| format!("a page among {} users", grouped(table.users));
    let mut rows = Vec::new();
    for table in &tables {
        let what = name(table);
        let time = Row::new(&what, "list-users", Unit::Milliseconds, &table.time);
        let cpu = Row::new(&what, "list-users", Unit::Cpu, &table.cpu);
        if table.users == floor.users {
            rows.extend([time, cpu]);
        } else {
            rows.push(time.beside(&name(floor), &table.time, &floor.time).bound(Bound::Ratio(1.1)));
            rows.push(cpu.beside(&name(floor), &table.cpu, &floor.cpu).bound(Bound::Ratio(1.1)));
        }
    }
    for table in tables {
        table.running.stop().await;
    }
    Ok(rows)
}

impl Table {
    async fn new(users: usize, binaries: &Path) -> Result<Self, Failure> {
        let database = database::open(None)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(database::serve(listener, database.clone()));
        let service = Service::over(&[], &endpoint, &endpoint).await;
        let progress = Progress::new("users are written", users.div_ceil(BATCH));
        for start in (0..users).step_by(BATCH) {
            let items = (start..users.min(start + BATCH)).map(user).collect::<Result<Vec<Item>, _>>()?;
            database.import_items("Users", items, ImportOptions::default()).map_err(|error| error.to_string())?;
            progress.step();
        }
        let (_, token) = service.member(ADA).await;
        let variables = [
            ("USERS_TABLE", "Users".to_owned()),
            ("SESSIONS_TABLE", "Sessions".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ];
        let running = Running::start(&Program::new("list-users", binaries).with(variables)).await?;
        let cursors = (0..20).map(|_| format!("cursor={}", list_users::cursor(PublicId::random())));
        let events = cursors.chain([String::new()]).map(|query| page(&token, &query)).collect();
        Ok(Self { users, _service: service, running, events, time: Samples::default(), cpu: Samples::default() })
    }
}

fn page(token: &str, query: &str) -> Value {
    let headers = json!({ "authorization": format!("Bearer {token}") });
    let mut event = events::request("GET", "/user", ADAS_CLIENT, &headers, None);
    event["rawQueryString"] = query.into();
    event
}

fn user(number: usize) -> Result<Item, serde_json::Error> {
    serde_json::from_value(json!({
        "public_id": { "S": PublicId::random().to_string() },
        "name": { "S": format!("User {number}") },
        "email": { "S": format!("user{number}@example.com") },
    }))
}
