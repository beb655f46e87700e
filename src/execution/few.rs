//! [`Few`]: a list that mostly has one entry, which then needs no memory of its own. What an event changes is that.

/// Entries in the order in which they came.
#[derive(Debug)]
pub(super) struct Few<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<T> Few<T> {
    /// Takes all entries out.
    pub fn clear(&mut self) {
        self.first = None;
        self.rest.clear();
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, entry: T) {
        if self.first.is_none() {
            self.first = Some(entry);
        } else {
            self.rest.push(entry);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    pub const fn first(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub const fn first_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    /// The entry, when there is just one.
    pub fn lone(&self) -> Option<&T> {
        self.first.as_ref().filter(|_| self.rest.is_empty())
    }
}

impl<T: Ord> Few<T> {
    /// Sorts the entries; of equal ones the first stays.
    pub fn sort(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.rest);
        all.extend(self.first.take());
        all.sort_unstable();
        all.dedup();
        self.extend(all);
    }
}

impl<T: PartialEq> Few<T> {
    /// Adds an entry, unless it came just before.
    pub fn push_other(&mut self, entry: T) {
        if self.rest.last().or(self.first.as_ref()) != Some(&entry) {
            self.push(entry);
        }
    }

    /// Adds an entry that is not there yet.
    pub fn note(&mut self, entry: T) {
        if !self.iter().any(|own| *own == entry) {
            self.push(entry);
        }
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut few = Self::default();
        few.extend(entries);
        few
    }
}
