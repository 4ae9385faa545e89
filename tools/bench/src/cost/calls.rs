//! Resources and cost of each kind of call.

use super::arguments::{Architecture, Arguments, Functions, Usage};

/// Memory size with one whole processor. A larger size provides further processors, which the functions do not use.
const WHOLE_PROCESSOR_MB: f64 = 1769.0;

/// Factor of the units of a transaction.
const TRANSACTIONAL: f64 = 2.0;
/// Bytes of one strongly consistent read unit.
const READ_UNIT_BYTES: f64 = 4096.0;

/// The guess of the pair is recorded while the credentials are read. Then the pair is reset while the session is
/// written.
const KNOWN_PAIR: Units = Units { reads: 1.0, writes: 3.0 };
/// In addition, the guess of the account and of the address is recorded and refunded. Two writes more if others guess
/// concurrently.
const NEW_PAIR: Units = Units { reads: 1.0, writes: 7.0 };
/// The session is written while its user is read.
const REFRESH: Units = Units { reads: 1.0, writes: 1.0 };
/// The sign-up of the address is recorded, then user and credentials are written in one transaction. One write more if
/// others sign up from the same address concurrently.
const SIGN_UP: Units = Units { reads: 0.0, writes: 1.0 + 2.0 * TRANSACTIONAL };
/// The caller's record and session.
const CALLER: Units = Units { reads: 2.0, writes: 0.0 };

/// Number of HTTP API requests at the first price.
const HTTP_API_STEP: f64 = 300e6;

pub(super) const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;
/// Number of Secrets Manager calls in its price.
const SECRET_CALLS: f64 = 10_000.0;
const MONTH_SECONDS: f64 = 730.0 * 3600.0;

/// DynamoDB units of a call.
#[derive(Clone, Copy)]
pub(super) struct Units {
    pub(super) reads: f64,
    pub(super) writes: f64,
}

/// Duration of a call, independent of the memory size.
#[derive(Clone, Copy)]
pub(super) struct Work {
    pub(super) cpu_ms: f64,
    pub(super) wait_ms: f64,
}

impl Work {
    pub(super) fn duration_ms(self, memory_mb: u32) -> f64 {
        self.cpu_ms * (WHOLE_PROCESSOR_MB / f64::from(memory_mb)).max(1.0) + self.wait_ms
    }
}

/// A kind of call, and the number of calls in a month.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) count: f64,
    pub(super) work: Work,
    pub(super) memory_mb: u32,
    pub(super) units: Units,
    pub(super) response_bytes: f64,
    /// Secrets that a cold start reads.
    pub(super) secrets: f64,
}

/// US dollars, by billed item.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) gateway: f64,
    pub(super) requests: f64,
    pub(super) duration: f64,
    pub(super) cold_starts: f64,
    pub(super) writes: f64,
    pub(super) reads: f64,
    pub(super) logs: f64,
    pub(super) sent: f64,
    /// Reading keys from Secrets Manager.
    pub(super) keys: f64,
}

impl Cost {
    pub(super) fn lambda(self) -> f64 {
        self.requests + self.duration + self.cold_starts
    }

    pub(super) fn database(self) -> f64 {
        self.writes + self.reads
    }

    pub(super) fn total(self) -> f64 {
        self.gateway + self.lambda() + self.database() + self.logs + self.sent + self.keys
    }

    pub(super) fn plus(self, other: Self, times: f64) -> Self {
        Self {
            gateway: self.gateway + other.gateway * times,
            requests: self.requests + other.requests * times,
            duration: self.duration + other.duration * times,
            cold_starts: self.cold_starts + other.cold_starts * times,
            writes: self.writes + other.writes * times,
            reads: self.reads + other.reads * times,
            logs: self.logs + other.logs * times,
            sent: self.sent + other.sent * times,
            keys: self.keys + other.keys * times,
        }
    }
}

pub(super) struct FunctionsWork {
    pub(super) login: Work,
    pub(super) signup: Work,
    pub(super) refresh: Work,
    pub(super) list_users: Work,
}

impl Functions {
    pub(super) fn work(&self) -> FunctionsWork {
        FunctionsWork {
            login: Work { cpu_ms: self.login_cpu, wait_ms: self.login_wait },
            signup: Work { cpu_ms: self.signup_cpu, wait_ms: self.signup_wait },
            refresh: Work { cpu_ms: self.refresh_cpu, wait_ms: self.refresh_wait },
            list_users: Work { cpu_ms: self.list_users_cpu, wait_ms: self.list_users_wait },
        }
    }
}

impl Usage {
    /// Units of a page: its users and one more, which shows whether there is a next page, and the caller.
    pub(super) fn page_units(&self) -> Units {
        let bytes = (f64::from(self.page) + 1.0) * f64::from(self.user_bytes);
        Units { reads: (bytes / READ_UNIT_BYTES).ceil() + CALLER.reads, ..CALLER }
    }
}

impl Arguments {
    pub(super) fn calls(&self) -> [Call; 6] {
        let Usage { logins, new_pairs, refreshes, signups, listings, me, .. } = self.usage;
        let Functions { login_mb, signup_mb, list_users_mb, .. } = self.functions;
        let work = self.functions.work();
        let (logins, new) = (f64::from(logins), new_pairs / 100.0);
        let response_bytes = f64::from(self.usage.response_bytes);
        let page_bytes = f64::from(self.usage.page) * f64::from(self.usage.user_bytes);
        let secrets = 1.0;
        let call =
            |name, count, work, memory_mb, units| Call { name, count, work, memory_mb, units, response_bytes, secrets };
        let page = call("page of users", f64::from(listings), work.list_users, list_users_mb, self.usage.page_units());
        [
            call("log-in, known pair", logins * (1.0 - new), work.login, login_mb, KNOWN_PAIR),
            call("log-in, new pair", logins * new, work.login, login_mb, NEW_PAIR),
            call("refresh", f64::from(refreshes), work.refresh, login_mb, REFRESH),
            Call { secrets: 0.0, ..call("sign-up", f64::from(signups), work.signup, signup_mb, SIGN_UP) },
            Call { response_bytes: response_bytes + page_bytes, ..page },
            call("GET /user/me", f64::from(me), work.list_users, list_users_mb, CALLER),
        ]
    }

    /// Cost of all calls of a month.
    pub(super) fn month(&self, calls: &[Call]) -> Cost {
        let count: f64 = calls.iter().map(|call| call.count).sum();
        let further = (count - HTTP_API_STEP).max(0.0);
        let gateway = (count - further) * self.prices.http_api + further * self.prices.http_api_further;
        let sum = calls.iter().fold(Cost::default(), |sum, call| sum.plus(self.cost(call), call.count));
        Cost { gateway: gateway / MILLION, ..sum }
    }

    /// Monthly cost that does not depend on the number of calls.
    pub(super) fn fixed(&self) -> f64 {
        let Functions { secrets, metrics, .. } = self.functions;
        f64::from(metrics) * self.prices.metric + f64::from(secrets) * self.prices.secret + self.repeated_key_reads()
    }

    /// Monthly cost of the reads of keys after those of the cold starts.
    pub(super) fn repeated_key_reads(&self) -> f64 {
        let Functions { environments, keys_refresh, .. } = self.functions;
        f64::from(environments) * MONTH_SECONDS / f64::from(keys_refresh) * self.prices.secret_calls / SECRET_CALLS
    }

    /// Cost of one call.
    pub(super) fn cost(&self, call: &Call) -> Cost {
        let prices = &self.prices;
        Cost {
            gateway: prices.http_api / MILLION,
            writes: call.units.writes * prices.write_units / MILLION,
            reads: call.units.reads * prices.read_units / MILLION,
            logs: f64::from(self.usage.log_bytes) / GIGABYTE * prices.logs_gb,
            sent: call.response_bytes / GIGABYTE * prices.sent_gb,
            keys: self.functions.cold_starts / 100.0 * call.secrets * prices.secret_calls / SECRET_CALLS,
            ..self.lambda(call.work, call.memory_mb)
        }
    }

    /// Lambda's part of the cost of one call, including its share of cold starts.
    pub(super) fn lambda(&self, work: Work, memory_mb: u32) -> Cost {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::arguments::tests::{arguments, assert_near};

    #[test]
    fn less_memory_extends_the_cpu_time_but_not_the_wait() {
        let work = Work { cpu_ms: 16.0, wait_ms: 25.0 };
        assert_near(work.duration_ms(1769), 41.0);
        assert_near(work.duration_ms(128), 16.0 * 1769.0 / 128.0 + 25.0);
    }

    #[test]
    fn more_memory_than_a_whole_processor_needs_is_not_faster() {
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
    fn a_cold_start_is_billed_for_its_share_of_calls() {
        let arguments = arguments("--cold-starts 50 --init 60 --lambda-requests 0 --gb-second-arm64 1");
        let cost = arguments.lambda(Work { cpu_ms: 0.0, wait_ms: 10.0 }, 1024);
        assert_near(cost.duration, 0.010);
        assert_near(cost.cold_starts, 0.030);
    }

    #[test]
    fn the_architecture_selects_the_price() {
        let work = Work { cpu_ms: 0.0, wait_ms: 1000.0 };
        let [arm, x86] = ["arm64", "x86_64"].map(|name| {
            arguments(&format!("--architecture {name} --gb-second-arm64 1 --gb-second-x86-64 2"))
                .lambda(work, 1024)
                .duration
        });
        assert_near(arm, 1.0);
        assert_near(x86, 2.0);
    }

    /// docs/performance/cost.md, "Units of DynamoDB": 2 dollars from a known pair, up to 6 (9 writes) from a new one.
    #[test]
    fn the_database_cost_of_log_ins_equals_that_in_the_documentation() {
        let arguments = arguments("");
        let [known, new, ..] = arguments.calls();
        assert_near(MILLION * arguments.cost(&known).database(), 2.0);
        assert_near(MILLION * arguments.cost(&new).database(), 4.5);
    }

    #[test]
    fn a_sign_up_records_the_address_and_writes_two_items_in_a_transaction() {
        assert_near(SIGN_UP.writes, 5.0);
    }

    #[test]
    fn a_page_reads_the_caller_and_one_user_more_than_it_shows() {
        assert_near(arguments("--page 100 --user-bytes 200").usage.page_units().reads, 5.0 + 2.0);
        assert_near(arguments("--page 40 --user-bytes 100").usage.page_units().reads, 2.0 + 2.0);
    }

    #[test]
    fn a_page_sends_its_users_in_addition() {
        let arguments = arguments("--page 1000 --user-bytes 200 --response-bytes 0 --sent-gb 1");
        let [log_in, _, _, _, page, _] = arguments.calls();
        assert_near(arguments.cost(&log_in).sent, 0.0);
        assert_near(arguments.cost(&page).sent, 200_000.0 / GIGABYTE);
    }

    #[test]
    fn the_http_api_is_cheaper_above_300_million_requests() {
        let arguments = arguments("--logins 400000000 --refreshes 0 --signups 0 --listings 0 --me 0");
        assert_near(arguments.month(&arguments.calls()).gateway, 300.0 + 90.0);
    }

    #[test]
    fn without_calls_only_the_fixed_cost_remains() {
        let arguments = arguments("--logins 0 --refreshes 0 --signups 0 --listings 0 --me 0 --mau 0");
        assert_near(arguments.month(&arguments.calls()).total(), 0.0);
        assert_near(arguments.fixed(), 25.0 * 0.30 + 2.0 * 0.40 + 3.0 * 8760.0 * 0.05 / 10_000.0);
    }

    #[test]
    fn running_environments_read_their_keys_at_each_refresh() {
        let arguments = arguments("--environments 2 --keys-refresh 3600 --secret-calls 10000");
        assert_near(arguments.repeated_key_reads(), 2.0 * 730.0);
    }

    #[test]
    fn a_cold_start_of_login_and_list_users_reads_one_secret_and_one_of_signup_none() {
        let arguments = arguments("--cold-starts 50 --secret-calls 10000");
        let keys = arguments.calls().map(|call| (call.name, arguments.cost(&call).keys));
        for (name, dollars) in keys {
            assert_near(dollars, if name == "sign-up" { 0.0 } else { 0.5 });
        }
    }
}
