//! Names and passwords of the person who acts: the only reader of password variables and the no-echo prompt.
//!
//! A password is never an argument. It is asked for only when both standard input and standard error are a terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use super::errors::Failure;
use crate::domain::{CleanText, UserName};
use crate::service::access::Password;

/// Password of the person who acts.
const PASSWORD: &str = "QLIB_PRO_PASSWORD";
/// Longest line that is read as a key, in bytes.
const LINE_BYTES_MAX: u64 = 4 * 1024;
/// Password of a person who is made, or a new one.
const NEW_PASSWORD: &str = "QLIB_PRO_NEW_PASSWORD";

#[allow(clippy::disallowed_methods, reason = "this file is the one that reads the password variables")]
fn variable(name: &str) -> Option<Password> {
    let text = std::env::var_os(name)?.into_string().ok()?;
    (!text.is_empty()).then(|| Password::new(text))
}

/// Whether somebody is there to be asked.
pub fn may_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The name given by flag or variable, else asked for; `None` when there is nobody to ask.
pub fn user_name(given: Option<&str>) -> Result<Option<UserName>, Failure> {
    match given.filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(name.parse()?)),
        None if may_ask() => Ok(Some(ask_line("User: ")?.parse()?)),
        None => Ok(None),
    }
}

/// The password of the person who acts: from the variable, else asked for, else none.
pub fn password(name: UserName) -> Result<Option<Password>, Failure> {
    if let Some(password) = variable(PASSWORD) {
        return Ok(Some(password));
    }
    if !may_ask() {
        return Ok(None);
    }
    let typed = ask_hidden(&format!("Password of {name}: "))?;
    Ok((!typed.is_empty()).then_some(typed))
}

/// The password of the first person of a home.
pub fn first_password(name: UserName) -> Result<Password, Failure> {
    match variable(NEW_PASSWORD).or_else(|| variable(PASSWORD)) {
        Some(password) => Ok(password),
        None => ask_twice(name, "QLIB_PRO_NEW_PASSWORD or QLIB_PRO_PASSWORD"),
    }
}

/// A new password for anybody else.
pub fn new_password(name: UserName) -> Result<Password, Failure> {
    match variable(NEW_PASSWORD) {
        Some(password) => Ok(password),
        None => ask_twice(name, NEW_PASSWORD),
    }
}

/// A vendor's key: typed unseen on a terminal, else the next line of standard input.
pub fn key(owner: &str, part: &str) -> Result<Password, Failure> {
    let typed = if may_ask() {
        ask_hidden(&format!("The {part} of {owner} (it is not shown): "))?
    } else {
        next_line()?
    };
    if typed.is_empty() {
        return Err(Failure::failed(format!(
            "no {part} of {owner} came: type it on a terminal, or write it as a line of standard input"
        )));
    }
    Ok(typed)
}

/// A line of standard input, wiped when dropped; without the blanks around it.
fn next_line() -> Result<Password, Failure> {
    let mut line = Zeroizing::new(String::new());
    let mut input = io::stdin().lock();
    let failed = |e| Failure::failed(format!("standard input could not be read: {e}"));
    input.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).map_err(failed)?;
    Ok(Password::new(line.trim().to_owned()))
}

/// The passphrase of the vault there is; `None` when nothing is typed.
pub fn vault_passphrase() -> Result<Option<Password>, Failure> {
    let typed = ask_hidden("Passphrase of the vault (Enter: leave it locked): ")?;
    Ok((!typed.is_empty()).then_some(typed))
}

/// A passphrase for the vault that will be made; `None` for a key file.
pub fn new_vault_passphrase() -> Result<Option<Password>, Failure> {
    let first =
        ask_hidden("A passphrase for the new vault (Enter: none, a key file in the home opens it): ")?;
    if first.is_empty() {
        return Ok(None);
    }
    if first != ask_hidden("The same again: ")? {
        return Err(Failure::usage("the two passphrases differ; nothing was changed, run it again"));
    }
    Ok(Some(first))
}

fn ask_twice(name: UserName, variables: &str) -> Result<Password, Failure> {
    if !may_ask() {
        return Err(Failure::usage(format!(
            "no password for {name}: set {variables}, or run this on a terminal to be asked"
        )));
    }
    let first = ask_hidden(&format!("New password of {name}: "))?;
    let second = ask_hidden("The same again: ")?;
    if first == second {
        return Ok(first);
    }
    Err(Failure::usage("the two passwords differ; nothing was changed, run it again"))
}

fn ask_hidden(question: &str) -> Result<Password, Failure> {
    let typed = rpassword::prompt_password(question)
        .map_err(|e| Failure::failed(format!("the password could not be read from the terminal: {e}")))?;
    Ok(Password::new(typed))
}

/// One visible line from the terminal; empty where nothing was typed.
pub fn ask_line(question: &str) -> Result<String, Failure> {
    let mut err = io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush())?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(CleanText::new(line.trim()).to_string())
}
