//! The command that gives the same answer again, whatever is recorded later.

use crate::{
    cli::position,
    domain::proto::{Direction, ExplainCountRequest, Unit},
};

/// The command, with the position in the place of now.
pub(super) fn command(request: &ExplainCountRequest, position: u64) -> String {
    let mut words = vec!["handover".to_owned(), "explain".to_owned(), quoted(&request.country)];
    let direction = if request.direction() == Direction::Sent { "--sent" } else { "--received" };
    words.push(direction.to_owned());
    if request.unit() == Unit::Remains {
        words.extend(["--unit", "remains"].map(ToOwned::to_owned));
    }
    for (flag, value) in [("--exchange", &request.exchange_id), ("--occurred", &request.occurred)] {
        if !value.is_empty() {
            words.extend([flag.to_owned(), quoted(value)]);
        }
    }
    words.extend(request.include_past.then(|| "--past".to_owned()));
    words.extend(["--as-of".to_owned(), position::written(position)]);
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_./:+,".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn the_cited_command_requests_the_same_as_of_the_position() {
        for (request, position) in [
            ExplainCountRequest {
                country: "x-unc".to_owned(),
                direction: Direction::Sent.into(),
                unit: Unit::Remains.into(),
                exchange_id: "korea 1953".to_owned(),
                occurred: "1953-07/..".to_owned(),
                include_past: true,
                ..Default::default()
            },
            ExplainCountRequest {
                country: "DE".to_owned(),
                direction: Direction::Received.into(),
                unit: Unit::Person.into(),
                ..Default::default()
            },
        ]
        .into_iter()
        .flat_map(|request| [(request.clone(), 42), (request, 2024)])
        {
            let text = command(&request, position);
            let words = text.replace("'korea 1953'", "korea_1953");
            let words = words.split(' ').map(|word| word.replace("korea_1953", "korea 1953"));
            let Command::Explain(args) = Cli::try_parse_from(words).unwrap().command else {
                panic!("{text}")
            };
            let again = crate::cli::explain::request(&args);
            let as_of = again.as_of.and_then(|as_of| as_of.moment);
            assert_eq!(as_of, Some(crate::domain::proto::as_of::Moment::Position(position)));
            assert_eq!(ExplainCountRequest { as_of: None, ..again }, request);
        }
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
