//! The calculation as text tables.

use std::iter;

use super::{
    arguments::{Arguments, Functions, TEMPLATE_LIST_USERS_MB, TEMPLATE_LOGIN_MB, TEMPLATE_SIGNUP_MB, Usage},
    calls::{Call, Cost, MILLION},
};
use crate::figures::grouped;

/// Memory sizes in the table.
const SIZES_MB: [u32; 5] = [128, 256, 512, 1024, 1769];

/// The report: a month, a million calls of each kind, Cognito, and memory sizes.
pub(crate) fn report(arguments: &Arguments) -> String {
    let calls = arguments.calls();
    let month = arguments.month(&calls);
    let fixed = arguments.fixed();
    let sections = [
        monthly(arguments, &month, fixed),
        by_call(arguments, &calls),
        with_cognito(arguments, month.total(), fixed),
        by_memory(arguments),
    ];
    sections.map(|lines| lines.join("\n") + "\n").join("\n")
}

fn monthly(arguments: &Arguments, month: &Cost, fixed: f64) -> Vec<String> {
    let Usage { logins, refreshes, signups, listings, me, mau, .. } = arguments.usage;
    let Functions { architecture, secrets, metrics, .. } = arguments.functions;
    let prices = &arguments.prices;
    let counts = [logins, refreshes, signups, listings, me, mau].map(grouped);
    let [logins, refreshes, signups, listings, me, mau] = counts;
    let total = month.total() + fixed;
    let line = |name: &str, dollars: f64| {
        let share = if total > 0.0 { 100.0 * dollars / total } else { 0.0 };
        format!("  {name:<38}{dollars:>12.2}{share:>8.1} %")
    };
    vec![
        format!("1. Cost of a month in US dollars, on {}", architecture.name()),
        format!("   {logins} log-ins, {refreshes} refreshes, {signups} sign-ups, {listings} pages of users,"),
        format!("   {me} calls of GET /user/me; {mau} active users"),
        String::new(),
        line("API Gateway, HTTP API", month.gateway),
        line("Lambda, requests", month.requests),
        line("Lambda, duration", month.duration),
        line("Lambda, cold starts", month.cold_starts),
        line("DynamoDB, write units", month.writes),
        line("DynamoDB, read units", month.reads),
        line("CloudWatch Logs, ingestion", month.logs),
        line("data transfer to the internet", month.sent),
        line(&format!("CloudWatch, {metrics} custom metrics"), f64::from(metrics) * prices.metric),
        line(&format!("Secrets Manager, secrets: {secrets}"), f64::from(secrets) * prices.secret),
        line("Secrets Manager, reads", month.keys + arguments.repeated_key_reads()),
        line("total", total),
    ]
}

fn by_call(arguments: &Arguments, calls: &[Call]) -> Vec<String> {
    let row = |name: &str, cost: &Cost| {
        let (gateway, lambda, database) = (cost.gateway, cost.lambda(), cost.database());
        let (logs, sent, keys) = (cost.logs, cost.sent, cost.keys);
        let parts = format!("{gateway:>12.2}{lambda:>9.2}{database:>10.2}{logs:>8.2}{sent:>8.2}{keys:>8.2}");
        format!("  {name:<20}{parts}{:>9.2}", cost.total())
    };
    let each = calls.iter().map(|call| row(call.name, &Cost::default().plus(arguments.cost(call), MILLION)));
    // The first two kinds are the log-ins.
    let new = arguments.usage.new_pairs / 100.0;
    let mixed = [1.0 - new, new].into_iter().zip(calls);
    let mixed = mixed.fold(Cost::default(), |sum, (share, call)| sum.plus(arguments.cost(call), share * MILLION));
    let names = ["API Gateway", "Lambda", "DynamoDB", "logs", "sent", "keys", "total"];
    let [gateway, lambda, database, logs, sent, keys, total] = names;
    let head = format!("  {:<20}{gateway:>12}{lambda:>9}{database:>10}{logs:>8}{sent:>8}{keys:>8}{total:>9}", "");
    iter::once("2. Cost of a million calls in US dollars".to_owned())
        .chain([String::new(), head, row("log-ins as in 1", &mixed)])
        .chain(each)
        .collect()
}

fn with_cognito(arguments: &Arguments, variable: f64, fixed: f64) -> Vec<String> {
    let mau = f64::from(arguments.usage.mau);
    let per_user = if mau > 0.0 { variable / mau } else { 0.0 };
    let plans = arguments.cognito.plans();
    let rows = plans.iter().map(|plan| {
        let even = plan.break_even(fixed, per_user).map_or("never".to_owned(), |users| grouped(users.ceil()));
        format!("  {:<24}{:>14.2}{even:>24}", plan.name, plan.cost(mau))
    });
    let users = grouped(mau);
    vec![
        format!("3. Comparison with Cognito: cost of a month in US dollars with {users} active users"),
        format!("   Postern: {fixed:.2} fixed, and {:.2} per thousand users with the calls in 1", 1000.0 * per_user),
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
        format!("4. Memory in MB: duration of a warm call, and Lambda's part of a million calls on {architecture}"),
        "   * template.yaml".to_owned(),
        String::new(),
        format!("  {:>5}{names}", ""),
        format!("  {:>5}{units}", "MB"),
    ];
    head.into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::arguments::tests::arguments;

    #[test]
    fn the_report_lists_all_memory_sizes_and_marks_those_of_the_template() {
        let report = report(&arguments(""));
        let marks: Vec<(&str, usize)> = report
            .lines()
            .filter_map(|line| Some((line.split_whitespace().next()?, line.matches('*').count())))
            .filter(|(size, _)| SIZES_MB.iter().any(|known| known.to_string() == *size))
            .collect();
        assert_eq!(marks, [("128", 0), ("256", 1), ("512", 0), ("1024", 0), ("1769", 3)]);
    }

    #[test]
    fn the_services_sum_to_the_total() {
        let report = report(&arguments("--logins 12345678 --metrics 3"));
        let month = report.split("\n\n").nth(1).unwrap();
        let dollars: Vec<f64> =
            month.lines().map(|line| line.split_whitespace().rev().nth(2).unwrap().parse().unwrap()).collect();
        let (total, services) = dollars.split_last().unwrap();
        assert!((services.iter().sum::<f64>() - total).abs() < 0.05, "{month}");
    }
}
