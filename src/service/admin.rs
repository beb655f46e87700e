//! Running a home: people, accounts, log, health, backup. Every act is recorded in the access log.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{self, Kind, Paths, SETTINGS};
use crate::domain::limit::{LimitName, Scope};
use crate::domain::role::{RiskTolerance, Role};
use crate::domain::{
    AccountId, AccountKind, AccountSpec, BrokerId, Capability, CleanText, Command, Currency, Exchange,
    LotMethod, Margin, Money, TriggerType, UserName,
};
use crate::observe;
use crate::secret::{self, Password};
pub use crate::store::BackupReport;
use crate::store::HeldBy;
use crate::store::users::AccessEntry;

use super::access::{credential, new_user, not_reserved, record, unknown_user};
use super::audit::AuditReport;
use super::engine::lock;
use super::error::ServiceError;
use super::house::{House, own_limit, whole_money};
use super::permit::{Actor, Administer, Permit, ViewMarket};
use super::view::{HealthRow, LogRow, SettingRow, UserRow};

/// Opening cash of a new person's simulation account, in whole units of its currency.
const SIMULATION_CASH: i64 = 100_000;
/// What the access log calls putting a backup in place.
const RESTORE: &str = "restore a backup";
/// Oldest log lines shown.
const LOG_SHOWN_MAX: usize = 1_000;

/// An account to be opened; what is `None` takes its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountWish {
    /// Name.
    pub account: AccountId,
    /// Opening cash.
    pub cash: Money,
    /// Market it trades on; the desk's by default.
    pub exchange: Option<Exchange>,
    /// Its currency; the exchange's by default.
    pub currency: Option<Currency>,
    /// Paper by default.
    pub kind: Option<AccountKind>,
    /// Whose it is; the desk's by default.
    pub owner: Option<UserName>,
    /// Where its orders are executed.
    pub broker: BrokerId,
    /// Whether it may sell short.
    pub short: bool,
    /// How purchases are covered.
    pub margin: Margin,
    /// Which lots a sale closes.
    pub lots: LotMethod,
    /// Which price sets off its stops and touches.
    #[serde(default)]
    pub trigger: TriggerType,
}

/// What putting a backup in place came to.
#[derive(Debug)]
pub struct Restored {
    /// What was copied.
    pub copied: BackupReport,
    /// What proving it in its place found, or why it could not be proved: then it takes no new risk either.
    pub proof: Result<AuditReport, ServiceError>,
}

/// Puts a backup into a home that nobody has open. A home that is there is replaced only with a permit, which is used
/// up; what it held stays beside. The restored access log tells who did it, from which file, and what was replaced. The caller has closed the house the permit came from.
/// What is in place then is opened and verified, and takes new risk only when it is sound.
pub fn restore(
    source: &Path,
    home: &Path,
    permit: Option<Permit<Administer>>,
    holder: &HeldBy,
    open: impl FnOnce() -> Result<Arc<House>, ServiceError>,
) -> Result<Restored, ServiceError> {
    let user = permit.as_ref().map_or_else(|| holder.user.clone(), |p| CleanText::new(p.user().as_str()));
    let act = AccessEntry {
        id: 0,
        wall: holder.since,
        user,
        what: CleanText::new(RESTORE),
        outcome: CleanText::new("allowed"),
        detail: CleanText::new(&format!("from {}", source.display())),
    };
    let copied = crate::store::restore(source, home, &config::TEXT_FILES, permit.is_some(), holder, &act)?;
    let proof = open().and_then(|house| house.prove_for(act.user.as_str(), None));
    Ok(Restored { copied, proof })
}

/// The account on which a person practises.
fn simulation_of(owner: UserName) -> Result<AccountId, ServiceError> {
    Ok(format!("sim-{owner}").parse()?)
}

impl House {
    /// Adds a person. Roles that practise get a simulation account of their own.
    pub fn add_user(
        &self,
        permit: &Permit<Administer>,
        name: UserName,
        role: Role,
        password: Option<&Password>,
    ) -> Result<(), ServiceError> {
        not_reserved(name)?;
        let user = new_user(name, role, self.clock().now());
        let simulates = role.gets_simulation_account();
        if simulates {
            self.engine()?;
            let account = simulation_of(name)?;
            if self.state()?.accounts().contains_key(&account) {
                return Err(ServiceError::Invalid(format!(
                    "'{name}' would practise on the account {account}, and there is one of that name; choose another name"
                )));
            }
        }
        lock(self.users()).add_user(&user, &credential(password)?, permit.user())?;
        record(self, permit.user().as_str(), &format!("add user {name} ({role})"), "allowed", "")?;
        if simulates {
            self.open_simulation(name, user.risk_tolerance)?;
        }
        Ok(())
    }

    fn open_simulation(&self, owner: UserName, tolerance: RiskTolerance) -> Result<(), ServiceError> {
        let exchange = self.main_exchange()?;
        let cash = whole_money(SIMULATION_CASH)?;
        let account = simulation_of(owner)?;
        let mut commands = vec![Command::OpenAccount(AccountSpec {
            account,
            kind: AccountKind::Simulation,
            owner: Some(owner),
            exchange: Some(exchange),
            currency: exchange.currency(),
            cash,
            short: false,
            margin: Margin::Cash,
            broker: BrokerId::Paper,
            lots: LotMethod::Fifo,
            trigger: TriggerType::Last,
        })];
        commands.extend(simulation_limits(account, cash, tolerance)?);
        self.give_as_house(commands).map(drop)
    }

    /// Everybody, by name.
    pub fn people(&self, _: &Permit<Administer>) -> Result<Vec<UserRow>, ServiceError> {
        let people = lock(self.users()).read().users()?;
        Ok(people
            .into_iter()
            .map(|p| UserRow {
                name: p.user.name,
                role: p.user.role,
                disabled: p.user.disabled,
                risk_tolerance: p.user.risk_tolerance,
                created_at: p.user.created_at,
                last_login: p.user.last_login,
            })
            .collect())
    }

    /// Changes a person's role; their logins end. The last administrator stays one.
    pub fn set_role(
        &self,
        permit: &Permit<Administer>,
        name: UserName,
        role: Role,
    ) -> Result<(), ServiceError> {
        self.keep_one_founder(name, role.is_founder())?;
        let person = {
            let mut users = lock(self.users());
            users.set_role(name, role)?;
            users.read().user(name)?.ok_or_else(|| unknown_user(name))?
        };
        self.note_epoch(name, person.epoch);
        record(self, permit.user().as_str(), &format!("make {name} {role}"), "allowed", "")
    }

    /// Gives a person a new password; for the next seven days the two are not independent.
    pub fn reset_password(
        &self,
        permit: &Permit<Administer>,
        name: UserName,
        new: &Password,
    ) -> Result<(), ServiceError> {
        let person = {
            let mut users = lock(self.users());
            users.set_password(name, &secret::hash(new)?, permit.user(), self.clock().now())?;
            users.read().user(name)?.ok_or_else(|| unknown_user(name))?
        };
        self.note_epoch(name, person.epoch);
        record(self, permit.user().as_str(), &format!("reset the password of {name}"), "allowed", "")
    }

    /// Keeps a person from logging in; what they have open ends.
    pub fn disable_user(&self, permit: &Permit<Administer>, name: UserName) -> Result<(), ServiceError> {
        self.keep_one_founder(name, false)?;
        let person = {
            let mut users = lock(self.users());
            users.disable(name, self.clock().now())?;
            users.read().user(name)?.ok_or_else(|| unknown_user(name))?
        };
        self.note_epoch(name, person.epoch);
        record(self, permit.user().as_str(), &format!("disable {name}"), "allowed", "")
    }

    fn keep_one_founder(&self, name: UserName, stays: bool) -> Result<(), ServiceError> {
        let people = lock(self.users()).read().users()?;
        let mut founders = people.iter().filter(|p| p.user.role.is_founder() && !p.user.disabled);
        let last = founders.clone().count() == 1 && founders.all(|p| p.user.name == name);
        if last && !stays {
            return Err(ServiceError::Invalid(format!(
                "{name} is the last person who can run this home; give somebody else that role first"
            )));
        }
        Ok(())
    }

    /// Opens an account.
    pub fn open_account(&self, permit: &Permit<Administer>, wish: &AccountWish) -> Result<(), ServiceError> {
        let kind = wish.kind.unwrap_or(AccountKind::Paper);
        if kind == AccountKind::Live {
            return Err(ServiceError::Invalid(
                "live accounts cannot be opened in this release; use --kind paper or simulation".into(),
            ));
        }
        let owner = match wish.owner {
            Some(owner) => Some(lock(self.users()).read().user(owner)?.ok_or_else(|| unknown_user(owner))?),
            None => None,
        };
        if kind == AccountKind::Simulation && wish.owner.is_none() {
            return Err(ServiceError::Invalid(
                "a simulation account belongs to somebody; name them with --owner".into(),
            ));
        }
        let exchange = match wish.exchange {
            Some(exchange) => exchange,
            None => self.main_exchange()?,
        };
        let currency = wish.currency.unwrap_or(exchange.currency());
        if currency != exchange.currency() {
            return Err(ServiceError::Invalid(format!(
                "{exchange} trades in {}; an account in {currency} could not buy anything there",
                exchange.currency()
            )));
        }
        if wish.cash.is_negative() {
            return Err(ServiceError::Invalid(format!("an account cannot open with {}", wish.cash)));
        }
        if self.state()?.accounts().get(&wish.account).is_some() {
            return Err(ServiceError::Invalid(format!(
                "account '{}' exists already; choose another name",
                wish.account
            )));
        }
        if !wish.broker.is_paper() {
            if !wish.trigger.is_usual() {
                return Err(ServiceError::Invalid(format!(
                    "{} sets off stops by a rule of its own: leave --trigger out, or --broker",
                    wish.broker
                )));
            }
            self.may_trade_at(wish.broker, kind, exchange)?;
        }
        let mut commands = vec![Command::OpenAccount(AccountSpec {
            account: wish.account,
            kind,
            owner: wish.owner,
            exchange: Some(exchange),
            currency,
            cash: wish.cash,
            short: wish.short,
            margin: wish.margin,
            broker: wish.broker,
            lots: wish.lots,
            trigger: wish.trigger,
        })];
        if let Some(person) = owner.filter(|_| kind == AccountKind::Simulation) {
            commands.extend(simulation_limits(wish.account, wish.cash, person.user.risk_tolerance)?);
        }
        if !wish.broker.is_paper() {
            // Until it has been compared with its broker, when the home is opened next, it takes no risk.
            commands.push(Command::Reconcile { account: wish.account, breaks: None });
        }
        self.give_as_house(commands)?;
        record(self, permit.user().as_str(), &format!("open account {}", wish.account), "allowed", "")
    }

    /// Whether an account of this kind can be opened at a broker; its keys and address are looked at, not used.
    fn may_trade_at(
        &self,
        broker: BrokerId,
        kind: AccountKind,
        exchange: Exchange,
    ) -> Result<(), ServiceError> {
        let takes = crate::execution::venues::capabilities(broker);
        if !takes.kinds.contains(&kind) || !takes.exchanges.contains(&exchange) {
            return Err(ServiceError::Invalid(format!(
                "{broker} serves paper accounts on XNYS; use --kind paper --exchange XNYS, or leave --broker out"
            )));
        }
        // One pair of keys is one account there: two accounts here could not be told apart.
        let state = self.state()?;
        if let Some(other) = state.accounts().values().find(|a| a.spec().broker == broker) {
            return Err(ServiceError::Invalid(format!(
                "account '{}' trades at {broker} already; one pair of keys is one account",
                other.spec().account
            )));
        }
        self.connect(broker).map(drop)
    }

    /// The newest lines of the system log, newest last.
    pub fn system_log(&self, _: &Permit<Administer>) -> Vec<LogRow> {
        let lines = self.log().newest(LOG_SHOWN_MAX);
        lines
            .into_iter()
            .map(|l| LogRow {
                time: l.time,
                level: l.level.as_str().to_string(),
                target: l.target.to_string(),
                text: l.message.to_string(),
            })
            .collect()
    }

    /// How the system is doing.
    pub fn health(&self, _: &Permit<Administer>) -> Result<Vec<HealthRow>, ServiceError> {
        let facts = observe::health(&crate::store::files(self.home()), self.opened(), self.clock().now());
        let row = |name: &str, value: String, ok: bool| HealthRow { name: name.to_string(), value, ok };
        let mut rows: Vec<HealthRow> = Vec::new();
        for file in facts.files {
            let size = file.bytes.map_or("missing".to_string(), |b| {
                format!("{} KiB, log {} KiB", b / 1024, file.wal_bytes / 1024)
            });
            rows.push(row(file.name, size, file.bytes.is_some()));
        }
        if let Some(bytes) = facts.resident_bytes {
            rows.push(row("memory", format!("{} MiB", bytes / 1_048_576), true));
        }
        rows.push(row("up", format!("{} s", facts.uptime_seconds), true));
        let sessions = lock(self.users()).read().open_sessions()?.len();
        rows.push(HealthRow { name: "sessions".into(), value: sessions.to_string(), ok: true });
        let trades = self.held_by().map_or("owned by this process".to_string(), |by| format!("held by {by}"));
        rows.push(HealthRow { name: "trades".into(), value: trades, ok: self.owns_trades() });
        rows.push(self.last_verify()?);
        rows.extend(super::nightly::unsound_row(self.home()));
        Ok(rows)
    }

    /// Copies the home into one file, also while it trades.
    pub fn back_up(&self, permit: &Permit<Administer>, to: &Path) -> Result<BackupReport, ServiceError> {
        let report = crate::store::backup(self.home(), &config::TEXT_FILES, to)?;
        record(
            self,
            permit.user().as_str(),
            "backup",
            "allowed",
            &CleanText::new(&to.display().to_string()).to_string(),
        )?;
        Ok(report)
    }

    /// The settings that somebody of these capabilities may change, and what they may be.
    pub fn setting_rows(&self, _: &Permit<ViewMarket>, capabilities: &[Capability]) -> Vec<SettingRow> {
        let settings = lock(self.settings());
        SETTINGS
            .iter()
            .filter(|s| capabilities.contains(&s.needs))
            .map(|s| SettingRow {
                key: s.key.to_string(),
                value: s.value(&settings),
                default: s.default_value(),
                choices: choices(s.kind),
                doc: s.doc.to_string(),
            })
            .collect()
    }

    /// Changes a setting, in the file and in force.
    pub(super) fn change_setting(&self, actor: &Actor, key: &str, value: &str) -> Result<(), ServiceError> {
        let file = Paths::at(self.home()).settings();
        *lock(self.settings()) = config::set(&file, key, value)?;
        if self.owns_trades() { self.configure(Some(actor)) } else { Ok(()) }
    }

    /// Tells everybody who runs this home something that did not come from the journal.
    pub(super) fn tell_overseers(&self, title: &str, text: &str) -> Result<(), ServiceError> {
        self.tell_all(Role::is_founder, title, text)
    }

    /// The same for everybody of some roles.
    pub(super) fn tell_all(
        &self,
        has_to_know: impl Fn(Role) -> bool,
        title: &str,
        text: &str,
    ) -> Result<(), ServiceError> {
        let mut users = lock(self.users());
        let people = users.read().users()?.into_iter();
        let told = people.filter(|p| !p.user.disabled && has_to_know(p.user.role));
        let time = self.clock().now();
        let notices: Vec<_> = told
            .map(|p| {
                let notice = crate::domain::notice::Notice {
                    id: 0,
                    user: p.user.name,
                    time,
                    level: crate::domain::notice::NoticeLevel::Action,
                    title: CleanText::new(title),
                    text: CleanText::new(text),
                    read: false,
                };
                (notice, None)
            })
            .collect();
        users.add_notices(&notices)?;
        Ok(())
    }
}

/// A simulation account has only limits of its own, made from its owner's risk tolerance.
fn simulation_limits(
    account: AccountId,
    cash: Money,
    tolerance: RiskTolerance,
) -> Result<Vec<Command>, ServiceError> {
    let limits = tolerance.limits();
    let scope = Scope::Account(account);
    let values = [
        (LimitName::MaxOrderNotional, cash.scale(limits.order_share)?.to_string()),
        (LimitName::MaxPositionWeight, limits.max_position_weight.to_string()),
        (LimitName::MaxGrossExposure, limits.max_gross_exposure.to_string()),
        (LimitName::MaxDailyLoss, cash.scale(limits.daily_loss_share)?.to_string()),
    ];
    let reason = format!("risk tolerance {}", tolerance.as_str());
    Ok(values.into_iter().map(|(name, hard)| own_limit(name, scope, hard, &reason)).collect())
}

fn choices(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Bool => vec!["true".into(), "false".into()],
        Kind::Choice(words) => words.iter().map(ToString::to_string).collect(),
        Kind::Integer { .. }
        | Kind::Decimal
        | Kind::Name
        | Kind::Address(_)
        | Kind::File
        | Kind::Vendors
        | Kind::VendorsOfKind
        | Kind::SyncKinds
        | Kind::FeeTiers => Vec::new(),
    }
}
