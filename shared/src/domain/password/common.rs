//! The blocklist: common passwords, recognized by their hashes.

use aws_lc_rs::digest::{SHA256, digest};

/// Fewest characters of an entry.
pub(super) const SHORTEST: usize = 5;

/// Bytes of a hash.
const HASH_BYTES: usize = 5;

/// Sorted hashes, searched in place. `common_passwords/README.md` has the format, the sources and their licenses.
static HASHES: &[[u8; HASH_BYTES]] = include_bytes!("common_passwords/hashes.bin").as_chunks().0;

/// Whether a [normalized](letter_for) text is a common password. Any other text is taken for one with a
/// probability of 1.7 × 10⁻⁸.
pub(super) fn contains(normalized: &str) -> bool {
    let hash = digest(&SHA256, normalized.as_bytes());
    hash.as_ref().first_chunk().is_some_and(|prefix| HASHES.binary_search(prefix).is_ok())
}

/// The letter that a digit or symbol resembles. The hashes are those of entries in lower case in which every character
/// is replaced, so an entry is found however many of its letters the user replaced.
pub(super) fn letter_for(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_common(folded: &str) -> bool {
        contains(&folded.chars().map(letter_for).collect::<String>())
    }

    #[test]
    fn the_hashes_are_sorted_distinct_and_at_most_120_kb() {
        assert!(HASHES.is_sorted_by(|a, b| a < b));
        let file = include_bytes!("common_passwords/hashes.bin");
        assert_eq!(file.len(), HASHES.as_flattened().len(), "whole hashes");
        assert!((90_000..120_000).contains(&file.len()), "{}", file.len());
    }

    #[test]
    fn entries_are_found_with_any_letters_replaced() {
        for entry in ["123456", "password", "p@ssw0rd", "pa$$w0rd", "iloveyou", "trustn0!", "kapler123", "k4pler!23"] {
            assert!(is_common(entry), "{entry}");
        }
        for entry in ["1qaz2wsx3edc", "q1w2e3r4t5y6", "manchesterunited", "m4nch3st3run1t3d", "пароль"] {
            assert!(is_common(entry), "{entry}");
        }
        for other in ["Password", "tortoise lamp", "zq8vmt2kx", "correct horse battery staple", ""] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn other_texts_are_not_found() {
        assert_eq!((0..100_000).filter(|number| is_common(&format!("no entry {number}"))).count(), 0);
    }
}
