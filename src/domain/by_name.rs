//! [`ByName`]: a map by name that finds in one step, however many there are, and is gone through in the order of names.
//! What an order costs is mostly finding names again and again; going through all of them is rare.
//!
//! It looks like an ordered map and says the same whatever happened in which order: how it finds is never seen.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, btree_set};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ops::RangeFrom;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InstrumentId;

/// Bytes mixed at a time.
const WORD_BYTES: usize = 8;
/// An odd number whose bits are spread evenly.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// Keeps the words of a name apart where they are laid over each other.
const FOLD_BITS: u32 = 13;
/// Keeps the parts of a name apart.
const PART_BITS: u32 = 5;
/// Brings the best mixed bits to where a map looks first.
const TURN_BITS: u32 = 26;

/// Mixes the few words of a name: names are not chosen by an enemy, and the same name mixes alike everywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameHasher(u64);

/// How names are found.
pub type NameHash = BuildHasherDefault<NameHasher>;

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
        let words = words.iter().map(|word| u64::from_ne_bytes(*word));
        let all = words.chain(rest.iter().map(|byte| u64::from(*byte)));
        self.write_u64(all.fold(0, |sum: u64, word| sum.rotate_left(FOLD_BITS) ^ word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(PART_BITS) ^ word).wrapping_mul(MIX);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0.rotate_left(TURN_BITS)
    }
}

/// What can be a name here.
pub trait Name: Copy + Ord + Hash + fmt::Debug {}

impl<K: Copy + Ord + Hash + fmt::Debug> Name for K {}

/// Values by name.
#[derive(Clone, PartialEq, Eq)]
pub struct ByName<K: Name, V> {
    values: HashMap<K, V, NameHash>,
    names: BTreeSet<K>,
}

impl<K: Name, V> ByName<K, V> {
    /// The value of a name.
    #[inline]
    pub fn get(&self, name: &K) -> Option<&V> {
        self.values.get(name)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, name: &K) -> Option<&mut V> {
        self.values.get_mut(name)
    }

    /// Whether a name has a value.
    #[inline]
    pub fn contains_key(&self, name: &K) -> bool {
        self.values.contains_key(name)
    }

    /// Sets the value of a name; the one before it.
    pub fn insert(&mut self, name: K, value: V) -> Option<V> {
        let before = self.values.insert(name, value);
        if before.is_none() {
            self.names.insert(name);
        }
        before
    }

    /// The value of a name, which is `new` where there is none yet.
    #[inline]
    pub fn or_insert_with(&mut self, name: K, new: impl FnOnce() -> V) -> &mut V {
        match self.values.entry(name) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.names.insert(name);
                entry.insert(new())
            }
        }
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &K) -> Option<V> {
        let value = self.values.remove(name)?;
        self.names.remove(name);
        Some(value)
    }

    /// Lets only those stay that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let Self { values, names } = self;
        names.retain(|name| values.get(name).is_some_and(|value| keep(name, value)));
        values.retain(|name, _| names.contains(name));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Names in their order.
    pub fn keys(&self) -> btree_set::Iter<'_, K> {
        self.names.iter()
    }

    /// Values in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Names and values from one name on, in the order of names.
    pub fn range(&self, from: RangeFrom<K>) -> impl Iterator<Item = (&K, &V)> {
        self.names.range(from).filter_map(|name| Some((name, self.values.get(name)?)))
    }

    /// Names and values in the order of names.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { map: self, names: self.names.iter() }
    }
}

impl<K: Name, V: Default> ByName<K, V> {
    /// The value of a name, which is a new one where there is none yet.
    #[inline]
    pub fn or_default(&mut self, name: K) -> &mut V {
        self.or_insert_with(name, V::default)
    }
}

/// Names and values in the order of names.
#[derive(Debug)]
pub struct Iter<'m, K: Name, V> {
    map: &'m ByName<K, V>,
    names: btree_set::Iter<'m, K>,
}

impl<'m, K: Name, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.names.next()?;
        self.map.get(name).map(|value| (name, value))
    }
}

impl<'m, K: Name, V> IntoIterator for &'m ByName<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Iter<'m, K, V>;

    fn into_iter(self) -> Iter<'m, K, V> {
        self.iter()
    }
}

impl<K: Name, V> FromIterator<(K, V)> for ByName<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let values: HashMap<_, _, _> = pairs.into_iter().collect();
        let names = values.keys().copied().collect();
        Self { values, names }
    }
}

impl<K: Name, V> Default for ByName<K, V> {
    fn default() -> Self {
        Self { values: HashMap::default(), names: BTreeSet::new() }
    }
}

impl<K: Name, V: fmt::Debug> fmt::Debug for ByName<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Name + Serialize, V: Serialize> Serialize for ByName<K, V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self)
    }
}

impl<'de, K: Name + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for ByName<K, V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let pairs: std::collections::BTreeMap<K, V> = Deserialize::deserialize(from)?;
        Ok(pairs.into_iter().collect())
    }
}

/// Values by instrument.
pub type ByInstrument<V> = ByName<InstrumentId, V>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn name(at: u8) -> InstrumentId {
        format!("N{at}.XNYS").parse().unwrap()
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_map_whatever_happens(acts in prop::collection::vec((0_u8..4, 0_u8..30, any::<u32>()), 0..200)) {
            let (mut own, mut model) = (ByInstrument::default(), BTreeMap::new());
            for (act, at, value) in acts {
                match act {
                    0 => prop_assert_eq!(own.insert(name(at), value), model.insert(name(at), value)),
                    1 => prop_assert_eq!(own.remove(&name(at)), model.remove(&name(at))),
                    2 => prop_assert_eq!(own.or_insert_with(name(at), || value), model.entry(name(at)).or_insert(value)),
                    _ => {
                        own.retain(|id, own| *id != name(at) || own % 2 == 0);
                        model.retain(|id, own| *id != name(at) || *own % 2 == 0);
                    }
                }
                prop_assert!(own.iter().eq(&model) && own.keys().eq(model.keys()) && own.len() == model.len());
                prop_assert!((0..30).all(|at| own.get(&name(at)) == model.get(&name(at))));
            }
            let text = serde_json::to_string(&own).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&model).unwrap());
            prop_assert_eq!(serde_json::from_str::<ByInstrument<u32>>(&text).unwrap(), own);
        }
    }
}
