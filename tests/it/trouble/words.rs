//! Compares what the program says with the words of a page: `N` stands for any number and `...` for
//! anything.

/// Stands for a number.
const NUMBER: char = '\u{1}';
/// Stands for anything.
const ANYTHING: char = '\u{2}';

/// Whether the words are somewhere in what was said.
pub(super) fn are_in(words: &str, said: &str) -> bool {
    let pattern: String = words.replace("...", &ANYTHING.to_string());
    let numbers = |word: &str| match word.strip_prefix('N') {
        Some(rest) if !rest.starts_with(char::is_alphabetic) => format!("{NUMBER}{rest}"),
        _ => word.to_owned(),
    };
    let pattern = pattern.split(' ').map(numbers).collect::<Vec<_>>().join(" ");
    // Lines of a page are not wrapped as those of the program.
    said.char_indices().any(|(at, _)| begins(&said[at..], &pattern))
}

fn begins(said: &str, pattern: &str) -> bool {
    let Some(at) = pattern.find([NUMBER, ANYTHING]) else { return said.starts_with(pattern) };
    let Some(rest) = said.strip_prefix(&pattern[..at]) else { return false };
    let next = &pattern[at + 1..];
    if pattern[at..].starts_with(ANYTHING) {
        return rest.char_indices().any(|(at, _)| begins(&rest[at..], next)) || next.is_empty();
    }
    let digits = rest.trim_start_matches(|it: char| it.is_ascii_digit());
    digits.len() < rest.len() && begins(digits, next)
}

#[test]
fn words_stand_for_numbers_and_for_anything() {
    assert!(are_in("is in use by process N: stop", "x is in use by process 42: stop it"));
    assert!(!are_in("is in use by process N: stop", "x is in use by process : stop it"));
    assert!(!are_in("has N bytes, N too many", "has 3 bytes, many"));
    assert!(are_in("write ...: (os error N)", "write frames/1: no: (os error 28)"));
    assert!(are_in("No NAME, N", "No NAME, 7") && !are_in("No, N", "Yes, 7"));
}
