//! Who gave up, received, spoke for or held: codes of states, former states and everyone else.

use std::{fmt, sync::Arc};

use crate::domain::{
    identity::{Misfit, fold},
    limits,
    name::InvalidName,
};

/// The forms that [`Party::parse`] takes, as they stand in its errors.
pub const ACCEPTED_PARTIES: &str = "accepted are ISO 3166-1 alpha-2 codes (DE), ISO 3166-3 \
     four-letter codes of former states (SUHH), and x- with lower-case letters, digits and \
     hyphens for everyone else (x-unc)";

const OTHER_PREFIX: &str = "x-";

/// Code of a party; cannot hold one that is none of [`ACCEPTED_PARTIES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party(Arc<str>);

impl Party {
    /// Checks and takes a party's code.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() > limits::PARTY_BYTES {
            let limit = limits::PARTY_BYTES;
            let problem = format!("has {} bytes; the limit is {limit}", text.len());
            return Err(InvalidName { problem, limit: true });
        }
        if is_state(text) || is_other(text) {
            return Ok(Self(text.into()));
        }
        let hint =
            suggestion(text).map(|code| format!(", did you mean {code}?")).unwrap_or_default();
        // A letter of another script looks the same and is not.
        let odd = Misfit::not_ascii(text).map(|it| format!(" and has {it}")).unwrap_or_default();
        let problem = format!("is {text:?}, not a party's code{hint}{odd}; {ACCEPTED_PARTIES}");
        Err(InvalidName { problem, limit: false })
    }

    /// The party with the code at the start of a name, as in `TR Ministry`, however it is typed.
    pub fn beginning(name: &str) -> Option<Self> {
        let name = fold(name);
        Self::parse(name.split(' ').next().unwrap_or_default()).ok()
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_state(text: &str) -> bool {
    STATES.binary_search(&text).is_ok() || FORMER_STATES.binary_search(&text).is_ok()
}

/// The form of a BCP 47 subtag list, so that `x-` and `x--a` are refused as typing errors.
fn is_other(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.strip_prefix(OTHER_PREFIX).is_some_and(|rest| rest.split('-').all(word))
}

/// Codes that other lists have, and what stands for them here.
const OF_OTHER_LISTS: [(&str, &str); 4] =
    [("EU", "x-eu"), ("SU", "SUHH"), ("UK", "GB"), ("XK", "x-kosovo")];

/// The code that differs from `text` by its case or by white space around it, or by the list that
/// it is from.
fn suggestion(text: &str) -> Option<String> {
    let (upper, lower) = (text.trim().to_ascii_uppercase(), text.trim().to_ascii_lowercase());
    if let Some((_, ours)) = OF_OTHER_LISTS.iter().find(|(other, _)| *other == upper) {
        return Some((*ours).to_owned());
    }
    if is_state(&upper) { Some(upper) } else { is_other(&lower).then_some(lower) }
}

/// ISO 3166-1 alpha-2, officially assigned; sorted.
const STATES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// ISO 3166-3, codes of former states; sorted.
const FORMER_STATES: [&str; 31] = [
    "AIDJ", "ANHH", "BQAQ", "BUMM", "BYAA", "CSHH", "CSXX", "CTKI", "DDDE", "DYBJ", "FQHH", "FXFR",
    "GEHH", "HVBF", "JTUM", "MIUM", "NHVU", "NQAQ", "NTHH", "PCHH", "PUUM", "PZPA", "RHZW", "SKIN",
    "SUHH", "TPTL", "VDVN", "WKUM", "YDYE", "YUCS", "ZRCD",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_hold_only_codes() {
        assert!(STATES.is_sorted_by(|a, b| a < b) && FORMER_STATES.is_sorted_by(|a, b| a < b));
        let code = |code: &str, length| {
            code.len() == length && code.bytes().all(|b| b.is_ascii_uppercase())
        };
        assert!(STATES.iter().all(|state| code(state, 2)));
        assert!(FORMER_STATES.iter().all(|state| code(state, 4)));
    }

    #[test]
    fn states_former_states_and_named_others_are_parties() {
        for good in ["DE", "AD", "ZW", "SUHH", "AIDJ", "ZRCD", "x-unc", "x-dpr-lpr", "x-17n"] {
            assert_eq!(Party::parse(good).expect(good).as_str(), good);
        }
    }

    #[test]
    fn anything_else_is_refused_and_the_error_says_what_is_accepted() {
        for bad in [
            "",
            "XX",
            "EU",
            "UK",
            "DEU",
            "USSR",
            "x-",
            "x",
            "x--a",
            "x-a-",
            "x-a_b",
            "D\u{45}\u{301}",
        ] {
            let error = Party::parse(bad).expect_err(bad);
            assert!(error.problem.contains(ACCEPTED_PARTIES) && !error.limit, "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_code_in_the_wrong_case_is_refused_with_the_right_one() {
        for (bad, right) in [("de", "DE"), ("Suhh", "SUHH"), ("X-Unc", "x-unc"), (" DE", "DE")]
            .into_iter()
            .chain(OF_OTHER_LISTS)
        {
            assert!(Party::parse(right).is_ok());
            let error = Party::parse(bad).expect_err(bad).to_string();
            assert!(error.contains(&format!("did you mean {right}?")), "{bad}: {error}");
        }
    }

    #[test]
    fn the_first_word_of_a_name_gives_its_party() {
        for name in ["TR MFA", "TR\u{a0}MFA", "\u{feff} TR\u{200b} MFA", "TR"] {
            assert_eq!(Party::beginning(name).map(|it| it.to_string()).as_deref(), Some("TR"));
        }
        assert_eq!((Party::beginning("Anna Demo"), Party::beginning("")), (None, None));
    }

    #[test]
    fn a_letter_that_only_looks_right_is_named() {
        let error = Party::parse("\u{420}U").unwrap_err().to_string();
        assert!(error.contains("has U+0420 (\u{420}) as character 1"), "{error}");
    }

    #[test]
    fn a_code_at_the_limit_is_taken_and_one_byte_more_is_not() {
        let at = format!("x-{}", "a".repeat(limits::PARTY_BYTES - 2));
        assert!(Party::parse(&at).is_ok());
        let error = Party::parse(&format!("{at}a")).unwrap_err();
        assert!(error.limit && error.problem.contains(&limits::PARTY_BYTES.to_string()));
    }
}
