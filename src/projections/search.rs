//! Search: in which rows of the table of claims a word occurs.
//!
//! A list of places for each word, nothing else. A search library such as tantivy is far larger
//! than the need: it brings segments, files and threads of its own, ranks by relevance, and knows
//! one state of a text. Here short texts are searched for whole words, what was said at an old
//! position has to be found by its words of then, and everything is saved with the table. Rows
//! are never changed, so a list only grows, and is sorted because places rise.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::projections::{interned::Place, piece::piece, symbol_table::SymbolTable};

/// Characters of a word that count. No word is longer, but an address may be, or a text without
/// spaces.
const CHARACTERS: usize = 64;

/// The words, each with the places where it occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    names: SymbolTable,
    /// Of each word, by the place of its symbol less one; rising.
    places: Vec<Vec<Place>>,
}

/// Words that are looked for, and how far. Lists of places only grow, so a number of them that was
/// gone through stays the same places.
#[derive(Clone, Debug)]
pub struct WordSearch {
    words: Vec<String>,
    next: usize,
}

impl Words {
    /// Enters the words of some texts, which are found at a place that was not entered before.
    pub fn enter<'a>(&mut self, place: Place, texts: impl Iterator<Item = &'a str>) {
        for word in texts.flat_map(words) {
            let number = self.names.intern(&word).place() as usize;
            if self.places.len() < number {
                self.places.resize_with(number, Vec::new);
            }
            let places = number.checked_sub(1).and_then(|number| self.places.get_mut(number));
            if let Some(places) = places.filter(|places| places.last() != Some(&place)) {
                debug_assert!(places.last() < Some(&place), "lists are searched by halving");
                places.push(place);
            }
        }
    }

    /// The words of a query's text, the rarest first.
    pub fn search(&self, text: &str) -> WordSearch {
        let mut words: Vec<String> = words(text).collect();
        words.sort_by_key(|word| self.places(word).len());
        WordSearch { words, next: 0 }
    }

    /// The places where all words occur, rising, among the next so many of the rarest one; none
    /// at the end, and if there is no word.
    pub fn find(&self, search: &mut WordSearch, most: usize) -> Vec<Place> {
        let Some((rarest, others)) = search.words.split_first() else { return Vec::new() };
        let others: Vec<&[Place]> = others.iter().map(|word| self.places(word)).collect();
        let in_all = |place: &&Place| others.iter().all(|list| list.binary_search(place).is_ok());
        let places = self.places(rarest);
        let some = places.get(piece(&mut search.next, most, places.len())).unwrap_or_default();
        some.iter().filter(in_all).copied().collect()
    }

    /// Whether all places were gone through.
    pub fn is_through(&self, search: &WordSearch) -> bool {
        search.words.first().is_none_or(|rarest| search.next >= self.places(rarest).len())
    }

    fn places(&self, word: &str) -> &[Place] {
        let number = self.names.find(word).and_then(|it| (it.place() as usize).checked_sub(1));
        number.and_then(|number| self.places.get(number)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The words of a text, folded. What is joined by an apostrophe, a full stop or the like is
/// several words, so that a name is found in its genitive.
pub fn words(text: &str) -> impl Iterator<Item = String> + use<> {
    let folded = folded(text);
    let words = folded.unicode_words();
    let words = words.flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric()));
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(CHARACTERS).collect())
        .collect();
    words.into_iter()
}

/// A text without the differences that make no difference: case, diacritics, ligatures.
///
/// Upper case comes first because some letters are two there, or one of several: a sharp s is ss,
/// both forms of sigma are one, and the Turkish i without a dot is i.
pub fn folded(text: &str) -> String {
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    let letters = letters.map(|letter| if letter == APOSTROPHE { '\'' } else { letter });
    letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The apostrophe that counts as a letter; Ukrainian texts have it or the plain one.
const APOSTROPHE: char = '\u{2bc}';

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        words(text).collect()
    }

    /// All places, by so many at a time.
    fn found(words: &Words, text: &str, piece: usize) -> Vec<Place> {
        let mut search = words.search(text);
        let mut found = Vec::new();
        while !words.is_through(&search) {
            found.extend(words.find(&mut search, piece));
        }
        found
    }

    #[test]
    fn words_are_the_same_whatever_their_case_and_marks() {
        for (text, same) in [
            ("\u{130}brahim Kal\u{131}n", "ibrahim KALIN"),
            ("Erdo\u{11f}an", "erdogan"),
            ("Erdog\u{306}an", "erdogan"),
            ("STRASSE", "Stra\u{df}e"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"),
            ("\u{41a}\u{438}\u{457}\u{432}", "\u{43a}\u{438}\u{456}\u{412}"),
            ("\u{437}\u{432}\u{2bc}\u{44f}", "\u{437}\u{432}\u{2019}\u{44f}"),
            ("o\u{fb03}ce", "office"),
        ] {
            assert_eq!(of(text), of(same), "{text}");
        }
        assert_ne!(of("\u{411}\u{43e}\u{433}"), of("\u{411}\u{43e}\u{43a}"));
    }

    #[test]
    fn words_end_where_no_letter_follows() {
        assert_eq!(of("Ankara's role: 1,200 (not 26)."), of("ankara s role 1 200 not 26"));
        assert_eq!(of("\u{4ea4}\u{6362}"), ["\u{4ea4}", "\u{6362}"]);
        assert_eq!(of(" -- ... "), [""; 0]);
        assert_eq!(of(&"a".repeat(99)), ["a".repeat(CHARACTERS)]);
    }

    #[test]
    fn only_places_where_all_words_occur_are_found() {
        let mut words = Words::default();
        words.enter(3, ["the swap, the swap", "Ankara"].into_iter());
        words.enter(7, ["the list"].into_iter());
        words.enter(9, ["Ankara has the list"].into_iter());
        for piece in 1..4 {
            let find = |text: &str| found(&words, text, piece);
            assert_eq!(find("THE"), [3, 7, 9]);
            assert_eq!(find("ankara the"), [3, 9]);
            assert_eq!(find("list ankara the"), [9]);
            for nothing in ["ankara nobody", "", "?!"] {
                assert_eq!(find(nothing), [0; 0], "{nothing}");
            }
        }
    }

    #[test]
    fn words_that_were_saved_are_found_again() {
        let mut words = Words::default();
        words.enter(3, ["the swap in Ankara"].into_iter());
        let saved = postcard::to_allocvec(&words).unwrap();
        let loaded: Words = postcard::from_bytes(&saved).unwrap();
        assert_eq!((&loaded, found(&loaded, "ankara", 1)), (&words, vec![3]));
    }
}
