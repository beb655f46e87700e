//! People and their credentials, and who is independent of whom.

use rusqlite::{OptionalExtension, Row, Transaction};

use super::super::codec::{clean, parsed, parsed_opt, time, time_opt, word};
use super::super::error::{Fault, StoreError};
use super::{UsersReader, UsersStore};
use crate::domain::role::RiskTolerance;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::user::{SubscriptionTier, User};
use crate::domain::{Role, UnixNanos, UserName};

/// How long making or resetting somebody's account or password ties two people.
const TIE_NANOS: i64 = 7 * 86_400 * NANOS_PER_SECOND;

/// A person with what a login needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub user: User,
    /// Rises with every change of role or password and with disabling.
    pub epoch: u64,
}

/// How a person proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// By a password with this PHC hash.
    Hash(String),
    /// Not at all: a demo person.
    None,
}

const PERSON: &str = "SELECT name, role, disabled, email, risk_tolerance, subscription_tier, created_at, \
                      last_login, epoch FROM users";

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let user = User {
        name: parsed(row, 0)?,
        role: parsed(row, 1)?,
        disabled: row.get(2)?,
        email: clean(row, 3)?,
        risk_tolerance: word(row, 4)?,
        subscription_tier: word(row, 5)?,
        created_at: time(row, 6)?,
        last_login: time_opt(row, 7)?,
    };
    Ok(Person { user, epoch: row.get::<_, i64>(8)?.unsigned_abs() })
}

impl UsersReader {
    /// One person.
    pub fn user(&self, name: UserName) -> Result<Option<Person>, StoreError> {
        self.db.read("read a person", |c| {
            c.prepare_cached(&format!("{PERSON} WHERE name = ?1"))?
                .query_row([name.as_str()], person)
                .optional()
        })
    }

    /// Everybody, by name.
    pub fn users(&self) -> Result<Vec<Person>, StoreError> {
        self.db.read("read the people", |c| {
            let mut statement = c.prepare_cached(&format!("{PERSON} ORDER BY name"))?;
            statement.query_map([], person)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// How many people there are, disabled ones included.
    pub fn user_count(&self) -> Result<u64, StoreError> {
        self.db.read("count the people", |c| {
            c.query_row("SELECT count(*) FROM users", [], |row| super::super::codec::count(row, 0))
        })
    }

    /// How a person proves who they are; `None` for an unknown name.
    pub fn credential(&self, name: UserName) -> Result<Option<Credential>, StoreError> {
        self.db.read("read a credential", |c| {
            let mut statement = c.prepare_cached("SELECT hash FROM credentials WHERE user = ?1")?;
            let hash =
                statement.query_row([name.as_str()], |row| row.get::<_, Option<String>>(0)).optional()?;
            Ok::<_, rusqlite::Error>(hash.map(|h| h.map_or(Credential::None, Credential::Hash)))
        })
    }

    /// The people that are no second person for `name` at `now`: one of the two made or reset the other's account
    /// or password in the last seven days, and its owner has not changed the password themselves since.
    pub fn ties(&self, name: UserName, now: UnixNanos) -> Result<Vec<UserName>, StoreError> {
        const SQL: &str = "
            SELECT DISTINCT CASE WHEN a.user = ?1 THEN a.actor ELSE a.user END AS other
            FROM credential_acts a
            WHERE (a.user = ?1 OR a.actor = ?1) AND a.user <> a.actor AND a.at > ?2
              AND NOT EXISTS (SELECT 1 FROM credential_acts own
                              WHERE own.user = a.user AND own.actor = a.user AND own.act = 'set'
                                AND own.id > a.id)
            ORDER BY other";
        self.db.read("read who is independent", |c| {
            let since = now.plus_nanos(-TIE_NANOS).nanos();
            let mut statement = c.prepare_cached(SQL)?;
            let rows = statement.query_map((name.as_str(), since), |row| parsed_opt(row, 0))?;
            rows.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

fn changed(rows: usize, name: UserName) -> Result<(), Fault> {
    if rows == 0 { Err(StoreError::UnknownUser(name).into()) } else { Ok(()) }
}

fn note_act(
    tx: &Transaction<'_>,
    user: UserName,
    actor: UserName,
    act: &str,
    at: UnixNanos,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO credential_acts (user, actor, act, at) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, (user.as_str(), actor.as_str(), act, at.nanos()))?;
    let old = at.plus_nanos(-TIE_NANOS).nanos();
    tx.execute("DELETE FROM credential_acts WHERE at < ?1", [old]).map(drop)
}

impl UsersStore {
    /// Adds a person made by `by` (their own name on the first one); `created_at` is now.
    pub fn add_user(&mut self, user: &User, credential: &Credential, by: UserName) -> Result<(), StoreError> {
        self.db().write("add a person", |tx| {
            let known = "SELECT 1 FROM users WHERE name = ?1";
            if tx.query_row(known, [user.name.as_str()], |_| Ok(())).optional()?.is_some() {
                return Err(Fault::Store(StoreError::UserExists(user.name)));
            }
            insert_user(tx, user, credential, by)?;
            Ok(note_act(tx, user.name, by, "made", user.created_at)?)
        })
    }

    /// Adds the first person of a home; `false`, and nothing done, when there is somebody already.
    pub fn found(&mut self, user: &User, credential: &Credential) -> Result<bool, StoreError> {
        self.db().write("add the first person", |tx| {
            let people: i64 = tx.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
            if people > 0 {
                return Ok::<_, rusqlite::Error>(false);
            }
            insert_user(tx, user, credential, user.name)?;
            Ok(true)
        })
    }

    /// Changes a person's role.
    pub fn set_role(&mut self, name: UserName, role: Role) -> Result<(), StoreError> {
        self.db().write("change a role", |tx| {
            let sql = "UPDATE users SET role = ?2, epoch = epoch + 1 WHERE name = ?1";
            changed(tx.execute(sql, (name.as_str(), role.as_str()))?, name)
        })
    }

    /// Replaces a person's password. `by` is the person, or who resets it; it ends every earlier login.
    pub fn set_password(
        &mut self,
        name: UserName,
        hash: &str,
        by: UserName,
        now: UnixNanos,
    ) -> Result<(), StoreError> {
        self.db().write("change a password", |tx| {
            let sql = "UPDATE users SET epoch = epoch + 1 WHERE name = ?1";
            changed(tx.execute(sql, [name.as_str()])?, name)?;
            let sql = "UPDATE credentials SET hash = ?2, changed_by = ?3, changed_at = ?4 WHERE user = ?1";
            tx.execute(sql, (name.as_str(), hash, by.as_str(), now.nanos()))?;
            tx.execute("DELETE FROM login_failures WHERE name = ?1", [name.as_str()])?;
            Ok::<_, Fault>(note_act(tx, name, by, "set", now)?)
        })
    }

    /// Notes that a person without a password made their login their own; `false` when they have a password.
    pub fn confirm_login(&mut self, name: UserName, now: UnixNanos) -> Result<bool, StoreError> {
        self.db().write("confirm a login", |tx| {
            let sql =
                "UPDATE credentials SET changed_by = ?1, changed_at = ?2 WHERE user = ?1 AND hash IS NULL";
            let mine = tx.execute(sql, (name.as_str(), now.nanos()))? > 0;
            if mine {
                note_act(tx, name, name, "set", now)?;
            }
            Ok::<_, rusqlite::Error>(mine)
        })
    }

    /// Replaces the stored hash of an unchanged password by a stronger one, unless it was changed meanwhile.
    pub fn upgrade_hash(&mut self, name: UserName, old: &str, new: &str) -> Result<(), StoreError> {
        self.db().write("renew a password hash", |tx| {
            let sql = "UPDATE credentials SET hash = ?3 WHERE user = ?1 AND hash = ?2";
            tx.execute(sql, (name.as_str(), old, new)).map(drop)
        })
    }

    /// Keeps a person from logging in, and ends what they have open.
    pub fn disable(&mut self, name: UserName, now: UnixNanos) -> Result<(), StoreError> {
        self.db().write("disable a person", |tx| {
            let sql = "UPDATE users SET disabled = 1, epoch = epoch + 1 WHERE name = ?1";
            changed(tx.execute(sql, [name.as_str()])?, name)?;
            let sql = "UPDATE sessions SET ended = ?2 WHERE user = ?1 AND ended IS NULL";
            tx.execute(sql, (name.as_str(), now.nanos()))?;
            Ok::<_, Fault>(())
        })
    }

    /// Changes what a person tells about themselves.
    pub fn set_profile(
        &mut self,
        name: UserName,
        email: &str,
        tolerance: RiskTolerance,
        tier: SubscriptionTier,
    ) -> Result<(), StoreError> {
        self.db().write("change a profile", |tx| {
            let sql =
                "UPDATE users SET email = ?2, risk_tolerance = ?3, subscription_tier = ?4 WHERE name = ?1";
            let row = (name.as_str(), email, tolerance.as_str(), tier.as_str());
            changed(tx.execute(sql, row)?, name)
        })
    }
}

fn insert_user(
    tx: &Transaction<'_>,
    user: &User,
    credential: &Credential,
    by: UserName,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO users (name, role, email, risk_tolerance, subscription_tier, disabled, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    tx.execute(
        sql,
        (
            user.name.as_str(),
            user.role.as_str(),
            user.email.as_str(),
            user.risk_tolerance.as_str(),
            user.subscription_tier.as_str(),
            user.disabled,
            user.created_at.nanos(),
        ),
    )?;
    let hash = match credential {
        Credential::Hash(hash) => Some(hash.as_str()),
        Credential::None => None,
    };
    let sql = "INSERT INTO credentials (user, hash, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, (user.name.as_str(), hash, by.as_str(), user.created_at.nanos())).map(drop)
}
