//! Counts, their parts, and totals.

use super::*;

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
