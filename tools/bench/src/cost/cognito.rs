//! The cost of Cognito.

use super::arguments::Cognito;

/// Upper limits of the price tiers of Cognito Lite in active users, including free ones.
const LITE_TIERS: [f64; 3] = [100_000.0, 1_000_000.0, 10_000_000.0];

/// A feature plan of Cognito.
pub(super) struct Plan {
    pub(super) name: &'static str,
    /// Number of free active users.
    free: f64,
    /// Upper limit in active users and price per user. The last tier has no limit.
    tiers: Vec<(f64, f64)>,
}

impl Cognito {
    pub(super) fn plans(&self) -> [Plan; 3] {
        let free = f64::from(self.free);
        let lite = [self.lite, self.lite_second, self.lite_third, self.lite_fourth];
        let limits = LITE_TIERS.into_iter().chain([f64::INFINITY]);
        let flat = |price| vec![(f64::INFINITY, price)];
        [
            Plan { name: "Cognito Lite", free, tiers: limits.zip(lite).collect() },
            Plan { name: "Cognito Essentials", free, tiers: flat(self.essentials) },
            Plan { name: "Cognito Plus", free: 0.0, tiers: flat(self.plus) },
        ]
    }
}

impl Plan {
    pub(super) fn cost(&self, users: f64) -> f64 {
        let mut from = self.free;
        let mut sum = 0.0;
        for &(to, price) in &self.tiers {
            sum += (users.min(to) - from).max(0.0) * price;
            from = from.max(to);
        }
        sum
    }

    /// Number of active users from which the plan is more expensive than `fixed` plus `per_user` for each user, if any.
    pub(super) fn break_even(&self, fixed: f64, per_user: f64) -> Option<f64> {
        let mut from = self.free;
        for &(to, price) in self.tiers.iter().filter(|(to, _)| *to > self.free) {
            let difference = fixed + per_user * from - self.cost(from);
            if price > per_user {
                let users = from + difference / (price - per_user);
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
    use crate::cost::arguments::tests::{arguments, assert_near};

    #[test]
    fn cognito_bills_active_users_above_its_free_tier_by_price_tier() {
        let [lite, essentials, plus] = arguments("").cognito.plans();
        assert_near(lite.cost(10_000.0), 0.0);
        assert_near(lite.cost(100_000.0), 90_000.0 * 0.0055);
        // The example on AWS's price page: 950,000 active users.
        assert_near(lite.cost(950_000.0), 90_000.0 * 0.0055 + 850_000.0 * 0.0046);
        assert_near(essentials.cost(10_001.0), 0.015);
        assert_near(plus.cost(1.0), 0.02);
    }

    #[test]
    fn the_free_tier_of_an_older_account_may_be_larger() {
        let [lite, ..] = arguments("--cognito-free 50000").cognito.plans();
        assert_near(lite.cost(100_000.0), 50_000.0 * 0.0055);
    }

    #[test]
    fn both_cost_the_same_at_the_break_even() {
        for plan in arguments("").cognito.plans() {
            for (fixed, per_user) in [(8.0, 0.0001), (900.0, 0.001), (100_000.0, 0.002)] {
                let users = plan.break_even(fixed, per_user).unwrap();
                assert!((plan.cost(users) - fixed - per_user * users).abs() < 1e-6, "{} at {users}", plan.name);
            }
        }
    }

    #[test]
    fn there_is_no_break_even_with_a_higher_cost_per_user() {
        let [lite, essentials, plus] = arguments("").cognito.plans();
        assert!([lite, essentials, plus].iter().all(|plan| plan.break_even(1.0, 0.03).is_none()));
    }
}
