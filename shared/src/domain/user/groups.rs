//! Groups of a user.

use super::{
    characters::is_blank,
    claims::{ClaimsError, MAX_BYTES, UserClaims},
};

/// Longest name of a group, in characters.
const MAX_CHARACTERS: usize = 256;

/// Why the name of a group is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a group must have 1 to 256 visible characters, without space before or after them")]
pub struct GroupError;

/// Whether a group of this name can be stored. `LIST_USERS_GROUP` accepts the same names.
pub fn check_group(name: &str) -> Result<(), GroupError> {
    let is_valid = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_CHARACTERS
        && name.chars().all(|c| c == ' ' || !is_blank(c));
    if is_valid { Ok(()) } else { Err(GroupError) }
}

/// Whether groups and claims together fit into a token. The error names the largest of them.
pub fn check_groups_and_claims(groups: &[String], claims: &UserClaims) -> Result<(), ClaimsError> {
    let length = |value: serde_json::Value| value.to_string().len();
    let groups_length = if groups.is_empty() { 0 } else { length(groups.into()) };
    let claims_length = if claims.is_empty() { 0 } else { claims.to_json().len() };
    if groups_length + claims_length <= MAX_BYTES {
        return Ok(());
    }
    let claims = claims.as_object().iter().map(|(name, value)| (value.to_string().len(), name.as_str()));
    let largest = claims.chain([(groups_length, "groups")]).max_by_key(|(length, _)| *length);
    Err(ClaimsError::TooLarge(largest.map_or("groups", |(_, name)| name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_group_is_visible() {
        for name in ["admin", "Team Zoë", "a:b/c", "管理", &"x".repeat(256)] {
            assert_eq!(check_group(name), Ok(()), "{name}");
        }
        for name in ["", " ", " admin", "admin ", "a\nb", "a\u{1b}b", "a\u{202e}b", "a\u{200b}b", &"x".repeat(257)] {
            assert_eq!(check_group(name), Err(GroupError), "{name:?}");
        }
    }

    #[test]
    fn groups_and_claims_share_their_limit() {
        let claims = |length: usize| UserClaims::default().with("team", "x".repeat(length).into()).unwrap();
        let groups = |length: usize| vec!["g".repeat(length)];
        assert_eq!(check_groups_and_claims(&groups(1000), &claims(1033)), Ok(()));
        let too_large = |name: &str| Err(ClaimsError::TooLarge(name.to_owned()));
        assert_eq!(check_groups_and_claims(&groups(1000), &claims(1034)), too_large("team"));
        assert_eq!(check_groups_and_claims(&groups(1500), &claims(600)), too_large("groups"));
        assert_eq!(check_groups_and_claims(&[], &UserClaims::default()), Ok(()));
    }
}
