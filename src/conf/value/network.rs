//! What sessions may connect to: a word, or networks with ports.
//!
//! Addresses alone: the kernel, which holds these rules, sees no names.

use std::net::IpAddr;

use portcullis_model::sandbox::Destination;

use super::{Bad, Value};

/// What sessions may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNetwork {
    /// Whatever the machine reaches.
    All,
    /// Programs on this machine, at its loopback addresses.
    Loopback,
    /// Nothing.
    None,
    /// These alone.
    Only(Vec<Destination>),
}

impl SessionNetwork {
    /// What `loopback` stands for.
    pub const LOOPBACK: [Destination; 2] = [
        Destination { address: IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 0)), prefix: 8, ports: None },
        Destination { address: IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), prefix: 128, ports: None },
    ];
}

/// `all`, `loopback`, `none`, or networks.
#[derive(Debug)]
pub struct SessionNetworkList;

/// Most networks: each costs some instructions for every packet, and what is always refused needs room too.
const MOST: usize = 200;

const HINT: &str =
    "write all, loopback, none, or networks such as 10.0.0.0/8, 192.0.2.7:443 or [2001:db8::/32]:8000-8099";

impl Value for SessionNetworkList {
    type Out = SessionNetwork;

    fn words() -> String {
        "`all`, `loopback`, `none`, or a list of `loopback` and `address[/prefix][:port[-port]]`".into()
    }

    fn parse(text: &str) -> Result<SessionNetwork, Bad> {
        match text {
            "all" => return Ok(SessionNetwork::All),
            "loopback" => return Ok(SessionNetwork::Loopback),
            "none" => return Ok(SessionNetwork::None),
            _ => {}
        }
        let mut networks = Vec::new();
        for word in text.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            match word {
                "loopback" => networks.extend(SessionNetwork::LOOPBACK),
                "all" | "none" => {
                    return Err(Bad::with(format!("`{word}` stands beside other words"), "write it alone"));
                }
                _ => networks.push(destination(word)?),
            }
        }
        if networks.is_empty() {
            return Err(Bad::with("it is empty", HINT));
        }
        if networks.len() > MOST {
            return Err(Bad::with(
                format!("it has {} networks, at most {MOST} can be", networks.len()),
                "write wider networks, or let a firewall beside this machine decide",
            ));
        }
        Ok(SessionNetwork::Only(networks))
    }
}

/// `address[/prefix][:port[-port]]`; an IPv6 address with ports stands in brackets.
fn destination(word: &str) -> Result<Destination, Bad> {
    let bad = || Bad::with(format!("`{word}` is not a network"), HINT);
    let (network, ports) = split(word).ok_or_else(bad)?;
    let (address, prefix) = match network.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (network.as_str(), None),
    };
    let address: IpAddr = address.parse().map_err(|_| if is_name(address) { name(word) } else { bad() })?;
    if let IpAddr::V6(six) = address {
        if let Some(four) = six.to_ipv4_mapped() {
            return Err(Bad::with(
                format!("`{word}` is an IPv4 address in IPv6 dress"),
                format!("write {four}: both are meant then"),
            ));
        }
    }
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(text) => {
            number(text).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= widest).ok_or_else(bad)?
        }
        None => widest,
    };
    let first = first(address, prefix);
    if first != address {
        return Err(Bad::with(
            format!("`{word}` has bits beyond its prefix"),
            format!("write {first}/{prefix} for the network, or {address} for the one address"),
        ));
    }
    if address.is_unspecified() && prefix == widest {
        return Err(Bad::with(format!("`{word}` is no address of anybody's"), "write loopback"));
    }
    Ok(Destination { address, prefix, ports: ports.map(|text| range(text).ok_or_else(bad)).transpose()? })
}

fn is_name(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_*".contains(&byte))
}

fn name(word: &str) -> Bad {
    Bad::with(
        format!("`{word}` is a name, and the kernel sees addresses only"),
        "write the addresses it has, or those of a proxy that knows names",
    )
}

/// The first address of a network.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}

/// The network without brackets, and what stands after it as ports.
fn split(word: &str) -> Option<(String, Option<&str>)> {
    if let Some(rest) = word.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']')?;
        // The prefix may stand inside the brackets or after them.
        let (prefix, ports) = match rest.split_once(':') {
            Some((prefix, ports)) => (prefix, Some(ports)),
            None => (rest, None),
        };
        let plain = prefix.is_empty() || (prefix.starts_with('/') && !inner.contains('/'));
        let six = inner.contains(':');
        return (plain && six).then(|| (format!("{inner}{prefix}"), ports));
    }
    match word.split_once(':') {
        Some((network, ports)) if !ports.contains(':') => Some((network.to_owned(), Some(ports))),
        _ => Some((word.to_owned(), None)),
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (number(low)?, number(high)?);
    (low > 0 && low <= high).then_some((low, high))
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_with_prefix_and_ports() {
        let one = |text| match SessionNetworkList::parse(text) {
            Ok(SessionNetwork::Only(list)) if list.len() == 1 => {
                (list[0].address.to_string(), list[0].prefix, list[0].ports)
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(one("10.0.0.0/8"), ("10.0.0.0".into(), 8, None));
        assert_eq!(one("0.0.0.0/0:53"), ("0.0.0.0".into(), 0, Some((53, 53))));
        assert_eq!(one("192.0.2.7:443"), ("192.0.2.7".into(), 32, Some((443, 443))));
        assert_eq!(one("192.0.2.0/24:1-65535"), ("192.0.2.0".into(), 24, Some((1, 65535))));
        assert_eq!(one("2001:db8::/32"), ("2001:db8::".into(), 32, None));
        assert_eq!(one("[2001:db8::]/32:80-81"), ("2001:db8::".into(), 32, Some((80, 81))));
        assert_eq!(one("[2001:db8::/32]:80"), ("2001:db8::".into(), 32, Some((80, 80))));
        assert_eq!(one("[::1]"), ("::1".into(), 128, None));
        assert_eq!(one("::/0"), ("::".into(), 0, None));
        let two = SessionNetworkList::parse("10.0.0.0/8, ::1").expect("two");
        assert!(matches!(two, SessionNetwork::Only(list) if list.len() == 2));
        let Ok(SessionNetwork::Only(list)) = SessionNetworkList::parse("loopback 192.0.2.7:443") else {
            panic!("a list");
        };
        assert_eq!(list[..2], SessionNetwork::LOOPBACK);
        assert_eq!(list.len(), 3);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            ",",
            "any",
            "All",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:9-8",
            "10.0.0.1:70000",
            "10.0.0.1:+5",
            "[::1",
            "[::1]]:5",
            "[::/0]/0",
            "::/129",
            "10.0.0.1:1:2",
            "all 10.0.0.1",
            "none,10.0.0.1",
            "[10.0.0.1]x:5",
            "[10.0.0.1]:5",
            "10.0.0.1/8",
            "2001:db8::1/32",
            "0.0.0.0",
            "::",
            "::ffff:10.0.0.1",
        ] {
            assert!(SessionNetworkList::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_to_write() {
        let bad = |text: &str| {
            let bad = SessionNetworkList::parse(text).expect_err("refused");
            format!("{} ({})", bad.text, bad.hint.unwrap_or_default())
        };
        assert_eq!(
            bad("10.0.0.0/8 mirror.example.org:443"),
            "`mirror.example.org:443` is a name, and the kernel sees addresses only (write the addresses it has, or those of a proxy that knows names)"
        );
        assert!(bad("10.1.2.3/8").contains("write 10.0.0.0/8 for the network"), "{}", bad("10.1.2.3/8"));
        assert!(bad("::ffff:10.0.0.1").contains("write 10.0.0.1"));
        let many = vec!["10.0.0.1"; MOST + 1].join(" ");
        assert!(bad(&many).starts_with("it has 201 networks, at most 200 can be"));
    }
}
