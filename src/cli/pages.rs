//! Lists in pages: requested one after the other, and put together as if they were one.

mod merged;

use prost::{Message, Name};

use crate::{
    cli::{exit::Failure, words},
    domain::proto,
    grpc::client::{Client, ClientError},
};

/// Entries of one page: as many as there can be. The server ends a page earlier where texts are
/// long, so that it fits a message.
const PAGE: u32 = 1_000;

/// How much of a list is requested.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Limit {
    /// At most this many entries; by default all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Which page is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// At most so many entries.
    pub(super) size: u32,
    /// Where to go on; empty: at the beginning.
    pub(super) token: String,
}

/// A request that is answered in pages.
pub(super) trait Paged: Clone {
    /// The answer.
    type Response: Page + Message + Name;

    /// Requests one page.
    async fn page(&self, client: &Client, page: PageRequest)
    -> Result<Self::Response, ClientError>;

    /// The position that an answer is true for.
    fn position(response: &Self::Response) -> u64;
}

/// An answer that is a part of a list.
pub(super) trait Page {
    /// How to go on; empty: this is the last.
    fn next(&self) -> String;

    /// How many entries it has.
    fn entries(&self) -> usize;

    /// Puts the page that follows behind this one.
    fn follow(&mut self, next: Self);

    /// Whether its last entry goes on with the next page.
    fn is_cut(&self) -> bool {
        false
    }
}

/// A page that is a list of messages.
pub(super) trait ListPage: Page {
    /// An entry of the list.
    type Entry: Message + Name;

    /// Its entries.
    fn listed(&self) -> &[Self::Entry];

    /// What a request by date leaves out, as a line; empty: nothing.
    fn undated(&self) -> String;
}

/// Requests by the method of the client that sends them. Where no size is named, a page has as
/// many entries as fit an answer.
macro_rules! requests {
    ($($call:ident: $request:ident -> $response:ident $(, $size:ident)?;)*) => {
        $(impl Paged for proto::$request {
            type Response = proto::$response;

            async fn page(
                &self,
                client: &Client,
                page: PageRequest,
            ) -> Result<Self::Response, ClientError> {
                let page = Self { $($size: page.size,)? page_token: page.token, ..self.clone() };
                client.$call(page).await
            }

            fn position(response: &Self::Response) -> u64 {
                response.position
            }
        })*
    };
}

requests! {
    claim: GetClaimRequest -> GetClaimResponse, page_size;
    count_history: GetCountHistoryRequest -> GetCountHistoryResponse, page_size;
    count_transfers: CountTransfersRequest -> CountTransfersResponse, page_size;
    country_counts: GetCountryCountsRequest -> GetCountryCountsResponse, page_size;
    exchange: GetExchangeRequest -> GetExchangeResponse;
    exchanges: ListExchangesRequest -> ListExchangesResponse, page_size;
    explain_count: ExplainCountRequest -> ExplainCountResponse, page_size;
    list_groups: ListGroupsRequest -> ListGroupsResponse;
    reconcile_exchange: ReconcileExchangeRequest -> ReconcileExchangeResponse;
    reconcile_series: ReconcileSeriesRequest -> ReconcileSeriesResponse, page_size;
    sources: ListSourcesRequest -> ListSourcesResponse, page_size;
    statements: ListStatementsRequest -> ListStatementsResponse, page_size;
    transfers: ListTransfersRequest -> ListTransfersResponse, page_size;
}

/// Answers by their entries, and what they leave out where they count it.
macro_rules! lists {
    ($($response:ident: $entries:ident of $entry:ident $(, $undated:ident: $noun:literal)?;)*) => {
        $(impl Page for proto::$response {
            fn next(&self) -> String {
                self.next_page_token.clone()
            }

            fn entries(&self) -> usize {
                self.$entries.len()
            }

            fn follow(&mut self, next: Self) {
                self.$entries.extend(next.$entries);
                self.next_page_token = next.next_page_token;
            }
        }

        impl ListPage for proto::$response {
            type Entry = proto::$entry;

            fn listed(&self) -> &[proto::$entry] {
                &self.$entries
            }

            fn undated(&self) -> String {
                String::new() $(+ &words::undated(self.$undated, $noun))?
            }
        })*
    };
}

lists! {
    CountTransfersResponse: groups of CountGroup, undated_exchanges: "exchange";
    GetClaimResponse: history of ClaimHistoryEntry;
    GetCountHistoryResponse: entries of CountHistoryEntry;
    GetCountryCountsResponse: counts of CountryCount, undated_exchanges: "exchange";
    ListExchangesResponse: exchanges of ExchangeSummary, undated_exchanges: "exchange";
    ListGroupsResponse: groups of Group;
    ListSourcesResponse: sources of SourceEntry;
    ListStatementsResponse: statements of StatementEntry, undated_statements: "statement";
    ListTransfersResponse: transfers of TransferEntry, undated_exchanges: "exchange";
}

/// The answer to a request, all pages of it or as many as hold the wanted entries.
pub(super) async fn whole<R: Paged>(
    client: &Client,
    request: &R,
    limit: Limit,
) -> Result<R::Response, Failure> {
    all(limit, async |page| request.page(client, page).await).await
}

/// Asks for page after page until the list ends or has as many entries as wanted. All pages are
/// true for the position of the first, which their tokens pin.
async fn all<R: Page, E>(
    limit: Limit,
    fetch: impl AsyncFn(PageRequest) -> Result<R, E>,
) -> Result<R, Failure>
where
    Failure: From<E>,
{
    let first = fetch(PageRequest { size: limit.size(0), token: String::new() }).await?;
    rest(limit, first, fetch).await
}

/// Asks on where a first page is there already.
pub(super) async fn rest<R: Page, E>(
    limit: Limit,
    first: R,
    fetch: impl AsyncFn(PageRequest) -> Result<R, E>,
) -> Result<R, Failure>
where
    Failure: From<E>,
{
    let mut whole = first;
    while !whole.next().is_empty() && (whole.entries() < limit.most() || whole.is_cut()) {
        let (size, token) = (limit.size(whole.entries()), whole.next());
        whole.follow(fetch(PageRequest { size, token }).await?);
    }
    Ok(whole)
}

impl Limit {
    /// Entries that are wanted in all.
    fn most(self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit as usize)
    }

    /// Entries of the next page where so many are there; one at least, of which the last may be
    /// the rest.
    fn size(self, held: usize) -> u32 {
        let left = self.most().saturating_sub(held).max(1);
        u32::try_from(left).unwrap_or(PAGE).min(PAGE)
    }
}

/// The line below a table that does not hold the whole list.
pub(super) fn more(page: &impl Page) -> &'static str {
    if page.next().is_empty() { "" } else { "there are more: raise --limit\n" }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A list of 2,450 names, and the requests for it.
    async fn listed(limit: Option<u32>) -> (Vec<String>, Vec<u32>, String) {
        let requested = RefCell::new(Vec::new());
        let names: Vec<String> = (0..2_450).map(|number| number.to_string()).collect();
        let fetch = async |page: PageRequest| {
            requested.borrow_mut().push(page.size);
            let start: usize = page.token.parse().unwrap_or(0);
            let end = (start + page.size as usize).min(names.len());
            let more = end < names.len();
            Ok::<_, ClientError>(proto::ReconcileSeriesResponse {
                series: names[start..end].to_vec(),
                next_page_token: if more { end.to_string() } else { String::new() },
                ..Default::default()
            })
        };
        let whole = all(Limit { limit }, fetch).await.unwrap();
        let more = more(&whole).to_owned();
        (whole.series, requested.into_inner(), more)
    }

    #[tokio::test]
    async fn every_page_is_requested_and_no_more_than_wanted() {
        let (names, requested, more) = listed(None).await;
        assert_eq!((names.len(), requested, more.as_str()), (2_450, vec![1_000, 1_000, 1_000], ""));
        assert_eq!(names.last().unwrap(), "2449");
        let (names, requested, more) = listed(Some(1_010)).await;
        assert_eq!((names.len(), requested), (1_010, vec![1_000, 10]));
        assert!(more.contains("--limit"));
    }
}
