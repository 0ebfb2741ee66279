//! The rules that many fields share, each noted under the field's path when it is broken.
//!
//! The record cannot be edited afterwards, so the rules are strict: one can be loosened later,
//! but what has been let in stays.
//!
//! Identity texts (ids, names, portions, codes) are looked at as they will be recorded, folded;
//! what folding cannot take away is named as it was typed.

#![allow(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the tables of rules pass fields as they stand"
)]

use crate::domain::{
    date::{ACCEPTED_DATES, Edtf},
    event::Position,
    identity::{Misfit, fold},
    limits,
    party::{ACCEPTED_PARTIES, Party},
    violation::Violations,
};

const REQUIRED: &str = "is required";

/// What is wrong with the fields of one message, paths relative to that message.
#[derive(Default)]
pub(super) struct Fields(pub(super) Violations);

/// A message whose fields have rules.
pub(super) trait Checked {
    /// What is wrong with its fields, paths relative to it.
    fn violations(&self) -> Violations;
}

/// The rules of messages. A rule is a method of [`Fields`], with what else it needs to know; the
/// fields after the bar have none of their own. Violations come in the order of the table.
macro_rules! rules {
    ($($message:ident {
        $($field:ident: $rule:ident $(($($with:expr),+))?),+ $(,)? $(| $($free:ident),+)?
    })+) => {
        $(impl $crate::domain::known::fields::Checked for $message {
            fn violations(&self) -> $crate::domain::violation::Violations {
                let Self { $($field,)+ $($($free,)+)? } = self;
                $($(let _ = $free;)+)?
                let mut fields = $crate::domain::known::fields::Fields::default();
                $(fields.$rule(stringify!($field), $field $($(, $with)+)?);)+
                fields.0
            }
        })+
    };
}
pub(super) use rules;

/// How a generated enum spells one of its values.
type Spelling<E> = fn(&E) -> &'static str;

impl Fields {
    pub(super) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.add(field, problem);
    }

    /// A message that has to be there, and its fields.
    pub(super) fn message<M: Checked>(&mut self, field: &str, part: &Option<M>) {
        self.message_as(field, part, M::violations);
    }

    /// The same for one that is checked for its role here.
    pub(super) fn message_as<M>(
        &mut self,
        field: &str,
        part: &Option<M>,
        check: fn(&M) -> Violations,
    ) {
        if part.is_none() {
            self.0.add(field, REQUIRED);
        }
        self.optional_as(field, part, check);
    }

    /// The same for one that may be left out.
    pub(super) fn optional_as<M>(
        &mut self,
        field: &str,
        part: &Option<M>,
        check: fn(&M) -> Violations,
    ) {
        if let Some(part) = part {
            self.0.absorb(field, check(part));
        }
    }

    /// A value of an enum; unspecified is fine.
    pub(super) fn known<E: TryFrom<i32>>(&mut self, field: &str, value: &i32, spell: Spelling<E>) {
        if E::try_from(*value).is_err() {
            self.0.add(field, format!("is {value}, which is no value of it; {}", choices(spell)));
        }
    }

    /// A value of an enum; unspecified is refused.
    pub(super) fn chosen<E: TryFrom<i32>>(&mut self, field: &str, value: &i32, spell: Spelling<E>) {
        if *value == 0 {
            self.0.add(field, format!("{REQUIRED}; {}", choices(spell)));
        } else {
            self.known(field, value, spell);
        }
    }

    /// The claim that an event is about.
    pub(super) fn claim(&mut self, field: &str, claim: &Position) {
        if *claim == 0 {
            self.add(field, "is required: the position of the claim, from 1");
        }
    }

    /// An id that has to be there.
    pub(super) fn id(&mut self, field: &str, id: &str) {
        if fold(id).is_empty() {
            self.0.add(field, REQUIRED);
        }
        self.optional_id(field, id);
    }

    /// An id that may be left out. Ids become parts of stream names and tags.
    pub(super) fn optional_id(&mut self, field: &str, id: &str) {
        self.within(field, "bytes", fold(id).len(), limits::ID_BYTES);
        if let Some(misfit) = Misfit::control(id).or_else(|| Misfit::space(id)) {
            let rule = "an id has no white space and no control characters";
            self.0.add(field, format!("has {misfit}; {rule}"));
        }
    }

    /// A name, or another identity text of one line, that has to be there.
    pub(super) fn required_name(&mut self, field: &str, name: &str) {
        if fold(name).is_empty() {
            self.0.add(field, REQUIRED);
        }
        self.name(field, name);
    }

    /// A name, or another identity text of one line. White space in it is folded, line breaks too.
    pub(super) fn name(&mut self, field: &str, name: &str) {
        self.within(field, "bytes", fold(name).len(), limits::SHORT_TEXT_BYTES);
        if let Some(misfit) = Misfit::control(name) {
            self.0.add(field, format!("has {misfit}; it is a text of one line"));
        }
    }

    /// Names that are there because they say something.
    pub(super) fn names(&mut self, field: &str, names: &[String]) {
        self.within(field, "entries", names.len(), limits::LIST_ENTRIES);
        for (index, name) in names.iter().enumerate() {
            self.required_name(&format!("{field}[{index}]"), name);
        }
    }

    /// A text of one line that has to be there.
    pub(super) fn required_line(&mut self, field: &str, text: &str) {
        if text.trim().is_empty() {
            self.0.add(field, REQUIRED);
        }
        self.line(field, text);
    }

    /// A text of one line.
    pub(super) fn line(&mut self, field: &str, text: &str) {
        self.within(field, "bytes", text.len(), limits::SHORT_TEXT_BYTES);
        if text.chars().any(char::is_control) {
            self.0.add(field, "has a control character; it is a text of one line");
        }
    }

    /// A text that may have several lines and has to be there.
    pub(super) fn required_text(&mut self, field: &str, text: &str) {
        if text.trim().is_empty() {
            self.0.add(field, REQUIRED);
        }
        self.text(field, text);
    }

    /// A text that may have several lines.
    pub(super) fn text(&mut self, field: &str, text: &str) {
        self.within(field, "bytes", text.len(), limits::LONG_TEXT_BYTES);
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.0.add(field, "has a control character other than a line feed or a tab");
        }
    }

    /// Lines that are there because they say something.
    pub(super) fn lines(&mut self, field: &str, lines: &[String]) {
        self.within(field, "entries", lines.len(), limits::LIST_ENTRIES);
        for (index, line) in lines.iter().enumerate() {
            self.required_line(&format!("{field}[{index}]"), line);
        }
    }

    /// A name; its slug becomes part of a stream name or a tag.
    pub(super) fn slugged(&mut self, field: &str, name: &str) {
        self.required_name(field, name);
        let name = fold(name);
        if name.len() > limits::SHORT_TEXT_BYTES || name.is_empty() {
            return;
        }
        let slug = slug::slugify(&name);
        if slug.is_empty() {
            self.0.add(field, "has no letter or digit that a stream or a tag could be named by");
        }
        self.within(field, "bytes as a slug", slug.len(), limits::ID_BYTES);
    }

    /// A date that has to be there.
    pub(super) fn required_date(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            self.0.add(field, format!("{REQUIRED}; {ACCEPTED_DATES}"));
        }
        self.date(field, text);
    }

    /// A date that may be left out.
    pub(super) fn date(&mut self, field: &str, text: &str) {
        if !text.is_empty()
            && let Err(error) = Edtf::parse_claimed(text)
        {
            self.0.add(field, error.to_string());
        }
    }

    /// A party's code that has to be there.
    pub(super) fn required_party(&mut self, field: &str, code: &str) {
        if fold(code).is_empty() {
            self.0.add(field, format!("{REQUIRED}; {ACCEPTED_PARTIES}"));
        }
        self.party(field, code);
    }

    /// A party's code that may be left out.
    pub(super) fn party(&mut self, field: &str, code: &str) {
        let code = fold(code);
        if !code.is_empty()
            && let Err(error) = Party::parse(&code)
        {
            error.note(field, &mut self.0);
        }
    }

    /// Codes of parties, none of them twice.
    pub(super) fn parties(&mut self, field: &str, codes: &[String]) {
        self.within(field, "parties", codes.len(), limits::PARTIES);
        let folded: Vec<_> = codes.iter().take(limits::PARTIES).map(|code| fold(code)).collect();
        for (index, code) in folded.iter().enumerate() {
            let path = format!("{field}[{index}]");
            if folded.iter().take(index).any(|earlier| earlier == code) {
                self.0.add(path, format!("is {code:?} again; name each party once"));
            } else {
                self.required_party(&path, code);
            }
        }
    }

    /// Notes a violation if there are more than `limit`.
    pub(super) fn within(&mut self, field: &str, what: &str, count: usize, limit: usize) {
        if count > limit {
            self.0.exceeds(field, what, count, limit);
        }
    }
}

/// The specified values of an enum, which our protos number without gaps from 1.
fn choices<E: TryFrom<i32>>(spell: Spelling<E>) -> String {
    let values = (1..).map_while(|value| E::try_from(value).ok());
    let names: Vec<_> = values.map(|value| spell(&value)).collect();
    format!("choose one of {}", names.join(", "))
}
