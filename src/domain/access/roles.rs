//! Roles, the permissions that each gives, and grants of them.

use serde::{Deserialize, Serialize};

use super::categories::Categories;

/// What an identity is for. Every role includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, and takes part in consumer groups.
    Reader,
    /// Records events; not claims about claims.
    Recorder,
    /// Confirms, disputes, corrects, retracts and prefers claims.
    Curator,
    /// Creates and deletes groups, replays what they parked, and rebuilds projections.
    Operator,
}

/// What a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing, not even credentials.
    Nothing,
    /// To read.
    Read,
    /// To take part in a consumer group, which other consumers notice.
    Consume,
    /// To record events, or claims about claims: the events of the request say which.
    Append,
    /// To record events.
    Record,
    /// To record claims about claims.
    Curate,
    /// To administer.
    Operate,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Recorder, Self::Curator, Self::Operator];

    /// The role's name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Recorder => "recorder",
            Self::Curator => "curator",
            Self::Operator => "operator",
        }
    }

    /// Whether the role gives a permission.
    pub fn gives(self, permission: Permission) -> bool {
        match permission {
            Permission::Nothing | Permission::Read | Permission::Consume => true,
            Permission::Append => matches!(self, Self::Recorder | Self::Curator),
            Permission::Record => self == Self::Recorder,
            Permission::Curate => self == Self::Curator,
            Permission::Operate => self == Self::Operator,
        }
    }
}

impl Permission {
    /// The roles that give it, in words.
    pub fn roles(self) -> &'static str {
        match self {
            Self::Nothing => "no role",
            Self::Read | Self::Consume => "any role",
            Self::Append => "the role recorder or curator",
            Self::Record => "the role recorder",
            Self::Curate => "the role curator",
            Self::Operate => "the role operator",
        }
    }
}

/// A role, for these categories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where it applies.
    pub categories: Categories,
}
