//! Sockets: what the session's rules for connections see, and nothing else.

use super::super::row::{Answer, Named, Row, WHOLE, When};
use super::row;

const FAMILIES: &[Named] = &[("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10), ("AF_NETLINK", 16)];
const INTERNET: When = When::Is(0, WHOLE, &[("AF_INET", 2), ("AF_INET6", 10)]);
const NETLINK: When = When::Is(0, WHOLE, &[("AF_NETLINK", 16)]);
/// The low four bits are the type; the others are flags of the descriptor.
const TYPE: u32 = 0xf;
const TYPES: When = When::Is(
    1,
    TYPE,
    &[("SOCK_RAW", 3), ("SOCK_RDM", 4), ("SOCK_SEQPACKET", 5), ("SOCK_DCCP", 6), ("SOCK_PACKET", 10)],
);
const PROTOCOLS: When = When::IsNot(
    2,
    &[("0", 0), ("IPPROTO_ICMP", 1), ("IPPROTO_TCP", 6), ("IPPROTO_UDP", 17), ("IPPROTO_ICMPV6", 58)],
);

pub(super) const SOCKETS: &[Row] = &[
    row!(
        SYS_socket,
        When::IsNot(0, FAMILIES),
        NoFamily,
        "Packets, Bluetooth, virtual machines, kernel cryptography and some forty others: most of the network code with known holes, none of it an IDE's."
    ),
    row!(SYS_socketpair, When::IsNot(0, FAMILIES), NoFamily, "As `socket`."),
    row!(
        SYS_socket,
        When::Both(&INTERNET, &TYPES),
        Refused,
        "Raw packets, and transports that no rule for connections sees. `ping` uses another type."
    ),
    row!(
        SYS_socket,
        When::Both(&INTERNET, &PROTOCOLS),
        NoProtocol,
        "MPTCP (262), SCTP, DCCP, UDP-Lite, L2TP: they connect where rules for TCP and UDP don't look."
    ),
    row!(
        SYS_socket,
        When::Both(&NETLINK, &When::IsNot(2, &[("NETLINK_ROUTE", 0)])),
        NoProtocol,
        "Interfaces with the kernel's packet filters, audit, cryptography, sockets of others. Looking up addresses needs routes only."
    ),
];
