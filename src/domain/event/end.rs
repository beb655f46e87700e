//! Why orders end.

use serde::{Deserialize, Serialize};

/// Why an order ended before it was filled, or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Somebody cancelled it.
    Requested,
    /// A tightened limit no longer allowed it.
    LimitTightened,
    /// Trading was halted in its scope.
    Halted,
    /// The positions of its scope were closed.
    Flattened,
    /// A split left nothing of it.
    CorporateAction,
    /// An amendment below what was filled.
    Amended,
    /// Its list's sells ended without paying for it.
    ListEnded,
    /// Nobody approved it in time.
    ApprovalExpired,
    /// Its session closed.
    SessionClose,
    /// Its next fill could not be counted exactly.
    OutOfRange,
    /// It was given for what can be filled at once.
    Immediate,
    /// The moment named in it came.
    ExpireTime,
    /// The auction it was given for is over.
    AuctionOver,
    /// Another order of its group filled.
    GroupFilled,
    /// Its parent ended without a fill.
    ParentEnded,
    /// There is no position left to reduce.
    PositionFlat,
    /// The venue ended it.
    Venue,
    /// It would have traded with an order of the same owner.
    SelfTrade,
}

impl EndReason {
    /// One plain sentence without a full stop.
    pub const fn text(self) -> &'static str {
        match self {
            EndReason::Requested => "somebody cancelled it",
            EndReason::LimitTightened => "a tightened limit no longer allowed it",
            EndReason::Halted => "trading was halted",
            EndReason::Flattened => "the positions of its scope were closed",
            EndReason::CorporateAction => "a split left nothing of it",
            EndReason::Amended => "it was amended below what was filled",
            EndReason::ListEnded => "its list's sells ended without paying for it",
            EndReason::ApprovalExpired => "nobody approved it in time",
            EndReason::SessionClose => "its session closed",
            EndReason::OutOfRange => "its next fill could not be counted exactly",
            EndReason::Immediate => "it was given for what can be filled at once",
            EndReason::ExpireTime => "the moment named in it came",
            EndReason::AuctionOver => "the auction it was given for is over",
            EndReason::GroupFilled => "another order of its group filled",
            EndReason::ParentEnded => "its parent ended without a fill",
            EndReason::PositionFlat => "there is no position left to reduce",
            EndReason::Venue => "the venue ended it",
            EndReason::SelfTrade => "it would have traded with an order of the same owner",
        }
    }
}
