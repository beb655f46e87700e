//! Who is here: founding a home, logging in, sessions that lock, and the permits they give.
//!
//! A login costs the same whether the name exists or not, and fails with one text. Failures are counted per name in
//! the users store, so that throttling holds across processes. Every denial is written to the access log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config;
use crate::domain::role::{Reach, RiskTolerance, Role};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::user::{SubscriptionTier, User};
use crate::domain::{Capability, CleanText, Exchange, UnixNanos, UserName};
pub use crate::secret::Password;
use crate::secret::{self, Verdict};
use crate::store::users::{AccessEntry, Credential, Person};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Actor, Grant, Permit};

/// Failures of one name within [`THROTTLE_SECONDS`] after which further tries are refused unseen.
pub const FAILURES_ALLOWED: u32 = 5;
/// How long failures count, in seconds.
pub const THROTTLE_SECONDS: i64 = 60;

/// How a refused attempt ends in the access log.
const DENIED: &str = "denied";

/// A person who has logged in. Ends when dropped.
#[derive(Debug)]
pub struct Session {
    house: Arc<House>,
    user: UserName,
    id: String,
    epoch: u64,
    locked: AtomicBool,
}

/// Makes the first person of a home, who runs it, and the desk's account. Works only while there is nobody.
pub fn found(
    house: &Arc<House>,
    name: UserName,
    password: Option<&Password>,
    exchange: Exchange,
) -> Result<Session, ServiceError> {
    not_reserved(name)?;
    if !house.state()?.accounts().is_empty() {
        return Err(ServiceError::Founding(
            "this home has a journal but its people are gone (users.db is missing or empty); restore a backup",
        ));
    }
    let user = new_user(name, Role::FOUNDER, house.clock().now());
    let credential = credential(password)?;
    if !lock(house.users()).found(&user, &credential)? {
        return Err(ServiceError::Founding(
            "this home has users already; log in with --user as one who may add users",
        ));
    }
    house.set_up_desk(exchange)?;
    begin(house, name)
}

/// Logs in. A person without a password (demo) logs in with none.
pub fn login(
    house: &Arc<House>,
    name: UserName,
    password: Option<&Password>,
) -> Result<Session, ServiceError> {
    match check(house, name, password) {
        Ok(()) => begin(house, name),
        Err(error) => {
            record(house, name.as_str(), "login", DENIED, "wrong name or password, or throttled")?;
            Err(error)
        }
    }
}

/// The owner of the home's files puts a new password in place, while nobody has the home open.
pub fn recover(house: &Arc<House>, name: UserName, new: &Password) -> Result<(), ServiceError> {
    if !house.owns_trades() {
        return Err(ServiceError::ReadOnly(house.held_by().unwrap_or_default()));
    }
    let person = lock(house.users()).read().user(name)?.ok_or_else(|| unknown_user(name))?;
    let now = house.clock().now();
    lock(house.users()).set_password(person.user.name, &secret::hash(new)?, name, now)?;
    record(
        house,
        name.as_str(),
        "password recovered from the home's files",
        "allowed",
        "shown to every administrator",
    )?;
    house.tell_overseers(
        "Password recovered",
        &format!("{name}'s password was replaced by the owner of the home's files"),
    )
}

fn check(house: &House, name: UserName, password: Option<&Password>) -> Result<(), ServiceError> {
    let now = house.clock().now();
    let since = now.plus_nanos(-THROTTLE_SECONDS * NANOS_PER_SECOND);
    let (failures, person, credential) = {
        let users = lock(house.users());
        let read = users.read();
        (read.failures_since(name, since)?, read.user(name)?, read.credential(name)?)
    };
    let standing = person.is_some_and(|p| !p.user.disabled) && failures.count < FAILURES_ALLOWED;
    let right = match (credential, password) {
        (Some(Credential::None), None) => true,
        (Some(Credential::Hash(hash)), Some(password)) => verify(house, name, password, &hash)?,
        (None, Some(password)) => secret::verify_nobody(password).map(|()| false)?,
        (Some(Credential::None), Some(_)) | (Some(Credential::Hash(_)) | None, None) => false,
    };
    if standing && right {
        return Ok(());
    }
    lock(house.users()).record_failure(name, now)?;
    Err(ServiceError::LoginFailed)
}

/// Verifies a password, and renews a hash that is weaker than new ones.
fn verify(house: &House, name: UserName, password: &Password, stored: &str) -> Result<bool, ServiceError> {
    match secret::verify(password, stored)? {
        Verdict::Wrong => Ok(false),
        Verdict::Right => Ok(true),
        Verdict::RightButWeak => {
            lock(house.users()).upgrade_hash(name, stored, &secret::hash(password)?)?;
            Ok(true)
        }
    }
}

fn begin(house: &Arc<House>, user: UserName) -> Result<Session, ServiceError> {
    let id = secret::session_id()?;
    let person = {
        let mut users = lock(house.users());
        users.record_login(user, &id, house.clock().now())?;
        users.read().user(user)?.ok_or_else(|| unknown_user(user))?
    };
    house.note_epoch(user, person.epoch);
    tracing::info!(%user, "logged in");
    Ok(Session { house: Arc::clone(house), user, id, epoch: person.epoch, locked: AtomicBool::new(false) })
}

impl Session {
    /// Who.
    pub fn user(&self) -> UserName {
        self.user
    }

    /// The home.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// The person as they stand now, unless the login no longer holds.
    pub fn person(&self) -> Result<Person, ServiceError> {
        let person = lock(self.house.users()).read().user(self.user)?.ok_or(ServiceError::SessionOver)?;
        if person.user.disabled || person.epoch != self.epoch {
            return Err(ServiceError::SessionOver);
        }
        Ok(person)
    }

    /// A permit for one request. A denial is recorded before it is returned.
    pub fn permit<C: Grant>(&self) -> Result<Permit<C>, ServiceError> {
        let role = self.role()?;
        Permit::issue(self.actor(), role).map_or_else(|| self.deny(role, C::CAPABILITY), Ok)
    }

    /// Changes a setting, in the file and in force, by somebody who may do what the setting asks for.
    pub fn change_setting(&self, key: &str, value: &str) -> Result<(), ServiceError> {
        let needs = config::find(key).map_or(Capability::ViewMarket, |setting| setting.needs);
        let role = self.role()?;
        if role.reach(needs) == Reach::None {
            return self.deny(role, needs);
        }
        self.house.change_setting(&self.actor(), key, value)?;
        record(&self.house, self.user.as_str(), "change a setting", "allowed", &format!("{key} = {value}"))
    }

    fn actor(&self) -> Actor {
        Actor { user: self.user, session: self.id.clone(), epoch: self.epoch }
    }

    /// The person's role, while the session is open and not locked.
    fn role(&self) -> Result<Role, ServiceError> {
        if self.locked.load(Ordering::Acquire) {
            return Err(ServiceError::Locked);
        }
        Ok(self.person()?.user.role)
    }

    fn deny<T>(&self, role: Role, capability: Capability) -> Result<T, ServiceError> {
        let denied = ServiceError::NotPermitted { user: self.user, role, capability };
        record(&self.house, self.user.as_str(), capability.text(), DENIED, &denied.to_string())?;
        Err(denied)
    }

    /// What the person may do, for menus; the permit is still asked for.
    pub fn capabilities(&self) -> Result<Vec<Capability>, ServiceError> {
        let role = self.person()?.user.role;
        Ok(Capability::all().filter(|c| role.reach(*c) != Reach::None).collect())
    }

    /// Locks the session: no permits until it is unlocked.
    pub fn lock(&self) {
        self.locked.store(true, Ordering::Release);
    }

    /// Unlocks it with the person's password.
    pub fn unlock(&self, password: Option<&Password>) -> Result<(), ServiceError> {
        if let Err(error) = check(&self.house, self.user, password) {
            record(&self.house, self.user.as_str(), "unlock", DENIED, "wrong password, or throttled")?;
            return Err(error);
        }
        self.locked.store(false, Ordering::Release);
        Ok(())
    }

    /// A person without a password says that this login is theirs: from now on nobody who made it is tied to them.
    pub fn confirm_login(&self) -> Result<(), ServiceError> {
        self.person()?;
        let mine = lock(self.house.users()).confirm_login(self.user, self.house.clock().now())?;
        if !mine {
            return Err(ServiceError::Invalid(
                "a login with a password is made one's own by changing the password; see 'qlib-pro user password'"
                    .into(),
            ));
        }
        record(&self.house, self.user.as_str(), "make own login theirs", "allowed", "")
    }

    /// Changes the person's own password; every other login of theirs ends.
    pub fn change_password(&mut self, new: &Password) -> Result<(), ServiceError> {
        self.person()?;
        let hash = secret::hash(new)?;
        let person = {
            let mut users = lock(self.house.users());
            users.set_password(self.user, &hash, self.user, self.house.clock().now())?;
            users.read().user(self.user)?.ok_or(ServiceError::SessionOver)?
        };
        self.epoch = person.epoch;
        self.house.note_epoch(self.user, person.epoch);
        record(&self.house, self.user.as_str(), "change own password", "allowed", "")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let ended = lock(self.house.users()).end_session(&self.id, self.house.clock().now());
        if let Err(error) = ended {
            tracing::warn!(%error, "the end of a session could not be recorded");
        }
    }
}

/// Names that the program itself acts under belong to nobody.
pub(super) fn not_reserved(name: UserName) -> Result<(), ServiceError> {
    let own = [super::house::HOUSE_ACTOR, crate::execution::ENGINE_NAME];
    if own.iter().any(|n| n.eq_ignore_ascii_case(name.as_str())) {
        return Err(ServiceError::Invalid(format!("the name '{name}' is the program's own; choose another")));
    }
    Ok(())
}

pub(super) fn credential(password: Option<&Password>) -> Result<Credential, ServiceError> {
    Ok(match password {
        Some(password) => Credential::Hash(secret::hash(password)?),
        None => Credential::None,
    })
}

pub(super) fn new_user(name: UserName, role: Role, now: UnixNanos) -> User {
    User {
        name,
        role,
        disabled: false,
        email: CleanText::default(),
        risk_tolerance: RiskTolerance::default(),
        subscription_tier: SubscriptionTier::default(),
        created_at: now,
        last_login: None,
    }
}

pub(super) fn unknown_user(name: UserName) -> ServiceError {
    ServiceError::Unknown {
        kind: "user",
        name: CleanText::new(name.as_str()),
        remedy: "see 'qlib-pro user list'",
    }
}

pub(super) fn record(
    house: &House,
    user: &str,
    what: &str,
    outcome: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    let entry = AccessEntry {
        id: 0,
        wall: house.clock().now(),
        user: CleanText::new(user),
        what: CleanText::new(what),
        outcome: CleanText::new(outcome),
        detail: CleanText::new(detail),
    };
    if outcome == DENIED {
        tracing::warn!(user = %entry.user, what = %entry.what, "denied");
    }
    Ok(lock(house.users()).log_access(&entry)?)
}
