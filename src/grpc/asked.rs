//! What the requests of the reading services share: moments, dates, choices and pages.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{
        date::Edtf,
        event::Position,
        identity::fold,
        limits,
        party::Party,
        proto::{self, as_of::Moment},
        recorded::micros,
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{convert, status::Fault},
    projections::search,
};

/// The moment that is asked about; absent: now.
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

/// The interval that is asked about; empty: any time.
pub(crate) fn occurred(text: &str, path: &str, wrong: &mut Violations) -> Option<Edtf> {
    if text.is_empty() {
        return None;
    }
    Edtf::parse(text).map_err(|error| wrong.add(path, error.to_string())).ok()
}

/// A name or an id that is asked for, as the record compares it; empty: none is.
pub(crate) fn name(text: &str) -> String {
    fold(text).into_owned()
}

/// The party that is asked about.
pub(crate) fn party(code: &str, path: &str, wrong: &mut Violations) -> Option<String> {
    let parsed = Party::parse(&fold(code)).map_err(|error| wrong.add(path, error.to_string()));
    parsed.ok().map(|party| party.to_string())
}

/// The party that is asked about; empty: any.
pub(crate) fn any_party(code: &str, path: &str, wrong: &mut Violations) -> String {
    let said = (!fold(code).is_empty()).then(|| party(code, path, wrong));
    said.flatten().unwrap_or_default()
}

/// The words that are asked for; empty: none are.
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

/// Most entries of a page, and how many there are where the request does not say.
const MOST: usize = 1_000;
const USUAL: usize = 50;

/// A page of a list that stays as it was for the first page, whatever is appended meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Entries before this page.
    start: usize,
    size: usize,
    /// The position that the first page was true for; absent: this is the first.
    at: Option<Position>,
    /// Stands for the request, which must be the same for every page.
    request: [u8; 8],
}

/// What a page token says.
#[derive(Serialize, Deserialize)]
struct Token {
    at: Position,
    start: u64,
    request: [u8; 8],
}

impl Page {
    /// The page that is asked for; `request` is the request without what may differ from page to
    /// page: its size, its token and the position to wait for.
    pub(crate) fn parse(
        size: u32,
        token: &str,
        request: &impl Message,
        wrong: &mut Violations,
    ) -> Self {
        Self::with_usual(USUAL, size, token, request, wrong)
    }

    /// The same where a request that says no size gets `usual`.
    pub(crate) fn with_usual(
        usual: usize,
        size: u32,
        token: &str,
        request: &impl Message,
        wrong: &mut Violations,
    ) -> Self {
        let size = match usize::try_from(size).unwrap_or(usize::MAX) {
            0 => usual,
            size if size > MOST => {
                wrong.exceeds("page_size", "entries", size, MOST);
                MOST
            }
            size => size,
        };
        let digest = Sha256::digest(request.encode_to_vec());
        let request = digest.first_chunk().copied().unwrap_or_default();
        let mut page = Self { start: 0, size, at: None, request };
        if !token.is_empty() {
            page.go_on(token, wrong);
        }
        page
    }

    fn go_on(&mut self, token: &str, wrong: &mut Violations) {
        let decoded = URL_SAFE_NO_PAD.decode(token).ok();
        let token: Option<Token> = decoded.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        match token {
            Some(token) if token.request == self.request => {
                self.at = Some(token.at);
                self.start = usize::try_from(token.start).unwrap_or(usize::MAX);
            }
            Some(_) => wrong.add(
                "page_token",
                "belongs to another request; send the request of the first page again, with \
                 another page_token, page_size or min_position at most",
            ),
            None => wrong.add("page_token", "is no token that an answer gave"),
        }
    }

    /// The position that the list is to be true for, once it is reached.
    pub(crate) async fn position(
        &self,
        engine: &Engine,
        min_position: Position,
        as_of: AsOf,
    ) -> Result<Position, Fault> {
        let record = engine.record();
        record.reached(min_position).await?;
        match self.at {
            Some(at) => Ok(record.moment(AsOf::Position(at)).await?),
            None => Ok(record.moment(as_of).await?),
        }
    }

    /// The entries of this page out of all, and the token of the next; empty: this is the last.
    pub(crate) fn cut<T>(&self, all: Vec<T>, at: Position) -> (Vec<T>, String) {
        let more = all.len() > self.start.saturating_add(self.size);
        let entries: Vec<T> = all.into_iter().skip(self.start).take(self.size).collect();
        let token = if more { self.token(entries.len(), at) } else { String::new() };
        (entries, token)
    }

    /// The token of a page that begins after so many entries of this one.
    pub(crate) fn token(&self, entries: usize, at: Position) -> String {
        let start = self.start.saturating_add(entries) as u64;
        let token = Token { at, start, request: self.request };
        let token = postcard::to_allocvec(&token).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        token.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: u32, token: &str, country: &str) -> Result<Page, Violations> {
        let mut wrong = Violations::default();
        let countries = vec![country.to_owned()];
        let request = proto::GetCountryCountsRequest { countries, ..Default::default() };
        let page = Page::parse(size, token, &request, &mut wrong);
        wrong.into_result(page)
    }

    #[test]
    fn pages_follow_each_other_without_gap_and_the_last_has_no_token() {
        let all: Vec<u32> = (0..7).collect();
        let mut token = String::new();
        let mut seen = Vec::new();
        loop {
            let page = page(3, &token, "UA").unwrap();
            assert_eq!(page.at, (!token.is_empty()).then_some(42));
            let (entries, next) = page.cut(all.clone(), 42);
            seen.extend(entries);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_token_of_another_request_or_of_nobody_is_refused() {
        let (_, token) = page(1, "", "UA").unwrap().cut(vec![1, 2], 42);
        assert!(page(1, &token, "UA").is_ok() && page(5, &token, "UA").is_ok());
        for (token, country) in [(token.as_str(), "RU"), ("AAAA", "UA"), ("!", "UA")] {
            let wrong = page(1, token, country).unwrap_err();
            assert_eq!(wrong.0[0].field, "page_token");
        }
        assert_eq!(page(1_001, "", "UA").unwrap_err().0[0].field, "page_size");
    }
}
