//! Questions about the record, each with one answer.

use super::{Client, ClientError, timed};
use crate::domain::proto;

calls! { exchange_service:
    /// The whole story of one exchange.
    exchange = get_exchange(GetExchangeRequest) -> GetExchangeResponse;
    /// A page of exchanges.
    exchanges = list_exchanges(ListExchangesRequest) -> ListExchangesResponse;
    /// What is said of an exchange, side by side, and what differs.
    reconcile_exchange = reconcile_exchange(ReconcileExchangeRequest) -> ReconcileExchangeResponse;
}

calls! { count_service:
    /// How many each country received and sent.
    country_counts = get_country_counts(GetCountryCountsRequest) -> GetCountryCountsResponse;
    /// A page of figures by groups.
    count_transfers = count_transfers(CountTransfersRequest) -> CountTransfersResponse;
    /// A page of what a country's figure is made of.
    explain_count = explain_count(ExplainCountRequest) -> ExplainCountResponse;
    /// A page of the changes of a country's figure.
    count_history = get_count_history(GetCountHistoryRequest) -> GetCountHistoryResponse;
    /// A page of the steps of a running total, or of the names of all series.
    reconcile_series = reconcile_series(ReconcileSeriesRequest) -> ReconcileSeriesResponse;
}

calls! { statement_service:
    /// A page of statements.
    statements = list_statements(ListStatementsRequest) -> ListStatementsResponse;
}

calls! { transfer_service:
    /// A page of claims about transfers.
    transfers = list_transfers(ListTransfersRequest) -> ListTransfersResponse;
}

calls! { source_service:
    /// One source.
    source = get_source(GetSourceRequest) -> GetSourceResponse;
    /// A page of sources.
    sources = list_sources(ListSourcesRequest) -> ListSourcesResponse;
}

calls! { claim_service:
    /// One claim with a page of its history.
    claim = get_claim(GetClaimRequest) -> GetClaimResponse;
}

calls! { store_service:
    /// The position of the last durable event.
    get_head = get_head(GetHeadRequest) -> GetHeadResponse;
}
