//! Before the panes: the first run, the login, the picker of a demo, and the lock screen.
//!
//! Passwords live in fields that wipe themselves and leave them only as secrets. Checking one takes a while, so it
//! happens outside on a thread of its own; meanwhile the form says so and takes no keys but Ctrl-C.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::UserName;
use crate::service::desk::Desk;
use crate::service::door::Door;
pub use crate::service::door::Entry;

use super::field::{Field, SecretField};
use super::keys::{Code, Key};

/// Shortest password of a first person, in characters.
const PASSWORD_MIN: usize = 8;

/// The way in and out. The service's door is one; tests have another.
pub trait Gate: Clone + Send + 'static {
    /// How this home is entered.
    fn entry(&self) -> Result<Entry, String>;
    /// Makes the first person and lets them in.
    fn found(&self, name: UserName, password: SecretString) -> Result<Desk, String>;
    /// Lets a person in.
    fn sign_in(&self, name: UserName, password: Option<SecretString>) -> Result<Desk, String>;
    /// Nothing may be asked until the password is given again.
    fn lock(&self);
    /// Checks the password of the person who is in.
    fn unlock(&self, name: UserName, password: Option<SecretString>) -> Result<(), String>;
    /// After how long without a key the screen locks.
    fn idle_lock(&self) -> Option<Duration>;
    /// Ends the session.
    fn sign_out(&self);
}

impl Gate for Door {
    fn entry(&self) -> Result<Entry, String> {
        Door::entry(self).map_err(|e| e.to_string())
    }

    fn found(&self, name: UserName, password: SecretString) -> Result<Desk, String> {
        Door::found(self, name, password).map_err(|e| e.to_string())
    }

    fn sign_in(&self, name: UserName, password: Option<SecretString>) -> Result<Desk, String> {
        Door::sign_in(self, name, password).map_err(|e| e.to_string())
    }

    fn lock(&self) {
        Door::lock(self);
    }

    fn unlock(&self, name: UserName, password: Option<SecretString>) -> Result<(), String> {
        Door::unlock(self, name, password).map_err(|e| e.to_string())
    }

    fn idle_lock(&self) -> Option<Duration> {
        Door::idle_lock(self)
    }

    fn sign_out(&self) {
        Door::sign_out(self);
    }
}

/// What the entry form wants done.
#[derive(Debug)]
pub enum Ask {
    /// Nothing.
    Nothing,
    /// Make the first person.
    Found(UserName, SecretString),
    /// Let in.
    SignIn(UserName, Option<SecretString>),
    /// Leave.
    Quit,
}

/// The form before the panes.
#[derive(Debug)]
pub struct EntryForm {
    /// How this home is entered.
    pub entry: Entry,
    /// Login name.
    pub name: Field,
    /// Password.
    pub password: SecretField,
    /// The same again, on a first run.
    pub again: SecretField,
    /// Which field has the keyboard, from 0.
    pub at: usize,
    /// What stands in the way, or what has just happened.
    pub message: String,
    /// A check is under way.
    pub checking: bool,
}

impl EntryForm {
    /// A fresh form.
    pub fn new(entry: Entry, message: impl Into<String>) -> Self {
        let name = if entry == Entry::FirstRun { "admin" } else { "" };
        Self {
            entry,
            name: Field::with(UserName::MAX_LEN, name),
            password: SecretField::default(),
            again: SecretField::default(),
            at: 0,
            message: message.into(),
            checking: false,
        }
    }

    /// Somebody said who they are: puts the name in, or picks them. True when they may come in at once.
    pub fn named(&mut self, user: UserName) -> bool {
        match &self.entry {
            Entry::FirstRun => false,
            Entry::SignIn => {
                self.name = Field::with(UserName::MAX_LEN, user.as_str());
                self.at = 1;
                false
            }
            Entry::Picker(people) => {
                let found = people.iter().position(|(name, _)| *name == user);
                self.at = found.unwrap_or(0);
                self.checking = found.is_some();
                found.is_some()
            }
        }
    }

    /// How many fields or rows it has.
    pub fn places(&self) -> usize {
        match &self.entry {
            Entry::FirstRun => 3,
            Entry::SignIn => 2,
            Entry::Picker(people) => people.len().max(1),
        }
    }

    /// The check failed: says why and waits for another try.
    pub fn failed(&mut self, message: String) {
        self.checking = false;
        self.message = message;
        self.password.clear();
        self.again.clear();
        if self.entry == Entry::SignIn {
            self.at = 1;
        }
    }

    /// Takes a paste.
    pub fn paste(&mut self, text: &str) {
        match (self.at, &self.entry) {
            (_, Entry::Picker(_)) => {}
            (0, _) => self.name.paste(text),
            (1, _) => self.password.paste(text),
            _ => self.again.paste(text),
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Ask {
        if key == Key::ctrl('c') || key == Key::ctrl('d') {
            return Ask::Quit;
        }
        if self.checking {
            return Ask::Nothing;
        }
        let places = self.places();
        match key.code {
            Code::Esc => return Ask::Quit,
            Code::Tab | Code::Down => self.at = (self.at + 1) % places,
            Code::BackTab | Code::Up => self.at = (self.at + places - 1) % places,
            Code::Enter => return self.enter(),
            _ if matches!(self.entry, Entry::Picker(_)) => return self.picker_key(key),
            _ => {
                let _used = match self.at {
                    0 => self.name.key(key),
                    1 => self.password.key(key),
                    _ => self.again.key(key),
                };
            }
        }
        Ask::Nothing
    }

    fn picker_key(&mut self, key: Key) -> Ask {
        match key.typed() {
            Some('q') => return Ask::Quit,
            Some('j') => self.at = (self.at + 1) % self.places(),
            Some('k') => self.at = (self.at + self.places() - 1) % self.places(),
            Some(c) => {
                if let Some(n) = c.to_digit(10).filter(|n| *n >= 1 && (*n as usize) <= self.places()) {
                    self.at = n as usize - 1;
                    return self.enter();
                }
            }
            None => {}
        }
        Ask::Nothing
    }

    fn enter(&mut self) -> Ask {
        if let Entry::Picker(people) = &self.entry {
            let Some((name, _)) = people.get(self.at) else { return Ask::Nothing };
            let name = *name;
            self.start();
            return Ask::SignIn(name, None);
        }
        if self.at + 1 < self.places() {
            self.at += 1;
            return Ask::Nothing;
        }
        let name = match self.name.text().trim().parse::<UserName>() {
            Ok(name) => name,
            Err(problem) => {
                self.at = 0;
                self.message = problem.to_string();
                return Ask::Nothing;
            }
        };
        if self.entry == Entry::SignIn {
            self.start();
            return Ask::SignIn(name, Some(self.password.take()));
        }
        if self.password.len() < PASSWORD_MIN {
            self.at = 1;
            self.message = format!("The password needs at least {PASSWORD_MIN} characters.");
            return Ask::Nothing;
        }
        if !self.password.same(&self.again) {
            self.at = 2;
            self.again.clear();
            self.message = "The two passwords differ; type the second one again.".to_owned();
            return Ask::Nothing;
        }
        self.again.clear();
        self.start();
        Ask::Found(name, self.password.take())
    }

    fn start(&mut self) {
        self.checking = true;
        self.message = "Checking...".to_owned();
    }
}

/// The lock screen.
#[derive(Debug, Default)]
pub struct LockForm {
    /// Password.
    pub password: SecretField,
    /// What stands in the way.
    pub message: String,
    /// A check is under way.
    pub checking: bool,
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::domain::Role;

    use super::*;

    fn press(form: &mut EntryForm, text: &str) -> Ask {
        let mut last = Ask::Nothing;
        for word in text.split(' ') {
            last = match word.strip_prefix('=') {
                Some(typed) => typed.chars().map(|c| form.key(Key::char(c))).last().unwrap_or(Ask::Nothing),
                None => form.key(word.parse().unwrap()),
            };
        }
        last
    }

    #[test]
    fn a_first_run_wants_the_password_twice() {
        let mut form = EntryForm::new(Entry::FirstRun, "");
        assert!(matches!(press(&mut form, "Enter =longenough Enter =otherwise Enter"), Ask::Nothing));
        assert!(form.message.contains("differ"));
        let Ask::Found(name, password) = press(&mut form, "=longenough Enter") else { panic!("not asked") };
        assert_eq!((name.as_str(), password.expose_secret()), ("admin", "longenough"));
        assert!(form.checking && form.password.is_empty() && form.again.is_empty());
    }

    #[test]
    fn a_short_first_password_is_refused() {
        let mut form = EntryForm::new(Entry::FirstRun, "");
        assert!(matches!(press(&mut form, "Enter =short Enter =short Enter"), Ask::Nothing));
        assert!(form.message.contains("at least 8"));
    }

    #[test]
    fn a_failed_login_keeps_the_name_and_wipes_the_password() {
        let mut form = EntryForm::new(Entry::SignIn, "");
        assert!(matches!(press(&mut form, "=ana Enter =secret Enter"), Ask::SignIn(_, Some(_))));
        form.failed("name or password is wrong".to_owned());
        assert_eq!((form.name.text(), form.password.len(), form.at), ("ana", 0, 1));
    }

    #[test]
    fn a_number_picks_a_demo_person() {
        let people = vec![("kim".parse().unwrap(), Role::Customer), ("ana".parse().unwrap(), Role::Trader)];
        let mut form = EntryForm::new(Entry::Picker(people), "");
        let Ask::SignIn(name, None) = press(&mut form, "=2") else { panic!("not asked") };
        assert_eq!(name.as_str(), "ana");
    }
}
