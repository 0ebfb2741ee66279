//! `handover counts --group-by`: figures by route, month, mediator and more.

use crate::{
    cli::{
        choice,
        counts::plain,
        figure::cell,
        lists::List,
        pages::Limit,
        words::{self, NOTHING},
    },
    domain::proto::{
        AsOf, CountGroup, CountTransfersRequest, CountTransfersResponse, Dimension, GroupKey,
        Period, Side,
    },
};

/// Flags by which figures are grouped and chosen, instead of one row for each country.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GroupArgs {
    /// One figure for each group, as in `--group-by from,year`. An exchange is in one month or
    /// quarter, or in the period that its dates span if they are coarser
    #[arg(long, value_name = "DIMENSION,...", value_delimiter = ',',
          value_parser = choice::of("Dimension"))]
    group_by: Vec<i32>,
    /// The same as `--group-by month`
    #[arg(long, conflicts_with = "group_by")]
    by_month: bool,
    /// Only what this party sent alone; repeat for several
    #[arg(long, value_name = "PARTY")]
    from: Vec<String>,
    /// Only what this party received alone; repeat for several
    #[arg(long, value_name = "PARTY")]
    to: Vec<String>,
    /// Only this exchange and those within it
    #[arg(long, value_name = "EXCHANGE")]
    exchange: Option<String>,
    /// Only exchanges that this actor (a party code or a name) is said to have mediated
    #[arg(long, value_name = "ACTOR")]
    mediator: Option<String>,
    /// Count mediators also where a claim denies that they mediated
    #[arg(long)]
    denied_mediators: bool,
    /// Only this sort of operation
    #[arg(long, value_parser = choice::of("ExchangeKind"))]
    kind: Option<i32>,
    /// Only transfers of this category
    #[arg(long, value_parser = choice::of("Category"))]
    category: Option<i32>,
    #[command(flatten)]
    pub(super) limit: Limit,
}

impl GroupArgs {
    /// Whether any of the flags is given: else countries are counted.
    pub(super) fn are_requested(&self) -> bool {
        let lists = [!self.group_by.is_empty(), !self.from.is_empty(), !self.to.is_empty()];
        let choices = [self.kind.is_some(), self.category.is_some()];
        let switches = [self.denied_mediators, self.by_month];
        let texts = [self.exchange.is_some(), self.mediator.is_some()];
        lists.into_iter().chain(choices).chain(switches).chain(texts).any(|given| given)
    }

    /// The request.
    pub(super) fn into_request(
        self,
        unit: i32,
        as_of: Option<AsOf>,
        occurred: String,
    ) -> CountTransfersRequest {
        let month = self.by_month.then_some(i32::from(Dimension::Month));
        CountTransfersRequest {
            group_by: self.group_by.into_iter().chain(month).collect(),
            senders: self.from,
            receivers: self.to,
            exchange_id: self.exchange.unwrap_or_default(),
            mediator: self.mediator.unwrap_or_default(),
            include_denied_mediators: self.denied_mediators,
            kind: self.kind.unwrap_or_default(),
            category: self.category.unwrap_or_default(),
            unit,
            as_of,
            occurred,
            ..Default::default()
        }
    }
}

/// What the columns of the key are: the unit is always one of them.
fn dimensions(request: &CountTransfersRequest) -> Vec<Dimension> {
    let mut by: Vec<Dimension> = request.group_by().collect();
    if !by.contains(&Dimension::Unit) {
        by.push(Dimension::Unit);
    }
    by
}

impl List for CountTransfersRequest {
    fn nothing(&self) -> String {
        "no transfers".to_owned()
    }

    fn shown(&self, response: &CountTransfersResponse) -> String {
        let by = dimensions(self);
        let mut header: Vec<&str> = by.iter().map(|by| column(*by)).collect();
        header.extend(["handed over", "exchanges"]);
        let rows = response.groups.iter().map(|group| {
            let key = group.key.clone().unwrap_or_default();
            let mut row: Vec<String> = by.iter().map(|by| shown(&key, *by)).collect();
            let exchanges = group.figure.as_ref().map_or(0, |figure| figure.exchanges);
            row.extend([cell(group.figure.as_ref()), words::thousands(exchanges)]);
            row
        });
        let grid = words::grid(&header, rows);
        match &response.total {
            Some(total) => format!("{grid}in all: {}\n", cell(Some(total))),
            None if response.groups.len() > 1 => {
                grid + "no total: the groups can overlap, or have several units\n"
            }
            None => grid,
        }
    }

    fn columns(&self) -> Vec<&'static str> {
        let key = dimensions(self).into_iter().map(column);
        key.chain(plain::FIGURE).collect()
    }

    fn row(&self, group: &CountGroup) -> Vec<String> {
        let key = group.key.clone().unwrap_or_default();
        let key = dimensions(self).into_iter().map(|by| key_part(&key, by));
        key.chain(plain::side(group.figure.as_ref())).collect()
    }
}

fn column(by: Dimension) -> &'static str {
    match by {
        Dimension::Unspecified => "?",
        Dimension::From => "from",
        Dimension::To => "to",
        Dimension::Route => "route",
        Dimension::Exchange => "exchange",
        Dimension::Mediator => "mediator",
        Dimension::Year => "year",
        Dimension::Month => "month",
        Dimension::Quarter => "quarter",
        Dimension::Kind => "kind",
        Dimension::Category => "category",
        Dimension::Unit => "unit",
    }
}

/// A part of the key for people, with a word where the record says nothing.
fn shown(key: &GroupKey, by: Dimension) -> String {
    let coarse = |period: Option<&Period>| period.is_some_and(|period| period.coarse);
    match (by, key_part(key, by)) {
        (Dimension::Month, name) if coarse(key.month.as_ref()) => format!("{name} (no month)"),
        (Dimension::Quarter, name) if coarse(key.quarter.as_ref()) => {
            format!("{name} (no quarter)")
        }
        (Dimension::Mediator, unnamed) if unnamed.is_empty() => "nobody".to_owned(),
        (_, unsaid) if unsaid.is_empty() => "not said".to_owned(),
        (_, part) => part,
    }
}

/// A part of the key; empty: not said.
fn key_part(key: &GroupKey, by: Dimension) -> String {
    let side = |side: Option<&Side>| side.map_or_else(String::new, |side| side.parties.join("+"));
    let period = |period: Option<&Period>| period.map(|it| it.name.clone()).unwrap_or_default();
    let or_unsaid = |text: String| if text.is_empty() { "?".to_owned() } else { text };
    match by {
        Dimension::Unspecified => NOTHING.to_owned(),
        Dimension::From => side(key.from.as_ref()),
        Dimension::To => side(key.to.as_ref()),
        Dimension::Route => key.route.as_ref().map_or_else(String::new, |route| {
            let (from, to) = (side(route.from.as_ref()), side(route.to.as_ref()));
            format!("{} -> {}", or_unsaid(from), or_unsaid(to))
        }),
        Dimension::Exchange => key.exchange_id.clone().unwrap_or_default(),
        Dimension::Mediator => key.mediator.clone().unwrap_or_default(),
        Dimension::Year => words::number(key.year),
        Dimension::Month => period(key.month.as_ref()),
        Dimension::Quarter => period(key.quarter.as_ref()),
        Dimension::Kind => words::spoken(key.kind().as_str_name(), "EXCHANGE_KIND_"),
        Dimension::Category => words::category(key.category()),
        Dimension::Unit => words::unit(key.unit()).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::output::Query,
        domain::proto::{Category, Figure, Route, Unit},
    };

    fn figure(low: u32, high: u32) -> Figure {
        Figure { low: Some(low), high: Some(high), exchanges: 2, ..Default::default() }
    }

    fn side(parties: &[&str]) -> Side {
        Side { parties: parties.iter().map(ToString::to_string).collect() }
    }

    fn groups(keys: Vec<GroupKey>) -> CountTransfersResponse {
        let of = |mut key: GroupKey| {
            key.unit = Unit::Person.into();
            CountGroup { key: Some(key), figure: Some(figure(1000, 1200)) }
        };
        CountTransfersResponse {
            groups: keys.into_iter().map(of).collect(),
            total: Some(figure(2000, 2400)),
            position: 9,
            undated_exchanges: 1,
            ..Default::default()
        }
    }

    fn query(by: &[Dimension]) -> CountTransfersRequest {
        let group_by = by.iter().map(|by| i32::from(*by)).collect();
        CountTransfersRequest { group_by, ..Default::default() }
    }

    #[test]
    fn each_dimension_is_a_column_and_what_is_not_said_is_said_so() {
        let joint =
            GroupKey { from: Some(side(&["BY", "RU"])), year: Some(2024), ..Default::default() };
        let unsaid = GroupKey { from: Some(side(&[])), ..Default::default() };
        let query = query(&[Dimension::From, Dimension::Year]);
        let groups = groups(vec![joint, unsaid]);
        let expected = [
            " from     | year     | unit   | handed over  | exchanges",
            "----------+----------+--------+--------------+-----------",
            " BY+RU    | 2024     | person | 1,000..1,200 | 2",
            " not said | not said | person | 1,000..1,200 | 2",
            "in all: 2,000..2,400",
            "left out because undated: 1 exchange",
            "(as of position 9)",
            "",
        ];
        assert_eq!(query.table(&groups), expected.join("\n"));
        let rows = query.rows(&groups);
        assert_eq!(rows[1][..5], ["", "", "person", "1000", "1200"]);
        assert_eq!(rows[0].len(), Query::columns(&query).len());
    }

    #[test]
    fn a_period_that_is_no_month_says_so_for_people_and_keeps_its_name_for_programs() {
        let of = |name: &str, coarse| {
            let period = Some(Period { name: name.to_owned(), coarse });
            GroupKey { month: period.clone(), quarter: period, ..Default::default() }
        };
        let groups = groups(vec![of("2024", true), of("2024-08", false), GroupKey::default()]);
        let query = query(&[Dimension::Month, Dimension::Quarter]);
        let table = query.table(&groups);
        for expected in [
            "\n 2024 (no month) | 2024 (no quarter) | person | ",
            "\n 2024-08         | 2024-08           | person | ",
            "\n not said        | not said          | person | ",
        ] {
            assert!(table.contains(expected), "{table}");
        }
        let rows = query.rows(&groups);
        assert_eq!(rows[0][..3], ["2024", "2024", "person"]);
        assert_eq!(rows[2][..3], ["", "", "person"]);
    }

    #[test]
    fn groups_that_overlap_have_no_sum() {
        let route = Route { from: Some(side(&["RU"])), to: Some(side(&[])) };
        let key = GroupKey {
            route: Some(route),
            mediator: Some(String::new()),
            category: Some(Category::PrisonerOfWar.into()),
            ..Default::default()
        };
        let by = [Dimension::Route, Dimension::Mediator, Dimension::Category];
        let groups = CountTransfersResponse { total: None, ..groups(vec![key.clone(), key]) };
        let table = query(&by).table(&groups);
        assert!(table.contains(" RU -> ? | nobody   | prisoner of war | person |"), "{table}");
        assert!(table.contains("no total: the groups can overlap"), "{table}");
    }
}
