//! The layer that gives a setting its value.

use std::{collections::BTreeMap, path::PathBuf};

/// The layer that gives a setting its value, with the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The setting is not given anywhere.
    Default,
    /// A file of settings.
    File {
        /// The file.
        path: PathBuf,
        /// Where the key stands, from 1.
        line: Option<usize>,
    },
    /// The environment variable with this name.
    Variable(String),
    /// This flag.
    Flag(String),
}

/// The layers of settings, by key. Those that are not here have their default.
pub(super) type LayerOfKey = BTreeMap<String, Layer>;
