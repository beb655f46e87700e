//! Why a limit was not set or approved, in words for whoever asked.

use crate::domain::limit::{LimitName, Scope};
use crate::domain::{ChangeSetId, UnixNanos, UserName};
use crate::risk::checks::Grain;

/// Why a limit was not set or approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A value does not parse in the limit's unit.
    #[error("{0}")]
    BadValue(String),
    /// A scope that the limit's figure cannot be told apart by.
    #[error(
        "{name} cannot be set for {scope}: it measures {}; set it for one of: {}",
        .grain.measured(), .grain.scopes()
    )]
    ForeignScope {
        /// Limit.
        name: LimitName,
        /// Scope.
        scope: Scope,
        /// What it measures.
        grain: Grain,
    },
    /// Soft above hard.
    #[error("the soft value lies above the hard value: give a soft value below it")]
    SoftAboveHard,
    /// No such version.
    #[error("limit version {0} does not exist: see the limits' history for those that wait")]
    UnknownVersion(u32),
    /// Not waiting any more.
    #[error("limit version {0} does not wait for approval")]
    NotWaiting(u32),
    /// A later version of the same limit is in force.
    #[error("limit version {0} was overtaken by a later version of the same limit: propose it again")]
    Overtaken(u32),
    /// Its window ended while it waited.
    #[error(
        "limit version {version} was to end at {ended}, and market time is past that: propose it again with a later --until"
    )]
    WindowOver {
        /// Version.
        version: u32,
        /// When it was to end, in market time.
        ended: UnixNanos,
    },
    /// Somebody changed the limit since the draft was begun.
    #[error(
        "{by} changed {name} for {scope} to {value} (version {version}) since version {based_on}: look again"
    )]
    Stale {
        /// Limit.
        name: LimitName,
        /// Scope.
        scope: Scope,
        /// Version it is at.
        version: u32,
        /// Who made that version.
        by: UserName,
        /// Its hard value.
        value: String,
        /// Version the draft was based on.
        based_on: u32,
    },
    /// A window that ends before it begins, or has ended.
    #[error("the limit would end before it begins: give --until after --from, and ahead of market time")]
    EmptyWindow,
    /// The same limit twice in a change set.
    #[error("the change set has {0} for {1} twice: keep one of them")]
    Twice(LimitName, Scope),
    /// The name of a change set that there was before.
    #[error("there is a change set '{0}' already: give another name")]
    KnownSet(ChangeSetId),
    /// A new change set whose name could be a version.
    #[error(
        "a change set cannot be called '{0}': a name of digits alone is taken for a version; put a letter in, such as \
         'set-{0}'"
    )]
    SetOfDigits(ChangeSetId),
    /// Nothing of a change set was ever in force.
    #[error("no version of change set '{0}' was ever in force: see the limits' history")]
    NeverInForce(ChangeSetId),
    /// A change set is approved as a whole and as it was shown; nobody was shown what waits now.
    #[error(
        "change set '{set}' is approved as a whole, as it was shown, and holds now: {members}. To approve all of it: \
         'qlib-pro limits approve {set} --seen {newest}'"
    )]
    LookAtSet {
        /// The set.
        set: ChangeSetId,
        /// What waits in it, in words.
        members: String,
        /// Its newest version.
        newest: u32,
    },
    /// No version of a change set waits.
    #[error("change set '{0}' has no version that waits for approval")]
    UnknownSet(ChangeSetId),
}
