//! Every field rule, accepting and refusing. A row of a table is an event that is acceptable but
//! for one change, and the paths that have to be named.

use prost::Message;

use crate::domain::{
    known::{Known, examples},
    limits, proto,
};

fn paths(event: impl Into<Known>) -> Vec<String> {
    let violations = event.into().validate().err().unwrap_or_default();
    for violation in &violations.0 {
        assert!(!violation.problem.is_empty() && violation.problem.len() < 600, "{violation:?}");
    }
    violations.0.into_iter().map(|violation| violation.field).collect()
}

/// Changes an acceptable event and compares the paths of what is then wrong with it.
fn check<E: Clone + Into<Known>>(sample: &E, expected: &[&str], change: impl FnOnce(&mut E)) {
    let mut event = sample.clone();
    change(&mut event);
    let event = event.into();
    assert_eq!(paths(event.clone()), expected, "{event:?}");
}

fn line(bytes: usize) -> String {
    "a".repeat(bytes)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("x-{index}")).collect()
}

#[test]
fn the_samples_are_acceptable() {
    for event in examples::all() {
        assert_eq!(event.validate(), Ok(()), "{event:?}");
    }
    assert_eq!(paths(examples::running_total()), [""; 0]);
}

#[test]
fn empty_events_name_every_required_field() {
    let empty: Vec<_> = Known::TYPE_NAMES
        .iter()
        .map(|name| Known::decode(name, &[]).expect("known").expect("empty bytes decode"))
        .collect();
    let leg = ["attribution", "leg", "count"].as_slice();
    let expected: [&[&str]; 15] = [
        &["source_id"],
        &["attribution", "speaker", "mode", "text"],
        &["attribution", "exchange_id", "status"],
        &["attribution", "exchange_id", "actor", "role"],
        leg,
        leg,
        leg,
        leg,
        &["attribution", "exchange_id", "text"],
        &["attribution", "detention_id", "subject"],
        &["attribution", "claim"],
        &["attribution", "claim"],
        &["attribution", "claim", "replacement", "by"],
        &["attribution", "claim"],
        &["attribution", "claim"],
    ];
    for (event, expected) in empty.into_iter().zip(expected) {
        assert_eq!(paths(event.clone()), expected, "{event:?}");
    }
}

#[test]
fn an_enum_value_that_nobody_defined_is_refused_everywhere() {
    let odd = 99;
    check(&examples::source(), &["kind"], |e| e.kind = odd);
    check(&examples::statement(), &["mode"], |e| e.mode = odd);
    check(&examples::exchange(), &["kind"], |e| e.kind = odd);
    check(&examples::exchange(), &["status"], |e| e.status = -1);
    check(&examples::role(), &["role"], |e| e.role = odd);
    check(&examples::completed(), &["kind"], |e| e.kind = odd);
    check(&examples::declined(), &["reason"], |e| e.reason = odd);
    check(&examples::detention(), &["status"], |e| e.status = odd);
    check(&examples::corrected(), &["by"], |e| e.by = odd);
    check(&examples::preferred(), &["direction"], |e| e.direction = odd);
    check_leg(&["leg.unit"], |leg| leg.unit = odd);
    check_leg(&["leg.category"], |leg| leg.category = odd);
    check_attribution(&["attribution.reliability"], |a| a.reliability = odd);
    check_attribution(&["attribution.credibility"], |a| a.credibility = 7);
    check(&examples::role(), &["actor.kind"], |e| {
        e.actor.as_mut().unwrap().kind = odd;
    });
}

#[test]
fn a_choice_that_is_needed_is_named_with_what_can_be_chosen() {
    check(&examples::statement(), &["mode"], |e| e.mode = 0);
    check(&examples::exchange(), &["status"], |e| e.status = 0);
    check(&examples::role(), &["role"], |e| e.role = 0);
    check(&examples::corrected(), &["by"], |e| e.by = 0);
    check_leg(&["leg.unit"], |leg| leg.unit = 0);
    let mut event = examples::role();
    event.role = 0;
    let violations = Known::from(event).validate().unwrap_err().to_string();
    assert!(violations.contains("ROLE_REQUESTER, ROLE_REQUESTED_PARTY"), "{violations}");
    assert!(violations.ends_with("ROLE_REPRESENTATIVE, ROLE_OTHER"), "{violations}");
}

#[test]
fn a_choice_that_is_not_needed_may_be_left_open() {
    check(&examples::source(), &[], |e| e.kind = 0);
    check(&examples::exchange(), &[], |e| e.kind = 0);
    check(&examples::completed(), &[], |e| e.kind = 0);
    check(&examples::declined(), &[], |e| e.reason = 0);
    check(&examples::detention(), &[], |e| e.status = 0);
    check_leg(&[], |leg| leg.category = 0);
    check_attribution(&[], |a| (a.reliability, a.credibility) = (0, 0));
}

#[test]
fn ids_are_short_and_without_white_space() {
    for bad in ["", "a b", "a\u{a0}b", "a\nb", "a\u{7}", &line(limits::ID_BYTES + 1)] {
        check(&examples::source(), &["source_id"], |e| {
            e.source_id = bad.into();
        });
        check(&examples::exchange(), &["exchange_id"], |e| {
            e.exchange_id = bad.into();
        });
        check(&examples::role(), &["exchange_id"], |e| {
            e.exchange_id = bad.into();
        });
        check(&examples::superlative(), &["exchange_id"], |e| {
            e.exchange_id = bad.into();
        });
        check(&examples::detention(), &["detention_id"], |e| {
            e.detention_id = bad.into();
        });
        check_leg(&["leg.exchange_id"], |leg| leg.exchange_id = bad.into());
        check_attribution(&["attribution.source_id"], |a| a.source_id = bad.into());
        let optional: &[&str] = if bad.is_empty() { &[] } else { &["exchange_id"] };
        check(&examples::statement(), optional, |e| {
            e.exchange_id = bad.into();
        });
        let optional: &[&str] = if bad.is_empty() { &[] } else { &["follows_exchange_id"] };
        check(&examples::running_total(), optional, |e| {
            e.follows_exchange_id = bad.into();
        });
    }
    for good in ["a", "a/b:c", "\u{130}d", &line(limits::ID_BYTES)] {
        check(&examples::source(), &[], |e| e.source_id = good.into());
        check_leg(&[], |leg| leg.exchange_id = good.into());
    }
}

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
fn parties_are_codes() {
    check_leg(&["leg.from[1]"], |leg| leg.from[1] = "by".into());
    check_leg(&["leg.to[0]"], |leg| leg.to[0] = String::new());
    check(&examples::exchange(), &["parties[0]"], |e| {
        e.parties[0] = "Russia".into();
    });
    check(&examples::completed(), &["via[0]"], |e| {
        e.via[0] = "Geneva".into();
    });
    check(&examples::preferred(), &["country"], |e| {
        e.country = "Germany".into();
    });
    check(&examples::role(), &["actor.party"], |e| {
        e.actor.as_mut().unwrap().party = "UAE".into();
    });
    check_leg(&[], |leg| leg.from = vec!["SUHH".into(), "x-demo".into()]);
}

#[test]
fn no_party_stands_twice_on_a_side_and_a_side_may_be_unsaid() {
    check_leg(&["leg.from[2]"], |leg| leg.from.push("RU".into()));
    check_leg(&["leg.to[1]"], |leg| leg.to.push("DE".into()));
    check_leg(&[], |leg| leg.to.push("RU".into()));
    check_leg(&[], |leg| (leg.from, leg.to) = (vec![], vec![]));
    check(&examples::exchange(), &["parties[2]"], |e| {
        e.parties.push("DE".into());
    });
    check(&examples::completed(), &["via[1]"], |e| {
        e.via.push("CH".into());
    });
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
fn a_speaker_is_named_and_an_actor_is_somebody() {
    let nobody = proto::Actor::default;
    let coded = || examples::actor("DE", "");
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = Some(coded());
    });
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = Some(nobody());
    });
    check(&examples::statement(), &["on_behalf_of"], |e| {
        e.on_behalf_of = Some(nobody());
    });
    check(&examples::role(), &["actor"], |e| e.actor = Some(nobody()));
    check(&examples::role(), &[], |e| {
        e.actor = Some(examples::actor("", "Demo Envoy"));
    });
    check(&examples::detention(), &["custodian"], |e| {
        e.custodian = Some(nobody());
    });
    check(&examples::detention(), &[], |e| e.custodian = None);
    check_attribution(&["attribution.claimed_by"], |a| {
        a.claimed_by = Some(nobody());
    });
    check_attribution(&[], |a| a.claimed_by = Some(coded()));
    check_attribution(&[], |a| a.claimed_by = None);
}

#[test]
fn a_name_that_streams_or_tags_are_called_by_has_a_slug_of_bounded_length() {
    let speaker = |name: &str| Some(examples::actor("", name));
    let at = line(limits::ID_BYTES);
    check(&examples::statement(), &[], |e| e.speaker = speaker(&at));
    let over = format!("{at}a");
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = speaker(&over);
    });
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = speaker("--");
    });
    let claimed_by = speaker("!?");
    check_attribution(&["attribution.claimed_by.name"], |a| {
        a.claimed_by = claimed_by;
    });
    check(&examples::running_total(), &["series"], |e| {
        e.series = "...".into();
    });
    check(&examples::running_total(), &["series"], |e| e.series = over);
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
fn an_exchange_is_no_part_of_itself() {
    check(&examples::exchange(), &["part_of"], |e| {
        e.part_of = "demo-1".into();
    });
    check(&examples::exchange(), &["part_of"], |e| {
        e.part_of = "a b".into();
    });
    check(&examples::exchange(), &[], |e| e.part_of = String::new());
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

#[test]
fn what_is_left_of_a_typed_text_decides() {
    let nothing = || "\u{200b} \u{feff}".to_owned();
    check_leg(&["leg.exchange_id"], |leg| leg.exchange_id = nothing());
    check_leg(&["leg.to[0]"], |leg| leg.to = vec![nothing()]);
    check_leg(&["leg.to[1]"], |leg| leg.to = vec!["DE".into(), "DE\u{200b}".into()]);
    check(&examples::statement(), &["topics[0]"], |e| e.topics = vec![nothing()]);
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = Some(examples::actor("DE", &nothing()));
    });
    check(&examples::statement(), &["on_behalf_of"], |e| {
        e.on_behalf_of = Some(examples::actor(&nothing(), &nothing()));
    });
    check(&examples::exchange(), &["part_of"], |e| {
        e.exchange_id = "\u{e9}".into();
        e.part_of = "e\u{301}".into();
    });
    check(&examples::preferred(), &["country"], |e| e.country = nothing());
    check(&examples::running_total(), &["leg"], |e| e.series = nothing());
    let limit = |count| "\u{e9}".repeat(count / 2);
    let typed = limit(limits::ID_BYTES).replace('\u{e9}', "e\u{301}");
    check_leg(&[], |leg| leg.exchange_id.clone_from(&typed));
    check_leg(&["leg.exchange_id"], |leg| leg.exchange_id = limit(limits::ID_BYTES + 3));
}

#[test]
fn a_count_is_a_value_or_a_range_or_unknown() {
    let count = |value, low, high| proto::Count { value, low, high, ..Default::default() };
    for (value, low, high, expected) in [
        (None, None, None, [].as_slice()),
        (Some(0), None, None, &[]),
        (None, Some(3), None, &[]),
        (None, None, Some(3), &[]),
        (None, Some(3), Some(3), &[]),
        (None, Some(4), Some(3), &["count.low"]),
        (Some(3), Some(3), None, &["count.low"]),
        (Some(3), None, Some(3), &["count.high"]),
        (Some(3), Some(2), Some(4), &["count.low", "count.high"]),
    ] {
        let count = count(value, low, high);
        check(&examples::agreed(), expected, |e| {
            e.count = Some(count.clone());
        });
        check(&examples::declined(), expected, |e| {
            e.count = Some(count.clone());
        });
        check(&examples::total(), expected, |e| {
            e.count = Some(count.clone());
        });
        check(&examples::completed(), expected, |e| {
            (e.count, e.of_which) = (Some(count.clone()), None);
        });
    }
    check(&examples::completed(), &["count.scope"], |e| {
        e.count.as_mut().unwrap().scope = line(limits::SHORT_TEXT_BYTES + 1);
    });
}

#[test]
fn no_part_is_larger_than_its_count_where_that_is_known() {
    let parts = |part| proto::OfWhich {
        minors: Some(part),
        women: Some(part),
        civilians: Some(part),
        wounded: Some(part),
    };
    let count = |value, low, high, approximate| {
        Some(proto::Count { value, low, high, approximate, ..Default::default() })
    };
    let all = ["of_which.minors", "of_which.women", "of_which.civilians", "of_which.wounded"];
    for (count, part, expected) in [
        (count(Some(13), None, None, false), 13, [].as_slice()),
        (count(Some(13), None, None, false), 14, &all),
        (count(None, Some(1), Some(13), false), 13, &[]),
        (count(None, Some(1), Some(13), false), 14, &all),
        (count(None, Some(1), None, false), 14, &[]),
        (count(Some(13), None, None, true), 14, &[]),
        (count(None, None, None, false), 14, &[]),
    ] {
        check(&examples::completed(), expected, |e| {
            (e.count, e.of_which) = (count, Some(parts(part)));
        });
    }
}

#[test]
fn a_total_is_of_a_leg_or_of_a_series_up_to_a_day() {
    check(&examples::total(), &["leg"], |e| e.leg = None);
    check(&examples::total(), &["series"], |e| {
        e.series = "Demo series".into();
    });
    check(&examples::total(), &["as_of"], |e| {
        e.as_of = "2024-08-01".into();
    });
    check(&examples::running_total(), &["leg"], |e| {
        e.series = String::new();
    });
    check(&examples::running_total(), &["as_of"], |e| {
        e.as_of = String::new();
    });
    check(&examples::running_total(), &["count"], |e| e.count = None);
    check(&examples::running_total(), &["series", "as_of"], |e| {
        e.leg = Some(examples::leg());
    });
    check(&examples::total(), &["leg.exchange_id"], |e| {
        e.leg.as_mut().unwrap().exchange_id.clear();
    });
}

#[test]
fn a_claim_about_a_claim_names_its_position() {
    check(&examples::confirmed(), &["claim"], |e| e.claim = 0);
    check(&examples::disputed(), &["claim"], |e| e.claim = 0);
    check(&examples::corrected(), &["claim"], |e| e.claim = 0);
    check(&examples::retracted(), &["claim"], |e| e.claim = 0);
    check(&examples::preferred(), &["claim"], |e| e.claim = 0);
}

#[test]
fn country_and_direction_of_a_preference_go_together() {
    check(&examples::preferred(), &["direction"], |e| e.direction = 0);
    check(&examples::preferred(), &["country"], |e| {
        e.country = String::new();
    });
    check(&examples::preferred(), &[], |e| {
        (e.country, e.direction) = (String::new(), 0);
    });
}

#[test]
fn a_replacement_is_a_claim_that_is_acceptable_itself() {
    let replaced = |event: Known| examples::correction(&event);
    let first_hand = |event: &Known| event.is_first_hand_claim();
    for event in examples::all() {
        let expected: &[&str] = if first_hand(&event) { &[] } else { &["replacement.type_url"] };
        assert_eq!(paths(replaced(event.clone())), expected, "{event:?}");
    }
    let mut wrong = examples::completed();
    wrong.leg.as_mut().unwrap().from[0] = "ru".into();
    wrong.attribution = None;
    let expected = ["replacement.attribution", "replacement.leg.from[0]"];
    assert_eq!(paths(replaced(wrong.into())), expected);
    check(&examples::corrected(), &["replacement.value"], |e| {
        e.replacement.as_mut().unwrap().value = vec![0xff].into();
    });
    check(&examples::corrected(), &["replacement.type_url"], |e| {
        e.replacement.as_mut().unwrap().type_url = "type.googleapis.com/demo.v1.Thing".into();
    });
}

#[test]
fn fields_of_a_newer_protocol_are_let_through() {
    let mut payload = examples::completed().encode_to_vec();
    payload.extend([0xfa, 0x7f, 0x01, b'x']);
    let event = Known::decode("handover.v1.TransferCompleted", &payload).expect("known");
    assert_eq!(event.expect("unknown fields decode").validate(), Ok(()));
}

fn check_leg(expected: &[&str], change: impl Fn(&mut proto::Leg)) {
    check(&examples::agreed(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::completed(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::declined(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::total(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
}

fn check_attribution(expected: &[&str], change: impl FnOnce(&mut proto::Attribution)) {
    check(&examples::superlative(), expected, |e| {
        change(e.attribution.as_mut().unwrap());
    });
}
