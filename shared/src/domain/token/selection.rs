//! The claims about a user that tokens carry: `JWT_CLAIMS`.

use serde_json::{Map, Value};

use crate::domain::user::{ClaimsError, MAX_EMAIL_BYTES, MAX_NAME_BYTES, MAX_TOTAL_CLAIMS_BYTES, User, UserClaims};

/// The claims about a user that tokens carry besides the ones that describe the token.
///
/// ```
/// # use shared::domain::token::ClaimSelection;
/// let selection = ClaimSelection::parse(&["email", "department"]).unwrap();
/// assert_eq!(selection.names().collect::<Vec<_>>(), ["email", "department"]);
/// assert!(ClaimSelection::parse(&["sub"]).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimSelection(Vec<SelectedClaim>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum SelectedClaim {
    Name,
    Email,
    Groups,
    /// One of the user's own claims.
    Own(String),
}

/// Why a selection is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A name that no claim of a user can have. The position counts from 1.
    #[error("entry {position} cannot be selected: {problem}")]
    Name {
        /// Position in the list, from 1.
        position: usize,
        /// What is wrong with the name.
        problem: ClaimsError,
    },
    /// A name that occurs twice.
    #[error("{0} occurs twice")]
    Twice(String),
}

impl SelectedClaim {
    fn parse(name: &str) -> Result<Self, ClaimsError> {
        Ok(match name {
            "name" => Self::Name,
            "email" => Self::Email,
            "groups" => Self::Groups,
            own => {
                UserClaims::check_name(own)?;
                Self::Own(own.to_owned())
            }
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::Own(name) => name,
        }
    }

    /// The value for a user. `None`: the user has no such claim.
    fn value(&self, user: &User) -> Option<Value> {
        Some(match self {
            Self::Name => user.profile.name.as_str().into(),
            Self::Email => user.profile.email.as_str().into(),
            Self::Groups => user.groups.as_slice().into(),
            Self::Own(name) => user.claims.get(name)?.clone(),
        })
    }
}

impl ClaimSelection {
    /// Parses the names of claims.
    pub fn parse(names: &[impl AsRef<str>]) -> Result<Self, SelectionError> {
        let mut selected = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let claim = SelectedClaim::parse(name.as_ref())
                .map_err(|problem| SelectionError::Name { position: index + 1, problem })?;
            if selected.contains(&claim) {
                return Err(SelectionError::Twice(claim.name().to_owned()));
            }
            selected.push(claim);
        }
        Ok(Self(selected))
    }

    /// Whether no claim is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the selected claims.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(SelectedClaim::name)
    }

    /// The selected claims of a user. None has the name of a claim that describes the token, because such names are
    /// reserved.
    pub(super) fn of(&self, user: &User) -> Map<String, Value> {
        let claims = self.0.iter().filter_map(|claim| Some((claim.name().to_owned(), claim.value(user)?)));
        claims.collect()
    }

    /// The selection without groups and own claims.
    pub(super) fn without_groups_and_own(&self) -> Self {
        Self(self.0.iter().filter(|claim| claim.max_bytes().is_some()).cloned().collect())
    }

    /// The most bytes that the claims of a user add to a JSON object.
    pub(super) fn max_bytes(&self) -> usize {
        // One of the two braces of the object becomes a comma, and the other one is dropped.
        let all = MAX_TOTAL_CLAIMS_BYTES - 1;
        self.0.iter().map(|claim| claim.max_bytes().unwrap_or(all)).sum::<usize>().min(all)
    }
}

impl SelectedClaim {
    /// The most bytes that the claim adds to a JSON object. `None`: it has no limit of its own.
    fn max_bytes(&self) -> Option<usize> {
        match self {
            Self::Name => Some(r#","name":"""#.len() + MAX_NAME_BYTES),
            Self::Email => Some(r#","email":"""#.len() + MAX_EMAIL_BYTES),
            Self::Groups | Self::Own(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::user::{PublicId, PublicUser};

    fn problem(names: &[&str]) -> String {
        ClaimSelection::parse(names).unwrap_err().to_string()
    }

    #[test]
    fn reserved_malformed_and_repeated_names_are_rejected() {
        for name in ["sub", "exp", "sid", "amr", "auth_time", "roles", "SUB", "Email", "email_verified"] {
            let expected = format!("entry 2 cannot be selected: claim {name} is reserved");
            assert_eq!(problem(&["email", name]), expected);
        }
        for name in ["", " ", "two words", "zoë", "a\n", &"a".repeat(65)] {
            assert!(
                problem(&[name]).starts_with("entry 1 cannot be selected: the name of a claim must have"),
                "{name}"
            );
        }
        assert_eq!(problem(&["name", "department", "name"]), "name occurs twice");
        assert_eq!(problem(&["x", "y", "x"]), "x occurs twice");
    }

    #[test]
    fn a_claim_that_the_user_lacks_is_absent_and_groups_are_always_a_list() {
        let user = User {
            profile: PublicUser { public_id: PublicId::random(), name: "Ada".into(), email: "ada@example.com".into() },
            groups: vec![],
            claims: UserClaims::parse(r#"{"department":{"id":7},"secret":1}"#).unwrap(),
            disabled: false,
            version: 0,
        };
        let selection = ClaimSelection::parse(&["email", "groups", "department", "tenant"]).unwrap();
        let expected = serde_json::json!({ "email": "ada@example.com", "groups": [], "department": { "id": 7 } });
        assert_eq!(Value::Object(selection.of(&user)), expected);
    }
}
