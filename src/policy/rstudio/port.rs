//! RStudio's names for local ports: eight hexadecimal digits that stand for a port, by the cookie `port-token`.
//!
//! The cookie is four digits of a multiplier and eight of a key; a port is mixed, multiplied and combined with the key. That
//! hides nothing from anybody: which ports may be reached is decided by who listens there.

/// Undoes the mixing of a port (`port * 8854 % 65535`).
const UNMIX: u64 = 61_279;
const MODULUS: u64 = 65_535;

/// The port that a name stands for; `None` when it stands for none.
pub(super) fn port(token: &str, name: &str) -> Option<u16> {
    let hex = |text: &str, length: usize| {
        let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if plain { u64::from_str_radix(text, 16).ok() } else { None }
    };
    if token.len() != 12 {
        return None;
    }
    let (multiplier, key) = (hex(token.get(..4)?, 4)?, hex(token.get(4..)?, 8)?);
    let mixed = hex(name, 8)? ^ key;
    if multiplier == 0 || mixed % multiplier != 0 {
        return None;
    }
    let port = u16::try_from(mixed / multiplier * UNMIX % MODULUS).ok()?;
    (port >= 1024).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(token: &str, port: u64) -> String {
        let (m, k) = (&token[..4], &token[4..]);
        let (m, k) = (u64::from_str_radix(m, 16).expect("hex"), u64::from_str_radix(k, 16).expect("hex"));
        format!("{:08x}", (port * 8854 % MODULUS * m) ^ k)
    }

    #[test]
    fn a_name_stands_for_its_port() {
        // Seen on the wire of RStudio 2025.07.
        assert_eq!(port("63962fb32008", "112f8af0"), Some(7436));
        for number in [1024, 3000, 3838, 7999, 8787, 65534] {
            let name = named("a433e59dc087", number);
            assert_eq!(port("a433e59dc087", &name).map(u64::from), Some(number), "{number}");
        }
        for (token, name) in [
            ("63962fb32008", "112f8af1"),
            ("63962fb32008", "112f8af"),
            ("63962fb32008", "1112f8af0"),
            ("63962fb32008", "+12f8af0"),
            ("63962fb3200", "112f8af0"),
            ("00002fb32008", "112f8af0"),
            ("", "112f8af0"),
            ("é3962fb3200", "112f8af0"),
        ] {
            assert_eq!(port(token, name), None, "{token} {name}");
        }
        assert_eq!(port("63962fb32008", &named("63962fb32008", 80)), None, "a system's port");
    }
}
