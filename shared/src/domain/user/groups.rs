//! Groups of a user.

use super::characters::is_blank;

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
}
