//! Bytes as lower-case hexadecimal digits, as secrets and digests stand on the wire.

/// Two digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`encode`] writes of 32 bytes; `None` for anything else, upper case included.
pub fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_their_digits_and_nothing_else_is_read() {
        let bytes = std::array::from_fn(|at| u8::try_from(at * 7).unwrap());
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
        let upper = encode(&bytes).to_uppercase();
        for bad in ["", "ab", &"g".repeat(64), &"ä".repeat(32), &"a".repeat(65), upper.as_str()] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
