//! `ExplainCount`: the claims behind a country's figure, and what becomes of each.

use std::sync::Arc;

use crate::{
    domain::{
        date::Edtf,
        event::Position,
        figure::Figure,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        asked,
        budget::Budget,
        claimed::Texts,
        counts::figure_key::NamedFigure,
        page::{Page, Tokens},
        status::Fault,
    },
    projections::{
        explain::{BehindQuery, BehindWalk, ExplainWalk, ExplainedExchange, ExplainedLeg},
        register::Register,
        told::{ToldLeg, ToldPreference},
    },
};

/// What is asked.
#[derive(Clone)]
pub(super) struct Question {
    figure: NamedFigure,
    exchange: String,
    occurred: Option<Edtf>,
    include_past: bool,
    as_of: AsOf,
    min_position: Position,
    page: Page,
}

pub(super) fn question(
    request: &proto::ExplainCountRequest,
    tokens: Tokens,
) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let same = proto::ExplainCountRequest {
        min_position: 0,
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let (unit, direction) = (request.unit, request.direction);
    let question = Question {
        figure: NamedFigure::parse(&request.country, unit, direction, &mut wrong),
        exchange: asked::name(&request.exchange_id),
        occurred: asked::occurred(&request.occurred, "occurred", &mut wrong),
        include_past: request.include_past,
        as_of: asked::as_of(request.as_of, "as_of", &mut wrong),
        min_position: request.min_position,
        page: Page::parse(tokens, request.page_size, &request.page_token, &same, &mut wrong),
    };
    wrong.into_result(question)
}

impl Question {
    /// The figure; absent: the record knows nothing of it. It is a fault if the exchange that is
    /// asked about is not in the record.
    fn find(&self, register: &Register, at: Position) -> Result<Option<BehindQuery>, Fault> {
        let vocabulary = register.claims().vocabulary();
        let only = match self.exchange.as_str() {
            "" => None,
            id => {
                let known = vocabulary.find(id).filter(|it| register.at(at).knows(*it));
                Some(known.ok_or_else(|| not_found(id))?)
            }
        };
        let occurred = self.occurred.clone();
        Ok(self.figure.key(register).map(|key| BehindQuery { key, only, occurred }))
    }
}

fn not_found(exchange: &str) -> Fault {
    let message = format!("no claim about exchange {exchange:?} is recorded");
    Fault::new(tonic::Code::NotFound, ErrorReason::NotFound, message)
}

pub(super) async fn answer(
    engine: &Engine,
    question: Question,
) -> Result<proto::ExplainCountResponse, Fault> {
    let position = question.page.position(engine, question.min_position, question.as_of).await?;
    let (asked, record) = (question.clone(), engine.record());
    let found = record.ask(move |register| asked.find(register, position)).await??;
    let Some(query) = found else {
        return Ok(proto::ExplainCountResponse { position, ..Default::default() });
    };
    let (key, page) = (query.key, question.page);
    let behind = record.list(page.list(position), BehindWalk::new(query, position)).await?;
    let stretch = (page.begins().offset, page.size());
    let of = (Arc::clone(&behind), position);
    let walk = ExplainWalk::new(of, key, question.include_past, stretch);
    let exchanges = record.go_through(walk).await?;
    let legs = exchanges.iter().flat_map(|exchange| &exchange.legs);
    let of_legs = legs.flat_map(|leg| ToldLeg::positions(&leg.leg));
    let preferences = exchanges.iter().flat_map(|exchange| &exchange.preference);
    let positions = of_legs.chain(preferences.flat_map(ToldPreference::positions));
    let texts = Texts::read(engine, positions).await?;
    let mut budget = Budget::default();
    let exchanges = exchanges.into_iter().map(|it| exchange(it, &texts));
    let exchanges: Vec<_> = exchanges.take_while(|exchange| budget.takes(exchange)).collect();
    Ok(proto::ExplainCountResponse {
        figure: behind.figure.clone().map(Into::into),
        next_page_token: page.next(exchanges.len(), behind.exchanges.len(), position),
        exchanges,
        position,
        undated_exchanges: behind.undated_exchanges,
    })
}

fn exchange(explained: ExplainedExchange, texts: &Texts) -> proto::ExplainedExchange {
    let ExplainedExchange { exchange, title, occurred, share, legs, preference } = explained;
    let figure = Figure::from(share);
    let leg = |ExplainedLeg { leg, used, part_of }| proto::ExplainedLeg {
        leg: Some(texts.leg(leg)),
        r#use: used.into(),
        part_of,
    };
    proto::ExplainedExchange {
        exchange_id: exchange,
        title,
        occurred,
        unnumbered: figure.unnumbered,
        shared: figure.shared.map(Into::into),
        open: figure.open.map(Into::into),
        share: Some(figure.into()),
        legs: legs.into_iter().map(leg).collect(),
        preference: preference.map(|preference| texts.preference(preference)),
    }
}
