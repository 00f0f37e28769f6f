//! Where clouds hand out a machine's own credentials to whoever asks: addresses that no session reaches unless
//! `session-metadata=1`.
//!
//! Link-local addresses as a whole are not refused: name servers and clocks of clouds have such addresses too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_model::sandbox::Destination;

/// An address, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Where.
    pub destination: Destination,
    /// Whose, and what it hands out.
    pub whose: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

const fn four(address: [u8; 4], port: Option<u16>, whose: &'static str, source: &'static str) -> Row {
    let [a, b, c, d] = address;
    let ports = match port {
        Some(port) => Some((port, port)),
        None => None,
    };
    let destination = Destination { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix: 32, ports };
    Row { destination, whose, source }
}

const fn six(address: [u16; 8], whose: &'static str, source: &'static str) -> Row {
    let [a, b, c, d, e, f, g, h] = address;
    let address = IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h));
    Row { destination: Destination { address, prefix: 128, ports: None }, whose, source }
}

/// The addresses.
pub const TABLE: &[Row] = &[
    four(
        [169, 254, 169, 254],
        None,
        "Amazon EC2, Azure, Google, OpenStack, Oracle, DigitalOcean, Hetzner and most others: instance metadata",
        "each cloud's page on instance metadata; cloud-init, `doc/rtd/reference/datasources`",
    ),
    six(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        "Amazon EC2: instance metadata",
        "EC2 User Guide, Use the Instance Metadata Service",
    ),
    four([169, 254, 170, 2], None, "Amazon ECS: credentials of a task", "ECS Developer Guide, Task IAM role"),
    four(
        [169, 254, 170, 23],
        None,
        "Amazon EKS: credentials of a pod",
        "EKS User Guide, Set up the Amazon EKS Pod Identity Agent",
    ),
    six(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        "Amazon EKS: credentials of a pod",
        "EKS User Guide, Set up the Amazon EKS Pod Identity Agent",
    ),
    six(
        [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
        "Google Cloud: instance metadata",
        "Compute Engine, About VM metadata: access from IPv6-only instances",
    ),
    // Not as a whole: port 53 is the name server of every machine there.
    four(
        [168, 63, 129, 16],
        Some(80),
        "Azure: the host's wire server, with settings and certificates",
        "Azure Virtual Network, What is IP address 168.63.129.16?",
    ),
    four(
        [168, 63, 129, 16],
        Some(32_526),
        "Azure: the host's agent",
        "Azure Virtual Network, What is IP address 168.63.129.16?",
    ),
    six(
        [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
        "OpenStack: instance metadata",
        "Nova user guide, Metadata; cloud-init, `DataSourceOpenStack.py`",
    ),
    six(
        [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
        "Oracle Cloud: instance metadata",
        "cloud-init, `DataSourceOracle.py`",
    ),
    four(
        [192, 0, 0, 192],
        None,
        "Oracle Cloud Classic: instance metadata",
        "Compute Classic, Retrieving metadata",
    ),
    four(
        [100, 100, 100, 200],
        None,
        "Alibaba Cloud: instance metadata",
        "ECS User Guide, Instance metadata; cloud-init, `DataSourceAliYun.py`",
    ),
    four(
        [169, 254, 0, 23],
        None,
        "Tencent Cloud: metadata.tencentyun.com",
        "CVM guide, Querying instance metadata",
    ),
    four([169, 254, 42, 42], None, "Scaleway: instance metadata", "cloud-init, `DataSourceScaleway.py`"),
    six(
        [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42],
        "Scaleway: instance metadata",
        "cloud-init, `DataSourceScaleway.py`",
    ),
    six(
        [0x64, 0xff9b, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
        "169.254.169.254 behind a gateway from IPv6 to IPv4",
        "RFC 6052, 2.1: the well-known prefix",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_stands_once_with_its_owner_and_a_source() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(!row.whose.is_empty() && !row.source.is_empty());
            assert!(TABLE[..at].iter().all(|other| other.destination != row.destination), "{}", row.whose);
        }
    }

    #[test]
    fn addresses_read_as_their_owners_write_them() {
        let written: Vec<String> = TABLE.iter().map(|row| row.destination.address.to_string()).collect();
        for address in [
            "169.254.169.254",
            "fd00:ec2::254",
            "169.254.170.2",
            "169.254.170.23",
            "fd00:ec2::23",
            "fd20:ce::254",
            "168.63.129.16",
            "fe80::a9fe:a9fe",
            "fd00:c1::a9fe:a9fe",
            "192.0.0.192",
            "100.100.100.200",
            "169.254.0.23",
            "169.254.42.42",
            "fd00:42::42",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(written.iter().any(|one| one == address), "{address}");
        }
    }

    #[test]
    fn a_clouds_name_server_stays_reachable() {
        let refused = |address: &str, port: u16| {
            let address: IpAddr = address.parse().expect("an address");
            TABLE.iter().any(|row| {
                row.destination.address == address
                    && row.destination.ports.is_none_or(|(low, high)| (low..=high).contains(&port))
            })
        };
        assert!(refused("168.63.129.16", 80) && !refused("168.63.129.16", 53));
        assert!(!refused("169.254.169.253", 53) && refused("169.254.169.254", 53));
    }
}
