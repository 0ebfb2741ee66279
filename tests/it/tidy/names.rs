//! Identifiers of production code name components and data, and never speak of persons.

use std::collections::BTreeSet;

use super::{all_sources, check, cycles::production};

/// Words for persons, and for what persons do with each other.
const WORDS: [&str; 20] = [
    "who",
    "whoever",
    "whom",
    "nobody",
    "somebody",
    "everybody",
    "anybody",
    "anyone",
    "told",
    "tell",
    "tells",
    "telling",
    "asked",
    "ask",
    "asks",
    "asking",
    "asker",
    "heard",
    "hear",
    "hears",
];

/// Code without comments and without what stands in quotes.
fn bare(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let hashes =
            rest.strip_prefix('r').map_or(0, |it| it.len() - it.trim_start_matches('#').len());
        let raw = rest.strip_prefix('r').is_some_and(|it| it[hashes..].starts_with('"'));
        let is_new = !code.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if raw && is_new {
            let end = format!("\"{}", "#".repeat(hashes));
            let begins = hashes + 2;
            rest[begins..].find(&end).map_or(rest.len(), |at| begins + at + end.len())
        } else if letter == '"' {
            quoted(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\") {
            rest[3..].find('\'').map_or(rest.len(), |at| at + 4)
        } else {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        };
        code.push_str(&"\n".repeat(rest[..length].matches('\n').count()));
        rest = &rest[length..];
    }
    code
}

/// The length of the text in quotes at the beginning, with its quotes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The words of an identifier: `of_a_claim` and `OfAClaim` have three each.
fn words(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in identifier.chars() {
        if letter == '_' || (letter.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

/// The identifiers in the production code of a file that have one of the words.
fn of_persons(text: &str) -> BTreeSet<String> {
    let code = production(&bare(text));
    let identifiers = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let bad = |it: &&str| words(it).iter().any(|word| WORDS.contains(&word.as_str()));
    identifiers.filter(bad).map(ToOwned::to_owned).collect()
}

#[test]
fn identifiers_name_components_and_data_and_no_persons() {
    let mut broken = Vec::new();
    for source in all_sources().iter().filter(|source| !source.test) {
        let found = of_persons(&source.text).into_iter();
        broken.extend(found.map(|it| format!("{}: {it}", source.path.display())));
    }
    check("an identifier speaks of a component as of a person", broken);
}

#[test]
fn an_identifier_of_persons_is_found_in_code_and_nowhere_else() {
    for (text, found) in [
        ("let told = 1;", vec!["told"]),
        ("struct WhoAsks(u8);\nfn f(told_at: u8) {}", vec!["WhoAsks", "told_at"]),
        ("const TOLD: char = '\"'; mod hearing; fn ask() {}", vec!["TOLD", "ask"]),
        ("let (whole, task, mask, hearth, asked_2) = f();", vec!["asked_2"]),
        ("// who asked\nlet text = \"who \\\" told\\\\\"; let raw = r#\"told \" who\"#;", vec![]),
        ("let text = \"a // b\"; let told = '\\'';", vec!["told"]),
        ("#[cfg(test)]\nmod tests {\n    fn told() {}\n}\n", vec![]),
        ("#[cfg(test)]\nfn told() {\n}\nfn asks() {}\n", vec!["asks"]),
    ] {
        assert_eq!(of_persons(text).into_iter().collect::<Vec<_>>(), found, "{text}");
    }
}
