//! What is wrong with a request: field paths and reasons, as many as help.

use std::fmt;

/// Violations that are kept; the others are counted. Their texts take more memory than the fields
/// that they are about, and a user does not correct hundreds at once.
const KEPT: usize = 32;

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

/// The fields that cannot be accepted; non-empty wherever it is an error. The first are kept, and
/// those after them counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>, usize);

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation], 0)
    }
}

impl Violations {
    /// Notes that `field` is wrong because of `problem`.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Violation { field: field.into(), problem: problem.into(), limit: false });
    }

    /// Notes that `field` has `value` of something that may be at most `limit`.
    pub fn exceeds(&mut self, field: impl Into<String>, what: &str, value: usize, limit: usize) {
        self.beyond(field, format!("has {value} {what}; the limit is {limit}"));
    }

    /// Notes that `field` is beyond a limit, which `problem` names.
    pub fn beyond(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Violation { field: field.into(), problem: problem.into(), limit: true });
    }

    /// Notes a violation.
    pub fn note(&mut self, violation: Violation) {
        if self.0.len() < KEPT {
            self.0.push(violation);
        } else {
            self.1 += 1;
        }
    }

    /// How many there are beyond those that were kept.
    pub fn more(&self) -> usize {
        self.1
    }

    /// Takes over the violations of a part that stands under `prefix`.
    pub fn absorb(&mut self, prefix: &str, part: Self) {
        self.1 += part.1;
        for mut violation in part.0 {
            violation.field = join(prefix, &violation.field);
            self.note(violation);
        }
    }

    /// Those that are `wanted`, and the others; what was only counted is among the others.
    pub fn split(self, wanted: impl Fn(&Violation) -> bool) -> (Self, Self) {
        let (wanted, rest) = self.0.into_iter().partition(wanted);
        (Self(wanted, 0), Self(rest, self.1))
    }

    /// The same violations with the whole, which has an empty path, called by a name.
    #[must_use]
    pub fn of_whole(mut self, name: &str) -> Self {
        for violation in self.0.iter_mut().filter(|violation| violation.field.is_empty()) {
            name.clone_into(&mut violation.field);
        }
        self
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

/// A problem without what is accepted instead, if `given` says that already. Lists of what is
/// accepted are long, and each wrong party of a claim has the same.
pub fn once<'p>(problem: &'p str, given: &str) -> &'p str {
    let ends = problem.match_indices("; ").map(|(at, _)| problem.split_at(at));
    let mut again = ends.filter(|(_, advice)| given.contains(advice));
    again.next().map_or(problem, |(short, _)| short)
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
        let mut text = String::new();
        for Violation { field, problem, .. } in &self.0 {
            let separator = if text.is_empty() { "" } else { "; " };
            text = format!("{text}{separator}{field}: {}", once(problem, &text));
        }
        f.write_str(&text)?;
        if self.1 > 0 {
            write!(f, "; and {} more", self.1)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_said_once() {
        let mut wrong = Violations::default();
        for (field, code) in [("from[0]", "UK"), ("from[1]", "a; b"), ("to[0]", "EU")] {
            wrong.add(field, format!("is {code:?}, not a party's code; accepted are codes; or x-"));
        }
        wrong.add("unit", "is required; choose one of these");
        assert_eq!(
            wrong.to_string(),
            "from[0]: is \"UK\", not a party's code; accepted are codes; or x-; \
             from[1]: is \"a; b\", not a party's code; to[0]: is \"EU\", not a party's code; \
             unit: is required; choose one of these"
        );
        assert!(wrong.0.iter().take(3).all(|it| it.problem.ends_with("or x-")), "each has it");
    }

    #[test]
    fn the_first_are_kept_and_the_others_counted() {
        let mut part = Violations::default();
        for index in 0..KEPT + 3 {
            part.add(format!("tags[{index}]"), "is wrong");
        }
        assert_eq!((part.0.len(), part.more()), (KEPT, 3));
        let mut all = Violations::default();
        all.add("stream", "is wrong");
        all.absorb("events[0]", part);
        assert_eq!((all.0.len(), all.more()), (KEPT, 4));
        assert_eq!(all.0[KEPT - 1].field, format!("events[0].tags[{}]", KEPT - 2));
        assert!(all.to_string().ends_with("; and 4 more"), "{all}");
    }
}
