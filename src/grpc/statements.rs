//! `StatementService`: who said what.

use crate::{
    domain::{
        proto::{self, ListOrder, StatementMode},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        claimed::Texts,
        listed,
        page::{Page, Paging, Tokens, Usual},
        request,
        server_stubs::statement_service_server::StatementService,
        service::{Service, recorded, unary},
        status::RpcError,
    },
    projections::lists::{StatementQuery, StatementWalk},
};

impl StatementService for Service {
    recorded! {
        record_statement(RecordStatementRequest { statement }) -> RecordStatementResponse;
    }

    unary! {
        list_statements(ListStatementsRequest) -> ListStatementsResponse = list;
    }
}

async fn list(
    engine: &Engine,
    request: proto::ListStatementsRequest,
) -> Result<proto::ListStatementsResponse, RpcError> {
    let (query, page, as_of) = question(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let walk = StatementWalk::new(query, position);
    let record = engine.record().for_list().await?;
    let list = record.list(page.list(position), walk).await?;
    let some = page.of(&list.claims).to_vec();
    let statements = listed::claims(engine, position, some, Texts::statement).await?;
    Ok(proto::ListStatementsResponse {
        next_page_token: page.next(statements.len(), list.claims.len(), position),
        statements,
        position,
        undated_statements: list.undated,
    })
}

fn question(
    mut request: proto::ListStatementsRequest,
    tokens: Tokens,
) -> Result<(StatementQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::ListStatementsRequest {
        words,
        speaker,
        party,
        topic,
        exchange_id,
        mode,
        occurred,
        source_id,
        order,
        include_retracted,
        as_of,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    request::words(&words, "words", &mut wrong);
    let order = request::choice::<ListOrder>(order, "order", &mut wrong);
    let query = StatementQuery {
        words,
        speaker: request::optional_name(&speaker, "speaker", &mut wrong),
        party: request::any_party(&party, "party", &mut wrong),
        topic: request::optional_name(&topic, "topic", &mut wrong),
        exchange: request::optional_name(&exchange_id, "exchange_id", &mut wrong),
        mode: request::choice::<StatementMode>(mode, "mode", &mut wrong),
        occurred: request::occurred(&occurred, "occurred", &mut wrong),
        source: request::optional_name(&source_id, "source_id", &mut wrong),
        order: request::order(order),
        include_retracted,
    };
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result((query, page, as_of))
}
