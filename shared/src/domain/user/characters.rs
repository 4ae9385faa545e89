//! Properties of Unicode characters that names and email addresses depend on.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        BinaryProperty, DefaultIgnorableCodePoint, Emoji, GeneralCategory, GeneralCategoryGroup, SoftDotted,
        UnifiedIdeograph,
    },
};

/// A symbol by its category, but rendered as a space.
const BRAILLE_BLANK: char = '\u{2800}';

/// Whether a character is invisible or unknown: a space, a control, a format character, a filler, a private-use or an
/// unassigned code point.
pub(super) fn is_blank(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::Separator.union(GeneralCategoryGroup::Other))
        || has::<DefaultIgnorableCodePoint>(c)
        || c == BRAILLE_BLANK
}

pub(super) fn is_letter(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::Letter)
}

/// Whether a character is rendered on or around the one before it.
pub(super) fn is_mark(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::Mark)
}

/// Whether a mark takes no space of its own, so that several are stacked.
pub(super) fn is_stacked_mark(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::NonspacingMark.union(GeneralCategoryGroup::EnclosingMark))
}

/// Whether a character is an emoji or part of one. The digits are: keycaps are made of them.
pub(super) fn is_emoji(c: char) -> bool {
    has::<Emoji>(c)
}

pub(super) fn is_han(c: char) -> bool {
    has::<UnifiedIdeograph>(c)
}

/// Whether a letter such as i has a dot that an accent above replaces, so that another dot changes nothing.
pub(super) fn is_soft_dotted(c: char) -> bool {
    has::<SoftDotted>(c)
}

fn is_in(c: char, group: GeneralCategoryGroup) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

fn has<P: BinaryProperty>(c: char) -> bool {
    CodePointSetData::new::<P>().contains(c)
}
