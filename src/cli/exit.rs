//! How a command ends: exit codes, and the message that goes with a failure.

use std::{io, process::ExitCode};

use crate::client::{CallError, ClientError, ClientErrorKind};

/// What `--help` says about exit codes.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failed for another reason
  2  the command line or the request is wrong
  3  the server does not have what was requested
  4  others wrote first, or the request id was used for other content
  5  some rows were refused or cannot be written; the others were kept, or none with --atomic
  6  the server cannot be reached, is not ready, or took too long
  7  stored data is damaged
  8  a rule of the record forbids it
  9  the server keeps another store than the one that the positions belong to
 10  what a repeated request or an earlier import recorded has been undone since
 11  the server does not know the caller, or does not permit this to it
 12  the store was restored from a backup, and the positions lie beyond the branch
 13  something that is derived from the record is wrong; it can be made again";

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed for a reason that no other code stands for.
    Failed = 1,
    /// The command line or the request is wrong; clap uses the same code.
    Usage = 2,
    /// The server does not have what was requested.
    NotFound = 3,
    /// Others wrote first, or a request id was used for other content.
    Conflict = 4,
    /// Some rows were refused, or cannot be written; the others were kept, or none if the
    /// command requested all or nothing.
    RowsRefused = 5,
    /// The server cannot be reached, is not ready, or took too long.
    Unavailable = 6,
    /// Stored data is damaged.
    Damaged = 7,
    /// A rule of the record forbids it.
    Forbidden = 8,
    /// The server keeps another store than the one that the positions are of.
    AnotherStore = 9,
    /// What a repeated request or an earlier import had recorded is undone since.
    Undone = 10,
    /// The server does not know the caller, or does not permit this to it.
    Denied = 11,
    /// The store was restored from a backup, and the positions lie beyond the branch.
    HistoryChanged = 12,
    /// The record is whole, and something that is derived from it is wrong.
    Rebuildable = 13,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was wrong and what to do; empty: nothing needs to be said.
    pub message: String,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same failure, with what was being done before its message.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        if !self.message.is_empty() {
            self.message = format!("{what}: {}", self.message);
        }
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error.kind {
            ClientErrorKind::Unavailable | ClientErrorKind::Deadline => Exit::Unavailable,
            ClientErrorKind::Invalid | ClientErrorKind::BeyondHead => Exit::Usage,
            ClientErrorKind::Conflict => Exit::Conflict,
            ClientErrorKind::NotFound => Exit::NotFound,
            ClientErrorKind::DataLoss => Exit::Damaged,
            ClientErrorKind::Refused => Exit::Forbidden,
            ClientErrorKind::AnotherStore => Exit::AnotherStore,
            ClientErrorKind::HistoryChanged => Exit::HistoryChanged,
            ClientErrorKind::Denied => Exit::Denied,
            ClientErrorKind::Untrusted | ClientErrorKind::Other => Exit::Failed,
        };
        Self::new(exit, words(&error))
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::from(error.error)
    }
}

/// What a server advises to call, and the command for it.
const COMMANDS: [(&str, &str); 3] = [
    ("; ListExchanges has the ids", "; `handover exchanges` has the ids"),
    ("; ListParked tells which are", "; `handover groups parked` tells which are"),
    (
        "; a request without a series lists them",
        "; `handover reconcile --series` without a name lists them",
    ),
];

/// A server's refusal in terms of the command: paths within the request would only confuse.
pub(super) fn words(error: &ClientError) -> String {
    let text = match (error.kind, error.fields.first()) {
        // The message counts up what differs, in sentences.
        (ClientErrorKind::Conflict, _) if !error.message.is_empty() => error.message.clone(),
        (ClientErrorKind::Refused, Some((subject, _))) if !error.message.contains(subject) => {
            format!("{subject}: {error}")
        }
        _ => error.to_string(),
    };
    let text = match text.strip_prefix("after_position is ") {
        Some(rest) => format!("--after is {rest}"),
        None => text,
    };
    let text = ["writes[0].events[0].", "writes[0].", "filter.items[0]."]
        .iter()
        .fold(text, |text, path| text.replace(path, ""));
    COMMANDS.iter().fold(text, |text, (call, command)| text.replace(call, command))
}

/// An error with its causes, each said once: most errors name their cause themselves.
pub(super) fn with_causes(error: &anyhow::Error) -> String {
    let causes = error.chain().map(ToString::to_string);
    causes.fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        text_so_far if text_so_far.contains(&cause) => text,
        text_so_far => format!("{text_so_far}: {cause}"),
    })
}

impl From<io::Error> for Failure {
    /// A reader that closes its end of a pipe has seen enough: that is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Failed, format!("the answer cannot be written as JSON: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).during("writing");
        assert_eq!(failure, Failure::new(Exit::Done, ""));
        let failure = Failure::from(io::Error::other("disk full"));
        assert_eq!(failure.exit, Exit::Failed);
    }

    #[test]
    fn a_refusal_says_what_it_is_about_and_nothing_twice() {
        let error = |kind, message: &str, field: &str, problem: &str| ClientError {
            kind,
            message: message.to_owned(),
            fields: vec![(field.to_owned(), problem.to_owned())],
            reason: "X".to_owned(),
            retry_after: None,
            unsent: false,
            history: None,
        };
        let rule = error(ClientErrorKind::Refused, "is not there", "claim 9", "is not there");
        assert_eq!(words(&rule), "claim 9: is not there");
        let field = "writes[0].events[0].payload.place";
        let invalid = error(ClientErrorKind::Invalid, "bad", field, "is empty");
        assert_eq!(words(&invalid), "bad; payload.place: is empty");
        let beyond = "after_position is 9, but the log ends at 3";
        let beyond = error(ClientErrorKind::BeyondHead, beyond, "after_position", beyond);
        assert_eq!(words(&beyond), "--after is 9, but the log ends at 3");
        let conflict = error(ClientErrorKind::Conflict, "demo/1 holds 3", "demo/1", "it is at 3");
        assert_eq!(words(&conflict), "demo/1 holds 3");
        let missing = error(ClientErrorKind::NotFound, "x; ListExchanges has the ids", "", "x");
        assert_eq!(words(&missing), "x; `handover exchanges` has the ids");
    }

    #[test]
    fn a_cause_is_reported_once() {
        use crate::log::LogError;
        let cause = io::Error::from(io::ErrorKind::Interrupted);
        let error = LogError::io("open", std::path::Path::new("/data/LOCK"), cause);
        let error = anyhow::Error::from(error).context("cannot open the store in /data");
        let text_so_far = "cannot open the store in /data: open /data/LOCK: operation interrupted";
        assert_eq!(with_causes(&error), text_so_far);
        let plain = anyhow::anyhow!("inner").context("outer");
        assert_eq!(with_causes(&plain), "outer: inner");
    }

    #[test]
    fn help_names_every_exit_code() {
        let mut lines = HELP.lines().skip(1);
        for code in 0..=Exit::Rebuildable as u8 {
            let line = lines.next().unwrap_or_default();
            assert!(line.starts_with(&format!("{code:>3}  ")), "{code} is not in the help: {line}");
        }
        assert_eq!(lines.next(), None);
    }
}
