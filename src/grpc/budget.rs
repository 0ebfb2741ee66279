//! How large an answer may become.
//!
//! Clients refuse messages of more than 4 MiB by default, and a server should not gather without
//! an end. So every list ends after [`limits::ANSWER_BYTES`], with what is needed to go on; only a
//! first entry that is larger by itself is sent all the same.

use prost::Message;

use crate::domain::limits;

/// Bytes of the tag and the length of a field, at most.
const FRAMING: usize = 8;

/// What is left of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    left: usize,
    begun: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(limits::ANSWER_BYTES)
    }
}

impl Budget {
    /// So many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self { left: bytes, begun: false }
    }

    /// Whether an entry still belongs to the answer; then its bytes are taken.
    pub(crate) fn takes(&mut self, entry: &impl Message) -> bool {
        self.takes_bytes(entry.encoded_len())
    }

    /// Puts an entry behind others if it still belongs to the answer; absent: it does not.
    pub(crate) fn put<M: Message>(&mut self, entries: &mut Vec<M>, entry: M) -> Option<()> {
        self.takes(&entry).then(|| entries.push(entry))
    }

    /// The same for a name.
    pub(crate) fn put_name(&mut self, names: &mut Vec<String>, name: &str) -> Option<()> {
        self.takes_bytes(name.len()).then(|| names.push(name.to_owned()))
    }

    /// The same by the bytes of the entry.
    pub(crate) fn takes_bytes(&mut self, bytes: usize) -> bool {
        let bytes = bytes.saturating_add(FRAMING);
        let takes = bytes <= self.left || !self.begun;
        if takes {
            self.left = self.left.saturating_sub(bytes);
            self.begun = true;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_entry_is_listed_however_large_and_then_only_what_fits() {
        let mut budget = Budget::default();
        assert!(budget.takes_bytes(limits::ANSWER_BYTES * 2));
        assert!(!budget.takes_bytes(0));
        let mut budget = Budget::default();
        assert!(budget.takes_bytes(limits::ANSWER_BYTES - 2 * FRAMING));
        assert!(!budget.takes_bytes(1));
        assert!(budget.takes_bytes(0));
    }
}
