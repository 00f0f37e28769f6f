//! Rules on connections: the keeper put them on our group before it let us go on; here we look whether they hold.
//!
//! A kernel can take them and not ask them, and a group can be the wrong one. Nothing is started then.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portcullis_model::sandbox::{Destination, Egress, Network};
use portcullis_sys::bpf::refuses;

use super::ConfineError;

/// The discard port.
const DISCARD: u16 = 9;
/// Networks for documentation (RFC 5737): what a list of networks leaves out.
const NOWHERE: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(203, 0, 113, 1)];

/// Looks, by a connection that the rules refuse; nothing is sent. Needs the network that they rule.
pub(crate) fn in_force(network: &Network) -> Result<(), ConfineError> {
    let Network::Ruled(egress) = network else { return Ok(()) };
    match refused(egress) {
        Some(address) if !refuses(address) => Err(ConfineError::Connections(address)),
        _ => Ok(()),
    }
}

/// Something that the rules refuse for certain; `None` where they refuse nothing that can be tried.
fn refused(egress: &Egress) -> Option<SocketAddr> {
    let of =
        |rule: &Destination| SocketAddr::new(rule.address, rule.ports.map_or(DISCARD, |(first, _)| first));
    let four = |rule: &&Destination| rule.address.is_ipv4();
    if let Some(rule) = egress.refused.iter().find(four) {
        return Some(of(rule));
    }
    let allowed = egress.allowed.as_ref()?;
    let closed = |address: &Ipv4Addr| !allowed.iter().any(|rule| includes(rule, *address));
    NOWHERE.into_iter().find(closed).map(|address| SocketAddr::from((address, DISCARD)))
}

/// Whether an address is in the network of a rule, whatever the port.
fn includes(rule: &Destination, address: Ipv4Addr) -> bool {
    let IpAddr::V4(network) = rule.address else { return false };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(rule.prefix.into())).unwrap_or(0);
    u32::from(network) & mask == u32::from(address) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(address: [u8; 4], prefix: u8, ports: Option<(u16, u16)>) -> Destination {
        Destination { address: Ipv4Addr::from(address).into(), prefix, ports }
    }

    #[test]
    fn what_is_tried_is_refused_by_the_rules() {
        let egress = |refused: &[Destination], allowed: Option<&[Destination]>| Egress {
            refused: refused.to_vec(),
            allowed: allowed.map(<[_]>::to_vec),
            ..Egress::default()
        };
        let tried = |egress: &Egress| refused(egress).map(|address| address.to_string());
        let metadata = rule([169, 254, 169, 254], 32, None);
        let ports = rule([127, 0, 0, 0], 8, Some((50_000, 50_099)));
        let six =
            Destination { address: "fd00:ec2::254".parse().expect("an address"), prefix: 128, ports: None };
        assert_eq!(tried(&egress(&[six, metadata], None)).as_deref(), Some("169.254.169.254:9"));
        assert_eq!(tried(&egress(&[ports], None)).as_deref(), Some("127.0.0.0:50000"));
        assert_eq!(tried(&egress(&[], None)), None);
        assert_eq!(tried(&egress(&[], Some(&[]))).as_deref(), Some("192.0.2.1:9"));
        let near = rule([192, 0, 0, 0], 8, None);
        assert_eq!(tried(&egress(&[], Some(&[near]))).as_deref(), Some("198.51.100.1:9"));
        assert_eq!(tried(&egress(&[], Some(&[rule([0; 4], 0, None)]))), None, "everything is allowed");
    }

    #[test]
    fn rules_that_do_not_hold_end_the_start() {
        let ruled = Network::Ruled(Egress { allowed: Some(Vec::new()), ..Egress::default() });
        let found = in_force(&ruled);
        assert!(matches!(found, Err(ConfineError::Connections(_))), "this process is in no such group");
        assert!(in_force(&Network::Unruled).is_ok() && in_force(&Network::Own).is_ok());
    }
}
