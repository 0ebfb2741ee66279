//! Texts, dates, addresses, and lists of them.

use super::*;

#[test]
fn dates_are_of_the_profile() {
    for (bad, good) in [
        ("2024-02-30", "2024-02-29"),
        ("last week", "2024-08-01/.."),
        ("a/b", ""),
        ("..", "2024-08-01T12:30:00.000Z"),
        ("2024-08-01T12:30:00.0000000000Z", "2024-08-01T12:30:00.123456-04"),
    ] {
        check(&examples::source(), &["published_at"], |e| {
            e.published_at = bad.into();
        });
        check(&examples::statement(), &["occurred"], |e| {
            e.occurred = bad.into();
        });
        check(&examples::exchange(), &["occurred"], |e| {
            e.occurred = bad.into();
        });
        check(&examples::completed(), &["occurred"], |e| {
            e.occurred = bad.into();
        });
        check(&examples::running_total(), &["as_of"], |e| {
            e.as_of = bad.into();
        });
        check(&examples::running_total(), &["covers"], |e| {
            e.covers = bad.into();
        });
        check(&examples::detention(), &["since"], |e| e.since = bad.into());
        check_attribution(&["attribution.reported_at"], |a| a.reported_at = bad.into());
        check(&examples::completed(), &[], |e| e.occurred = good.into());
        check_attribution(&[], |a| a.reported_at = good.into());
    }
}

#[test]
fn lists_at_their_limit_are_taken_and_one_more_is_not() {
    check_leg(&[], |leg| leg.from = names(limits::PARTIES));
    check_leg(&["leg.from"], |leg| leg.from = names(limits::PARTIES + 1));
    check(&examples::exchange(), &[], |e| {
        e.parties = names(limits::PARTIES);
    });
    check(&examples::exchange(), &["parties"], |e| {
        e.parties = names(limits::PARTIES + 1);
    });
    check(&examples::statement(), &[], |e| {
        e.topics = names(limits::LIST_ENTRIES);
    });
    check(&examples::statement(), &["topics"], |e| {
        e.topics = names(limits::LIST_ENTRIES + 1);
    });
    check(&examples::statement(), &["mentions"], |e| {
        e.mentions = names(limits::LIST_ENTRIES + 1);
    });
    let relays = |count| vec![examples::actor("", "Demo Agency"); count];
    check_attribution(&[], |a| a.relayed_by = relays(limits::LIST_ENTRIES));
    let over = relays(limits::LIST_ENTRIES + 1);
    check_attribution(&["attribution.relayed_by"], |a| a.relayed_by = over);
}

#[test]
fn lists_hold_no_empty_entries() {
    check(&examples::statement(), &["topics[0]"], |e| {
        e.topics[0] = " ".into();
    });
    check(&examples::statement(), &["mentions[1]"], |e| {
        e.mentions.push(String::new());
    });
    check_attribution(&["attribution.relayed_by[1]"], |a| {
        a.relayed_by.push(proto::Actor::default());
    });
}

#[test]
fn texts_at_their_limit_are_taken_and_one_byte_more_is_not() {
    let (short, long) = (limits::SHORT_TEXT_BYTES, limits::LONG_TEXT_BYTES);
    check(&examples::exchange(), &[], |e| e.title = line(short));
    check(&examples::exchange(), &["title"], |e| {
        e.title = line(short + 1);
    });
    check(&examples::statement(), &[], |e| e.text = line(long));
    check(&examples::statement(), &["text"], |e| {
        e.text = line(long + 1);
    });
    check(&examples::detention(), &["subject"], |e| {
        e.subject = line(long + 1);
    });
    check(&examples::retracted(), &["reason"], |e| {
        e.reason = line(long + 1);
    });
    check(&examples::confirmed(), &["grounds"], |e| {
        e.grounds = line(long + 1);
    });
    check(&examples::disputed(), &["grounds"], |e| {
        e.grounds = line(long + 1);
    });
    check(&examples::preferred(), &["rationale"], |e| {
        e.rationale = line(long + 1);
    });
    check_attribution(&["attribution.note"], |a| a.note = line(long + 1));
    let mut event = examples::exchange();
    event.title = line(short + 1);
    let violations = Known::from(event).validate().unwrap_err();
    assert!(violations.0[0].limit && violations.0[0].problem.contains("1025"), "{violations}");
}

#[test]
fn only_long_texts_have_lines_and_none_has_other_control_characters() {
    check(&examples::exchange(), &["place"], |e| {
        e.place = "a\nb".into();
    });
    check(&examples::superlative(), &["holder"], |e| {
        e.holder = "a\tb".into();
    });
    check_leg(&["leg.portion"], |leg| leg.portion = "a\u{1b}b".into());
    check_attribution(&["attribution.locator"], |a| a.locator = "\u{0}".into());
    check(&examples::statement(), &[], |e| e.text = "a\n\tb".into());
    check(&examples::statement(), &["text"], |e| {
        e.text = "a\u{1b}[0m".into();
    });
    check(&examples::corrected(), &["reason"], |e| {
        e.reason = "a\rb".into();
    });
}

#[test]
fn a_statement_has_a_text_exactly_if_one_was_made() {
    let declined = proto::StatementMode::Declined.into();
    check(&examples::statement(), &["text"], |e| e.mode = declined);
    check(&examples::statement(), &[], |e| {
        (e.mode, e.text) = (declined, String::new());
    });
    check(&examples::statement(), &["text"], |e| e.text = " \n".into());
}

#[test]
fn a_source_can_be_found_and_recognised() {
    for bad in ["demo.example", "ftp://demo.example", "https://", "http:///x", "https://a b"] {
        check(&examples::source(), &["url"], |e| e.url = bad.into());
        check(&examples::source(), &["archive_url"], |e| {
            e.archive_url = bad.into();
        });
    }
    for good in ["https://demo.example", "HTTPS://demo.example/x", "Http://[::1]/"] {
        check(&examples::source(), &[], |e| e.url = good.into());
    }
    let mut unseen = examples::source();
    unseen.url = "\u{200b}https://demo.example".into();
    let problem = Known::from(unseen).validate().unwrap_err().0.remove(0).problem;
    assert!(problem.contains("begins with U+200B, which shows nothing"), "{problem}");
    let long = format!("https://{}", line(limits::URL_BYTES));
    check(&examples::source(), &["url"], |e| {
        e.url = long[..=limits::URL_BYTES].into();
    });
    check(&examples::source(), &[], |e| {
        e.url = long[..limits::URL_BYTES].into();
    });
    for bad in [line(63), line(65), "g".repeat(64)] {
        check(&examples::source(), &["sha256"], |e| e.sha256 = bad);
    }
    for bad in ["e", "en_GB", "en-", "1n", "en-abcdefghi", "x-demo"] {
        check(&examples::source(), &["language"], |e| {
            e.language = bad.into();
        });
    }
    for good in ["", "tr", "zh-Hant-TW", "es-419"] {
        check(&examples::source(), &[], |e| e.language = good.into());
    }
    let unknown = proto::SourceRegistered { source_id: "demo".into(), ..Default::default() };
    assert_eq!(paths(unknown), [""; 0]);
}

#[test]
fn a_portion_is_looked_at_as_it_will_be_recorded() {
    for good in ["", "first batch ", "first\u{a0}batch", "a\nb", "\u{200b}"] {
        check_leg(&[], |leg| leg.portion = good.into());
    }
    for bad in ["first\u{7}batch", &"a".repeat(limits::SHORT_TEXT_BYTES + 1)] {
        check_leg(&["leg.portion"], |leg| leg.portion = bad.into());
    }
    let long = "a ".repeat(limits::SHORT_TEXT_BYTES / 2) + &"\u{200b}".repeat(9);
    check_leg(&[], |leg| leg.portion.clone_from(&long));
}
