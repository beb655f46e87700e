//! `key set|list|remove`: keys of vendors and brokers. A key is typed on the terminal unseen, or comes on standard
//! input; it is never an argument and is never printed.

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::credentials;
use crate::cli::errors::Failure;
use crate::domain::key::KeyOwner;
use crate::service::House;
use crate::service::access::Session;
use crate::service::keys::Asks;
use crate::service::permit::{Administer, Permit};

/// Keys of vendors and brokers.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Keep a vendor's key: typed unseen on a terminal, else a line of standard input (alpaca: a second line with
    /// its secret).
    Set {
        /// Whose.
        #[arg(value_parser = owner_parser())]
        vendor: KeyOwner,
    },
    /// Which keys are there, where they are kept and when they were set; never the keys themselves.
    List,
    /// Forget a vendor's key, wherever it is kept.
    Remove {
        /// Whose.
        #[arg(value_parser = owner_parser())]
        vendor: KeyOwner,
    },
}

fn owner_parser() -> impl TypedValueParser<Value = KeyOwner> {
    PossibleValuesParser::new(KeyOwner::ALL.map(KeyOwner::as_str)).try_map(|text| {
        let found = KeyOwner::ALL.into_iter().find(|owner| owner.as_str() == text);
        found.ok_or("is none of the words offered")
    })
}

impl KeyCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<Administer>()?;
        match self {
            KeyCommand::Set { vendor } => set(env, &session, &permit, vendor),
            KeyCommand::List => list(env, session.house(), &permit),
            KeyCommand::Remove { vendor } => remove(env, session.house(), &permit, vendor),
        }
    }
}

fn set(
    env: &mut Env<'_>,
    session: &Session,
    permit: &Permit<Administer>,
    owner: KeyOwner,
) -> Result<(), Failure> {
    let house = session.house();
    if owner.slots().is_empty() {
        return Err(Failure::usage(format!("{owner} needs no key")));
    }
    // Everything is read before anything is kept.
    let mut typed = Vec::new();
    for slot in owner.slots() {
        typed.push((*slot, credentials::key(owner.as_str(), slot.part())?));
    }
    env.open_keys(house)?;
    ask_new_passphrase(house, permit)?;
    let mut place = None;
    for (slot, key) in &typed {
        place = Some(house.set_key(permit, *slot, key)?);
    }
    let place = place.map(|p| p.to_string()).unwrap_or_default();
    env.out.remark(&format!("{owner}: kept in the {place}"))?;
    house.key_list(permit).troubles.iter().for_each(|trouble| env.note(trouble));
    Ok(())
}

/// On a terminal the passphrase of a vault that will be made is asked for; elsewhere it comes from its variable.
fn ask_new_passphrase(house: &House, permit: &Permit<Administer>) -> Result<(), Failure> {
    if !credentials::may_ask() || house.vault_asks(permit)? != Asks::NewPassphrase {
        return Ok(());
    }
    match credentials::new_vault_passphrase()? {
        Some(passphrase) => Ok(house.open_vault(&passphrase)?),
        None => Ok(()),
    }
}

fn list(env: &mut Env<'_>, house: &House, permit: &Permit<Administer>) -> Result<(), Failure> {
    env.open_keys(house)?;
    let keys = house.key_list(permit);
    env.out.rows(&keys.rows, "no keys")?;
    for trouble in &keys.troubles {
        env.note(trouble);
    }
    if !keys.next.is_empty() {
        env.note(&format!("the next key goes into the {}", keys.next));
    }
    Ok(())
}

fn remove(
    env: &mut Env<'_>,
    house: &House,
    permit: &Permit<Administer>,
    owner: KeyOwner,
) -> Result<(), Failure> {
    env.open_keys(house)?;
    let had = house.remove_keys(permit, owner)?;
    let places: Vec<String> = had.iter().map(ToString::to_string).collect();
    if places.is_empty() {
        env.out.remark(&format!("{owner}: no key was kept"))?;
    } else {
        env.out.remark(&format!("{owner}: forgotten by the {}", places.join(" and the ")))?;
    }
    let left =
        house.key_list(permit).rows.into_iter().find(|r| r.vendor == owner.as_str() && r.key_id.is_some());
    if let Some(left) = left {
        env.note(&format!("{owner} still has a key: {}", left.kept));
    }
    Ok(())
}
