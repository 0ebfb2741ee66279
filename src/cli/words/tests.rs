use super::*;

#[test]
fn a_number_that_was_not_given_is_said_in_words() {
    let of = |value, low, high, approximate| {
        count(Some(&Count { value, low, high, approximate, ..Default::default() }))
    };
    for (text, expected) in [
        (of(Some(1234), None, None, false), "1,234"),
        (of(Some(40), None, None, true), "about 40"),
        (of(Some(0), None, None, false), "0"),
        (of(None, Some(2), Some(3), false), "2..3"),
        (of(None, Some(2), None, false), "at least 2"),
        (of(None, None, Some(2), false), "at most 2"),
        (of(None, None, None, false), "number not given"),
        (count(None), "number not given"),
    ] {
        assert_eq!(text, expected);
    }
}

#[test]
fn an_actor_is_named_with_the_party_once() {
    let of = |party: &str, name: &str| {
        actor(Some(&Actor { party: party.into(), name: name.into(), ..Default::default() }))
    };
    assert_eq!(of("TR", "TR MFA"), "TR MFA");
    assert_eq!(of("TR", "Hakan Demo"), "Hakan Demo (TR)");
    assert_eq!((of("TR", ""), of("", "Anna")), ("TR".to_owned(), "Anna".to_owned()));
    assert_eq!(actor(None), "");
}

#[test]
fn lines_are_broken_between_words_and_never_too_long() {
    assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    assert_eq!(wrapped("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
    assert_eq!(wrapped("a\u{1b}[31m\nb\u{202e}", 20), ["a [31m b"]);
    assert_eq!(
        indented("one two three", WIDTH - 9, 2),
        [format!("{:91}one two", ""), format!("{:93}three", "")]
    );
}

#[test]
fn a_table_is_never_too_wide_and_breaks_no_word_that_fits() {
    let row = vec!["ru-ua-2022-06-remains".to_owned(), "word ".repeat(60), "a b".repeat(9)];
    let text = grid(&["exchange", "title", "c"], [row]);
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    assert!(text.lines().count() > 4 && text.contains("ru-ua-2022-06-remains"), "{text}");
    let text = grid(&["a", "b"], [vec!["x".repeat(300), "y".repeat(300)]]);
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
}

#[test]
fn a_wide_character_takes_two_columns_and_a_mark_none() {
    let rows =
        [["\u{4ea4}\u{6362}", "b"], ["e\u{301}", "b"]].map(|row| row.map(str::to_owned).to_vec());
    let text = grid(&["a", "c"], rows);
    let expected = [" a    | c", "------+---", " \u{4ea4}\u{6362} | b", " e\u{301}    | b", ""];
    assert_eq!(text, expected.join("\n"));
    let wide = "\u{4ea4}".repeat(60);
    assert_eq!(wrapped(&wide, WIDTH).len(), 2);
    let text = grid(&["a", "b"], [vec![wide, "b".repeat(10)]]);
    assert!(text.lines().all(|line| display_width(line) <= WIDTH), "{text}");
}

#[test]
fn differences_have_a_sign() {
    assert_eq!(signed_span(-3, 1200), "-3..+1,200");
    assert_eq!(signed_span(0, 0), "0");
}
