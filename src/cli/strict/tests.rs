use proptest::prelude::*;

use super::*;
use crate::cli::payload;

/// What a payload of this type with these members is refused for, and where.
fn refused(name: &str, members: &str) -> String {
    let text = format!("{{\"@type\":\"handover.v1.{name}\",\n{members}}}");
    let error = payload::read(&text).expect_err(&text);
    format!("{}:{}: {}", error.line, error.column, error.problem)
}

#[test]
fn a_field_that_is_given_twice_is_refused_at_its_second_place() {
    for (name, members, expected) in [
        ("ExchangeReported", r#""occurred":"2024","occurred":"2025""#, "2:19: \"occurred\" is"),
        ("ExchangeReported", r#""occurred":"2024","occurred":null"#, "2:19: \"occurred\" is given"),
        (
            "ExchangeReported",
            r#""exchangeId":"a","exchange_id":"b""#,
            "2:18: \"exchange_id\" is the field that \"exchangeId\" is, and so it is given twice",
        ),
        (
            "ExchangeReported",
            r#""exchange_id":"a","exchangeId":"a""#,
            "2:19: \"exchangeId\" is the field that \"exchange_id\" is",
        ),
        ("Leg", r#""@type":"handover.v1.Leg""#, "2:1: \"@type\" is given twice"),
        ("StatementMade", r#""attribution":{},"attribution":{}"#, "2:18: \"attribution\" is given"),
        (
            "StatementMade",
            "\"attribution\":\n{\"sourceId\":\"a\",\"source_id\":\"b\"}",
            "3:17: \"source_id\" is the field",
        ),
        (
            "StatementMade",
            r#""attribution":{"relayedBy":[{"name":"a"},{"name":"b","name":"c"}]}"#,
            "2:54: \"name\" is given twice",
        ),
        ("TransferAgreed", r#""count":{"value":1,"value":2}"#, "2:20: \"value\" is given twice"),
        ("ClaimRetracted", r#""claim":"e1","claim":"e2""#, "2:14: \"claim\" is given twice"),
        (
            "ClaimCorrected",
            r#""replacement":{"title":"a","@type":"handover.v1.ExchangeReported","title":"b"}"#,
            "2:67: \"title\" is given twice",
        ),
        (
            "ClaimCorrected",
            r#""replacement":{"part_of":"a","partOf":"b","@type":"handover.v1.ExchangeReported"}"#,
            "2:30: \"partOf\" is the field that \"part_of\" is",
        ),
        (
            "ClaimCorrected",
            r#""replacement":{"@type":"handover.v1.Leg","@type":"handover.v1.ExchangeReported"}"#,
            "2:42: \"@type\" is given twice",
        ),
        ("NewEvent", r#""metadata":{"k":"1","k":"2"}"#, "2:21: \"k\" is given twice"),
        ("ExchangeReported", r#""title":"a","t\u0069tle":"b""#, "2:26: \"title\" is given twice"),
        // One that is unknown is refused as such, and twice as well.
        ("Leg", r#""x":1,"x":2"#, "2:7: \"x\" is given twice"),
        ("Leg", r#""x":1"#, "2:3: 'x' is not a field of this message"),
    ] {
        let error = refused(name, members);
        assert!(error.starts_with(expected), "{members}: {error}");
    }
    // The payload of another's type has members too.
    let text = r#"{"@type":"demo.v1.X","@bytes":"","@bytes":"AQ=="}"#;
    assert_eq!(payload::read(text).unwrap_err().problem, "\"@bytes\" is given twice");
    // Keys of a map are no spellings of a field, and `null` says that a member is not there.
    let text = r#"{"@type":"handover.v1.NewEvent","metadata":{"a_b":"1","aB":"2"},"tags":null}"#;
    assert!(payload::read(text).is_ok());
}

#[test]
fn one_of_several_is_given_once() {
    for (members, expected) in [
        (r#""afterPosition":"1","afterRevision":"2""#, "multiple fields provided for oneof"),
        (r#""afterPosition":"1","after_position":"2""#, "is the field that \"afterPosition\" is"),
    ] {
        let error = refused("ReadRequest", members);
        assert!(error.contains(expected), "{members}: {error}");
    }
}

#[test]
fn a_number_is_never_taken_for_another_one() {
    for number in [
        "18446744073709551616",
        "-1",
        "1e30",
        "1e999999999999999999999",
        "1.5",
        "1e-1",
        "1e-999999999999999999999",
        "1.00000000000000000001",
        "18446744073709551615.5",
        "1844674407370955161.6",
        "100000000000000000000000000000000000000000000000",
    ] {
        let expected =
            format!("2:9: is {number}; the field holds whole numbers from 0 to 18446744073");
        let error = refused("ClaimRetracted", &format!("\"claim\":{number}"));
        assert!(error.starts_with(&expected), "{error}");
        assert!(!refused("Count", &format!("\"value\":{number}")).is_empty());
    }
    for number in ["4294967296", "4294967295.4", "-1", "1e10"] {
        let expected =
            format!("2:9: is {number}; the field holds whole numbers from 0 to 4294967295");
        assert_eq!(refused("Count", &format!("\"value\":{number}")), expected);
    }
    for number in ["9007199254740993.0", "18446744073709551615.0", "1.8e19"] {
        let expected =
            format!("2:9: is {number}, which is exact only without a point and an exponent");
        assert_eq!(refused("ClaimRetracted", &format!("\"claim\":{number}")), expected);
    }
    for number in ["2147483648", "-2147483649", "1e10"] {
        let expected = "the field holds whole numbers from -2147483648 to 2147483647";
        assert!(refused("Leg", &format!("\"unit\":{number}")).ends_with(expected));
    }
    // As a text it is read digit by digit, and is no fraction either.
    for number in ["4294967296", "-1", "1.0", "1e2", " 1", "1 ", "", "0x1", "\u{661}"] {
        let error = refused("Count", &format!("\"value\":\"{number}\""));
        assert!(error.starts_with("2:"), "{number}: {error}");
    }
}

#[test]
fn a_number_that_a_field_holds_is_taken_in_each_of_its_spellings() {
    use crate::domain::proto::Count;
    use prost::Message as _;

    for (number, value) in [
        ("0", 0),
        ("-0", 0),
        ("0e-7", 0),
        ("0.000e99999999999999999999", 0),
        ("5", 5),
        ("5.0", 5),
        ("0.5e1", 5),
        ("500e-2", 5),
        ("4.294967295e9", u32::MAX),
        ("4294967295", u32::MAX),
        ("\"4294967295\"", u32::MAX),
    ] {
        let text = format!(r#"{{"@type":"handover.v1.Count","value":{number}}}"#);
        let any = payload::read(&text).expect(number).pack(None);
        let count = Count::decode(any.value).unwrap();
        assert_eq!(count.value, Some(value), "{number}");
    }
}

#[test]
fn what_is_no_value_of_a_field_is_refused() {
    for (name, members) in [
        ("Leg", r#""unit":"unit_person""#),
        ("Leg", r#""unit":"PERSON""#),
        ("Leg", r#""unit":"1""#),
        ("Leg", r#""unit":1.0"#),
        ("Leg", r#""unit":true"#),
        ("Leg", r#""from":"DE""#),
        ("Leg", r#""from":["DE",null]"#),
        ("Leg", r#""from":["DE",1]"#),
        ("Leg", r#""portion":1"#),
        ("Leg", r#""portion":["a"]"#),
        ("Count", r#""value":true"#),
        ("Count", r#""value":[5]"#),
        ("Count", r#""approximate":"true""#),
        ("Count", r#""approximate":1"#),
        ("TransferAgreed", r#""leg":[]"#),
        ("TransferAgreed", r#""leg":"a""#),
    ] {
        assert!(refused(name, members).starts_with("2:"), "{members}");
    }
}

proptest! {
    #[test]
    fn a_whole_number_is_read_as_it_is_written(number in any::<i64>(), zeros in 0..9_u8) {
        let number = i128::from(number);
        let (power, digits) = (10_i128.pow(zeros.into()), "0".repeat(zeros.into()));
        prop_assert_eq!(whole(&number.to_string()), Some(number));
        prop_assert_eq!(whole(&format!("{number}.{digits}")), Some(number));
        prop_assert_eq!(whole(&format!("{number}e{zeros}")), Some(number * power));
        let scaled = format!("{number}{digits}E-{zeros}");
        prop_assert_eq!(whole(&scaled), Some(number));
        prop_assert_eq!(whole(&format!("{number}.5")), None);
    }
}
