//! A user with everything that an export contains.

use shared::{
    aws::store::admin::{CredentialsRecord, UserRecord},
    domain::{
        password::PasswordHash,
        time::UnixSeconds,
        user::{PublicId, UserClaims},
    },
};

/// An account that cannot be exported.
pub(super) struct Invalid {
    pub(super) public_id: String,
    pub(super) problem: String,
}

pub(super) struct ExportedUser {
    pub(super) public_id: PublicId,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) groups: Vec<String>,
    pub(super) claims: UserClaims,
    /// Absent in items that were not written by a sign-up.
    pub(super) created_at: Option<UnixSeconds>,
    /// Absent: unknown.
    pub(super) email_verified: Option<bool>,
    pub(super) disabled: bool,
    /// Present only if hashes are exported.
    pub(super) password_hash: Option<PasswordHash>,
}

impl ExportedUser {
    /// The user of an item in Users, or what is wrong with the item.
    pub(super) fn read(mut record: UserRecord) -> Result<Self, Invalid> {
        let invalid = record.invalid.join(", ");
        match (record.id(), record.name.take(), record.email.take()) {
            (Some(public_id), Some(name), Some(email)) if invalid.is_empty() => Ok(Self {
                public_id,
                name,
                email,
                groups: record.groups,
                claims: record.claims,
                created_at: record.created_at,
                email_verified: record.email_verified,
                disabled: record.disabled,
                password_hash: None,
            }),
            _ => Err(Invalid {
                public_id: record.printable_id().unwrap_or("(a key that is not an identifier)").to_owned(),
                problem: format!("the item in Users has no valid {invalid}"),
            }),
        }
    }

    /// Adds the hash and whether log-ins are rejected, or says why the credentials are not those of the user. An export
    /// without hashes has all users of Users.
    pub(super) fn add_credentials(
        &mut self,
        credentials: Option<&CredentialsRecord>,
        with_hashes: bool,
    ) -> Result<(), String> {
        if !with_hashes {
            let own = credentials.filter(|credentials| credentials.public_id == Some(self.public_id));
            self.disabled |= own.is_some_and(|own| own.disabled);
            return Ok(());
        }
        let credentials = credentials.ok_or("the user's address has no credentials")?;
        if credentials.public_id != Some(self.public_id) {
            return Err("the credentials of the user's address belong to another user".to_owned());
        }
        let hash = credentials.password_hash.clone();
        self.password_hash = Some(hash.ok_or("the item in Credentials has no valid password_hash")?);
        self.disabled |= credentials.disabled;
        Ok(())
    }
}
