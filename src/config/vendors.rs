//! What vendors need that does not belong into a settings file: keys, and addresses for one run.

use secrecy::SecretString;

use super::ConfigError;
use crate::domain::Address;
use crate::domain::key::KeySlot;
use crate::domain::vendor::{ALPACA_HOSTS, VendorId};

/// The key in the variable of a slot.
pub fn key(slot: KeySlot) -> Option<SecretString> {
    variable(slot.variable()).map(SecretString::from)
}

/// The passphrase of the vault in `QLIB_PRO_VAULT_PASSWORD`.
pub fn vault_password() -> Option<SecretString> {
    variable("QLIB_PRO_VAULT_PASSWORD").map(SecretString::from)
}

/// Where the address of Alpaca can stand.
const ALPACA_URL: &str = "QLIB_PRO_ALPACA_URL";

/// The address in `QLIB_PRO_ALPACA_URL`, which goes before the setting.
pub fn alpaca_url() -> Option<String> {
    variable(ALPACA_URL)
}

/// The address of a vendor of market data in `QLIB_PRO_<NAME>_URL`, which goes before the setting.
pub fn market_url(vendor: VendorId) -> Option<String> {
    variable(&url_name(vendor))
}

fn url_name(vendor: VendorId) -> String {
    format!("QLIB_PRO_{}_URL", vendor.as_str().to_ascii_uppercase())
}

/// Whether the addresses in variables are allowed.
pub(super) fn check_addresses() -> Result<(), ConfigError> {
    let market = VendorId::ALL.iter().map(|vendor| (url_name(*vendor), vendor.hosts()));
    for (name, hosts) in market.chain([(ALPACA_URL.to_owned(), ALPACA_HOSTS)]) {
        if let Some(text) = variable(&name) {
            Address::parse(&text, hosts).map_err(|what| ConfigError::BadVariable { name, what })?;
        }
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "config reads the few variables that are settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
