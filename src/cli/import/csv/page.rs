//! The examples of `docs/IMPORT.md`, each as it stands there.

use super::{cited::Cited, number};
use crate::cli::{actor, cell};

/// The rows of the table with this header; code without its marks.
fn table<const N: usize>(header: [&str; N]) -> Vec<[String; N]> {
    let page = std::fs::read_to_string("docs/IMPORT.md").expect("the page on imports");
    let row = |line: &str| -> Vec<String> {
        let cells = line.trim_start_matches('|').trim_end_matches('|').split('|');
        cells.map(|text| text.trim().trim_matches('`').to_owned()).collect()
    };
    let lines = page.lines().skip_while(|line| row(line) != header);
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| row(line).try_into().expect("as many cells as the header has")).collect()
}

#[test]
fn an_actor_is_read_and_written_as_the_page_says() {
    let examples = table(["text", "party", "name"]);
    assert!(examples.len() > 4, "{examples:?}");
    for [text, party, name] in examples {
        let actor = actor::read(&text).unwrap().unwrap();
        assert_eq!((&actor.party, &actor.name), (&party, &name), "{text}");
        assert_eq!(actor::write(Some(&actor)), text);
    }
}

#[test]
fn a_source_is_read_and_written_as_the_page_says() {
    let examples = table(["text", "id", "address", "title"]);
    assert!(examples.len() > 3, "{examples:?}");
    for [text, id, address, title] in examples {
        let source = Cited::read(&text).registered().unwrap();
        let found = (&source.source_id, &source.url, &source.title);
        assert_eq!(found, (&id, &address, &title), "{text}");
        assert_eq!(Cited::write(&id, Some(&source)), text);
    }
}

#[test]
fn a_cell_is_read_and_written_as_the_page_says() {
    let examples = table(["cell", "text"]);
    assert!(examples.len() > 4, "{examples:?}");
    for [cell, text] in examples {
        assert_eq!(cell::unescaped(&cell), text);
        assert_eq!(cell::escaped(text), cell);
    }
}

#[test]
fn a_number_is_read_as_the_page_says() {
    let examples = table(["written", "value", "low", "high", "approximate"]);
    assert!(examples.len() > 10, "{examples:?}");
    for [text, value, low, high, approximate] in examples {
        let found = number::read(&text).unwrap();
        let shown = |it: Option<u32>| it.map(|it| it.to_string()).unwrap_or_default();
        let about = if found.approximate { "yes" } else { "" };
        let found = [shown(found.value), shown(found.low), shown(found.high), about.to_owned()];
        assert_eq!(found, [value, low, high, approximate], "{text}");
    }
}
