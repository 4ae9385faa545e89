//! What the database's client tries again, and for how long.

use local::database;
use shared::store;
use testkit::{proxy::Refusing, service::database_endpoint};
use tokio::task::JoinSet;

const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Slow down."}"#;

#[tokio::test]
async fn a_burst_of_throttling_leaves_later_calls_all_their_attempts() {
    let endpoint = database_endpoint().await;
    let refusing = Refusing::start(&endpoint, "ListTables", usize::MAX, THROTTLED).await;
    let client = store::connect(&database::connection(&refusing.url).await);
    // Five tries beside the first in each, of which the SDK would grant all calls together some hundred.
    let mut burst = JoinSet::new();
    for _ in 0..60 {
        let call = client.list_tables().send();
        burst.spawn(call);
    }
    assert!(burst.join_all().await.iter().all(Result::is_err));
    assert_eq!(usize::MAX - refusing.left(), 60 * 6, "none gave up before its time");
    for _ in 0..3 {
        refusing.refuse(5);
        assert!(client.list_tables().send().await.is_ok(), "the sixth attempt succeeds");
        assert_eq!(refusing.left(), 0);
    }
}
