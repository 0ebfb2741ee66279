//! Identity texts: those by which the record tells things apart.
//!
//! Two machines type one name as different bytes: a letter with its mark or as one character, a
//! space that does not break, a character that shows nothing. Compared byte by byte, one exchange
//! becomes two and a number counts twice. So an identity text is *folded*, on its way into the
//! record, where a question asks for it, and where a stored event is read:
//!
//! 1. characters that show nothing are left out ([`shows_nothing`]);
//! 2. each run of white space (the property `White_Space`) becomes one U+0020, and none is left at
//!    the ends;
//! 3. the rest is put into normalization form C (UAX #15).
//!
//! What looks different stays different: case, compatibility forms (NFKC), apostrophes and letters
//! of other scripts are kept. Folding what is folded changes nothing.
//!
//! The joiners U+200C and U+200D are format characters too, and are left out. Persian and Indic
//! names are written with and without them, and both spellings mean one person; a text that is not
//! an identity text (a title, what was said) keeps them.
//!
//! Which texts these are is said in [`crate::domain::known::Known::fold`].

use std::{borrow::Cow, fmt};

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Default ignorable code points that are not of category Cf, or not assigned yet
/// (`DerivedCoreProperties.txt`): the grapheme joiner, fillers, variation selectors.
const IGNORABLE: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2065}', '\u{2065}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// The text as it is compared.
pub fn fold(text: &str) -> Cow<'_, str> {
    if is_folded(text) {
        return Cow::Borrowed(text);
    }
    let shown: String = text.chars().filter(|character| !shows_nothing(*character)).collect();
    let mut folded = String::with_capacity(shown.len());
    for word in shown.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.nfc());
    }
    Cow::Owned(folded)
}

/// Whether folding surely changes nothing. Most texts are ASCII, which needs no table.
fn is_folded(text: &str) -> bool {
    let mut after_space = true;
    for character in text.chars() {
        let space = character == ' ';
        let other_space = character.is_whitespace() && !space;
        if other_space || (space && after_space) || shows_nothing(character) {
            return false;
        }
        after_space = space;
    }
    (text.is_empty() || !after_space)
        && (text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes)
}

/// The text from the first character on that folding keeps: for what follows from how it begins.
pub fn trim_start(text: &str) -> &str {
    text.trim_start_matches(|it: char| it.is_whitespace() || shows_nothing(it))
}

/// Whether a character is left out of identity texts: a format character (general category Cf), or
/// another that Unicode says to ignore by default.
///
/// Some characters of category Cf are seen, such as the Arabic number sign U+0600. They are left
/// out as well: the category is published, and exceptions would be a list of our own.
pub fn shows_nothing(character: char) -> bool {
    !character.is_ascii()
        && (character.general_category() == GeneralCategory::Format
            || IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&character)))
}

/// How a name that the record does not fold differs from what readers see, if it does. The name
/// means nothing here, so its author has to write it so that it is not mistaken for another.
pub fn hidden(name: &str) -> Option<String> {
    // Every character of ASCII shows something or is refused elsewhere, and is in form C.
    if name.is_ascii() {
        return None;
    }
    let unseen = name.chars().enumerate().find(|(_, character)| shows_nothing(*character));
    if let Some((index, character)) = unseen {
        let (code, place) = (u32::from(character), index + 1);
        return Some(format!(
            "has U+{code:04X} as character {place}, which shows nothing; leave it out"
        ));
    }
    let composed: String = name.nfc().collect();
    let differs = |(_, (typed, composed)): &(usize, (char, char))| typed != composed;
    let place = name.chars().zip(composed.chars()).enumerate().find(differs)?.0 + 1;
    Some(format!(
        "is not in normalization form C from character {place} on; write {composed:?}, which \
         looks the same"
    ))
}

/// A character that an identity text cannot have, and that folding cannot take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The character as it was given.
    pub character: char,
    /// Which character of the text it is, from 1.
    pub place: usize,
}

impl Misfit {
    /// The first control character that is no white space.
    pub fn control(text: &str) -> Option<Self> {
        let control = |character: char| character.is_control() && !character.is_whitespace();
        Self::first(text, control)
    }

    /// The first white space between characters that are seen.
    pub fn space(text: &str) -> Option<Self> {
        let edge = |character: char| character.is_whitespace() || shows_nothing(character);
        let inner = text.trim_end_matches(edge);
        let start = trim_start(inner);
        let before = inner.chars().count() - start.chars().count();
        let found = Self::first(start, char::is_whitespace)?;
        Some(Self { place: before + found.place, ..found })
    }

    /// The first character that is not ASCII, where a text of ASCII is required.
    pub fn not_ascii(text: &str) -> Option<Self> {
        Self::first(text, |character| !character.is_ascii())
    }

    fn first(text: &str, is_misfit: impl Fn(char) -> bool) -> Option<Self> {
        let (index, character) =
            text.chars().enumerate().find(|(_, character)| is_misfit(*character))?;
        Some(Self { character, place: index + 1 })
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { character, place } = *self;
        write!(f, "U+{:04X}", u32::from(character))?;
        if character.is_whitespace() {
            f.write_str(" (white space)")?;
        } else if character.is_control() {
            f.write_str(" (a control character)")?;
        } else {
            write!(f, " ({character})")?;
        }
        write!(f, " as character {place}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_text_are_one() {
        for (spelling, folded) in [
            ("plain-1", "plain-1"),
            ("plain-1\u{200b}", "plain-1"),
            ("\u{feff}plain\u{ad}-1", "plain-1"),
            ("Caf\u{e9}", "Caf\u{e9}"),
            ("Cafe\u{301}", "Caf\u{e9}"),
            ("Cafe\u{200d}\u{301}", "Caf\u{e9}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{212b}ngstr\u{f6}m", "\u{c5}ngstr\u{f6}m"),
            ("first\u{a0}batch", "first batch"),
            (" first \t\u{2003}\u{3000}batch\n", "first batch"),
            ("first \u{200b} batch", "first batch"),
            (
                "\u{639}\u{644}\u{6cc}\u{200c}\u{631}\u{636}\u{627}",
                "\u{639}\u{644}\u{6cc}\u{631}\u{636}\u{627}",
            ),
            ("\u{845b}\u{e0100}\u{57ce}", "\u{845b}\u{57ce}"),
            ("\u{2060}\u{200e}", ""),
            ("", ""),
        ] {
            assert_eq!(fold(spelling), folded, "{spelling:?}");
            assert_eq!(is_folded(spelling), spelling == folded, "{spelling:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_folded_is_refused_where_it_hides_something() {
        for (name, expected) in [
            ("desk/berlin", None),
            ("desk/\u{e9}t\u{e9}", None),
            ("desk/a\u{200b}b", Some("has U+200B as character 7, which shows nothing")),
            ("\u{feff}desk:a", Some("has U+FEFF as character 1")),
            ("desk:e\u{301}", Some("form C from character 6 on; write \"desk:\u{e9}\"")),
        ] {
            let found = hidden(name);
            assert_eq!(found.is_some(), expected.is_some(), "{name:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{name:?}");
        }
    }

    #[test]
    fn what_looks_different_stays_different() {
        for (one, another) in [
            ("RU", "ru"),
            ("\u{fb01}rst", "first"),
            ("\u{ff21}", "A"),
            ("x\u{b2}", "x2"),
            ("O'Neil", "O\u{2019}Neil"),
            ("\u{420}U", "RU"),
            ("a-b", "a\u{2011}b"),
            ("plain-1", "plain- 1"),
        ] {
            assert_ne!(fold(one), fold(another), "{one:?} and {another:?}");
        }
    }

    #[test]
    fn what_no_folding_takes_away_is_named_with_its_place() {
        let reported = |misfit: Option<Misfit>| misfit.map(|it| it.to_string());
        let control = |text| reported(Misfit::control(text));
        assert_eq!(
            control("Ana\u{7}").as_deref(),
            Some("U+0007 (a control character) as character 4")
        );
        assert_eq!(control("Ana\tDemo\u{85}"), None, "white space is folded");
        let space = |text| reported(Misfit::space(text));
        assert_eq!(
            space(" \u{200b}a\u{a0}b ").as_deref(),
            Some("U+00A0 (white space) as character 4")
        );
        for fine in ["", " ", " a ", "\u{200b} a \u{200b}", "a\u{200b}b"] {
            assert_eq!(space(fine), None, "{fine:?}");
        }
        let letter = reported(Misfit::not_ascii("D\u{415}"));
        assert_eq!(letter.as_deref(), Some("U+0415 (\u{415}) as character 2"));
    }

    /// How a machine types: marks together or apart, and what it puts in that shows nothing.
    #[derive(Clone, Debug)]
    pub(crate) struct Typing {
        decomposed: bool,
        marks: Vec<(prop::sample::Index, char)>,
    }

    /// Any way of typing.
    pub(crate) fn typing() -> impl Strategy<Value = Typing> {
        let mark = (any::<prop::sample::Index>(), prop::sample::select(&MARKS[..]));
        (any::<bool>(), prop::collection::vec(mark, 0..6))
            .prop_map(|(decomposed, marks)| Typing { decomposed, marks })
    }

    impl Typing {
        /// A text as the machine types it.
        pub(crate) fn of(&self, text: &str) -> String {
            let mut typed: Vec<char> =
                if self.decomposed { text.nfd().collect() } else { text.nfc().collect() };
            for (at, mark) in &self.marks {
                let at = at.index(typed.len() + 1);
                // White space only where there is some already: elsewhere it is another text.
                let beside = at == 0
                    || at == typed.len()
                    || typed.get(at).is_some_and(|it| it.is_whitespace())
                    || typed.get(at.wrapping_sub(1)).is_some_and(|it| it.is_whitespace());
                if shows_nothing(*mark) || beside {
                    typed.insert(at, *mark);
                }
            }
            typed.into_iter().collect()
        }
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_text_folds_to_one(
            text in "\\PC{0,12}|[a-z\u{e9}\u{301}\u{327}\u{1e0b}\u{ac00}\u{1100}\u{1161} ]{0,12}",
            typing in typing(),
        ) {
            let folded = fold(&text);
            let typed = typing.of(&text);
            prop_assert_eq!(&fold(&typed), &folded, "{:?}", typed);
            prop_assert_eq!(&fold(&folded), &folded);
            prop_assert!(is_folded(&folded) || !folded.is_ascii());
            let kept = |it: char| !shows_nothing(it) && (it == ' ' || !it.is_whitespace());
            prop_assert!(folded.chars().all(kept));
            prop_assert!(unicode_normalization::is_nfc(&folded));
            prop_assert_eq!(folded.trim(), &folded);
            prop_assert!(!folded.contains("  "));
        }
    }

    const MARKS: [char; 10] = [
        '\u{200b}',
        '\u{200d}',
        '\u{feff}',
        '\u{ad}',
        '\u{fe0f}',
        '\u{e0041}',
        ' ',
        '\u{a0}',
        '\u{3000}',
        '\n',
    ];
}
