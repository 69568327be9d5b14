//! Randomness from the operating system.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Code, Error, Result};

/// `N` random bytes.
///
/// # Errors
/// `store_unavailable` when the system has no randomness to give; nothing secret is made without it.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(Code::StoreUnavailable, "the operating system gives no random bytes"))?;
    Ok(bytes)
}

/// 256 random bits as text for URLs.
pub(crate) fn secret() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// A name nobody else has. Without randomness it falls back on the clock and the process: names guard nothing.
pub(crate) fn id() -> String {
    let bytes = bytes::<16>().unwrap_or_else(|_| {
        let mixed = u128::from(crate::clock::wall_ms()) << 64
            | u128::from(std::process::id()) << 32
            | u128::from(crate::clock::boot_ms());
        mixed.to_be_bytes()
    });
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This process by its number and a random tag: its own name in ledgers, which tells nothing of the host.
pub(crate) fn worker() -> String {
    static SEED: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let seed = SEED.get_or_init(|| bytes::<4>().map_or(0, u32::from_be_bytes));
    let pid = std::process::id();
    // A forked child has its parent's seed and is another process.
    let tag = seed ^ pid.wrapping_mul(0x9e37_79b9);
    format!("{pid}-{tag:08x}")
}

/// One random byte, for spreading waits.
pub(crate) fn byte() -> u8 {
    bytes::<1>().map_or(0, |[byte]| byte)
}
