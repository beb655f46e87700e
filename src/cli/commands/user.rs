//! `user add|list|role|password|disable`: people.

use clap::{Args, Subcommand};

use super::Env;
use crate::cli::args::role_parser;
use crate::cli::context::OpenMode;
use crate::cli::credentials;
use crate::cli::errors::Failure;
use crate::domain::{Exchange, Role, UserName};
use crate::service::access;
use crate::service::permit::Administer;

/// People.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a person; the first one of a home runs it and needs no login.
    Add(Add),
    /// Everybody.
    List,
    /// Change what a person may do.
    Role {
        /// Login name.
        name: UserName,
        /// New role.
        #[arg(value_parser = role_parser())]
        role: Role,
    },
    /// Change a password: your own without a name.
    Password(NewPassword),
    /// Keep a person from logging in.
    Disable {
        /// Login name.
        name: UserName,
    },
}

/// `user add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Login name.
    name: UserName,
    /// What they may do; not needed for the first person of a home.
    #[arg(long, value_parser = role_parser())]
    role: Option<Role>,
}

/// `user password`.
#[derive(Debug, Args)]
pub struct NewPassword {
    /// Whose; your own without it.
    name: Option<UserName>,
    /// As the owner of the home's files, with the workstation closed: needs no login, and is shown to every admin.
    #[arg(long, requires = "name")]
    recover: bool,
}

impl UserCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            UserCommand::Add(add) => add.run(env),
            UserCommand::Password(wish) => wish.run(env),
            UserCommand::List => {
                let session = env.session(OpenMode::Read)?;
                let people = session.house().people(&session.permit::<Administer>()?)?;
                env.out.rows(&people, "nobody")
            }
            UserCommand::Role { name, role } => {
                let session = env.session(OpenMode::Read)?;
                session.house().set_role(&session.permit::<Administer>()?, name, role)?;
                env.out.remark(&format!("{name} is {role} now; what they had open has ended"))
            }
            UserCommand::Disable { name } => {
                let session = env.session(OpenMode::Read)?;
                session.house().disable_user(&session.permit::<Administer>()?, name)?;
                env.out.remark(&format!("{name} can no longer log in"))
            }
        }
    }
}

impl Add {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let house = env.house(OpenMode::Own)?;
        if !house.has_users()? {
            if let Some(role) = self.role.filter(|role| !role.is_founder()) {
                return Err(Failure::usage(format!(
                    "the first person of a home runs it: leave out --role {role}, or use --role {}",
                    Role::FOUNDER
                )));
            }
            let password = credentials::first_password(self.name)?;
            access::found(&house, self.name, Some(&password), Exchange::Xnys)?;
            return env.out.remark(&format!("{} runs this home; the account desk is open", self.name));
        }
        let role = self.role.ok_or_else(|| {
            Failure::usage(format!("--role is missing: one of {}", Role::ALL.map(Role::as_str).join(", ")))
        })?;
        let session = env.log_in(&house)?;
        let permit = session.permit::<Administer>()?;
        let password = credentials::new_password(self.name)?;
        house.add_user(&permit, self.name, role, Some(&password))?;
        env.out.remark(&format!("{} is {role}", self.name))
    }
}

impl NewPassword {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if let Some(name) = self.name.filter(|_| self.recover) {
            let house = env.house(OpenMode::Own)?;
            access::recover(&house, name, &credentials::new_password(name)?)?;
            return env.out.remark(&format!("{name} has a new password; every administrator is told"));
        }
        let mut session = env.session(OpenMode::Read)?;
        match self.name.filter(|name| *name != session.user()) {
            Some(name) => {
                let permit = session.permit::<Administer>()?;
                let house = std::sync::Arc::clone(session.house());
                house.reset_password(&permit, name, &credentials::new_password(name)?)?;
                env.out.remark(&format!("{name} has a new password; what they had open has ended"))
            }
            None => {
                let new = credentials::new_password(session.user())?;
                session.change_password(&new)?;
                env.out.remark("the password is changed; other logins of yours have ended")
            }
        }
    }
}
