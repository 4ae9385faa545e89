//! What the database's client tries again, and for how long.

use local::database;
use shared::aws::store;
use testkit::{proxy::Refusing, service::database_endpoint};
use tokio::task::JoinSet;

const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Slow down."}"#;

#[tokio::test]
async fn a_burst_of_throttling_leaves_later_calls_all_their_attempts() {
    let endpoint = database_endpoint().await;
    let refusing = Refusing::start(&endpoint, "ListTables", usize::MAX, THROTTLED).await;
    let client = store::connect(&database::connection(&refusing.url).await);
    // Up to five tries beside the first in each. The SDK would grant some hundred to all calls together.
    let mut burst = JoinSet::new();
    for _ in 0..60 {
        let call = client.list_tables().send();
        burst.spawn(call);
    }
    assert!(burst.join_all().await.iter().all(Result::is_err));
    // Each of them has six, unless a busy machine lets its time run out.
    let tries = usize::MAX - refusing.left();
    assert!(tries > 60 * 4, "{tries} tries");
    for _ in 0..3 {
        refusing.refuse(5);
        assert!(client.list_tables().send().await.is_ok(), "the sixth attempt succeeds");
        assert_eq!(refusing.left(), 0);
    }
}
