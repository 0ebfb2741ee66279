//! What is wrong with a request: field paths and reasons, all of them at once.

use std::fmt;

/// One field that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field from the top of what was checked, as in `writes[0].events[2].tags[1]`.
    pub field: String,
    /// What is wrong and what would be right, as a phrase that follows the field's name.
    pub problem: String,
    /// The field is well-formed but exceeds a limit.
    pub limit: bool,
}

/// The fields that cannot be accepted; non-empty wherever it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Notes that `field` is wrong because of `problem`.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation { field: field.into(), problem: problem.into(), limit: false });
    }

    /// Notes that `field` has `value` of something that may be at most `limit`.
    pub fn exceeds(&mut self, field: impl Into<String>, what: &str, value: usize, limit: usize) {
        let problem = format!("has {value} {what}; the limit is {limit}");
        self.0.push(Violation { field: field.into(), problem, limit: true });
    }

    /// Takes over the violations of a part that stands under `prefix`.
    pub fn absorb(&mut self, prefix: &str, part: Self) {
        for mut violation in part.0 {
            violation.field = join(prefix, &violation.field);
            self.0.push(violation);
        }
    }

    /// The same violations with everything up to and including `prefix` cut from their paths.
    #[must_use]
    pub fn rebased(mut self, prefix: &str, replacement: &str) -> Self {
        for violation in &mut self.0 {
            if let Some(rest) = violation.field.strip_prefix(prefix) {
                violation.field = join(replacement, rest.trim_start_matches('.'));
            }
        }
        self
    }

    /// `value` if nothing was noted.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// Joins a path and the path of a part below it; either may be empty.
pub fn join(prefix: &str, field: &str) -> String {
    match (prefix, field) {
        ("", field) => field.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, field) if field.starts_with('[') => format!("{prefix}{field}"),
        (prefix, field) => format!("{prefix}.{field}"),
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.field, violation.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
