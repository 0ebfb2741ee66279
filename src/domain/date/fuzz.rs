//! Mutated dates: none makes the parser panic, and what is taken is read the same again.

use super::*;
use crate::fuzz::Fuzz;

const SEEDS: [&str; 14] = [
    "2024",
    "2024-08",
    "2024-08-01",
    "2024-08-01/2024-08-03",
    "2024-08-01/..",
    "../2024",
    "2024?",
    "2024-08~",
    "2024-XX",
    "202X",
    "1984-06-02%",
    "2024-08-01T12:30:00Z",
    "2024-08-01T12:30:00.123456+03:00",
    "-0044-03-15",
];

fn read(input: &[u8]) -> String {
    let Ok(text) = str::from_utf8(input) else { return "no text".to_owned() };
    let mut outcome = String::new();
    for parse in [Edtf::parse, Edtf::parse_claimed, Edtf::parse_queried] {
        match parse(text) {
            Err(error) => outcome.push_str(&error.to_string()),
            Ok(date) => {
                outcome.push_str("date ");
                let again = parse(date.as_str()).expect("what was taken is taken again");
                assert_eq!(again.days(), date.days(), "{text}");
                if let (Some(first), Some(last)) = date.days() {
                    assert!(first <= last, "{text} ends before it begins");
                }
                assert!(date.overlaps_days(date.days()), "{text} has no day in common with itself");
            }
        }
    }
    if let Ok((first, last)) = calendar(text) {
        assert!(first <= last, "{text} ends before it begins");
        let _ = (year(first), year(last));
    }
    let _ = instant(text);
    outcome
}

#[test]
fn no_date_that_was_changed_makes_the_parser_panic() {
    let seeds = SEEDS.map(|text| text.as_bytes().to_vec());
    Fuzz::of("edtf", seeds).with_words(&["/", "..", "X", "-", "T", "Z", "?", "~", "%"]).run(read);
}
