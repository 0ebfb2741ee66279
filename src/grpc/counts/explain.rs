//! `ExplainCount`: the claims behind a country's figure, and what becomes of each.

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
        asked::{self, Page},
        claimed::Texts,
        counts::figure_key::NamedFigure,
        status::Fault,
    },
    projections::{
        explain::{Behind, ExplainedExchange, ExplainedLeg, behind, explain},
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

pub(super) fn question(request: proto::ExplainCountRequest) -> Result<Question, Violations> {
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
        page: Page::parse(request.page_size, &request.page_token, &same, &mut wrong),
    };
    wrong.into_result(question)
}

/// The figure, the exchanges of this page, and the token of the next.
type Found = (Option<Figure>, u32, Vec<ExplainedExchange>, String);

impl Question {
    /// Absent: the exchange that is asked about is not in the record.
    fn find(&self, register: &Register, at: Position) -> Option<Found> {
        let vocabulary = register.claims().vocabulary();
        let only = match self.exchange.as_str() {
            "" => None,
            id => Some(vocabulary.find(id).filter(|it| register.at(at).knows(*it))?),
        };
        let Some(key) = self.figure.key(register) else {
            return Some((None, 0, Vec::new(), String::new()));
        };
        let Behind { figure, exchanges, undated_exchanges } =
            behind(register, key, only, self.occurred.as_ref(), at);
        let (exchanges, next) = self.page.cut(exchanges, at);
        let explain = |exchange| explain(register, key, exchange, self.include_past, at);
        let explained = exchanges.into_iter().map(explain).collect();
        Some((figure, undated_exchanges, explained, next))
    }
}

pub(super) async fn answer(
    engine: &Engine,
    question: Question,
) -> Result<proto::ExplainCountResponse, Fault> {
    let position = question.page.position(engine, question.min_position, question.as_of).await?;
    let asked = question.clone();
    let found = engine.record().ask(move |register| asked.find(register, position)).await?;
    let (figure, undated_exchanges, exchanges, next_page_token) = found.ok_or_else(|| {
        let message = format!("no claim about exchange {:?} is recorded", question.exchange);
        Fault::new(tonic::Code::NotFound, ErrorReason::NotFound, message)
    })?;
    let legs = exchanges.iter().flat_map(|exchange| &exchange.legs);
    let of_legs = legs.flat_map(|leg| ToldLeg::positions(&leg.leg));
    let preferences = exchanges.iter().flat_map(|exchange| &exchange.preference);
    let positions = of_legs.chain(preferences.flat_map(ToldPreference::positions));
    let texts = Texts::read(engine, positions).await?;
    Ok(proto::ExplainCountResponse {
        figure: figure.map(Into::into),
        exchanges: exchanges.into_iter().map(|it| exchange(it, &texts)).collect(),
        position,
        undated_exchanges,
        next_page_token,
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
