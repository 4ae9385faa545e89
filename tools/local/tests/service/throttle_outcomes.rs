//! Limits of successful log-ins, and responses while the limit of an account or an address is used up.

use std::{sync::Arc, time::Duration};

use testkit::{ADA, GRACE, Service};
use tokio::task::JoinSet;

use crate::throttle::{Caller, wait};

#[tokio::test]
async fn successful_log_ins_of_a_pair_are_limited() {
    for (settings, burst) in [(&[][..], 30), (&[("THROTTLE_PAIR_LOGINS", "10")][..], 5)] {
        let service = Service::with(settings).await;
        service.clock.stop();
        service.sign_up(ADA).await;
        service.sign_up(GRACE).await;
        let mut statuses = Vec::new();
        for _ in 0..burst + 3 {
            statuses.push(service.log_in(ADA[1], ADA[2]).await.status);
        }
        assert_eq!(statuses, [vec![201; burst], vec![429; 3]].concat());
        let refused = service.log_in(ADA[1], ADA[2]).await;
        let wait = wait(&refused);
        assert!(wait <= 3600 / burst as u64 + 1, "{wait}");
        assert_eq!(service.log_in(ADA[1], "a wrong guess").await.text.len(), refused.text.len(), "the usual response");
        assert_eq!(service.items("Sessions").await.len(), burst);
        assert_eq!(Caller::at(&service, 9).log_in(ADA[1], ADA[2]).await.status, 201, "another address");
        assert_eq!(service.log_in(GRACE[1], GRACE[2]).await.status, 201, "another account");
        service.clock.advance(Duration::from_secs(wait));
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 429);
    }
    let service = Service::with(&[("THROTTLE_PAIR_LOGINS", "0")]).await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for _ in 0..40 {
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_successful_log_ins_are_counted_individually() {
    let service = Arc::new(Service::with(&[("THROTTLE_PAIR_LOGINS", "10")]).await);
    service.clock.stop();
    service.sign_up(ADA).await;
    let mut successful = 0;
    for _ in 0..12 {
        let mut log_ins = JoinSet::new();
        for _ in 0..3 {
            let service = service.clone();
            log_ins.spawn(async move { service.log_in(ADA[1], ADA[2]).await.status });
        }
        successful += log_ins.join_all().await.iter().filter(|status| **status == 201).count();
    }
    // Half of the limit, and the log-ins that were in progress when it was reached.
    assert!((5..=7).contains(&successful), "{successful}");
}

#[tokio::test]
async fn a_shared_address_at_its_limit_does_not_reveal_which_accounts_exist() {
    for profile in ["tutorial", "strict"] {
        for exhausted in ["THROTTLE_ADDRESS_GUESSES", "THROTTLE_ACCOUNT_GUESSES"] {
            let service = Service::with(&[("AUTH_PROFILE", profile), (exhausted, "10")]).await;
            service.clock.stop();
            service.sign_up(ADA).await;
            let shared = Caller::at(&service, 1);
            assert!(matches!(shared.log_in(ADA[1], ADA[2]).await.status, 200 | 201));
            // Guesses at the accounts from elsewhere, or at other accounts from the shared address.
            for email in [ADA[1], "unknown@example.com"] {
                for number in 0..6 {
                    let (last, email) = if exhausted == "THROTTLE_ADDRESS_GUESSES" {
                        (1, format!("other{number}@example.com"))
                    } else {
                        (10 + number, email.to_owned())
                    };
                    Caller::at(&service, last).log_in(&email, "guess").await;
                }
            }
            // Six attempts also reach the limit of the pair.
            for number in 0..7 {
                let known = shared.log_in(ADA[1], "a wrong guess").await;
                let unknown = shared.log_in("unknown@example.com", "a wrong guess").await;
                assert_eq!(wait(&known), wait(&unknown), "{number}: {known:?} {unknown:?}");
                assert_eq!(known.text, unknown.text, "{number}");
            }
            service.clock.advance(Duration::from_secs(31));
            let right = shared.log_in(ADA[1], ADA[2]).await;
            assert!(matches!(right.status, 200 | 201), "{profile} {exhausted}: {right:?}");
        }
    }
}
