//! How an input is read, as far as that does not follow from its bytes.

use encoding_rs::Encoding;

use crate::cli::exit::Failure;

/// What a caller says of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Reading {
    /// The encoding of a table that is not UTF-8, such as windows-1251 or windows-1252.
    ///
    /// A byte order mark (UTF-8, UTF-16) goes before it. The labels are those of the Encoding
    /// Standard.
    #[arg(long, value_name = "LABEL", value_parser = encoding)]
    pub encoding: Option<&'static Encoding>,
    /// End a table before the first row whose first text begins with this, such as `Total`
    #[arg(long, value_name = "TEXT")]
    pub until: Option<String>,
}

impl Reading {
    /// Refuses what is said of tables alone, of an input that is none.
    pub(super) fn of_lines(&self) -> Result<(), Failure> {
        match self.until {
            Some(_) => Err(Failure::usage("--until is for tables, and this is none")),
            None => Ok(()),
        }
    }
}

/// The encoding with this label.
fn encoding(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        "no such encoding; windows-1251, windows-1252, utf-16le and koi8-u are some".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_has_the_labels_of_the_standard_and_no_others() {
        for (label, name) in [
            ("windows-1251", "windows-1251"),
            ("CP1251", "windows-1251"),
            ("latin1", "windows-1252"),
            ("utf-16", "UTF-16LE"),
        ] {
            assert_eq!(encoding(label).unwrap().name(), name);
        }
        for label in ["", "1251", "iso-2022-kr"] {
            assert!(encoding(label).unwrap_err().contains("windows-1251"), "{label}");
        }
    }
}
