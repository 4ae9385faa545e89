//! `admin users claims`.

use serde_json::{Map, Value};
use shared::{
    aws::store::admin::CompleteAccount,
    domain::{time::UnixSeconds, user::UserClaims},
};

use super::{
    change::{Attempt, change},
    output::escape,
};
use crate::{
    failure::Failure,
    options::users::{ChangeClaims, ClaimAction},
    report::Report,
};

pub(crate) async fn run(options: &ChangeClaims, now: UnixSeconds) -> Result<Report, Failure> {
    if options.action == ClaimAction::Clear {
        return clear(options, now).await;
    }
    let key = options.key.as_ref().ok_or_else(|| Failure::Usage("the name of the claim is missing".to_owned()))?;
    let value = if options.action == ClaimAction::Set {
        let missing = || Failure::Usage(format!("the value of {} is missing", escape(key)));
        let value = parse(options.value.as_ref().ok_or_else(missing)?)?;
        UserClaims::check_name(key).map_err(|problem| Failure::Usage(problem.to_string()))?;
        Some(value)
    } else if options.value.is_some() {
        return Err(Failure::Usage("unset takes no value".to_owned()));
    } else {
        None
    };
    change((&options.common, &options.user), ("claims-changed", &[]), now, async |connection, account| {
        let CompleteAccount { email, user, .. } = account;
        let too_large = |problem| Failure::Failed(format!("nothing is written: {problem}"));
        if !user.invalid.contains(&"claims") && user.claims.get(key) == value.as_ref() {
            let state = if value.is_some() { "already has this value" } else { "is not set" };
            return Ok(Attempt::Unchanged(format!("The claim {} of {email} {state}.", escape(key))));
        }
        let claims = match &value {
            Some(value) => user.claims.clone().with(key, value.clone()).map_err(too_large)?,
            None => user.claims.clone().without(key),
        };
        if value.is_some() {
            claims.check_total(user.name.as_deref().unwrap_or_default(), email, &user.groups).map_err(too_large)?;
        }
        let outcome = connection.store.set_groups_and_claims(account, &user.groups, &claims).await;
        let (verb, member) = if value.is_some() { ("is set", "set") } else { ("is no longer set", "unset") };
        // The value may be personal, so the audit line has only the name.
        let details = Map::from_iter([(member.to_owned(), Value::from(key.as_str()))]);
        Attempt::of(connection, outcome, format!("The claim {key} of {email} {verb}."), details).await
    })
    .await
}

/// Removes all claims, also those that are not valid.
async fn clear(options: &ChangeClaims, now: UnixSeconds) -> Result<Report, Failure> {
    if options.key.is_some() {
        return Err(Failure::Usage("clear removes all claims and takes no name".to_owned()));
    }
    change((&options.common, &options.user), ("claims-changed", &[]), now, async |connection, account| {
        let CompleteAccount { email, user, .. } = account;
        if user.claims.is_empty() && !user.invalid.contains(&"claims") {
            return Ok(Attempt::Unchanged(format!("{email} has no claims.")));
        }
        let outcome = connection.store.clear_claims(account).await;
        let details = Map::from_iter([("cleared".to_owned(), Value::from(true))]);
        Attempt::of(connection, outcome, format!("{email} has no claims any more."), details).await
    })
    .await
}

/// JSON, or else a text. What starts like JSON is not taken for a text.
fn parse(text: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => Err(Failure::Usage(format!(
            "the value starts like JSON, but is not valid: {error}; a text like this is given as a JSON string"
        ))),
        Err(_) => Ok(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_is_not_json_is_a_text() {
        let parse = |text: &str| parse(text).unwrap();
        assert_eq!(parse("research"), json!("research"));
        assert_eq!(
            [parse("3"), parse("true"), parse("null"), parse("-1.5")],
            [json!(3), json!(true), json!(null), json!(-1.5)]
        );
        assert_eq!((parse(r#"["a",1]"#), parse(r#"a["1"#)), (json!(["a", 1]), json!(r#"a["1"#)));
        assert_eq!((parse(r#""007""#), parse("007"), parse("")), (json!("007"), json!("007"), json!("")));
    }

    #[test]
    fn a_value_that_starts_like_json_must_be_json() {
        for text in [r#"{"a":"#, r#"["a",1"#, "\"007", " {x}", "[research]", r#"{"a":1} x"#] {
            let error = parse(text).unwrap_err();
            assert!(matches!(&error, Failure::Usage(line) if line.contains("starts like JSON")), "{text}: {error}");
        }
    }
}
