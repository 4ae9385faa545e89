//! Retries of the database client.

use local::database;
use shared::aws::store;
use testkit::{
    proxy::{RejectingProxy, THROTTLED},
    service::database_endpoint,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_burst_of_throttling_does_not_reduce_the_retries_of_later_calls() {
    let endpoint = database_endpoint().await;
    let rejecting = RejectingProxy::start(&endpoint, "ListTables", usize::MAX, THROTTLED).await;
    let client = store::connect(&database::connection(&rejecting.url).await);
    // Each call has up to five retries. The SDK's default would limit all calls together to about a hundred.
    let mut burst = JoinSet::new();
    for _ in 0..60 {
        let call = client.list_tables().send();
        burst.spawn(call);
    }
    assert!(burst.join_all().await.iter().all(Result::is_err));
    // Each call makes six attempts, unless it times out on a busy machine.
    let attempts = usize::MAX - rejecting.left();
    assert!(attempts > 60 * 4, "{attempts} attempts");
    for _ in 0..3 {
        rejecting.reject(5);
        assert!(client.list_tables().send().await.is_ok(), "the sixth attempt succeeds");
        assert_eq!(rejecting.left(), 0);
    }
}
