//! The lists: statements, transfers, exchanges and sources, each with its filters.

pub mod exchanges;
pub mod sources;
pub mod statements;
pub mod transfers;

use serde_json::Value;

use crate::cli::{
    output::{self, Query},
    pages::{self, ListPage, Paged},
    words,
};

/// An entry of the list that answers a request.
pub(super) type Entry<L> = <<L as Paged>::Response as ListPage>::Entry;

/// A request that is answered with a list: an entry is a line of JSON and a row of a table.
pub(super) trait List: Paged<Response: ListPage> {
    /// The line in the place of the entries where there are none.
    fn nothing(&self) -> String;

    /// The entries for people; every line ends.
    fn shown(&self, response: &Self::Response) -> String;

    /// What stands below: what was left out, whether there is more, what it is true for.
    fn end(&self, response: &Self::Response) -> String {
        let as_of = words::as_of(Self::position(response));
        format!("{}{}{as_of}", response.undated(), pages::more(response))
    }

    /// The columns for spreadsheets.
    fn columns(&self) -> Vec<&'static str>;

    /// Their fields in the row of an entry.
    fn row(&self, entry: &Entry<Self>) -> Vec<String>;
}

impl<L: List> Query for L {
    fn table(&self, response: &Self::Response) -> String {
        let end = self.end(response);
        if response.listed().is_empty() {
            return format!("{}\n{end}", self.nothing());
        }
        self.shown(response) + &end
    }

    fn entries(&self, response: &Self::Response) -> Result<Vec<Value>, serde_json::Error> {
        output::each(response.listed())
    }

    fn columns(&self) -> Vec<&'static str> {
        List::columns(self)
    }

    fn rows(&self, response: &Self::Response) -> Vec<Vec<String>> {
        response.listed().iter().map(|entry| self.row(entry)).collect()
    }
}

/// Day and year of what has one, else words that say that it has none.
fn when(occurred: &str) -> String {
    if occurred.is_empty() { "no date".to_owned() } else { words::plain(occurred) }
}

#[cfg(test)]
mod tests;
