//! A page of 100 users in tables of different sizes.

use std::path::Path;

use dynoxide::{ImportOptions, Item};
use local::database;
use serde_json::{Value, json};
use shared::domain::user::PublicId;
use testkit::{ADA, Service, events, service::KEY};
use tokio::net::TcpListener;

use crate::{
    figures::{Samples, grouped},
    fixture::ADA_ADDRESS,
    process::{Failure, Program, Running},
    progress::Progress,
    row::{Row, Unit},
};

/// Number of users per import.
const BATCH: usize = 50_000;

/// A table of users, and a function that lists them.
struct Table {
    users: usize,
    /// Owns the database.
    _service: Service,
    running: Running,
    events: Vec<Value>,
    time: Samples,
    cpu: Samples,
}

/// Pages from the first user and from random cursors, in tables of the given sizes in turn.
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
            if call.response["statusCode"] != 200 {
                return Err(format!("GET /user responds with {}", call.response).into());
            }
            table.time.push(call.time);
            table.cpu.push(call.cpu);
        }
        progress.step();
    }
    let baseline = &tables[0];
    let name = |table: &Table| format!("page among {} users", grouped(table.users));
    let mut rows = Vec::new();
    for table in &tables {
        let what = name(table);
        let time = Row::new(&what, "list-users", Unit::Milliseconds, &table.time);
        let cpu = Row::new(&what, "list-users", Unit::Cpu, &table.cpu);
        if table.users == baseline.users {
            rows.extend([time, cpu]);
        } else {
            rows.push(time.relative_to(&name(baseline), &table.time, &baseline.time));
            rows.push(cpu.relative_to(&name(baseline), &table.cpu, &baseline.cpu));
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
        let progress = Progress::new("importing users", users.div_ceil(BATCH));
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
    let mut event = events::request("GET", "/user", ADA_ADDRESS, &headers, None);
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
