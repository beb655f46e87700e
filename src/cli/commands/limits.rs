//! `limits show|history|diff|set|approve|reject|revert`: what bounds trading, and who changed it.

use super::{Env, told_of};
use crate::cli::args::one_of;
use crate::cli::context::OpenMode;
use crate::cli::credentials;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::limit::{
    LimitDraft, LimitName, LimitTerms, LimitValue, Scope, VersionStatus, WorkingOrders,
};
use crate::domain::{AccountId, ChangeSetId, OrderId, UnixNanos};
use crate::service::as_of::Moment;
use crate::service::deed::{Control, Deed};
use crate::service::permit::{ControlRisk, ViewLimits};
use clap::{Args, Subcommand};

/// What happens to working orders over a limit.
const WORKING: &[(&str, WorkingOrders)] = &[("keep", WorkingOrders::Keep), ("cancel", WorkingOrders::Cancel)];
/// The value that removes a limit.
const NO_LIMIT: &str = "none";
/// Recorded when nobody could be asked for a reason.
const NO_REASON: &str = "(none given)";

/// Risk limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Limits in force, their use, and halts.
    Show {
        /// As they stood at the end of this day, or at this time such as 2024-01-02T14:30:00Z.
        #[arg(long, value_name = "TIME")]
        as_of: Option<Moment>,
    },
    /// Every version, newest first.
    History,
    /// What changed between two versions.
    Diff {
        /// Earlier version.
        from: u32,
        /// Later version.
        to: u32,
    },
    /// Set a limit: tightening applies at once, loosening waits for a second person.
    Set(Box<Set>),
    /// Approve a version that somebody else proposed, or (with --seen) all versions of a change set.
    Approve {
        /// Version, or the name of a change set.
        version: Waiting,
        /// Newest version of the change set that you saw: refused, and told what is in it, when others joined since.
        #[arg(long, value_name = "VERSION")]
        seen: Option<u32>,
    },
    /// Turn a waiting version, or all of a change set, down; take an own one back.
    Reject {
        /// Version, or the name of a change set.
        version: Waiting,
        /// Why; asked for on a terminal.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Put the values of an earlier version back, as a new version; of a change set, what stood before it.
    Revert {
        /// Version, or the name of a change set.
        version: Waiting,
    },
}

/// What waits for approval.
#[derive(Debug, Clone, Copy)]
pub enum Waiting {
    /// One version.
    Version(u32),
    /// A change set.
    Set(ChangeSetId),
}

impl std::str::FromStr for Waiting {
    type Err = crate::domain::id::IdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Waiting::Version).or_else(|_| text.parse().map(Waiting::Set))
    }
}

/// `limits set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Limit, such as max_order_notional.
    name: LimitName,
    /// Value nothing may pass; `none` removes the limit.
    value: String,
    /// firm, account:NAME, symbol:NAME or strategy:NAME.
    #[arg(long, default_value = "firm")]
    scope: Scope,
    /// Value above which an order waits for a second person.
    #[arg(long, value_name = "VALUE")]
    soft: Option<String>,
    /// Why; asked for on a terminal.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What happens to working orders over it.
    #[arg(long, value_parser = one_of(WORKING), default_value = "keep")]
    working: WorkingOrders,
    /// Market time at which it begins, such as 2026-03-02T14:30:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<UnixNanos>,
    /// Market time at which it ends and what stood before is back.
    #[arg(long, value_name = "TIME")]
    until: Option<UnixNanos>,
    /// The one order it is meant for: it ends when that order was taken or refused.
    #[arg(long, value_name = "ACCOUNT/ID")]
    order: Option<OneOrder>,
    /// Version it was based on: refused when somebody changed the limit since.
    #[arg(long, value_name = "VERSION")]
    based_on: Option<u32>,
    /// Change set: all of its versions wait and are approved together.
    #[arg(long, value_name = "NAME")]
    set: Option<ChangeSetId>,
    /// Say what it would change and what it would have refused, and set nothing.
    #[arg(long)]
    preview: bool,
}

/// An order by account and id.
#[derive(Debug, Clone, Copy)]
pub struct OneOrder {
    account: AccountId,
    id: OrderId,
}

impl std::str::FromStr for OneOrder {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').ok_or("give ACCOUNT/ID")?;
        let account = parts.0.parse().map_err(|e| format!("{e}"))?;
        Ok(Self { account, id: parts.1.parse().map_err(|e| format!("{e}"))? })
    }
}

impl LimitsCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            LimitsCommand::Show { as_of } => {
                let session = env.session(OpenMode::Read)?;
                let (house, permit) = (session.house(), session.permit::<ViewLimits>()?);
                let past = as_of.map(|moment| house.past_of_home(moment)).transpose()?;
                let view = match &past {
                    Some(past) => house.limits_at(&permit, past)?,
                    None => house.limits(&permit)?,
                };
                env.out.list(&view.limits, "no limits are set")?;
                if env.out.format() == Format::Table && !view.halts.is_empty() {
                    env.out.blank()?;
                    env.out.list(&view.halts, "")?;
                }
                let alone = "one person only: loosening a limit waits for a second person";
                env.out.remark(if view.single_person { alone } else { "" })?;
                told_of(env, house, past.as_ref())
            }
            LimitsCommand::History => {
                let session = env.session(OpenMode::Read)?;
                let rows = session.house().limit_history(&session.permit::<ViewLimits>()?)?;
                env.out.list(&rows, "no limit was ever set")
            }
            LimitsCommand::Diff { from, to } => {
                let session = env.session(OpenMode::Read)?;
                let rows = session.house().limit_changes(&session.permit::<ViewLimits>()?, from, to)?;
                env.out.list(&rows, "nothing changed")
            }
            LimitsCommand::Set(set) if set.preview => preview(env, &set.draft(NO_REASON.to_string())?),
            LimitsCommand::Set(mut set) => {
                let reason = reason(set.reason.take())?;
                let draft = set.draft(reason)?;
                change(env, Control::SetLimit(draft))
            }
            LimitsCommand::Approve { version: Waiting::Version(_), seen: Some(_) } => {
                Err(Failure::usage("--seen goes with the name of a change set".to_owned()))
            }
            LimitsCommand::Approve { version: Waiting::Version(version), seen: None } => {
                change(env, Control::ApproveLimit(version))
            }
            LimitsCommand::Approve { version: Waiting::Set(set), seen } => {
                let deed = Deed::Control(Control::ApproveLimits { set, seen });
                let rows = env.hand()?.act(deed, |_| {})?.limits()?;
                env.out.list(&rows, "the change set is empty")
            }
            LimitsCommand::Reject { version: Waiting::Version(version), reason: text } => {
                change(env, Control::RejectLimit { version, reason: reason(text)?.into() })
            }
            LimitsCommand::Reject { version: Waiting::Set(set), reason: text } => {
                let deed = Deed::Control(Control::RejectLimits { set, reason: reason(text)?.into() });
                let rows = env.hand()?.act(deed, |_| {})?.limits()?;
                env.out.list(&rows, "the change set is empty")
            }
            LimitsCommand::Revert { version: Waiting::Version(version) } => {
                change(env, Control::RevertLimit(version))
            }
            LimitsCommand::Revert { version: Waiting::Set(set) } => {
                let rows = env.hand()?.act(Deed::Control(Control::RevertLimits(set)), |_| {})?.limits()?;
                env.out.list(&rows, "the change set is empty")
            }
        }
    }
}

/// The reason given, or asked for on a terminal.
fn reason(given: Option<String>) -> Result<String, Failure> {
    let reason = match given {
        Some(reason) => reason,
        None if credentials::may_ask() => credentials::ask_line("Reason: ")?,
        None => String::new(),
    };
    Ok(if reason.trim().is_empty() { NO_REASON.to_string() } else { reason })
}

impl Set {
    fn draft(self, reason: String) -> Result<LimitDraft, Failure> {
        for value in [Some(self.value.as_str()).filter(|v| *v != NO_LIMIT), self.soft.as_deref()] {
            value
                .map_or(Ok(()), |text| LimitValue::parse(self.name, text).map(drop))
                .map_err(Failure::usage)?;
        }
        Ok(LimitDraft {
            name: self.name,
            scope: self.scope,
            hard: (self.value != NO_LIMIT).then_some(self.value),
            soft: self.soft,
            reason: reason.into(),
            working: self.working,
            terms: LimitTerms {
                effective_from: self.from,
                expires_at: self.until,
                order: self.order.map(|one| (one.account, one.id)),
                based_on: self.based_on,
                set: self.set,
            },
        })
    }
}

/// What a draft would do to the book, the open orders and the decisions of the last days.
fn preview(env: &mut Env<'_>, draft: &LimitDraft) -> Result<(), Failure> {
    let session = env.session(OpenMode::Read)?;
    let permit = session.permit::<ControlRisk>()?;
    let seen = session.house().preview_limit(&permit, draft)?;
    env.out.record(&seen)?;
    let who = if seen.needs_approval {
        "A second person must approve it."
    } else {
        "It would be in force at once."
    };
    env.out.remark(&format!("{} {who}", seen.told()))
}

/// Changes a limit and shows the version that comes of it.
fn change(env: &mut Env<'_>, control: Control) -> Result<(), Failure> {
    let row = env.hand()?.act(Deed::Control(control), |_| {})?.limit()?;
    let waits = row.status == VersionStatus::Proposed;
    env.out.record(&row)?;
    let next = match row.set {
        Some(set) => {
            format!(
                "it waits for a second person with change set {set}: 'qlib-pro limits approve {set}' says what is in it"
            )
        }
        None => format!("it waits for a second person: 'qlib-pro limits approve {}'", row.version),
    };
    env.out.remark(if waits { &next } else { "" })
}
