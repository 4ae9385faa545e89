//! `admin users groups`.

use serde_json::{Map, Value};
use shared::{
    aws::store::admin::CompleteAccount,
    domain::{time::UnixSeconds, user::check_group},
};

use super::change::{Attempt, change};
use crate::{
    failure::Failure,
    options::users::{ChangeGroups, GroupAction},
    report::Report,
};

pub(crate) async fn run(options: &ChangeGroups, now: UnixSeconds) -> Result<Report, Failure> {
    let group = &options.group;
    let is_added = options.action == GroupAction::Add;
    if is_added {
        check_group(group).map_err(|problem| Failure::Usage(problem.to_string()))?;
    }
    change((&options.common, &options.user), ("groups-changed", &[]), now, async |connection, account| {
        let CompleteAccount { email, user, .. } = account;
        if user.groups.contains(group) == is_added {
            let state = if is_added { "already" } else { "not" };
            return Ok(Attempt::Unchanged(format!("{email} is {state} in the group {group}.")));
        }
        let mut groups = user.groups.clone();
        if is_added {
            groups.push(group.clone());
            user.claims
                .check_total(user.name.as_deref().unwrap_or_default(), email, &groups)
                .map_err(|problem| Failure::Failed(format!("nothing is written: {problem}")))?;
        } else {
            groups.retain(|other| other != group);
        }
        let outcome = connection.store.set_groups_and_claims(account, &groups, &user.claims).await;
        let (verb, member) = if is_added { ("in", "added") } else { ("no longer in", "removed") };
        let details = Map::from_iter([(member.to_owned(), Value::from(group.as_str()))]);
        Attempt::of(connection, outcome, format!("{email} is {verb} the group {group}."), details).await
    })
    .await
}
