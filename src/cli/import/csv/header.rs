//! The header of a table: which form its columns make, and what is not as the form has it.

use super::{columns::Columns, form::Form};

/// Letters that two names of columns may differ by for one to be taken for a misspelling.
const MISSPELT: usize = 2;

/// The columns of a table, and the form that they make.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) form: Form,
    pub(super) columns: Columns,
    /// What a user should know of the columns.
    pub(super) notes: Vec<String>,
}

impl Header {
    /// Takes the names of a header, in whichever order.
    pub(super) fn of(names: &[String]) -> Result<Self, String> {
        let width = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let names = names.get(..width).unwrap_or(names);
        let form = Form::nearest(names);
        let has = |column: &str| names.iter().any(|name| name == column);
        let all = || form.columns().iter().chain(form.more()).copied();
        let absent: Vec<&str> = form.columns().iter().copied().filter(|it| !has(it)).collect();
        let unknown: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|it| !all().any(|known| known == *it))
            .collect();
        let meant = |column: &&str| unknown.iter().any(|it| is_near(it, column));
        let missing: Vec<&str> =
            absent.iter().copied().filter(|it| form.requires(it, &has) || meant(it)).collect();
        let twice: Vec<&str> =
            all().filter(|it| names.iter().filter(|name| name == it).count() > 1).collect();
        if !missing.is_empty() || !twice.is_empty() {
            let lists =
                [list("missing", &missing), list("unknown", &unknown), list("given twice", &twice)];
            let differences = lists.into_iter().flatten().collect::<Vec<_>>().join("; ");
            return Err(format!(
                "no form has these columns: {differences}; the forms are {}",
                Form::all_columns()
            ));
        }
        let notes = [list("no column is", &absent), list("these columns are not read:", &unknown)];
        let notes = notes.into_iter().flatten().collect();
        Ok(Self { form, columns: Columns::new(names), notes })
    }
}

fn list(what: &str, names: &[&str]) -> Option<String> {
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    (!names.is_empty()).then(|| format!("{what} {}", quoted.join(", ")))
}

/// Whether a name is likely to be meant as a column: it is longer or shorter by whole words, or
/// misspelt.
fn is_near(name: &str, column: &str) -> bool {
    let longer = |long: &str, short: &str| {
        !short.is_empty()
            && (long.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'))
                || long.strip_suffix(short).is_some_and(|rest| rest.ends_with('_')))
    };
    let misspelt =
        column.len() > 2 * MISSPELT && strsim::damerau_levenshtein(name, column) <= MISSPELT;
    longer(name, column) || longer(column, name) || misspelt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::import::csv::columns::name;

    fn header(names: &str) -> Result<Header, String> {
        let names: Vec<String> = names.split(',').map(|it| name(it.as_bytes())).collect();
        Header::of(&names)
    }

    #[test]
    fn optional_columns_may_be_missing_and_others_are_named_once() {
        let header = header("No,Source,ROLE,Actor,Exchange,,Remark,,").unwrap();
        assert_eq!((header.form, header.columns.width), (Form::Roles, 7));
        assert_eq!(
            header.notes,
            [
                "no column is \"attributed_by\", \"disputed_by\"",
                "these columns are not read: \"no\", \"\", \"remark\"",
            ]
        );
        assert_eq!(
            (header.columns.place("role"), header.columns.at(4)),
            (Some(2), Some("exchange"))
        );
        assert_eq!(header.columns.place("disputed_by"), None);
    }

    #[test]
    fn what_a_claim_needs_has_a_column() {
        assert!(header("exchange,record,unit,low,source").is_ok(), "a number by its ends");
        for (names, missing) in [
            ("exchange,record,unit,source", "missing \"count\""),
            ("exchange,record,count,source", "missing \"unit\""),
            ("exchange,record,unit,count,from_country,to,source", "missing \"from\""),
            ("exchange,record,unit,count,claimd_by,source", "missing \"claimed_by\""),
            ("exchange,record,unit,count,source,Count", "given twice \"count\""),
            ("claimed_by,as_of,source", "missing \"total\""),
        ] {
            let problem = header(names).unwrap_err();
            assert!(problem.contains(missing), "{names}: {problem}");
        }
    }
}
