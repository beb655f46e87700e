//! What vendors need that does not belong into a settings file: keys, and addresses for one run.

use secrecy::SecretString;

/// The pair of Alpaca keys in `QLIB_PRO_ALPACA_KEY` and `QLIB_PRO_ALPACA_SECRET`; `None` unless both are set.
pub fn alpaca_keys() -> Option<(SecretString, SecretString)> {
    let key = variable("QLIB_PRO_ALPACA_KEY")?;
    let secret = variable("QLIB_PRO_ALPACA_SECRET")?;
    Some((SecretString::from(key), SecretString::from(secret)))
}

/// The address in `QLIB_PRO_ALPACA_URL`, which goes before the setting.
pub fn alpaca_url() -> Option<String> {
    variable("QLIB_PRO_ALPACA_URL")
}

#[allow(clippy::disallowed_methods, reason = "config reads the few variables that are settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
