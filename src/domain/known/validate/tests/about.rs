//! Events about a claim.

use super::*;

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
