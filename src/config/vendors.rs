//! What vendors need that does not belong into a settings file: keys, and addresses for one run.

use secrecy::SecretString;

use crate::domain::key::KeySlot;
use crate::domain::vendor::VendorId;

/// The key in the variable of a slot.
pub fn key(slot: KeySlot) -> Option<SecretString> {
    variable(slot.variable()).map(SecretString::from)
}

/// The passphrase of the vault in `QLIB_PRO_VAULT_PASSWORD`.
pub fn vault_password() -> Option<SecretString> {
    variable("QLIB_PRO_VAULT_PASSWORD").map(SecretString::from)
}

/// The address in `QLIB_PRO_ALPACA_URL`, which goes before the setting.
pub fn alpaca_url() -> Option<String> {
    variable("QLIB_PRO_ALPACA_URL")
}

/// The address of a vendor of market data in `QLIB_PRO_<NAME>_URL`, which goes before the setting.
pub fn market_url(vendor: VendorId) -> Option<String> {
    variable(&format!("QLIB_PRO_{}_URL", vendor.as_str().to_ascii_uppercase()))
}

#[allow(clippy::disallowed_methods, reason = "config reads the few variables that are settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
