//! Account ids: eleven characters that a slip of the finger does not turn into another's.

use super::error::StoreError;

/// The longest id of any account, as in tim.
pub const MAX_NODE: usize = 64;

/// Base58 of eight bytes of which the first has its top bit set is always this long.
const LENGTH: usize = 11;

/// Returns a new id: 55 random bits and a check byte, in base58. It may be taken already.
pub(super) fn generate() -> Result<String, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(StoreError::failed)?;
    bytes[0] |= 0x80;
    bytes[7] = check_byte(&bytes[..7]);
    Ok(bs58::encode(bytes).into_string())
}

/// Returns whether this could be an id that [`generate`] made.
pub(super) fn is_well_formed(node: &str) -> bool {
    if node.len() != LENGTH {
        return false;
    }
    let mut bytes = [0; LENGTH];
    match bs58::decode(node).onto(&mut bytes) {
        Ok(8) => bytes[0] & 0x80 != 0 && bytes[7] == check_byte(&bytes[..7]),
        _ => false,
    }
}

/// Returns the CRC-8 with the polynomial x⁸ + x² + x + 1.
fn check_byte(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ byte,
            |crc: u8, _| {
                if crc & 0x80 == 0 { crc << 1 } else { (crc << 1) ^ 0x07 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_byte_is_the_known_one() {
        // The check value that goes with this polynomial.
        assert_eq!(check_byte(b"123456789"), 0xf4);
    }

    #[test]
    fn what_is_made_is_well_formed_and_differs() {
        let mut all: Vec<_> = (0..1_000).map(|_| generate().unwrap()).collect();
        assert!(all.iter().all(|node| node.len() == LENGTH && is_well_formed(node)));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1_000);
    }

    #[test]
    fn a_slip_is_noticed() {
        let mut slips = 0u32;
        let mut noticed = 0u32;
        for _ in 0..200 {
            let node = generate().unwrap().into_bytes();
            for at in 0..LENGTH {
                let mut slip = node.clone();
                slip[at] = if slip[at] == b'x' { b'y' } else { b'x' };
                slips += 1;
                noticed += u32::from(!is_well_formed(std::str::from_utf8(&slip).unwrap()));
            }
        }
        // One in 256 passes by chance.
        assert!(noticed * 100 > slips * 97, "{noticed} of {slips}");
    }

    #[test]
    fn what_was_never_made_is_not() {
        for node in ["", "notanode", "0OIl0OIl0OI", "11111111111", "zzzzzzzzzzz", "grüße-grüß"]
        {
            assert!(!is_well_formed(node), "{node}");
        }
        assert!(!is_well_formed(&"2".repeat(64)));
    }
}
