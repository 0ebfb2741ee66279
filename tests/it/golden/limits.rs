//! Keeps `docs/LIMITS.md` in step with `src/domain/limits.rs`, which it is made of.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it golden::limits` writes the page anew. Other than the
//! goldens of stored bytes it may change: no client and no disk rests on it.

use std::{collections::BTreeMap, fs};

use handover::domain::limits;

const PAGE: &str = "docs/LIMITS.md";

const HEAD: &str = "\
# Limits

All limits are in `src/domain/limits.rs`, which checks their relations when it is compiled. The server
refuses an input that exceeds a limit, with an error that names the limit and the value (`LIMIT_EXCEEDED`).
The last three limits shape what the server itself writes. This page is made of that file's comments:
`UPDATE_GOLDEN=1 cargo test --test it golden::limits` writes it anew.

| limit | value | of what |
|---|---|---|
";

/// The value of an expression such as `1 << 20`, `1_000` or `TAG_BYTES - "exchange:".len()`.
fn value(text: &str, known: &BTreeMap<String, usize>) -> usize {
    let number = |text: &str| {
        let length = text.strip_suffix(".len()").map(|it| it.trim_matches('"').len());
        let parsed = text.replace('_', "").parse().ok();
        length.or(parsed).or(known.get(text).copied())
    };
    let both = |sign: &str| {
        let (left, right) = text.split_once(sign)?;
        Some((number(left.trim())?, number(right.trim())?))
    };
    let shifted = both("<<").map(|(value, bits)| value << bits);
    let less = both("-").map(|(whole, part)| whole - part);
    let value = shifted.or(less).or(number(text));
    assert!(value.is_some(), "{text}: teach this test to read it");
    value.unwrap_or_default()
}

/// A value for people: bytes in KiB or MiB where that is a whole number.
fn shown(name: &str, value: usize) -> String {
    let bytes = name.ends_with("BYTES");
    match value {
        _ if bytes && value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        _ if bytes && value.is_multiple_of(1 << 10) => format!("{} KiB", value >> 10),
        _ if bytes => format!("{value} bytes"),
        _ if value >= 1_000 => format!("{},{:03}", value / 1_000, value % 1_000),
        _ => value.to_string(),
    }
}

/// The name, value and comment of every limit, in the order of the file.
fn all() -> Vec<(String, usize, String)> {
    let source = fs::read_to_string("src/domain/limits.rs").expect("the limits");
    let (mut found, mut known) = (Vec::new(), BTreeMap::new());
    let mut comment: Vec<&str> = Vec::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let (name, value_of) = rest.split_once(": usize = ").expect("a limit is a usize");
            let value = value(value_of.trim_end_matches(';'), &known);
            known.insert(name.to_owned(), value);
            found.push((name.to_owned(), value, comment.join(" ")));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    assert!(found.len() > 30, "only {} limits were found", found.len());
    found
}

fn page() -> String {
    let rows = all().into_iter().map(|(name, value, comment)| {
        assert!(!comment.is_empty(), "{name} does not say what it is a limit of");
        format!("| `{name}` | {} | {comment} |\n", shown(&name, value))
    });
    rows.fold(HEAD.to_owned(), |page, row| page + &row)
}

#[test]
fn the_page_of_limits_is_made_of_their_comments_and_values() {
    let page = page();
    if super::may_add() {
        fs::write(PAGE, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(PAGE).expect("the page of limits");
    assert!(found == page, "{PAGE} is not what UPDATE_GOLDEN=1 writes now:\n{page}");
}

#[test]
fn values_are_read_from_the_source_as_the_compiler_reads_them() {
    let found: BTreeMap<_, _> = all().into_iter().map(|(name, value, _)| (name, value)).collect();
    for (name, value) in [
        ("EVENT_BYTES", limits::EVENT_BYTES),
        ("APPEND_EVENTS", limits::APPEND_EVENTS),
        ("ID_BYTES", limits::ID_BYTES),
        ("FIELDS", limits::FIELDS),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
}
