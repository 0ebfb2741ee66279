//! The names of the record, and the symbols that stand for them.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::symbol::Symbol;

/// Every name once, one after the other in one text.
#[derive(Clone, Debug)]
pub struct SymbolTable {
    texts: String,
    /// Where each name ends; the empty name, at place 0, at 0.
    ends: Vec<usize>,
    lookup: HashTable<Symbol>,
    hasher: DefaultHashBuilder,
}

impl Default for SymbolTable {
    fn default() -> Self {
        let (texts, ends) = (String::new(), vec![0]);
        Self { texts, ends, lookup: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl SymbolTable {
    /// The symbol of a name, which gets one if it has none.
    ///
    /// # Panics
    ///
    /// With more than 2^32 names, for which no memory of today would be enough.
    pub fn intern(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.find(name) {
            return symbol;
        }
        let place = u32::try_from(self.ends.len()).expect("fewer names than places");
        self.texts.push_str(name);
        self.ends.push(self.texts.len());
        let Self { texts, ends, lookup, hasher } = self;
        let hash_at = |symbol: &Symbol| hasher.hash_one(text_at(texts, ends, *symbol));
        lookup.insert_unique(hasher.hash_one(name), Symbol::at(place), hash_at);
        Symbol::at(place)
    }

    /// The symbol of a name, if it has one.
    pub fn find(&self, name: &str) -> Option<Symbol> {
        if name.is_empty() {
            return Some(Symbol::EMPTY);
        }
        let same = |symbol: &Symbol| self.text(*symbol) == name;
        self.lookup.find(self.hasher.hash_one(name), same).copied()
    }

    /// The name that a symbol of this table stands for; empty for one of another table.
    pub fn text(&self, symbol: Symbol) -> &str {
        text_at(&self.texts, &self.ends, symbol)
    }
}

fn text_at<'a>(texts: &'a str, ends: &[usize], symbol: Symbol) -> &'a str {
    let place = symbol.place() as usize;
    let start = place.checked_sub(1).and_then(|before| ends.get(before));
    let range = start.zip(ends.get(place)).and_then(|(start, end)| texts.get(*start..*end));
    range.unwrap_or_default()
}

impl PartialEq for SymbolTable {
    fn eq(&self, other: &Self) -> bool {
        (&self.texts, &self.ends) == (&other.texts, &other.ends)
    }
}

impl Eq for SymbolTable {}

impl Serialize for SymbolTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.texts, &self.ends).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SymbolTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (texts, ends): (String, Vec<usize>) = Deserialize::deserialize(deserializer)?;
        let mut names = Self::default();
        for place in 1..u32::try_from(ends.len()).unwrap_or(u32::MAX) {
            names.intern(text_at(&texts, &ends, Symbol::at(place)));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_symbol_and_the_empty_name_is_not_said() {
        let mut names = SymbolTable::default();
        let [ua, ru, again] = ["UA", "RU", "UA"].map(|name| names.intern(name));
        assert_eq!((ua, names.text(ru)), (again, "RU"));
        assert_eq!(names.intern(""), Symbol::EMPTY);
        assert_eq!((names.find("UA"), names.find("BY")), (Some(ua), None));
        assert_eq!((names.text(Symbol::EMPTY), names.text(Symbol::at(9))), ("", ""));
    }

    #[test]
    fn names_that_were_saved_keep_their_symbols() {
        let mut names = SymbolTable::default();
        let symbols = ["Kyjiw", "K\u{438}\u{457}v", "x-unc"].map(|name| names.intern(name));
        let saved = postcard::to_allocvec(&names).unwrap();
        let loaded: SymbolTable = postcard::from_bytes(&saved).unwrap();
        assert_eq!(loaded, names);
        assert_eq!(symbols.map(|symbol| loaded.find(loaded.text(symbol))), symbols.map(Some));
    }
}
