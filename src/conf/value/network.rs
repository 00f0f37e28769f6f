//! What sessions may connect to: a word, or networks with ports.

use std::net::IpAddr;

use portcullis_model::sandbox::Destination;

use super::{Bad, Value};

/// What sessions may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNetwork {
    /// Whatever the machine reaches.
    All,
    /// This machine itself.
    Loopback,
    /// Nothing.
    None,
    /// These alone.
    Only(Vec<Destination>),
}

/// `all`, `loopback`, `none`, or networks.
#[derive(Debug)]
pub struct SessionNetworkList;

const HINT: &str =
    "write all, loopback, none, or networks such as 10.0.0.0/8, 192.0.2.7:443 or [2001:db8::]/32:8000-8099";

impl Value for SessionNetworkList {
    type Out = SessionNetwork;

    fn words() -> String {
        "`all`, `loopback`, `none`, or networks `address[/prefix][:port[-port]]` separated by spaces or commas".into()
    }

    fn parse(text: &str) -> Result<SessionNetwork, Bad> {
        match text {
            "all" => return Ok(SessionNetwork::All),
            "loopback" => return Ok(SessionNetwork::Loopback),
            "none" => return Ok(SessionNetwork::None),
            _ => {}
        }
        let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        let networks: Vec<Destination> = words.map(destination).collect::<Result<_, _>>()?;
        if networks.is_empty() {
            return Err(Bad::with("it is empty", HINT));
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
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(text) => {
            number(text).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= widest).ok_or_else(bad)?
        }
        None => widest,
    };
    Ok(Destination { address, prefix, ports: ports.map(|text| range(text).ok_or_else(bad)).transpose()? })
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
        return plain.then(|| (format!("{inner}{prefix}"), ports));
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
        assert_eq!(one("192.0.2.7:443"), ("192.0.2.7".into(), 32, Some((443, 443))));
        assert_eq!(one("192.0.2.0/24:1-65535"), ("192.0.2.0".into(), 24, Some((1, 65535))));
        assert_eq!(one("2001:db8::/32"), ("2001:db8::".into(), 32, None));
        assert_eq!(one("[2001:db8::]/32:80-81"), ("2001:db8::".into(), 32, Some((80, 81))));
        assert_eq!(one("[2001:db8::/32]:80"), ("2001:db8::".into(), 32, Some((80, 80))));
        assert_eq!(one("[::1]"), ("::1".into(), 128, None));
        let two = SessionNetworkList::parse("10.0.0.0/8, ::1").expect("two");
        assert!(matches!(two, SessionNetwork::Only(list) if list.len() == 2));
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
            "[10.0.0.1]x:5",
        ] {
            assert!(SessionNetworkList::parse(bad).is_err(), "{bad}");
        }
    }
}
