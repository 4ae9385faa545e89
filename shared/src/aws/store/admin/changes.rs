//! Changes of one account: both items in one transaction, on the condition that they name each other.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Update, builders::UpdateBuilder};

use super::{AdminError, AdminStore, CompleteAccount, store::MAX_BATCH};
use crate::{
    aws::store::{
        Change, StoreError,
        accounts::is_version,
        item::{Item, number, text},
        transaction::{Outcome, Transaction, random_id},
    },
    domain::user::UserClaims,
};

/// What a change does to both items of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Both {
    Disable,
    Enable,
    EndSessions,
}

impl AdminStore {
    /// Disables a user and ends every session. Needs `dynamodb:UpdateItem` on Users and Credentials.
    pub async fn disable(&self, account: &CompleteAccount) -> Result<Change, AdminError> {
        self.change_both(account, Both::Disable).await
    }

    /// Enables a user. Sessions that were ended stay ended. Needs the same permissions as [`AdminStore::disable`].
    pub async fn enable(&self, account: &CompleteAccount) -> Result<Change, AdminError> {
        self.change_both(account, Both::Enable).await
    }

    /// Ends every session. Needs the same permissions as [`AdminStore::disable`].
    pub async fn end_all_sessions(&self, account: &CompleteAccount) -> Result<Change, AdminError> {
        self.change_both(account, Both::EndSessions).await
    }

    /// The new version is the same in both items, which also repairs an account whose versions differ.
    async fn change_both(&self, account: &CompleteAccount, change: Both) -> Result<Change, AdminError> {
        let CompleteAccount { public_id, email, user, credentials } = account;
        for (table, invalid) in [("Users", &user.invalid), ("Credentials", &credentials.invalid)] {
            if invalid.contains(&"version") {
                return Err(AdminError::Corrupt { table, attribute: "version" });
            }
        }
        let next = user.version.max(credentials.version).saturating_add(1);
        let write = |update: UpdateBuilder, condition: &str, version: u64| {
            let update = update.expression_attribute_values(":id", text(&public_id.to_string()));
            if change == Both::Enable {
                return update.update_expression("REMOVE disabled").condition_expression(condition).build();
            }
            let update = update
                .condition_expression(format!("{condition} AND {}", is_version(version)))
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", number(version))
                .expression_attribute_values(":next", number(next));
            if change == Both::Disable {
                let update = update.expression_attribute_values(":true", AttributeValue::Bool(true));
                update.update_expression("SET #version = :next, disabled = :true").build()
            } else {
                update.update_expression("SET #version = :next").build()
            }
        };
        let update = self.update_user(account).expression_attribute_values(":email", text(email));
        let update_user = write(update, USER, user.version);
        let update = Update::builder().table_name(&self.tables.credentials).key("email", text(email));
        let update_credentials = write(update, CREDENTIALS, credentials.version);
        let transaction =
            Transaction::default().update(update_credentials).and_then(|writes| writes.update(update_user));
        self.commit(transaction, &[("UpdateItem", &self.tables.users), ("UpdateItem", &self.tables.credentials)]).await
    }

    /// Replaces groups and claims, if they are still those of `account`. Needs `dynamodb:UpdateItem` on Users and
    /// `dynamodb:ConditionCheckItem` on Credentials.
    pub async fn set_groups_and_claims(
        &self,
        account: &CompleteAccount,
        groups: &[String],
        claims: &UserClaims,
    ) -> Result<Change, AdminError> {
        let old = &account.user;
        if let Some(attribute) = old.invalid.iter().find(|name| ["groups", "claims"].contains(name)) {
            return Err(AdminError::Corrupt { table: "Users", attribute });
        }
        let mut change = Replacement::default();
        change.replace("groups", set(&old.groups), set(groups));
        if claims == &old.claims {
            change.require("claims", old.stored_claims.clone());
        } else {
            change.replace("claims", old.stored_claims.clone(), object(claims));
        }
        self.replace(account, change).await
    }

    /// Removes all claims, if they are still those of `account`, which need not be valid. Needs the same permissions as
    /// [`AdminStore::set_groups_and_claims`].
    pub async fn clear_claims(&self, account: &CompleteAccount) -> Result<Change, AdminError> {
        let mut change = Replacement::default();
        change.replace("claims", account.user.stored_claims.clone(), None);
        self.replace(account, change).await
    }

    async fn replace(&self, account: &CompleteAccount, change: Replacement) -> Result<Change, AdminError> {
        let mut update = self
            .update_user(account)
            .update_expression(change.update())
            .condition_expression(format!("{USER} AND {}", change.conditions.join(" AND ")))
            .expression_attribute_values(":id", text(&account.public_id.to_string()))
            .expression_attribute_values(":email", text(&account.email));
        for name in change.names {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in change.values {
            update = update.expression_attribute_values(name, value);
        }
        let check = ConditionCheck::builder()
            .table_name(&self.tables.credentials)
            .key("email", text(&account.email))
            .condition_expression(CREDENTIALS)
            .expression_attribute_values(":id", text(&account.public_id.to_string()));
        let transaction = Transaction::default().update(update.build()).and_then(|writes| writes.check(check.build()));
        let parts = [("UpdateItem", self.tables.users.as_str()), ("ConditionCheckItem", &self.tables.credentials)];
        self.commit(transaction, &parts).await
    }

    /// Deletes user, credentials and sessions. Needs `dynamodb:DeleteItem` on the three tables, and on Sessions
    /// `dynamodb:Query` and `dynamodb:BatchWriteItem`.
    ///
    /// If there are more sessions than fit into a transaction, the others are deleted before it, so that a failure
    /// leaves an account that can be deleted again.
    pub async fn delete(&self, account: &CompleteAccount) -> Result<Change, AdminError> {
        let mut sessions = self.session_keys(account.public_id).await?;
        let before = sessions.split_off(sessions.len().min(MAX_BATCH - 2));
        let is_begun = !before.is_empty();
        self.delete_sessions(before).await?;
        let id = text(&account.public_id.to_string());
        let user = Delete::builder()
            .table_name(&self.tables.users)
            .key("public_id", id.clone())
            .condition_expression(USER)
            .expression_attribute_values(":id", id.clone())
            .expression_attribute_values(":email", text(&account.email));
        let credentials = Delete::builder()
            .table_name(&self.tables.credentials)
            .key("email", text(&account.email))
            .condition_expression(CREDENTIALS)
            .expression_attribute_values(":id", id);
        let mut transaction =
            Transaction::default().delete(credentials.build()).and_then(|writes| writes.delete(user.build()));
        for session in sessions {
            let delete = Delete::builder().table_name(&self.tables.sessions).set_key(Some(session)).build();
            transaction = transaction.and_then(|writes| writes.delete(delete));
        }
        let tables = [&self.tables.users, &self.tables.credentials, &self.tables.sessions];
        let deleted = self.commit(transaction, &tables.map(|table| ("DeleteItem", table.as_str()))).await;
        deleted.map_err(|error| if is_begun { error.after_a_part() } else { error })
    }

    fn update_user(&self, account: &CompleteAccount) -> UpdateBuilder {
        Update::builder().table_name(&self.tables.users).key("public_id", text(&account.public_id.to_string()))
    }

    /// Commits a transaction. `parts` has the IAM action and the table of each write, for errors.
    pub(super) async fn commit(
        &self,
        transaction: Result<Transaction, StoreError>,
        parts: &[(&str, &str)],
    ) -> Result<Change, AdminError> {
        let outcome = match transaction {
            Ok(transaction) => transaction.commit(&self.client, random_id()).await,
            Err(error) => Err(error),
        };
        match outcome.map_err(|error| AdminError::of_transaction(parts, &error))? {
            Outcome::Done => Ok(Change::Done(())),
            Outcome::ConditionFailed(_) => Ok(Change::Conflict),
        }
    }
}

/// The item in Users is that of the address.
const USER: &str = "public_id = :id AND email = :email";

/// The item in Credentials is that of the identifier.
const CREDENTIALS: &str = "public_id = :id";

/// Assignments of attributes, on the condition that each still has its old value.
#[derive(Default)]
struct Replacement {
    names: Vec<&'static str>,
    conditions: Vec<String>,
    set: Vec<String>,
    remove: Vec<String>,
    values: Item,
}

impl Replacement {
    /// Requires the old value.
    fn require(&mut self, name: &'static str, old: Option<AttributeValue>) {
        self.names.push(name);
        match old {
            Some(old) => {
                self.conditions.push(format!("#{name} = :old_{name}"));
                self.values.insert(format!(":old_{name}"), old);
            }
            None => self.conditions.push(format!("attribute_not_exists(#{name})")),
        }
    }

    /// Requires the old value, and assigns the new one.
    fn replace(&mut self, name: &'static str, old: Option<AttributeValue>, new: Option<AttributeValue>) {
        self.require(name, old);
        match new {
            Some(new) => {
                self.set.push(format!("#{name} = :new_{name}"));
                self.values.insert(format!(":new_{name}"), new);
            }
            None => self.remove.push(format!("#{name}")),
        }
    }

    fn update(&self) -> String {
        let clause = |verb: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{verb} {} ", parts.join(", ")),
        };
        clause("SET", &self.set) + &clause("REMOVE", &self.remove)
    }
}

/// A set cannot be empty.
fn set(groups: &[String]) -> Option<AttributeValue> {
    (!groups.is_empty()).then(|| AttributeValue::Ss(groups.to_vec()))
}

fn object(claims: &UserClaims) -> Option<AttributeValue> {
    (!claims.is_empty()).then(|| text(&claims.to_json()))
}
