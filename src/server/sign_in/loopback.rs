//! Who may come in without a proof (`auth-none`): this machine's own programs, at this machine's own address. Pure.
//!
//! A page of the internet can have a name of its own point at 127.0.0.1, and a browser here then asks us in that page's name.
//! Such a request says that name as its host: so the host must be the loopback too.

use std::net::IpAddr;

/// Whether a request is from this machine and means this machine. `host` is its authority, well-formed.
pub(crate) fn is_local(peer: IpAddr, host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let here = name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    here && peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_by_its_own_address() {
        let asks = |peer: &str, host| is_local(peer.parse().expect("an address"), host);
        for host in [
            "localhost",
            "LOCALHOST:8787",
            "127.0.0.1:8787",
            "127.1.2.3",
            "[::1]:8787",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(asks("127.0.0.1", host) && asks("::1", host) && asks("::ffff:127.0.0.1", host), "{host}");
            assert!(!asks("192.0.2.1", host) && !asks("2001:db8::1", host), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "0.0.0.0",
            "[::]",
            "2130706433",
            "0x7f.1",
            "",
        ] {
            assert!(!asks("127.0.0.1", host), "{host}");
        }
    }
}
