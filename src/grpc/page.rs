//! Pages of lists, which stay as they were for the first page, whatever is appended meanwhile.
//!
//! A page token holds where its page begins, and is sealed: what a client sends back is what an
//! answer gave, for this method and this request, or it is refused. The seal is SipHash-2-4 with
//! 128 bits under a key that only the store has, so tokens outlive a restart. `SipHash` is made to
//! authenticate short messages, and the index is keyed by it already; HMAC would be one more
//! dependency, for tokens that name places in public lists.

use std::{fmt, mem};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::{Message, Name};
use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher24;

use crate::{
    domain::{event::Position, history::HistoryId, proto, violation::Violations},
    engine::{AsOf, Engine, ListKey},
    grpc::status::RpcError,
};

/// Most entries of a page.
const MOST: usize = 1_000;
/// The field of every request that goes on.
const FIELD: &str = "page_token";
/// Bytes of a seal, at the end of each token.
const SEAL: usize = 16;

/// Seals page tokens, and knows those that it has sealed.
#[derive(Clone, Copy)]
pub(crate) struct Tokens {
    key: SipHasher24,
    /// The history that new tokens are of.
    history: Option<HistoryId>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// What is hashed under the key, so that nothing of one sort passes for another.
#[derive(Clone, Copy, Debug)]
enum Hashed {
    Request = 1,
    Token = 2,
}

impl Tokens {
    /// The tokens of a store.
    pub(crate) fn of(engine: &Engine) -> Self {
        Self::new(engine.key_for("page tokens"), engine.history().id())
    }

    pub(crate) fn new(key: [u8; 16], history: Option<HistoryId>) -> Self {
        Self { key: SipHasher24::new_with_key(&key), history }
    }

    fn hash(self, sort: Hashed, parts: &[&[u8]]) -> u128 {
        let mut bytes = vec![sort as u8];
        for part in parts {
            bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend(*part);
        }
        self.key.hash(&bytes).as_u128()
    }

    fn seal(self, token: &Token) -> String {
        let mut bytes = postcard::to_allocvec(token).unwrap_or_default();
        bytes.extend(self.history.map(|id| id.0.to_be_bytes()).into_iter().flatten());
        bytes.extend(self.hash(Hashed::Token, &[&bytes]).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A token and its history. Absent: it was not sealed here, or was changed since.
    fn open(self, sealed: &str) -> Option<(Token, Option<HistoryId>)> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (content, seal) = bytes.split_last_chunk::<SEAL>()?;
        // One comparison of all bits: how long it takes says nothing about where they differ.
        let differs = u128::from_be_bytes(*seal) ^ self.hash(Hashed::Token, &[content]);
        if differs != 0 {
            return None;
        }
        let (token, rest) = postcard::take_from_bytes(content).ok()?;
        let history = match rest {
            [] => self.history.filter(|_| planted!("token-of-any-history")),
            id => Some(HistoryId(u128::from_be_bytes(id.try_into().ok()?))),
        };
        Some((token, history))
    }
}

/// What a page token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    /// Stands for the method and the request.
    request: u128,
    /// The position that the first page was true for.
    at: Position,
    begins: Place,
}

/// Where a page begins. What a list does not go by is left as it is at the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Entries before the page.
    pub(crate) offset: usize,
    /// Parts of its first entry that earlier pages contain.
    pub(crate) parts: usize,
    /// In a list by position, that of the last entry before the page.
    pub(crate) after: Position,
    /// What was counted as undated for the first page, where that takes all of the list.
    pub(crate) undated: Option<u32>,
    /// In a list by name, that of the last entry before the page.
    pub(crate) name: String,
}

/// How many entries a page has where the request does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usual {
    /// Few: a client looks at the first ones.
    Few,
    /// As many as a page can have.
    Many,
    /// As many as fit an answer.
    All,
}

impl Usual {
    fn entries(self) -> usize {
        match self {
            Self::Few => 50,
            Self::Many => MOST,
            Self::All => usize::MAX,
        }
    }
}

/// A request that is answered in pages.
pub(crate) trait Paged: Message + Name {
    /// Takes out what may differ from page to page: the size, the token, the position to wait for.
    fn take_paging(&mut self) -> (u32, String, Position);
}

macro_rules! paged {
    ($($request:ident $(by $size:ident)?,)*) => {
        $(impl Paged for proto::$request {
            fn take_paging(&mut self) -> (u32, String, Position) {
                let size = 0 $(+ mem::take(&mut self.$size))?;
                (size, mem::take(&mut self.page_token), mem::take(&mut self.min_position))
            }
        })*
    };
}

paged! {
    CountTransfersRequest by page_size,
    ExplainCountRequest by page_size,
    GetClaimRequest by page_size,
    GetCountHistoryRequest by page_size,
    GetCountryCountsRequest by page_size,
    GetExchangeRequest,
    ListExchangesRequest by page_size,
    ListGroupsRequest by page_size,
    ListSourcesRequest by page_size,
    ListStatementsRequest by page_size,
    ListTransfersRequest by page_size,
    ReconcileExchangeRequest,
    ReconcileSeriesRequest by page_size,
}

/// Which page a request is for, before that is checked.
pub(crate) struct Paging {
    tokens: Tokens,
    request: u128,
    size: u32,
    token: String,
    min_position: Position,
}

impl Paging {
    /// Takes it out of a request. What is left of that must be the same for every page.
    pub(crate) fn of<R: Paged>(tokens: Tokens, request: &mut R) -> Self {
        let (size, token, min_position) = request.take_paging();
        // Each method has a request type of its own, so the name of the type stands for the method.
        let parts = [R::full_name().into_bytes(), request.encode_to_vec()];
        let request = tokens.hash(Hashed::Request, &[&parts[0], &parts[1]]);
        Self { tokens, request, size, token, min_position }
    }

    /// The requested page.
    pub(crate) fn page(self, usual: Usual, wrong: &mut Violations) -> Page {
        let Self { tokens, request, size, token, min_position } = self;
        let size = match usize::try_from(size).unwrap_or(usize::MAX) {
            0 => usual.entries(),
            size if size > MOST => {
                wrong.exceeds("page_size", "entries", size, MOST);
                MOST
            }
            size => size,
        };
        let begins = Place::default();
        let (at, history) = (None, None);
        let mut page = Page { begins, size, at, history, min_position, request, tokens };
        if !token.is_empty() {
            page.go_on(&token, wrong);
        }
        page
    }
}

/// The requested page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    begins: Place,
    size: usize,
    /// The position that the first page was true for; absent: this is the first.
    at: Option<Position>,
    /// The history of its token; absent: the original one, or this is the first.
    history: Option<HistoryId>,
    /// The position to wait for.
    min_position: Position,
    /// Stands for the method and the request, which must be the same for every page.
    request: u128,
    tokens: Tokens,
}

impl Page {
    /// The token of the page that begins at a part of an entry, given from where this one begins;
    /// empty: the entries end there.
    pub(crate) fn next_part(&self, next: &Place, entries: usize, at: Position) -> String {
        let offset = self.begins.offset.saturating_add(next.offset);
        if offset >= entries {
            return String::new();
        }
        self.token(Place { offset, parts: next.parts, ..Place::default() }, at)
    }

    /// The first page of what a request without a token asks for.
    pub(crate) fn first<R: Paged>(tokens: Tokens, mut request: R) -> Self {
        Paging::of(tokens, &mut request).page(Usual::Few, &mut Violations::default())
    }

    fn go_on(&mut self, token: &str, wrong: &mut Violations) {
        match self.tokens.open(token) {
            Some((token, history)) if token.request == self.request => {
                self.at = Some(token.at);
                self.history = history;
                self.begins = token.begins;
            }
            Some(_) => wrong.add(
                FIELD,
                "belongs to another request; send the request of the first page again, with \
                 another page_token, page_size or min_position at most",
            ),
            None => wrong.add(
                FIELD,
                "is not a token from an answer of this store; begin again with the first page, \
                 without a page_token",
            ),
        }
    }

    /// The position that the list is to be true for, once it is reached.
    pub(crate) async fn position(
        &self,
        engine: &Engine,
        as_of: AsOf,
    ) -> Result<Position, RpcError> {
        self.check_history(engine)?;
        let record = engine.record();
        record.reached(self.min_position).await?;
        match self.at {
            Some(at) => Ok(record.moment(AsOf::Position(at)).await?),
            None => Ok(record.moment(as_of).await?),
        }
    }

    /// Refuses a page of a list that was true for a position of another history.
    pub(crate) fn check_history(&self, engine: &Engine) -> Result<(), RpcError> {
        match self.at {
            Some(at) => Ok(engine.reach_of(self.history).check("page_token", at)?),
            None => Ok(()),
        }
    }

    /// The position to wait for.
    pub(crate) fn min_position(&self) -> Position {
        self.min_position
    }

    /// Where it begins.
    pub(crate) fn begins(&self) -> &Place {
        &self.begins
    }

    /// Most entries of it.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Which list it is a page of.
    pub(crate) fn list(&self, at: Position) -> ListKey {
        ListKey { question: self.request, at }
    }

    /// The entries of this page out of all.
    pub(crate) fn of<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let end = self.begins.offset.saturating_add(self.size).min(all.len());
        all.get(self.begins.offset..end).unwrap_or_default()
    }

    /// The token of the page after so many entries of this one, out of so many entries of the
    /// list; empty: this is the last.
    pub(crate) fn next(&self, entries: usize, all: usize, at: Position) -> String {
        self.next_part(&Place { offset: entries, ..Place::default() }, all, at)
    }

    /// The token of the page that begins there.
    pub(crate) fn token(&self, begins: Place, at: Position) -> String {
        self.tokens.seal(&Token { request: self.request, at, begins })
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TOKENS: [u8; 16] = [7; 16];

    fn requested(size: u32, token: &str, country: &str, key: [u8; 16]) -> Result<Page, Violations> {
        let mut wrong = Violations::default();
        let (country, page_token) = (country.to_owned(), token.to_owned());
        let mut request = proto::GetCountHistoryRequest {
            country,
            page_size: size,
            page_token,
            ..Default::default()
        };
        let page = Paging::of(Tokens::new(key, None), &mut request).page(Usual::Few, &mut wrong);
        wrong.into_result(page)
    }

    fn page(size: u32, token: &str, country: &str) -> Result<Page, Violations> {
        requested(size, token, country, TOKENS)
    }

    fn refused(page: Result<Page, Violations>) -> (String, String) {
        let wrong = page.unwrap_err().0.remove(0);
        (wrong.field, wrong.problem)
    }

    #[test]
    fn pages_follow_each_other_without_gap_and_the_last_has_no_token() {
        let all: Vec<u32> = (0..7).collect();
        let mut token = String::new();
        let mut seen: Vec<u32> = Vec::new();
        loop {
            let page = page(3, &token, "UA").unwrap();
            assert_eq!(page.at, (!token.is_empty()).then_some(42));
            let entries = page.of(&all);
            seen.extend(entries);
            token = page.next(entries.len(), all.len(), 42);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_token_is_good_for_its_request_alone_whatever_the_size_of_the_page() {
        let token = page(1, "", "UA").unwrap().next(1, 2, 42);
        assert!(page(1, &token, "UA").is_ok() && page(5, &token, "UA").is_ok());
        let (field, problem) = refused(page(1, &token, "RU"));
        assert!(field == FIELD && problem.contains("another request"), "{problem}");
        // The request of another method, although it says the same in the same bytes.
        let mut wrong = Violations::default();
        let (country, page_token) = ("UA".to_owned(), token.clone());
        let mut request = proto::ExplainCountRequest { country, page_token, ..Default::default() };
        Paging::of(Tokens::new(TOKENS, None), &mut request).page(Usual::Few, &mut wrong);
        assert_eq!(wrong.0[0].field, FIELD);
        assert_eq!(page(1_001, "", "UA").unwrap_err().0[0].field, "page_size");
    }

    #[test]
    fn a_token_that_was_changed_in_any_bit_or_made_elsewhere_is_refused() {
        let token = page(1, "", "UA").unwrap().next(1, 2, 42);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let (field, problem) = refused(page(1, &URL_SAFE_NO_PAD.encode(changed), "UA"));
            assert!(field == FIELD && problem.contains("begin again"), "bit {bit}: {problem}");
        }
        let unsealed = URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - SEAL]);
        // What answers gave before tokens were sealed: position, offset, and eight bytes.
        let earlier = URL_SAFE_NO_PAD.encode([42, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        for token in [unsealed.as_str(), earlier.as_str(), "AAAA", "!", &token[1..]] {
            let (field, problem) = refused(page(1, token, "UA"));
            assert!(field == FIELD && problem.contains("begin again"), "{token}: {problem}");
        }
        let (field, _) = refused(requested(1, &token, "UA", [8; 16]));
        assert_eq!(field, FIELD, "another store");
    }

    #[test]
    fn a_token_has_the_history_that_it_was_sealed_in() {
        let of = |history| {
            let mut request = proto::GetCountHistoryRequest::default();
            let tokens = Tokens::new(TOKENS, history);
            Paging::of(tokens, &mut request).page(Usual::Few, &mut Violations::default())
        };
        let restored = Some(HistoryId(5));
        for history in [None, restored] {
            let token = of(history).next(1, 2, 42);
            let (found, sealed_in) = Tokens::new(TOKENS, restored).open(&token).unwrap();
            assert_eq!((found.at, sealed_in), (42, history));
        }
    }
}
