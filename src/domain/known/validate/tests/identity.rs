//! Ids, parties, actors and names: what tells things apart.

use super::*;

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
fn a_speaker_is_named_and_an_actor_is_not_empty() {
    let unnamed = proto::Actor::default;
    let coded = || examples::actor("DE", "");
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = Some(coded());
    });
    check(&examples::statement(), &["speaker.name"], |e| {
        e.speaker = Some(unnamed());
    });
    check(&examples::statement(), &["on_behalf_of"], |e| {
        e.on_behalf_of = Some(unnamed());
    });
    check(&examples::role(), &["actor"], |e| e.actor = Some(unnamed()));
    check(&examples::role(), &[], |e| {
        e.actor = Some(examples::actor("", "Demo Envoy"));
    });
    check(&examples::detention(), &["custodian"], |e| {
        e.custodian = Some(unnamed());
    });
    check(&examples::detention(), &[], |e| e.custodian = None);
    check_attribution(&["attribution.claimed_by"], |a| {
        a.claimed_by = Some(unnamed());
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
