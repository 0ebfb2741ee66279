//! Each way of writing a number, with what it is read as.

use proptest::prelude::*;

use super::*;

fn value(value: u32) -> Written {
    Written { value: Some(value), ..Written::default() }
}

fn between(low: Option<u32>, high: Option<u32>) -> Written {
    Written { low, high, worded: true, ..Written::default() }
}

fn about(written: Written) -> Written {
    Written { approximate: true, worded: true, ..written }
}

/// All spellings of each number.
fn cases() -> Vec<(&'static [&'static str], Written)> {
    let nothing = Written::default();
    let unknown = Written { worded: true, ..Written::default() };
    vec![
        (&["0"], value(0)),
        (&["95", " 95 ", "95.0", "95,0", "95.00", "95,00", "095"], value(95)),
        (&["1045", "1 045", "1\u{a0}045", "1\u{202f}045", "1,045", "1.045", "1'045"], value(1045)),
        (&["6,000", "6 000", "6.000"], value(6000)),
        (&["1,234,567", "1 234 567", "1.234.567"], value(1_234_567)),
        (&["4294967295"], value(u32::MAX)),
        (&["", " ", "-", "\u{2013}", "\u{2014}", "n/a", "N/A", "...", "\u{2026}"], nothing),
        (
            &[
                "approx. 50",
                "approx 50",
                "~50",
                "~ 50",
                "\u{2248}50",
                "about 50",
                "About  50",
                "around 50",
                "ca. 50",
                "c. 50",
                "circa 50",
                "50 approx.",
                "nearly 50",
                "roughly 50",
            ],
            about(value(50)),
        ),
        (&["12-15", "12\u{2013}15", "12 \u{2014} 15", "12..15"], between(Some(12), Some(15))),
        (&["12 to 15", "between 12 and 15"], between(Some(12), Some(15))),
        (&["1,200-1,500", "1 200 to 1 500"], between(Some(1200), Some(1500))),
        (&["50-60 approx.", "about 50-60"], about(between(Some(50), Some(60)))),
        (
            &["at least 30", "30+", "30 +", "\u{2265}30", ">= 30", "30 or more"],
            between(Some(30), None),
        ),
        (&["no fewer than 30", "min. 30", "At least 30"], between(Some(30), None)),
        (&["more than 30", "over 30", ">30"], between(Some(31), None)),
        (&["up to 30", "at most 30", "max. 30", "\u{2264} 30"], between(None, Some(30))),
        (&["fewer than 30", "less than 30", "under 30", "< 30"], between(None, Some(29))),
        (&["about at least 30", "approx. 30+"], about(between(Some(30), None))),
        (
            &[
                "several",
                "several dozen",
                "Several dozen people",
                "dozens",
                "hundreds of soldiers",
                "a few",
                "many",
                "unknown",
                "not given",
                "an unknown number",
                "undisclosed",
            ],
            unknown,
        ),
    ]
}

#[test]
fn a_number_is_read_as_it_is_written() {
    for (spellings, expected) in cases() {
        for text in spellings {
            assert_eq!(read(text).as_ref(), Ok(&expected), "{text:?}");
        }
    }
}

#[test]
fn what_is_no_number_is_refused_with_what_would_be_taken() {
    for text in [
        "x",
        "twelve",
        "none",
        "no",
        "nil",
        "zero",
        "a dozen",
        "-1",
        "+1",
        "95.5",
        "95,5",
        "0,500",
        "1,04",
        "1,0456",
        "12,34,567",
        "1.234,567",
        "15-12",
        "4294967296",
        "more than 4294967295",
        "fewer than 0",
        "50?",
        "50 persons",
        "5e1",
        "several 5",
        "not",
        "about",
        "at least",
        "aboutx 5",
        "\u{665}",
        "0x10",
        "30+5",
        "12-15-18",
        "0,0,0",
        "00.0",
    ] {
        let problem = read(text).expect_err(text);
        assert!(
            problem.starts_with("is ") && problem.contains("whole number"),
            "{text}: {problem}"
        );
    }
    for text in ["2024-12-15", "2024-12-15T00:00:00"] {
        assert!(read(text).unwrap_err().contains("which is a date"), "{text}");
    }
}

proptest! {
    /// Whatever stands around a number, it is never read as 0 unless a 0 is what is written.
    #[test]
    fn nothing_but_a_zero_is_read_as_zero(text in "[a-z0-9 ,.~<>+n/\u{2013}-]{0,12}") {
        if let Ok(Written { value: Some(0), .. }) = read(&text) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert!(!digits.is_empty() && digits.bytes().all(|it| it == b'0'), "{}", text);
        }
    }

    #[test]
    fn a_whole_number_is_itself_in_each_spelling(number: u32) {
        let plain = number.to_string();
        prop_assert_eq!(read(&plain), Ok(value(number)));
        for mark in [",", ".", " ", "\u{a0}"] {
            let mut groups: Vec<String> = Vec::new();
            let mut rest = number;
            while rest >= 1000 {
                groups.push(format!("{:03}", rest % 1000));
                rest /= 1000;
            }
            groups.push(rest.to_string());
            groups.reverse();
            let text = groups.join(mark);
            prop_assert_eq!(read(&text), Ok(value(number)), "{}", text);
        }
    }
}
