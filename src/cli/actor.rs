//! An actor as one text, as tables and the command line have it.
//!
//! `TR MFA` is the name, and its first word is the party because it is a party's code. Where that
//! is not what is meant, the party stands apart: `[TR] Hakan Demo`, and `[] IS spokesman` for an
//! actor without one.
//!
//! A text without a letter or a digit stands for "not said" in many tables (`-`, `[]`, `?`). It is
//! refused rather than recorded as an actor; `[] -` is the actor that is called `-`.

use crate::domain::{
    identity::{fold, trim_start},
    party::Party,
    proto::Actor,
};

/// What is wrong with a text that names no actor.
const NO_ACTOR: &str = "names no actor: it has no letter and no digit; leave it empty if no actor \
    is given, or write [] before a name of signs";

/// Reads an actor; `None` if the text is empty. An error says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Option<Actor>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (party, name) = match apart(text) {
        Some(apart) => apart,
        None if !text.contains(char::is_alphanumeric) => return Err(NO_ACTOR),
        None => {
            let party = Party::beginning(text).map(|it| it.to_string());
            (party.unwrap_or_default(), text)
        }
    };
    Ok(Some(Actor { party, name: name.to_owned(), ..Actor::default() }))
}

/// Writes an actor so that [`read`] gives the same party and name. What no text gives (a name that
/// begins or ends with white space) comes as near as it can; the kind is in no text.
pub(super) fn write(actor: Option<&Actor>) -> String {
    let Some(Actor { party, name, .. }) = actor else {
        return String::new();
    };
    let (plain, is_unnamed) = (read(name), party.is_empty() && name.is_empty());
    let same = |read: Actor| (&read.party, &read.name) == (party, name);
    if is_unnamed || plain.is_ok_and(|read| read.is_some_and(same)) {
        name.clone()
    } else {
        format!("[{party}] {name}").trim_end().to_owned()
    }
}

/// The party and the name of a text that has them apart.
fn apart(text: &str) -> Option<(String, &str)> {
    let (party, name) = trim_start(text).strip_prefix('[')?.split_once(']')?;
    let (party, name) = (fold(party).into_owned(), name.trim_start());
    let known = if party.is_empty() { !name.is_empty() } else { Party::parse(&party).is_ok() };
    known.then_some((party, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_word_is_the_party_if_it_is_a_code_and_brackets_have_it_apart() {
        for (text, party, name) in [
            ("TR MFA", "TR", "TR MFA"),
            ("TR", "TR", "TR"),
            ("x-unc", "x-unc", "x-unc"),
            ("  UA HQ ", "UA", "UA HQ"),
            ("Anna Demo", "", "Anna Demo"),
            ("[TR] Hakan Demo", "TR", "Hakan Demo"),
            ("[TR]", "TR", ""),
            ("[ TR ]  TR MFA", "TR", "TR MFA"),
            ("[] IS spokesman", "", "IS spokesman"),
            // What shows nothing makes no other actor.
            ("\u{200b}[TR] Hakan Demo", "TR", "Hakan Demo"),
            ("[\u{200b}TR]\u{a0}Hakan Demo", "TR", "Hakan Demo"),
            // What holds no code is a name.
            ("[sic] Demo", "", "[sic] Demo"),
            ("[tr] Demo", "", "[tr] Demo"),
            ("[] -", "", "-"),
            ("[] []", "", "[]"),
            ("[TR] -", "TR", "-"),
            ("\u{665}", "", "\u{665}"),
            ("[TR Demo", "", "[TR Demo"),
            ("[] [TR] Demo", "", "[TR] Demo"),
        ] {
            let actor = read(text).unwrap().expect(text);
            assert_eq!((actor.party.as_str(), actor.name.as_str()), (party, name), "{text}");
            assert_eq!(read(&write(Some(&actor))), Ok(Some(actor)), "{text}");
        }
        assert_eq!((read(""), read(" ")), (Ok(None), Ok(None)));
        for unnamed in ["[]", "[ ]", "-", "--", "\u{2013}", "?", "...", "\u{200b}", "["] {
            assert_eq!(read(unnamed), Err(NO_ACTOR), "{unnamed:?}");
        }
        assert_eq!(write(None), "");
    }

    proptest! {
        #[test]
        fn an_actor_that_is_written_is_read(
            party in prop::sample::select(vec!["", "TR", "IS", "x-unc", "SUHH"]),
            start in prop::sample::select(vec!["", "IS ", "[] ", "[TR] ", "[", "] ", "x-a ", "-"]),
            rest in "([A-Za-z\\[\\]][A-Za-z \\[\\]]{0,6}[A-Z\\]])?",
        ) {
            let name = format!("{start}{rest}").trim().to_owned();
            let actor = Actor { party: party.to_owned(), name, ..Actor::default() };
            let whole = (actor != Actor::default()).then_some(actor.clone());
            prop_assert_eq!(read(&write(Some(&actor))), Ok(whole));
        }
    }
}
