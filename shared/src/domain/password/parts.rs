//! A password as a sequence of predictable parts: common passwords, words about the user, runs of keys, copies of an
//! earlier part, and what is inserted between them. zxcvbn overestimates such sequences by orders of magnitude.
//!
//! Guesses are decimal logarithms, so those of a sequence are a sum.

use super::{common, estimator};

/// A character of no pattern. zxcvbn has the same value.
const CHARACTER: f64 = 1.0;

/// A common password or a word about the user. zxcvbn's lower limit for a part, 50 guesses, rounded.
const WORD: f64 = 1.7;

/// A run of at least [`LONG_RUN`] keys, together with all long runs that follow it immediately.
const RUN: f64 = 2.0;

/// A run of three keys, of which there are about 500.
const SHORT_RUN: f64 = 2.7;

/// A run of digits: the usual addition to a word.
const DIGITS: f64 = 1.7;

/// A year of the 20th or 21st century.
const YEAR: f64 = 2.0;

/// A copy of at least [`SHORTEST_COPY`] earlier characters.
const COPY: f64 = 1.0;

/// Most characters of a password that are split. More can only add guesses.
const LONGEST: usize = 128;

/// Most characters of a common password.
const LONGEST_WORD: usize = 28;

const LONG_RUN: usize = 4;
const SHORTEST_COPY: usize = 4;

/// Fewest characters of a sequence of letters, digits or symbols that zxcvbn judges on its own.
const SHORTEST_SEQUENCE: usize = 4;

/// Keys and characters in a well-known order, which a run follows in either direction: rows of the usual keyboards,
/// their columns, two rows or columns at once, the alphabet, and lines of the keypad.
const LINES: [&str; 29] = [
    "`1234567890-=",
    "qwertyuiop[]\\",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1qazxsw23edcvfr45tgbnhy67ujm",
    "zaq1xsw2cde3vfr4bgt5nhy6mju7",
    "qazwsxedcrfvtgbyhnujmik,ol.p;/",
    "qazxswedcvfrtgbnhyujm",
    "zaqxswcdevfrbgtnhymju",
    "zse4xdr5cft6vgy7bhu8nji9mko0",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qawsedrftgyhujikolp",
    "aqswdefrgthyjukilo",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
    "abcdefghijklmnopqrstuvwxyz",
    "147258369",
    "13579",
    "24680",
];

/// The keys of a US keyboard, without and with the shift key.
const KEYS: &str = "`1234567890-=[]\\;',./";
const SHIFTED_KEYS: &str = "~!@#$%^&*()_+{}|:\"<>?";

/// What a password consists of.
pub(super) struct Parts {
    /// Guesses for the most predictable sequence of parts, as a decimal logarithm.
    pub(super) guesses_log10: f64,
    /// The common passwords in it, as typed.
    pub(super) common: Vec<String>,
}

/// Splits the first [`LONGEST`] characters of a password in lower case. The words in `context` are about the user or
/// the service.
pub(super) fn split(password: &str, context: &[&str]) -> Parts {
    let plain: Vec<char> = password.chars().take(LONGEST).collect();
    let text = Text {
        letters: plain.iter().map(|c| common::letter_for(*c)).collect(),
        keys: plain.iter().map(|c| key_of(*c)).collect(),
        plain,
        context,
    };
    let words = text.words();
    let common = words.iter().filter(|word| word.is_common).map(|word| text.slice(word.start, word.length)).collect();
    Parts { guesses_log10: text.guesses_log10(&words), common }
}

/// A common password, or a word about the user.
struct Word {
    start: usize,
    length: usize,
    is_common: bool,
}

struct Text<'c> {
    plain: Vec<char>,
    /// With letters for the digits and symbols that resemble them.
    letters: Vec<char>,
    /// The keys that were pressed, without the shift key.
    keys: Vec<char>,
    context: &'c [&'c str],
}

impl Text<'_> {
    fn slice(&self, start: usize, length: usize) -> String {
        self.plain.iter().skip(start).take(length).collect()
    }

    fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        for start in 0..self.plain.len() {
            for length in 1..=LONGEST_WORD.min(self.plain.len() - start) {
                let letters = &self.letters[start..start + length];
                let is_common = length >= common::SHORTEST && common::contains(&letters.iter().collect::<String>());
                let is_letters = |word: &&&str| word.chars().map(common::letter_for).eq(letters.iter().copied());
                if is_common || self.context.iter().find(is_letters).is_some() {
                    words.push(Word { start, length, is_common });
                }
            }
        }
        words
    }

    /// Shortest path: the guesses for the first n characters, for each n.
    fn guesses_log10(&self, words: &[Word]) -> f64 {
        let length = self.plain.len();
        let mut best = vec![f64::INFINITY; length + 1];
        // The same, if the last part is a long run.
        let mut after_run = best.clone();
        best[0] = 0.0;
        let lower = |guesses: &mut f64, other: f64| *guesses = guesses.min(other);
        for start in 0..length {
            let here = best[start];
            lower(&mut best[start + 1], here + CHARACTER);
            for word in words.iter().filter(|word| word.start == start) {
                lower(&mut best[start + word.length], here + WORD);
            }
            for copied in SHORTEST_COPY..=self.copy_at(start) {
                lower(&mut best[start + copied], here + COPY);
            }
            if is_year(&self.plain[start..]) {
                lower(&mut best[start + 4], here + YEAR);
            }
            if let Some(sequence) = self.sequence_at(start) {
                let guesses = estimator::guesses_log10(&self.slice(start, sequence), self.context);
                lower(&mut best[start + sequence], here + guesses.max(WORD));
            }
            for run in 3..=run_at(&self.keys[start..]) {
                let digits = self.keys[start..start + run].iter().all(char::is_ascii_digit);
                if run >= LONG_RUN {
                    let guesses = (here + if digits { DIGITS } else { RUN }).min(after_run[start]);
                    lower(&mut after_run[start + run], guesses);
                    lower(&mut best[start + run], guesses);
                } else {
                    lower(&mut best[start + run], here + if digits { DIGITS } else { SHORT_RUN });
                }
            }
        }
        best[length]
    }

    /// Length of the longest text from `start` on that also occurs earlier. The two may overlap, as in a repetition.
    fn copy_at(&self, start: usize) -> usize {
        let copied = |from| self.plain[start..].iter().zip(&self.plain[from..]).take_while(|(a, b)| a == b).count();
        (0..start).map(copied).max().unwrap_or(0)
    }

    /// Length of the sequence of letters, of digits or of symbols that begins at `start`. A piece that is one sequence
    /// is judged as a whole.
    fn sequence_at(&self, start: usize) -> Option<usize> {
        let kind = |c: &char| (c.is_alphabetic(), c.is_numeric());
        let first = kind(&self.plain[start]);
        if start > 0 && kind(&self.plain[start - 1]) == first {
            return None;
        }
        let length = self.plain[start..].iter().take_while(|c| kind(c) == first).count();
        let is_part = length < self.plain.len() && length <= estimator::LONGEST;
        Some(length).filter(|length| is_part && *length >= SHORTEST_SEQUENCE)
    }
}

fn is_year(text: &[char]) -> bool {
    matches!(text, ['1', '9', a, b, ..] | ['2', '0', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// Length of the longest run at the beginning of `keys`, which are not empty.
fn run_at(keys: &[char]) -> usize {
    let follows = |line: &mut dyn Iterator<Item = char>| line.zip(keys).take_while(|(a, b)| a == *b).count();
    let repeated = follows(&mut std::iter::repeat(keys[0]));
    let runs =
        LINES.iter().flat_map(|line| line.match_indices(keys[0]).map(move |(at, key)| (line, at, at + key.len())));
    let longest =
        runs.map(|(line, at, end)| follows(&mut line[at..].chars()).max(follows(&mut line[..end].chars().rev())));
    longest.max().unwrap_or(0).max(repeated)
}

fn key_of(c: char) -> char {
    let mut keys = SHIFTED_KEYS.chars().zip(KEYS.chars());
    keys.find(|(shifted, _)| *shifted == c).map_or(c, |(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses_log10(piece: &str) -> f64 {
        split(piece, &["postern", "zed"]).guesses_log10
    }

    #[test]
    fn each_kind_of_part_has_its_guesses() {
        for (piece, expected) in [
            ("xkvmhwzg", 8.0 * CHARACTER),
            ("kapler123", WORD),
            ("k4pler123xk", WORD + 2.0 * CHARACTER),
            ("zedxk", WORD + 2.0 * CHARACTER),
            ("p0sternxk", WORD + 2.0 * CHARACTER),
            ("xkwsxhw", 4.0 * CHARACTER + SHORT_RUN),
            ("xkbvcxhw", 4.0 * CHARACTER + RUN),
            ("4rfv%TGB".to_lowercase().as_str(), RUN),
            ("1qaz2wsx3edc4rfv5tgb6yhn", RUN),
            ("xk5678hw", 4.0 * CHARACTER + DIGITS),
            ("xk7777hw", 4.0 * CHARACTER + DIGITS),
            ("xk8202541", 5.0 * CHARACTER + YEAR),
            ("xkvmhwzg-xkvmhwzg", 9.0 * CHARACTER + COPY),
            ("xkvmxkvmxkvmxkvmxk", 4.0 * CHARACTER + COPY),
        ] {
            assert!((guesses_log10(piece) - expected).abs() < 0.001, "{piece}: {}", guesses_log10(piece));
        }
    }

    #[test]
    fn runs_go_in_both_directions_and_with_the_shift_key() {
        for (keys, length) in [
            ("qwertx", 5),
            ("trewqx", 5),
            ("7418", 3),
            ("852741x", 6),
            ("zzzzz1", 5),
            ("ытр", 1),
            ("абв", 1),
            ("йцуке1", 5),
            ("ñandu", 1),
        ] {
            assert_eq!(run_at(&keys.chars().collect::<Vec<_>>()), length, "{keys}");
        }
        assert_eq!(key_of('!'), '1');
        assert_eq!(SHIFTED_KEYS.chars().count(), KEYS.chars().count());
    }

    #[test]
    fn common_passwords_are_reported_as_typed() {
        let parts = split("xkp4ssw0rdxk", &[]);
        assert!(parts.common.contains(&"p4ssw0rd".to_owned()), "{:?}", parts.common);
    }
}
