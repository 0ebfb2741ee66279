//! `CountTransfers`: figures by groups.

use std::collections::BTreeSet;

use prost::Message as _;

use crate::{
    domain::{
        figure::Figure,
        period::{Fineness, Period},
        proto::{self, Category, ExchangeKind, Unit},
        violation::Violations,
    },
    engine::{AsOf, Engine, Keepable},
    grpc::{
        budget::Budget,
        page::{Page, Paging, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::{
        grouped_counts::{Dimension, GroupKey, GroupedCounts, GroupedQuery, GroupedWalk, Part},
        walk::Then,
    },
};

fn question(
    mut request: proto::CountTransfersRequest,
    tokens: Tokens,
) -> Result<(GroupedQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Many, &mut wrong);
    let as_of = request::as_of(request.as_of, "as_of", &mut wrong);
    let query = query(request, &mut wrong);
    wrong.into_result((query, page, as_of))
}

fn query(request: proto::CountTransfersRequest, wrong: &mut Violations) -> GroupedQuery {
    let proto::CountTransfersRequest {
        group_by,
        senders,
        receivers,
        exchange_id,
        mediator,
        include_denied_mediators,
        kind,
        category,
        unit,
        as_of: _,
        occurred,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let mut named = |typed: &str, path| {
        Some(request::optional_name(typed, path, wrong)).filter(|name| !name.is_empty())
    };
    let exchange = named(&exchange_id, "exchange_id");
    let mediator = named(&mediator, "mediator");
    GroupedQuery {
        dimensions: dimensions(&group_by, wrong),
        senders: parties(&senders, "senders", wrong),
        receivers: parties(&receivers, "receivers", wrong),
        exchange,
        mediator,
        include_denied: include_denied_mediators,
        kind: request::choice::<ExchangeKind>(kind, "kind", wrong),
        category: request::choice::<Category>(category, "category", wrong),
        unit: request::choice::<Unit>(unit, "unit", wrong),
        occurred: request::occurred(&occurred, "occurred", wrong),
    }
}

fn parties(codes: &[String], path: &str, wrong: &mut Violations) -> BTreeSet<String> {
    let codes = codes.iter().enumerate();
    codes
        .filter_map(|(index, code)| request::party(code, &format!("{path}[{index}]"), wrong))
        .collect()
}

/// The unit is part of every key, so asking for it changes nothing.
fn dimensions(requested: &[i32], wrong: &mut Violations) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for (index, number) in requested.iter().enumerate() {
        let path = format!("group_by[{index}]");
        if requested.iter().take(index).any(|earlier| earlier == number) {
            wrong.add(&path, "is given twice");
        }
        let dimension = match proto::Dimension::try_from(*number) {
            Ok(proto::Dimension::From) => Dimension::From,
            Ok(proto::Dimension::To) => Dimension::To,
            Ok(proto::Dimension::Route) => Dimension::Route,
            Ok(proto::Dimension::Exchange) => Dimension::Exchange,
            Ok(proto::Dimension::Mediator) => Dimension::Mediator,
            Ok(proto::Dimension::Year) => Dimension::Year,
            Ok(proto::Dimension::Month) => Dimension::Month,
            Ok(proto::Dimension::Quarter) => Dimension::Quarter,
            Ok(proto::Dimension::Kind) => Dimension::Kind,
            Ok(proto::Dimension::Category) => Dimension::Category,
            Ok(proto::Dimension::Unit) => continue,
            Ok(proto::Dimension::Unspecified) | Err(_) => {
                wrong.add(path, format!("is {number}, which is not a key to group by"));
                continue;
            }
        };
        dimensions.push(dimension);
    }
    dimensions
}

pub(super) async fn answer(
    engine: &Engine,
    request: proto::CountTransfersRequest,
) -> Result<proto::CountTransfersResponse, RpcError> {
    let (query, page, as_of) = question(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let walk = Then::new(GroupedWalk::new(query, position), Groups::new);
    let record = engine.record().for_list().await?;
    let list = record.list(page.list(position), walk).await?;
    let mut budget = Budget::default();
    let fit = page.of(&list.encoded).iter().take_while(|group| budget.takes_bytes(group.len()));
    let groups = fit.map(|group| proto::CountGroup::decode(&**group));
    let groups: Vec<_> = groups.collect::<Result<_, _>>().map_err(RpcError::internal)?;
    Ok(proto::CountTransfersResponse {
        next_page_token: page.next(groups.len(), list.encoded.len(), position),
        groups,
        position,
        undated_exchanges: list.undated,
        total: list.total.clone(),
    })
}

/// All groups as they are kept for further pages: encoded, they take a fifth of the memory.
struct Groups {
    encoded: Vec<Box<[u8]>>,
    total: Option<proto::Figure>,
    undated: u32,
}

impl Groups {
    fn new(answer: GroupedCounts) -> Self {
        let encoded = |it| group(it).encode_to_vec().into_boxed_slice();
        Self {
            encoded: answer.groups.into_iter().map(encoded).collect(),
            total: answer.total.map(Into::into),
            undated: answer.undated_exchanges,
        }
    }
}

impl Keepable for Groups {
    fn bytes(&self) -> usize {
        self.encoded.iter().map(|group| group.len() + 2 * size_of::<usize>()).sum()
    }
}

fn group((key, figure): (GroupKey, Figure)) -> proto::CountGroup {
    let side = |parties| proto::Side { parties };
    let mut message = proto::GroupKey { unit: key.unit, ..Default::default() };
    for part in key.parts {
        match part {
            Part::From(parties) => message.from = Some(side(parties)),
            Part::To(parties) => message.to = Some(side(parties)),
            Part::Route(from, to) => {
                let (from, to) = (Some(side(from)), Some(side(to)));
                message.route = Some(proto::Route { from, to });
            }
            Part::Exchange(id) => message.exchange_id = Some(id),
            Part::Mediator(name) => message.mediator = Some(name),
            Part::Year(year) => message.year = year,
            Part::Month(month) => message.month = period(month, Fineness::Month),
            Part::Quarter(quarter) => message.quarter = period(quarter, Fineness::Quarter),
            Part::Kind(kind) => message.kind = Some(kind),
            Part::Category(category) => message.category = Some(category),
        }
    }
    proto::CountGroup { key: Some(message), figure: Some(figure.into()) }
}

fn period(period: Option<Period>, fineness: Fineness) -> Option<proto::Period> {
    let period = period?;
    Some(proto::Period { name: period.name(fineness), coarse: period.is_coarse(fineness) })
}
