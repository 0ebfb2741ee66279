//! What the requests of the reading services share: moments, dates and choices.

use crate::{
    domain::{
        date::Edtf,
        identity::fold,
        limits,
        party::Party,
        proto::{self, ListOrder, as_of::Moment},
        recorded::micros,
        violation::Violations,
    },
    engine::AsOf,
    grpc::convert,
    projections::search,
};

/// The moment that the request names; absent: now.
pub(crate) fn as_of(as_of: Option<proto::AsOf>, path: &str, wrong: &mut Violations) -> AsOf {
    match as_of.map(|as_of| as_of.moment) {
        None => AsOf::Now,
        Some(Some(Moment::Position(position))) => AsOf::Position(position),
        Some(Some(Moment::RecordedTime(time))) => {
            convert::check_time(&time, &format!("{path}.recorded_time"), wrong);
            AsOf::Time(micros(&time))
        }
        Some(None) => {
            wrong.add(path, "names no moment; give a position or a time, or leave it out");
            AsOf::Now
        }
    }
}

/// The interval that the request names; empty: any time.
pub(crate) fn occurred(text: &str, path: &str, wrong: &mut Violations) -> Option<Edtf> {
    if text.is_empty() {
        return None;
    }
    Edtf::parse_queried(text).map_err(|error| wrong.add(path, error.to_string())).ok()
}

/// A required name or id, as the record compares it.
pub(crate) fn name(text: &str) -> String {
    fold(text).into_owned()
}

/// A name or an id that selects, as the record compares it; empty: none was given. A text that
/// shows nothing is refused: taken as none, it would select everything.
pub(crate) fn optional_name(text: &str, path: &str, wrong: &mut Violations) -> String {
    let folded = name(text);
    if folded.is_empty() && !text.is_empty() {
        let problem = "has nothing but space or characters that show nothing; \
                       give a name, or leave it out";
        wrong.add(path, problem);
    }
    folded
}

/// The party that the request names.
pub(crate) fn party(code: &str, path: &str, wrong: &mut Violations) -> Option<String> {
    let parsed = Party::parse(&fold(code)).map_err(|error| wrong.add(path, error.to_string()));
    parsed.ok().map(|party| party.to_string())
}

/// The party that the request names; empty: any.
pub(crate) fn any_party(code: &str, path: &str, wrong: &mut Violations) -> String {
    let given = !optional_name(code, path, wrong).is_empty();
    given.then(|| party(code, path, wrong)).flatten().unwrap_or_default()
}

/// Checks the words to search for; empty: none.
pub(crate) fn words(text: &str, path: &str, wrong: &mut Violations) {
    if text.len() > limits::SHORT_TEXT_BYTES {
        wrong.exceeds(path, "bytes", text.len(), limits::SHORT_TEXT_BYTES);
    } else if !text.is_empty() && search::words(text).next().is_none() {
        wrong.add(path, "holds no word; give letters or digits, or leave it out");
    }
}

/// The number of an enum's value; absent: unspecified, or none of its values.
pub(crate) fn choice<E: TryFrom<i32>>(
    number: i32,
    path: &str,
    wrong: &mut Violations,
) -> Option<i32> {
    if number == 0 {
        return None;
    }
    if E::try_from(number).is_err() {
        wrong.add(path, format!("is {number}, which is none of the values of this enum"));
        return None;
    }
    Some(number)
}

/// The order that a choice is the number of; of none, the usual one.
pub(crate) fn order(choice: Option<i32>) -> ListOrder {
    choice.and_then(|it| ListOrder::try_from(it).ok()).unwrap_or_default()
}
