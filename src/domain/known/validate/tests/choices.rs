//! Fields that take one value of an enum.

use super::*;

#[test]
fn an_undefined_enum_value_is_refused_everywhere() {
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
