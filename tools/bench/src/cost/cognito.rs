//! What Cognito costs.

use super::Cognito;

/// The limits of Cognito Lite's prices, in active users, those that are free among them.
const LITE_STEPS: [f64; 3] = [100_000.0, 1_000_000.0, 10_000_000.0];

/// A feature plan of Cognito.
pub(super) struct Plan {
    pub(super) name: &'static str,
    /// So many active users are free.
    free: f64,
    /// Up to how many active users, and the price of one. The last has no limit.
    steps: Vec<(f64, f64)>,
}

impl Cognito {
    pub(super) fn plans(&self) -> [Plan; 3] {
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
    pub(super) fn cost(&self, users: f64) -> f64 {
        let mut from = self.free;
        let mut sum = 0.0;
        for &(to, price) in &self.steps {
            sum += (users.min(to) - from).max(0.0) * price;
            from = from.max(to);
        }
        sum
    }

    /// From how many active users on the plan costs more than what costs `fixed` and `per_user`. `None`: it never does.
    pub(super) fn break_even(&self, fixed: f64, per_user: f64) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use crate::cost::tests::{arguments, assert_near};

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
}
