//! The chain's order, the vault's promises, and that no key shows where it must not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;

const CANARY: &str = "CANARY-5f3a9c1e77";
const NOW: UnixNanos = UnixNanos::from_nanos(1_700_000_000_000_000_000);

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn read(store: &dyn KeyStore, slot: KeySlot) -> Option<String> {
    store.get(slot).unwrap().map(|k| k.key.expose_secret().to_owned())
}

/// A keyring in memory that may be absent.
#[derive(Debug, Default)]
struct Ring {
    keys: Mutex<BTreeMap<KeySlot, String>>,
    absent: bool,
}

impl KeyStore for Ring {
    fn place(&self) -> Place {
        Place::Keyring
    }
    fn usable(&self) -> Result<(), KeyError> {
        if self.absent { Err(KeyError::Keyring("no bus".into())) } else { Ok(()) }
    }
    fn takes_keys(&self) -> bool {
        true
    }
    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError> {
        Ok(self.keys.lock().unwrap().get(&slot).map(|k| Kept { key: secret(k), set_at: None }))
    }
    fn set(&self, slot: KeySlot, key: &SecretString, _: UnixNanos) -> Result<(), KeyError> {
        self.keys.lock().unwrap().insert(slot, key.expose_secret().to_owned());
        Ok(())
    }
    fn remove(&self, slot: KeySlot) -> Result<bool, KeyError> {
        Ok(self.keys.lock().unwrap().remove(&slot).is_some())
    }
}

fn chain(home: &Path, absent: bool, variable: Option<&'static str>) -> KeyChain {
    let ring = Ring { absent, ..Ring::default() };
    let environment = Environment::new(move |slot| variable.filter(|_| slot == KeySlot::Polygon).map(secret));
    KeyChain::new(vec![Arc::new(ring), Arc::new(Vault::new(home, None)), Arc::new(environment)])
}

fn found(chain: &KeyChain) -> Option<(String, Place)> {
    chain.get(KeySlot::Polygon).unwrap().map(|f| (f.kept.key.expose_secret().to_owned(), f.place))
}

fn names(home: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(home).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_key_goes_into_the_first_place_that_takes_it_and_comes_from_the_first_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let headless = chain(folder.path(), true, Some("from-env"));
    assert_eq!(found(&headless), Some(("from-env".into(), Place::Environment)));
    assert_eq!(headless.set(KeySlot::Polygon, &secret("one"), NOW).unwrap(), Place::VaultKeyFile);
    assert_eq!(found(&headless), Some(("one".into(), Place::VaultKeyFile)));
    assert_eq!(headless.troubles().len(), 1, "the keyring is told to be missing");

    let desktop = chain(folder.path(), false, Some("from-env"));
    assert_eq!(found(&desktop), Some(("one".into(), Place::VaultKeyFile)), "a vault is still read");
    assert_eq!(desktop.set(KeySlot::Polygon, &secret("two"), NOW).unwrap(), Place::Keyring);
    assert_eq!(found(&desktop), Some(("two".into(), Place::Keyring)));
    assert_eq!(found(&headless), Some(("from-env".into(), Place::Environment)), "the old one is gone");
    assert_eq!(desktop.remove(KeySlot::Polygon).unwrap(), vec![Place::Keyring]);
    assert_eq!(desktop.remove(KeySlot::Polygon).unwrap(), Vec::<Place>::new());
}

#[test]
fn a_vault_keeps_keys_sealed_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    for passphrase in [None, Some(secret("open sesame"))] {
        let home = folder.path().join(if passphrase.is_some() { "phrase" } else { "file" });
        let place = if passphrase.is_some() { Place::VaultPassphrase } else { Place::VaultKeyFile };
        let vault = Vault::new(&home, passphrase.clone());
        assert_eq!(read(&vault, KeySlot::Alpaca), None);
        vault.set(KeySlot::Alpaca, &secret(CANARY), NOW).unwrap();
        vault.set(KeySlot::AlpacaSecret, &secret("other"), NOW).unwrap();
        assert!(!format!("{vault:?}").contains(CANARY));
        let again = Vault::new(&home, passphrase);
        assert_eq!((read(&again, KeySlot::Alpaca).as_deref(), again.place()), (Some(CANARY), place));
        assert_eq!(again.get(KeySlot::Alpaca).unwrap().unwrap().set_at, Some(NOW));
        for name in names(&home) {
            let bytes = std::fs::read(home.join(&name)).unwrap();
            assert!(!bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()), "{name}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = std::fs::metadata(home.join(&name)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name}");
            }
        }
        assert!(again.remove(KeySlot::Alpaca).unwrap() && !again.remove(KeySlot::Alpaca).unwrap());
        assert_eq!(read(&again, KeySlot::AlpacaSecret).as_deref(), Some("other"));
    }
}

#[test]
fn a_wrong_or_missing_passphrase_is_told_from_damage() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    Vault::new(home, Some(secret("right"))).set(KeySlot::Polygon, &secret("k"), NOW).unwrap();
    let later = Vault::new(home, None);
    assert_eq!(later.asks().unwrap(), Asks::Passphrase);
    assert!(later.give_passphrase(secret("wrong")).is_err());
    assert_eq!(later.asks().unwrap(), Asks::Passphrase, "a wrong one is not kept");
    later.give_passphrase(secret("right")).unwrap();
    assert_eq!(
        (later.asks().unwrap(), read(&later, KeySlot::Polygon).as_deref()),
        (Asks::Nothing, Some("k"))
    );
    let wrong = Vault::new(home, Some(secret("wrong")));
    assert!(matches!(wrong.get(KeySlot::Polygon), Err(KeyError::WrongPassphrase { .. })));
    assert!(matches!(wrong.set(KeySlot::Polygon, &secret("x"), NOW), Err(KeyError::WrongPassphrase { .. })));
    let none = Vault::new(home, None);
    assert!(matches!(none.get(KeySlot::Polygon), Err(KeyError::Locked { .. })));
    assert_eq!(read(&Vault::new(home, Some(secret("right"))), KeySlot::Polygon).as_deref(), Some("k"));
}

#[test]
fn a_damaged_vault_says_so_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let vault = Vault::new(home, None);
    vault.set(KeySlot::Polygon, &secret("k"), NOW).unwrap();
    let path = home.join("vault");
    let good = std::fs::read(&path).unwrap();
    let mut cases: Vec<Vec<u8>> = (0..good.len() - 1)
        .map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 0x04;
            bad
        })
        .collect();
    cases.extend((0..good.len() - 1).step_by(7).map(|n| good[..n].to_vec()));
    cases.push(vec![0xff; 100]);
    cases.push(vec![b'x'; 70_000]);
    for bad in cases {
        std::fs::write(&path, &bad).unwrap();
        let got = vault.get(KeySlot::Polygon);
        let told = matches!(got, Err(KeyError::Damaged { .. } | KeyError::Later { .. }));
        assert!(told, "{got:?} of {:?}", String::from_utf8_lossy(&bad[..bad.len().min(40)]));
        vault.set(KeySlot::Polygon, &secret("new"), NOW).unwrap_err();
        vault.remove(KeySlot::Polygon).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bad, "it was touched");
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(read(&vault, KeySlot::Polygon).as_deref(), Some("k"));
}

#[test]
fn the_environment_helps_out_when_the_vault_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vault"), "nonsense").unwrap();
    let with = chain(folder.path(), true, Some("from-env"));
    assert_eq!(found(&with), Some(("from-env".into(), Place::Environment)));
    assert!(matches!(with.set(KeySlot::Polygon, &secret("k"), NOW), Err(KeyError::Damaged { .. })));
    let without = chain(folder.path(), true, None);
    assert!(matches!(without.get(KeySlot::Polygon), Err(KeyError::Damaged { .. })));
}

#[test]
fn a_sealed_key_cannot_be_moved_to_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path(), None);
    vault.set(KeySlot::Alpaca, &secret("k"), NOW).unwrap();
    let path = folder.path().join("vault");
    let text = std::fs::read_to_string(&path).unwrap();
    let body = text.split_once('\n').unwrap().1.trim_end().replace("\"alpaca\"", "\"polygon\"");
    let digest: String =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &body))
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
    std::fs::write(&path, format!("QLIB-PRO VAULT 1 {digest}\n{body}\n")).unwrap();
    assert!(matches!(vault.get(KeySlot::Polygon), Err(KeyError::Damaged { .. })));
}

#[test]
fn a_passphrase_given_later_takes_over_and_the_key_file_goes() {
    let folder = tempfile::tempdir().unwrap();
    Vault::new(folder.path(), None).set(KeySlot::Alpaca, &secret("old"), NOW).unwrap();
    assert!(names(folder.path()).contains(&"vault.key".to_string()));
    let vault = Vault::new(folder.path(), Some(secret("open sesame")));
    assert_eq!(read(&vault, KeySlot::Alpaca).as_deref(), Some("old"));
    vault.set(KeySlot::Polygon, &secret("new"), NOW).unwrap();
    assert!(!names(folder.path()).contains(&"vault.key".to_string()));
    assert_eq!(vault.place(), Place::VaultPassphrase);
    let again = Vault::new(folder.path(), Some(secret("open sesame")));
    assert_eq!(read(&again, KeySlot::Alpaca).as_deref(), Some("old"));
    assert_eq!(read(&again, KeySlot::Polygon).as_deref(), Some("new"));
    let lost = Vault::new(folder.path(), None);
    assert!(matches!(lost.get(KeySlot::Alpaca), Err(KeyError::Locked { .. })));
}

#[test]
fn a_vault_whose_key_file_is_gone_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    Vault::new(folder.path(), None).set(KeySlot::Alpaca, &secret("k"), NOW).unwrap();
    std::fs::write(folder.path().join("vault.key"), [7; 32]).unwrap();
    let vault = Vault::new(folder.path(), None);
    assert!(matches!(vault.get(KeySlot::Alpaca), Err(KeyError::NoKeyFile { .. })));
    assert!(matches!(vault.set(KeySlot::Alpaca, &secret("k"), NOW), Err(KeyError::NoKeyFile { .. })));
}

#[test]
fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let chain = chain(folder.path(), true, None);
    for bad in ["", "a b", "a\nb", "tab\t", &"x".repeat(KEY_BYTES_MAX + 1)] {
        assert!(matches!(chain.set(KeySlot::Polygon, &secret(bad), NOW), Err(KeyError::NotAKey(_))));
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
