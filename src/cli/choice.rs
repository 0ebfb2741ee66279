//! Enums of the services as words on the command line. They are read from the descriptors, so the
//! command line knows a value that is added to a proto without another list of them here.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};

use crate::cli::json;

/// A parser of the values of an enum: `prisoner-of-war` (or `prisoner_of_war`) for
/// `CATEGORY_PRISONER_OF_WAR`. What is not said has no word.
pub(super) fn of(name: &str) -> impl clap::builder::TypedValueParser<Value = i32> {
    let values = json::enum_values(name);
    let words = values.iter().filter(|(_, number)| *number != 0).map(|(word, _)| {
        let word = word.replace('_', "-");
        PossibleValue::new(word.clone()).alias(word.replace('-', "_"))
    });
    PossibleValuesParser::new(words.collect::<Vec<_>>()).map(move |word| {
        let word = word.replace('-', "_");
        let found = values.iter().find(|(value, _)| *value == word);
        found.map(|(_, number)| *number).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::Category;

    #[test]
    fn words_stand_for_the_values_of_an_enum_and_for_nothing_else() {
        let command = clap::Command::new("demo");
        let parse = |word: &str| of("Category").parse_ref(&command, None, word.as_ref());
        for word in ["prisoner-of-war", "prisoner_of_war"] {
            assert_eq!(parse(word).unwrap(), i32::from(Category::PrisonerOfWar));
        }
        for word in ["unspecified", "", "PRISONER-OF-WAR", "soldier"] {
            assert!(parse(word).is_err(), "{word:?}");
        }
    }
}
