//! What Postern costs on AWS in a month, beside Cognito. Prices and counts are options; what a call takes of DynamoDB stands here.
//!
//! A function takes its processor time, stretched where its memory gives it less than a whole processor, and the time it waits.
//! Lambda bills both by the millisecond, rounded up, times the memory.

use std::iter;

use clap::{Args, ValueEnum, value_parser};

/// Memory with which a function has one whole processor. More gives more processors, and none of ours uses a second one.
const WHOLE_PROCESSOR_MB: f64 = 1769.0;

/// `MemorySize` in template.yaml; a test compares.
const TEMPLATE_LOGIN_MB: u32 = 1769;
const TEMPLATE_SIGNUP_MB: u32 = 1769;
const TEMPLATE_LIST_USERS_MB: u32 = 256;

/// Sizes in the table of memory.
const SIZES_MB: [u32; 5] = [128, 256, 512, 1024, 1769];

/// Milliseconds of a whole processor for a log-in: nearly all of it is the password's hash. This and the following are
/// rounded from the benchmark, the waits estimated; whoever changes them writes docs/COST.md anew.
const LOGIN_CPU_MS: f64 = 16.0;
/// Milliseconds a log-in waits for DynamoDB.
const LOGIN_WAIT_MS: f64 = 25.0;
/// Like [`LOGIN_CPU_MS`]: the hash, and zxcvbn.
const SIGNUP_CPU_MS: f64 = 16.5;
/// Like [`LOGIN_WAIT_MS`].
const SIGNUP_WAIT_MS: f64 = 12.0;
/// Of a refresh, which `login` answers without a hash.
const REFRESH_CPU_MS: f64 = 0.6;
/// Like [`LOGIN_WAIT_MS`].
const REFRESH_WAIT_MS: f64 = 10.0;
/// Of a page of users or one's own record.
const LIST_USERS_CPU_MS: f64 = 0.8;
/// Like [`LOGIN_WAIT_MS`].
const LIST_USERS_WAIT_MS: f64 = 6.0;
/// Milliseconds until a new process is ready for its first call.
const INIT_MS: f64 = 60.0;
/// Percentage of calls that start a process.
const COLD_STARTS: f64 = 1.0;

/// A transaction's reads and writes count twice.
const TRANSACTIONAL: f64 = 2.0;
/// What one read unit reads, consistently.
const READ_UNIT_BYTES: f64 = 4096.0;

/// The pair's guess is counted while the credentials are read; then the pair is cleared while the session begins.
const KNOWN_PAIR: Units = Units { reads: 1.0, writes: 3.0 };
/// Besides, account and address are counted, and given back. Two more where others guess at the same time.
const NEW_PAIR: Units = Units { reads: 1.0, writes: 7.0 };
/// The session is written while its user is read.
const REFRESH: Units = Units { reads: 1.0, writes: 1.0 };
/// The address is counted, then user and credentials are written in one transaction. One more where others sign up from there.
const SIGN_UP: Units = Units { reads: 0.0, writes: 1.0 + 2.0 * TRANSACTIONAL };
/// The caller and their session.
const CALLER: Units = Units { reads: 2.0, writes: 0.0 };

/// The limits of Cognito Lite's prices, in active users, those that are free among them.
const LITE_STEPS: [f64; 3] = [100_000.0, 1_000_000.0, 10_000_000.0];
/// Up to here an HTTP API's requests have the first price.
const HTTP_API_STEP: f64 = 300e6;

const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// Counts, functions and prices. All have defaults.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    usage: Usage,
    #[command(flatten)]
    functions: Functions,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    cognito: Cognito,
}

#[derive(Args)]
#[command(next_help_heading = "Calls in a month")]
struct Usage {
    /// Log-ins.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    logins: u32,
    /// Percentage of the log-ins from an address that the account has not logged in from for 30 days.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percentage)]
    new_pairs: f64,
    /// Refreshes.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    refreshes: u32,
    /// Sign-ups.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    signups: u32,
    /// Pages of users (GET /user).
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    listings: u32,
    /// Own records (GET /user/me).
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    me: u32,
    /// Monthly active users, by whom Cognito is billed.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    mau: u32,
    /// Users on a page.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    page: u32,
    /// Bytes of a user's item in the table.
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    user_bytes: u32,
    /// Bytes that a call writes to the logs: the function's lines, Lambda's and API Gateway's.
    #[arg(long, value_name = "BYTES", default_value_t = 2048)]
    log_bytes: u32,
    /// Bytes of an answer with its headers. A page's users come on top, with as many bytes as in the table.
    #[arg(long, value_name = "BYTES", default_value_t = 2048)]
    answer_bytes: u32,
}

#[derive(Args)]
#[command(next_help_heading = "Functions")]
struct Functions {
    /// Processor that Lambda bills.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    architecture: Architecture,
    /// Memory of login.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_LOGIN_MB, value_parser = value_parser!(u32).range(128..=10_240))]
    login_mb: u32,
    /// Memory of signup.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_SIGNUP_MB, value_parser = value_parser!(u32).range(128..=10_240))]
    signup_mb: u32,
    /// Memory of list-users.
    #[arg(long, value_name = "MB", default_value_t = TEMPLATE_LIST_USERS_MB, value_parser = value_parser!(u32).range(128..=10_240))]
    list_users_mb: u32,
    /// Processor time of a log-in.
    #[arg(long, value_name = "MS", default_value_t = LOGIN_CPU_MS, value_parser = amount)]
    login_cpu: f64,
    /// How long a log-in waits.
    #[arg(long, value_name = "MS", default_value_t = LOGIN_WAIT_MS, value_parser = amount)]
    login_wait: f64,
    /// Processor time of a sign-up.
    #[arg(long, value_name = "MS", default_value_t = SIGNUP_CPU_MS, value_parser = amount)]
    signup_cpu: f64,
    /// How long a sign-up waits.
    #[arg(long, value_name = "MS", default_value_t = SIGNUP_WAIT_MS, value_parser = amount)]
    signup_wait: f64,
    /// Processor time of a refresh.
    #[arg(long, value_name = "MS", default_value_t = REFRESH_CPU_MS, value_parser = amount)]
    refresh_cpu: f64,
    /// How long a refresh waits.
    #[arg(long, value_name = "MS", default_value_t = REFRESH_WAIT_MS, value_parser = amount)]
    refresh_wait: f64,
    /// Processor time of a page of users, or of one's own record.
    #[arg(long, value_name = "MS", default_value_t = LIST_USERS_CPU_MS, value_parser = amount)]
    list_users_cpu: f64,
    /// How long a page of users, or one's own record, waits.
    #[arg(long, value_name = "MS", default_value_t = LIST_USERS_WAIT_MS, value_parser = amount)]
    list_users_wait: f64,
    /// Percentage of calls that start a process.
    #[arg(long, value_name = "PERCENT", default_value_t = COLD_STARTS, value_parser = percentage)]
    cold_starts: f64,
    /// How long such a start takes, at any memory: Lambda's INIT phase, which is billed.
    #[arg(long, value_name = "MS", default_value_t = INIT_MS, value_parser = amount)]
    init: f64,
    /// Secrets in Secrets Manager.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    secrets: u32,
    /// Custom metrics, each in every hour of the month; 0 with METRICS=off.
    #[arg(long, value_name = "COUNT", default_value_t = 25)]
    metrics: u32,
}

/// docs/COST.md says where these come from.
#[derive(Args)]
#[command(next_help_heading = "Prices in US dollars (us-east-1)")]
struct Prices {
    /// Lambda, a GB-second on arm64.
    #[arg(long, value_name = "USD", default_value_t = 0.000_013_333_4, value_parser = amount)]
    gb_second_arm64: f64,
    /// Lambda, a GB-second on x86_64.
    #[arg(long, value_name = "USD", default_value_t = 0.000_016_666_7, value_parser = amount)]
    gb_second_x86_64: f64,
    /// Lambda, a million requests.
    #[arg(long, value_name = "USD", default_value_t = 0.20, value_parser = amount)]
    lambda_requests: f64,
    /// API Gateway's HTTP API, a million requests of the first 300 million.
    #[arg(long, value_name = "USD", default_value_t = 1.00, value_parser = amount)]
    http_api: f64,
    /// API Gateway's HTTP API, a million requests beyond these.
    #[arg(long, value_name = "USD", default_value_t = 0.90, value_parser = amount)]
    http_api_further: f64,
    /// DynamoDB on demand, a million write units.
    #[arg(long, value_name = "USD", default_value_t = 0.625, value_parser = amount)]
    write_units: f64,
    /// DynamoDB on demand, a million read units.
    #[arg(long, value_name = "USD", default_value_t = 0.125, value_parser = amount)]
    read_units: f64,
    /// CloudWatch Logs, a GB taken in.
    #[arg(long, value_name = "USD", default_value_t = 0.50, value_parser = amount)]
    logs_gb: f64,
    /// A GB sent to the internet.
    #[arg(long, value_name = "USD", default_value_t = 0.09, value_parser = amount)]
    sent_gb: f64,
    /// CloudWatch, a custom metric for a month.
    #[arg(long, value_name = "USD", default_value_t = 0.30, value_parser = amount)]
    metric: f64,
    /// Secrets Manager, a secret for a month.
    #[arg(long, value_name = "USD", default_value_t = 0.40, value_parser = amount)]
    secret: f64,
}

#[derive(Args)]
#[command(next_help_heading = "Cognito, in US dollars for an active user")]
struct Cognito {
    /// Active users that are free in Lite and Essentials; 50,000 in an account with a pool of before 22 November 2024.
    #[arg(long = "cognito-free", value_name = "COUNT", default_value_t = 10_000)]
    free: u32,
    /// Lite, to 100,000.
    #[arg(long = "cognito-lite", value_name = "USD", default_value_t = 0.0055, value_parser = amount)]
    lite: f64,
    /// Lite, to a million.
    #[arg(long = "cognito-lite-second", value_name = "USD", default_value_t = 0.0046, value_parser = amount)]
    lite_second: f64,
    /// Lite, to ten million.
    #[arg(long = "cognito-lite-third", value_name = "USD", default_value_t = 0.003_25, value_parser = amount)]
    lite_third: f64,
    /// Lite, beyond.
    #[arg(long = "cognito-lite-fourth", value_name = "USD", default_value_t = 0.0025, value_parser = amount)]
    lite_fourth: f64,
    /// Essentials.
    #[arg(long = "cognito-essentials", value_name = "USD", default_value_t = 0.015, value_parser = amount)]
    essentials: f64,
    /// Plus, of which nothing is free.
    #[arg(long = "cognito-plus", value_name = "USD", default_value_t = 0.02, value_parser = amount)]
    plus: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Architecture {
    /// Graviton.
    Arm64,
    /// Intel or AMD.
    #[value(name = "x86_64")]
    X86,
}

impl Architecture {
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// What a call takes of DynamoDB.
#[derive(Clone, Copy)]
struct Units {
    reads: f64,
    writes: f64,
}

/// What a call takes of Lambda, at any memory.
#[derive(Clone, Copy)]
struct Work {
    cpu_ms: f64,
    wait_ms: f64,
}

impl Work {
    fn duration_ms(self, memory_mb: u32) -> f64 {
        self.cpu_ms * (WHOLE_PROCESSOR_MB / f64::from(memory_mb)).max(1.0) + self.wait_ms
    }
}

/// A kind of call, and how many there are.
struct Call {
    name: &'static str,
    count: f64,
    work: Work,
    memory_mb: u32,
    units: Units,
    answer_bytes: f64,
}

/// US dollars, by what is billed.
#[derive(Clone, Copy, Default)]
struct Cost {
    gateway: f64,
    requests: f64,
    duration: f64,
    cold_starts: f64,
    writes: f64,
    reads: f64,
    logs: f64,
    sent: f64,
}

impl Cost {
    fn lambda(self) -> f64 {
        self.requests + self.duration + self.cold_starts
    }

    fn database(self) -> f64 {
        self.writes + self.reads
    }

    fn total(self) -> f64 {
        self.gateway + self.lambda() + self.database() + self.logs + self.sent
    }

    fn plus(self, other: Self, times: f64) -> Self {
        Self {
            gateway: self.gateway + other.gateway * times,
            requests: self.requests + other.requests * times,
            duration: self.duration + other.duration * times,
            cold_starts: self.cold_starts + other.cold_starts * times,
            writes: self.writes + other.writes * times,
            reads: self.reads + other.reads * times,
            logs: self.logs + other.logs * times,
            sent: self.sent + other.sent * times,
        }
    }
}

/// The table for a person.
pub(crate) fn report(arguments: &Arguments) -> String {
    let calls = arguments.calls();
    let month = arguments.month(&calls);
    let fixed = arguments.fixed();
    let sections = [
        monthly(arguments, &month, fixed),
        by_call(arguments, &calls),
        beside_cognito(arguments, month.total(), fixed),
        by_memory(arguments),
    ];
    sections.map(|lines| lines.join("\n") + "\n").join("\n")
}

fn monthly(arguments: &Arguments, month: &Cost, fixed: f64) -> Vec<String> {
    let Usage { logins, refreshes, signups, listings, me, mau, .. } = arguments.usage;
    let Functions { architecture, secrets, metrics, .. } = arguments.functions;
    let prices = &arguments.prices;
    let counts = [logins, refreshes, signups, listings, me, mau].map(|count| grouped(f64::from(count)));
    let [logins, refreshes, signups, listings, me, mau] = counts;
    let total = month.total() + fixed;
    let line = |name: &str, dollars: f64| {
        let share = if total > 0.0 { 100.0 * dollars / total } else { 0.0 };
        format!("  {name:<38}{dollars:>12.2}{share:>8.1} %")
    };
    vec![
        format!("1. A month, in US dollars, on {}", architecture.name()),
        format!("   {logins} log-ins, {refreshes} refreshes, {signups} sign-ups, {listings} pages of users,"),
        format!("   {me} own records; {mau} active users"),
        String::new(),
        line("API Gateway, HTTP API", month.gateway),
        line("Lambda, requests", month.requests),
        line("Lambda, duration", month.duration),
        line("Lambda, cold starts", month.cold_starts),
        line("DynamoDB, write units", month.writes),
        line("DynamoDB, read units", month.reads),
        line("CloudWatch Logs, taken in", month.logs),
        line("sent to the internet", month.sent),
        line(&format!("CloudWatch, {metrics} custom metrics"), f64::from(metrics) * prices.metric),
        line(&format!("Secrets Manager, secrets: {secrets}"), f64::from(secrets) * prices.secret),
        line("total", total),
    ]
}

fn by_call(arguments: &Arguments, calls: &[Call]) -> Vec<String> {
    let row = |name: &str, cost: &Cost| {
        let (gateway, lambda, database) = (cost.gateway, cost.lambda(), cost.database());
        let (logs, sent) = (cost.logs, cost.sent);
        format!("  {name:<20}{gateway:>12.2}{lambda:>9.2}{database:>10.2}{logs:>8.2}{sent:>8.2}{:>9.2}", cost.total())
    };
    let each = calls.iter().map(|call| row(call.name, &Cost::default().plus(arguments.cost(call), MILLION)));
    // The first two kinds are the log-ins.
    let new = arguments.usage.new_pairs / 100.0;
    let mixed = [1.0 - new, new].into_iter().zip(calls);
    let mixed = mixed.fold(Cost::default(), |sum, (share, call)| sum.plus(arguments.cost(call), share * MILLION));
    let names = ["API Gateway", "Lambda", "DynamoDB", "logs", "sent", "total"];
    let [gateway, lambda, database, logs, sent, total] = names;
    let head = format!("  {:<20}{gateway:>12}{lambda:>9}{database:>10}{logs:>8}{sent:>8}{total:>9}", "");
    iter::once("2. A million calls, in US dollars".to_owned())
        .chain([String::new(), head, row("log-ins, as in 1", &mixed)])
        .chain(each)
        .collect()
}

fn beside_cognito(arguments: &Arguments, variable: f64, fixed: f64) -> Vec<String> {
    let mau = f64::from(arguments.usage.mau);
    let per_user = if mau > 0.0 { variable / mau } else { 0.0 };
    let plans = arguments.cognito.plans();
    let rows = plans.iter().map(|plan| {
        let even = plan.break_even(fixed, per_user).map_or("never".to_owned(), |users| grouped(users.ceil()));
        format!("  {:<24}{:>14.2}{even:>24}", plan.name, plan.cost(mau))
    });
    let users = grouped(mau);
    vec![
        format!("3. Beside Cognito, in US dollars a month for {users} active users"),
        format!(
            "   Postern: {fixed:.2} whoever comes, and {:.2} for a thousand users who call as in 1",
            1000.0 * per_user
        ),
        String::new(),
        format!("  {:<24}{:>14}{:>24}", "", "a month", "Postern is cheaper from"),
        format!("  {:<24}{:>14.2}", "Postern", variable + fixed),
    ]
    .into_iter()
    .chain(rows)
    .collect()
}

fn by_memory(arguments: &Arguments) -> Vec<String> {
    let work = arguments.functions.work();
    let columns = [
        ("log-in", work.login, TEMPLATE_LOGIN_MB),
        ("refresh", work.refresh, TEMPLATE_LOGIN_MB),
        ("sign-up", work.signup, TEMPLATE_SIGNUP_MB),
        ("page of users", work.list_users, TEMPLATE_LIST_USERS_MB),
    ];
    let names = columns.map(|(name, ..)| format!("{name:>18}")).concat();
    let units = columns.map(|_| format!("{:>9}{:>9}", "ms", "USD")).concat();
    let rows = SIZES_MB.iter().map(|&size| {
        let cells = columns.map(|(_, work, template)| {
            let mark = if size == template { '*' } else { ' ' };
            let dollars = MILLION * arguments.lambda(work, size).lambda();
            format!("{:>9.1}{dollars:>8.2}{mark}", work.duration_ms(size))
        });
        format!("  {size:>5}{}", cells.concat()).trim_end().to_owned()
    });
    let architecture = arguments.functions.architecture.name();
    let head = [
        format!("4. Memory in MB: how long a warm call takes, and Lambda's part of a million on {architecture}"),
        "   * template.yaml".to_owned(),
        String::new(),
        format!("  {:>5}{names}", ""),
        format!("  {:>5}{units}", "MB"),
    ];
    head.into_iter().chain(rows).collect()
}

struct FunctionsWork {
    login: Work,
    signup: Work,
    refresh: Work,
    list_users: Work,
}

impl Functions {
    fn work(&self) -> FunctionsWork {
        FunctionsWork {
            login: Work { cpu_ms: self.login_cpu, wait_ms: self.login_wait },
            signup: Work { cpu_ms: self.signup_cpu, wait_ms: self.signup_wait },
            refresh: Work { cpu_ms: self.refresh_cpu, wait_ms: self.refresh_wait },
            list_users: Work { cpu_ms: self.list_users_cpu, wait_ms: self.list_users_wait },
        }
    }
}

impl Usage {
    /// What a page takes: the users and one more, which tells whether there is a next page, and the caller.
    fn page_units(&self) -> Units {
        let bytes = (f64::from(self.page) + 1.0) * f64::from(self.user_bytes);
        Units { reads: (bytes / READ_UNIT_BYTES).ceil() + CALLER.reads, ..CALLER }
    }
}

impl Arguments {
    fn calls(&self) -> [Call; 6] {
        let Usage { logins, new_pairs, refreshes, signups, listings, me, .. } = self.usage;
        let Functions { login_mb, signup_mb, list_users_mb, .. } = self.functions;
        let work = self.functions.work();
        let (logins, new) = (f64::from(logins), new_pairs / 100.0);
        let answer_bytes = f64::from(self.usage.answer_bytes);
        let page_bytes = f64::from(self.usage.page) * f64::from(self.usage.user_bytes);
        let call = |name, count, work, memory_mb, units| Call { name, count, work, memory_mb, units, answer_bytes };
        let page = call("page of users", f64::from(listings), work.list_users, list_users_mb, self.usage.page_units());
        [
            call("log-in, known pair", logins * (1.0 - new), work.login, login_mb, KNOWN_PAIR),
            call("log-in, new pair", logins * new, work.login, login_mb, NEW_PAIR),
            call("refresh", f64::from(refreshes), work.refresh, login_mb, REFRESH),
            call("sign-up", f64::from(signups), work.signup, signup_mb, SIGN_UP),
            Call { answer_bytes: answer_bytes + page_bytes, ..page },
            call("own record", f64::from(me), work.list_users, list_users_mb, CALLER),
        ]
    }

    /// All calls of a month.
    fn month(&self, calls: &[Call]) -> Cost {
        let count: f64 = calls.iter().map(|call| call.count).sum();
        let further = (count - HTTP_API_STEP).max(0.0);
        let gateway = (count - further) * self.prices.http_api + further * self.prices.http_api_further;
        let sum = calls.iter().fold(Cost::default(), |sum, call| sum.plus(self.cost(call), call.count));
        Cost { gateway: gateway / MILLION, ..sum }
    }

    /// What a month costs without any call.
    fn fixed(&self) -> f64 {
        let Functions { secrets, metrics, .. } = self.functions;
        f64::from(metrics) * self.prices.metric + f64::from(secrets) * self.prices.secret
    }

    /// One call.
    fn cost(&self, call: &Call) -> Cost {
        let prices = &self.prices;
        Cost {
            gateway: prices.http_api / MILLION,
            writes: call.units.writes * prices.write_units / MILLION,
            reads: call.units.reads * prices.read_units / MILLION,
            logs: f64::from(self.usage.log_bytes) / GIGABYTE * prices.logs_gb,
            sent: call.answer_bytes / GIGABYTE * prices.sent_gb,
            ..self.lambda(call.work, call.memory_mb)
        }
    }

    /// Lambda's part of one call, with its share of cold starts.
    fn lambda(&self, work: Work, memory_mb: u32) -> Cost {
        let gb_second = match self.functions.architecture {
            Architecture::Arm64 => self.prices.gb_second_arm64,
            Architecture::X86 => self.prices.gb_second_x86_64,
        };
        let millisecond = f64::from(memory_mb) / 1024.0 * gb_second / 1000.0;
        let duration = work.duration_ms(memory_mb);
        let cold = (duration + self.functions.init).ceil() - duration.ceil();
        Cost {
            requests: self.prices.lambda_requests / MILLION,
            duration: duration.ceil() * millisecond,
            cold_starts: cold * millisecond * self.functions.cold_starts / 100.0,
            ..Cost::default()
        }
    }
}

/// A feature plan of Cognito.
struct Plan {
    name: &'static str,
    /// So many active users are free.
    free: f64,
    /// Up to how many active users, and the price of one. The last has no limit.
    steps: Vec<(f64, f64)>,
}

impl Cognito {
    fn plans(&self) -> [Plan; 3] {
        let free = f64::from(self.free);
        let lite = [self.lite, self.lite_second, self.lite_third, self.lite_fourth];
        let limits = LITE_STEPS.into_iter().chain([f64::INFINITY]);
        let flat = |price| vec![(f64::INFINITY, price)];
        [
            Plan { name: "Cognito Lite", free, steps: limits.zip(lite).collect() },
            Plan { name: "Cognito Essentials", free, steps: flat(self.essentials) },
            Plan { name: "Cognito Plus", free: 0.0, steps: flat(self.plus) },
        ]
    }
}

impl Plan {
    fn cost(&self, users: f64) -> f64 {
        let mut from = self.free;
        let mut sum = 0.0;
        for &(to, price) in &self.steps {
            sum += (users.min(to) - from).max(0.0) * price;
            from = from.max(to);
        }
        sum
    }

    /// From how many active users on the plan costs more than what costs `fixed` and `per_user`. `None`: it never does.
    fn break_even(&self, fixed: f64, per_user: f64) -> Option<f64> {
        let mut from = self.free;
        for &(to, price) in self.steps.iter().filter(|(to, _)| *to > self.free) {
            let behind = fixed + per_user * from - self.cost(from);
            if price > per_user {
                let users = from + behind / (price - per_user);
                if users <= to {
                    return Some(users);
                }
            }
            from = to;
        }
        None
    }
}

fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("not a number of at least 0".to_owned()),
    }
}

fn percentage(text: &str) -> Result<f64, String> {
    amount(text).ok().filter(|number| *number <= 100.0).ok_or_else(|| "not a number from 0 to 100".to_owned())
}

/// A whole number with a comma before each three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(line: &str) -> Arguments {
        Line::try_parse_from(iter::once("cost").chain(line.split_whitespace())).unwrap().arguments
    }

    #[track_caller]
    fn assert_near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn less_memory_stretches_the_processor_time_and_not_the_wait() {
        let work = Work { cpu_ms: 16.0, wait_ms: 25.0 };
        assert_near(work.duration_ms(1769), 41.0);
        assert_near(work.duration_ms(128), 16.0 * 1769.0 / 128.0 + 25.0);
    }

    #[test]
    fn more_than_a_whole_processor_makes_nothing_faster() {
        let work = Work { cpu_ms: 16.0, wait_ms: 25.0 };
        assert_near(work.duration_ms(10_240), work.duration_ms(1769));
    }

    #[test]
    fn lambda_bills_whole_milliseconds() {
        let arguments = arguments("--cold-starts 0 --lambda-requests 0 --gb-second-arm64 1");
        let cost = arguments.lambda(Work { cpu_ms: 0.1, wait_ms: 4.0 }, 2048);
        assert_near(cost.total(), 2.0 * 0.005);
    }

    #[test]
    fn a_cold_start_is_billed_in_its_share_of_calls() {
        let arguments = arguments("--cold-starts 50 --init 60 --lambda-requests 0 --gb-second-arm64 1");
        let cost = arguments.lambda(Work { cpu_ms: 0.0, wait_ms: 10.0 }, 1024);
        assert_near(cost.duration, 0.010);
        assert_near(cost.cold_starts, 0.030);
    }

    #[test]
    fn the_architecture_chooses_the_price() {
        let work = Work { cpu_ms: 0.0, wait_ms: 1000.0 };
        let [arm, x86] = ["arm64", "x86_64"].map(|name| {
            arguments(&format!("--architecture {name} --gb-second-arm64 1 --gb-second-x86-64 2"))
                .lambda(work, 1024)
                .duration
        });
        assert_near(arm, 1.0);
        assert_near(x86, 2.0);
    }

    /// README, "What it costs, in DynamoDB's units": 2 dollars from a known pair, up to 6 (with 9 writes) from a new one.
    #[test]
    fn log_ins_cost_of_dynamodb_what_readme_says() {
        let arguments = arguments("");
        let [known, new, ..] = arguments.calls();
        assert_near(MILLION * arguments.cost(&known).database(), 2.0);
        assert_near(MILLION * arguments.cost(&new).database(), 4.5);
    }

    #[test]
    fn a_sign_up_is_a_count_and_a_transaction_of_two() {
        assert_near(SIGN_UP.writes, 5.0);
    }

    #[test]
    fn a_page_reads_one_user_more_than_it_shows_and_the_caller() {
        assert_near(arguments("--page 100 --user-bytes 200").usage.page_units().reads, 5.0 + 2.0);
        assert_near(arguments("--page 40 --user-bytes 100").usage.page_units().reads, 2.0 + 2.0);
    }

    #[test]
    fn a_page_sends_its_users_besides() {
        let arguments = arguments("--page 1000 --user-bytes 200 --answer-bytes 0 --sent-gb 1");
        let [log_in, _, _, _, page, _] = arguments.calls();
        assert_near(arguments.cost(&log_in).sent, 0.0);
        assert_near(arguments.cost(&page).sent, 200_000.0 / GIGABYTE);
    }

    #[test]
    fn the_http_api_is_cheaper_beyond_300_million() {
        let arguments = arguments("--logins 400000000 --refreshes 0 --signups 0 --listings 0 --me 0");
        assert_near(arguments.month(&arguments.calls()).gateway, 300.0 + 90.0);
    }

    #[test]
    fn nothing_but_what_is_fixed_costs_without_calls() {
        let arguments = arguments("--logins 0 --refreshes 0 --signups 0 --listings 0 --me 0 --mau 0");
        assert_near(arguments.month(&arguments.calls()).total(), 0.0);
        assert_near(arguments.fixed(), 25.0 * 0.30 + 0.40);
        assert!(report(&arguments).contains("total"));
    }

    #[test]
    fn cognito_bills_active_users_above_its_free_tier_step_by_step() {
        let [lite, essentials, plus] = arguments("").cognito.plans();
        assert_near(lite.cost(10_000.0), 0.0);
        assert_near(lite.cost(100_000.0), 90_000.0 * 0.0055);
        // The example of AWS's price page: 950,000 active users.
        assert_near(lite.cost(950_000.0), 90_000.0 * 0.0055 + 850_000.0 * 0.0046);
        assert_near(essentials.cost(10_001.0), 0.015);
        assert_near(plus.cost(1.0), 0.02);
    }

    #[test]
    fn an_older_accounts_free_tier_may_be_larger() {
        let [lite, ..] = arguments("--cognito-free 50000").cognito.plans();
        assert_near(lite.cost(100_000.0), 50_000.0 * 0.0055);
    }

    #[test]
    fn at_the_break_even_both_cost_the_same() {
        for plan in arguments("").cognito.plans() {
            for (fixed, per_user) in [(8.0, 0.0001), (900.0, 0.001), (100_000.0, 0.002)] {
                let users = plan.break_even(fixed, per_user).unwrap();
                assert!((plan.cost(users) - fixed - per_user * users).abs() < 1e-6, "{} at {users}", plan.name);
            }
        }
    }

    #[test]
    fn there_is_no_break_even_with_what_costs_more_for_each_user() {
        let [lite, essentials, plus] = arguments("").cognito.plans();
        assert!([lite, essentials, plus].iter().all(|plan| plan.break_even(1.0, 0.03).is_none()));
    }

    #[test]
    fn the_report_names_every_function_size_and_marks_the_templates() {
        let report = report(&arguments(""));
        let marks: Vec<(&str, usize)> = report
            .lines()
            .filter_map(|line| Some((line.split_whitespace().next()?, line.matches('*').count())))
            .filter(|(size, _)| SIZES_MB.iter().any(|known| known.to_string() == *size))
            .collect();
        assert_eq!(marks, [("128", 0), ("256", 1), ("512", 0), ("1024", 0), ("1769", 3)]);
    }

    #[test]
    fn the_services_add_up_to_the_total() {
        let report = report(&arguments("--logins 12345678 --metrics 3"));
        let month = report.split("\n\n").nth(1).unwrap();
        let dollars: Vec<f64> =
            month.lines().map(|line| line.split_whitespace().rev().nth(2).unwrap().parse().unwrap()).collect();
        let (total, services) = dollars.split_last().unwrap();
        assert!((services.iter().sum::<f64>() - total).abs() < 0.05, "{month}");
    }

    #[test]
    fn the_templates_sizes_are_those_of_the_template() {
        let template = include_str!("../../template.yaml");
        let size = |function: &str| {
            let resource = template.split_once(&format!("\n  {function}:\n")).unwrap().1;
            let text = resource.split_once("MemorySize: ").unwrap().1;
            text.lines().next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(size("LoginFunction"), TEMPLATE_LOGIN_MB);
        assert_eq!(size("SignupFunction"), TEMPLATE_SIGNUP_MB);
        assert_eq!(size("ListUsersFunction"), TEMPLATE_LIST_USERS_MB);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for line in ["--metric -1", "--init NaN", "--cold-starts 101", "--login-mb 64", "--login-mb 20000"] {
            assert!(Line::try_parse_from(iter::once("cost").chain(line.split_whitespace())).is_err(), "{line}");
        }
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0.0, 999.0, 1000.0, 12_345_678.0].map(grouped).each_ref().map(String::as_str)
        );
    }
}
