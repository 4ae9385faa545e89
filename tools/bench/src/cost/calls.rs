//! What each kind of call takes, and what that costs.

use super::{Architecture, Arguments, Functions, Usage};

/// Memory with which a function has one whole processor. More gives more processors, and none of ours uses a second one.
const WHOLE_PROCESSOR_MB: f64 = 1769.0;

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

/// Up to here an HTTP API's requests have the first price.
const HTTP_API_STEP: f64 = 300e6;

pub(super) const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// What a call takes of DynamoDB.
#[derive(Clone, Copy)]
pub(super) struct Units {
    pub(super) reads: f64,
    pub(super) writes: f64,
}

/// What a call takes of Lambda, at any memory.
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

/// A kind of call, and how many there are.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) count: f64,
    pub(super) work: Work,
    pub(super) memory_mb: u32,
    pub(super) units: Units,
    pub(super) answer_bytes: f64,
}

/// US dollars, by what is billed.
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
}

impl Cost {
    pub(super) fn lambda(self) -> f64 {
        self.requests + self.duration + self.cold_starts
    }

    pub(super) fn database(self) -> f64 {
        self.writes + self.reads
    }

    pub(super) fn total(self) -> f64 {
        self.gateway + self.lambda() + self.database() + self.logs + self.sent
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
    /// What a page takes: the users and one more, which tells whether there is a next page, and the caller.
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
    pub(super) fn month(&self, calls: &[Call]) -> Cost {
        let count: f64 = calls.iter().map(|call| call.count).sum();
        let further = (count - HTTP_API_STEP).max(0.0);
        let gateway = (count - further) * self.prices.http_api + further * self.prices.http_api_further;
        let sum = calls.iter().fold(Cost::default(), |sum, call| sum.plus(self.cost(call), call.count));
        Cost { gateway: gateway / MILLION, ..sum }
    }

    /// What a month costs without any call.
    pub(super) fn fixed(&self) -> f64 {
        let Functions { secrets, metrics, .. } = self.functions;
        f64::from(metrics) * self.prices.metric + f64::from(secrets) * self.prices.secret
    }

    /// One call.
    pub(super) fn cost(&self, call: &Call) -> Cost {
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
    use crate::cost::tests::{arguments, assert_near};

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
    }
}
