//! Lists in pages: asked for one after the other, and put together as if they were one.

use crate::{cli::exit::Failure, domain::proto, grpc::client::ClientError};

/// Entries of one page: as many as there can be. The server ends a page earlier where texts are
/// long, so that it fits a message.
const PAGE: u32 = 1_000;

/// How much of a list is asked for.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Limit {
    /// At most so many entries; without it all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// At most so many entries.
    pub(super) size: u32,
    /// Where to go on; empty: at the beginning.
    pub(super) token: String,
}

/// An answer that is a part of a list.
pub(super) trait Page {
    /// How to go on; empty: this is the last.
    fn next(&self) -> &str;

    /// How many entries it has.
    fn entries(&self) -> usize;

    /// Puts the page that follows behind this one.
    fn follow(&mut self, next: Self);
}

macro_rules! pages {
    ($($response:ident: $entries:ident),* $(,)?) => {
        $(impl Page for proto::$response {
            fn next(&self) -> &str {
                &self.next_page_token
            }

            fn entries(&self) -> usize {
                self.$entries.len()
            }

            fn follow(&mut self, next: Self) {
                self.$entries.extend(next.$entries);
                self.next_page_token = next.next_page_token;
            }
        })*
    };
}

pages! {
    CountTransfersResponse: groups,
    ExplainCountResponse: exchanges,
    GetClaimResponse: history,
    GetCountHistoryResponse: entries,
    ListExchangesResponse: exchanges,
    ListSourcesResponse: sources,
    ListStatementsResponse: statements,
    ListTransfersResponse: transfers,
}

impl Page for proto::ReconcileSeriesResponse {
    fn next(&self) -> &str {
        &self.next_page_token
    }

    fn entries(&self) -> usize {
        self.steps.len() + self.series.len()
    }

    fn follow(&mut self, next: Self) {
        self.series.extend(next.series);
        self.steps.extend(next.steps);
        self.next_page_token = next.next_page_token;
    }
}

/// Asks for page after page until the list ends or has as many entries as wanted. All pages are
/// true for the position of the first, which their tokens pin.
pub(super) async fn all<R: Page>(
    limit: Limit,
    ask: impl AsyncFn(Ask) -> Result<R, ClientError>,
) -> Result<R, Failure> {
    let most = limit.limit.map_or(usize::MAX, |limit| limit as usize);
    let size = |held: usize| u32::try_from(most - held).unwrap_or(PAGE).min(PAGE);
    let mut whole = ask(Ask { size: size(0), token: String::new() }).await?;
    while !whole.next().is_empty() && whole.entries() < most {
        let token = whole.next().to_owned();
        let size = size(whole.entries());
        whole.follow(ask(Ask { size, token }).await?);
    }
    Ok(whole)
}

/// The line below a table that does not hold the whole list.
pub(super) fn more(page: &impl Page) -> &'static str {
    if page.next().is_empty() { "" } else { "there are more: raise --limit\n" }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A list of 2,450 names, and what was asked of it.
    async fn listed(limit: Option<u32>) -> (Vec<String>, Vec<u32>, String) {
        let asked = RefCell::new(Vec::new());
        let names: Vec<String> = (0..2_450).map(|number| number.to_string()).collect();
        let ask = async |ask: Ask| {
            asked.borrow_mut().push(ask.size);
            let start: usize = ask.token.parse().unwrap_or(0);
            let end = (start + ask.size as usize).min(names.len());
            let more = end < names.len();
            Ok(proto::ReconcileSeriesResponse {
                series: names[start..end].to_vec(),
                next_page_token: if more { end.to_string() } else { String::new() },
                ..Default::default()
            })
        };
        let whole = all(Limit { limit }, ask).await.unwrap();
        let more = more(&whole).to_owned();
        (whole.series, asked.into_inner(), more)
    }

    #[tokio::test]
    async fn every_page_is_asked_for_and_no_more_than_wanted() {
        let (names, asked, more) = listed(None).await;
        assert_eq!((names.len(), asked, more.as_str()), (2_450, vec![1_000, 1_000, 1_000], ""));
        assert_eq!(names.last().unwrap(), "2449");
        let (names, asked, more) = listed(Some(1_010)).await;
        assert_eq!((names.len(), asked), (1_010, vec![1_000, 10]));
        assert!(more.contains("--limit"));
    }
}
