//! The door as the terminal uses it: who may come in, and the desk they get.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::role::Role;
use crate::domain::{Exchange, UserName};
use crate::secret::Password;
use crate::store::users::Credential;

use super::access::{self, Session};
use super::desk::Desk;
use super::desk_worker;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

/// How a home lets people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nobody lives here yet: the first person is made.
    FirstRun,
    /// Name and password.
    SignIn,
    /// People without passwords (demo): pick one.
    Picker(Vec<(UserName, Role)>),
}

/// One terminal's way in. Cheap to clone; at most one person is in at a time.
#[derive(Debug, Clone)]
pub struct Door {
    house: Arc<House>,
    inside: Arc<Mutex<Option<Arc<Session>>>>,
}

impl Door {
    /// The door of a house.
    pub fn new(house: Arc<House>) -> Self {
        Self { house, inside: Arc::default() }
    }

    /// How this home lets people in.
    pub fn entry(&self) -> Result<Entry, ServiceError> {
        let users = lock(self.house.users());
        let people = users.read().users()?;
        if people.is_empty() {
            return Ok(Entry::FirstRun);
        }
        let mut open = Vec::new();
        for person in people.iter().filter(|p| !p.user.disabled) {
            if users.read().credential(person.user.name)? == Some(Credential::None) {
                open.push((person.user.name, person.user.role));
            }
        }
        open.sort_by_key(|(name, role)| (*role, *name));
        Ok(if open.is_empty() { Entry::SignIn } else { Entry::Picker(open) })
    }

    /// First run: makes the person who runs this home, and the desk's account.
    pub fn found(&self, name: UserName, password: SecretString) -> Result<Desk, ServiceError> {
        self.enter(access::found(&self.house, name, Some(&Password::from(password)), Exchange::Xnys)?)
    }

    /// Logs in; a demo person has no password.
    pub fn sign_in(&self, name: UserName, password: Option<SecretString>) -> Result<Desk, ServiceError> {
        let password = password.map(Password::from);
        self.enter(access::login(&self.house, name, password.as_ref())?)
    }

    fn enter(&self, session: Session) -> Result<Desk, ServiceError> {
        let session = Arc::new(session);
        let desk = desk_worker::start(&session)?;
        *lock(&self.inside) = Some(session);
        Ok(desk)
    }

    /// Locks the session that is inside.
    pub fn lock(&self) {
        if let Some(session) = lock(&self.inside).as_ref() {
            session.lock();
        }
    }

    /// Unlocks it with the person's password.
    pub fn unlock(&self, name: UserName, password: Option<SecretString>) -> Result<(), ServiceError> {
        let session =
            lock(&self.inside).clone().filter(|s| s.user() == name).ok_or(ServiceError::SessionOver)?;
        session.unlock(password.map(Password::from).as_ref())
    }

    /// After how long without a key the screen locks.
    pub fn idle_lock(&self) -> Option<Duration> {
        let minutes = lock(self.house.settings()).idle_lock_minutes;
        (minutes > 0).then(|| Duration::from_secs(u64::from(minutes) * 60))
    }

    /// Ends the session that is inside.
    pub fn sign_out(&self) {
        lock(&self.inside).take();
    }
}
