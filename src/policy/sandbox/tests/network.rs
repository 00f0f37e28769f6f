use std::net::IpAddr;

use portcullis_model::sandbox::Egress;

use super::*;

fn ruled(case: &Case) -> Egress {
    match case.planned().network {
        Network::Ruled(egress) => egress,
        other => panic!("{other:?}"),
    }
}

fn names(list: &[Destination], address: &str, port: u16) -> bool {
    let address: IpAddr = address.parse().expect("an address");
    list.iter().any(|known| {
        let whole = if known.address.is_ipv4() { 32 } else { 128 };
        let same = known.prefix == whole && known.address == address;
        let loopback = known.address.is_loopback() && address.is_loopback();
        (same || loopback) && known.ports.is_none_or(|(low, high)| (low..=high).contains(&port))
    })
}

#[test]
fn by_default_clouds_credentials_and_other_sessions_are_closed() {
    let egress = ruled(&Case::default());
    assert_eq!(egress.allowed, None);
    assert!(names(&egress.refused, "169.254.169.254", 80) && names(&egress.refused, "fd00:ec2::254", 80));
    assert!(!names(&egress.refused, "127.0.0.1", 59000));
    assert!(egress.neighbours_closed && !egress.listen);
    let open = ruled(&Case { portcullis: "session-metadata=1\nsession-listen=1\n", ..Case::default() });
    assert!(open.refused.is_empty() && open.listen);
}

#[test]
fn ports_of_sessions_are_closed_where_there_are_any() {
    let range = "session-port-range=59000-59999\n";
    let egress = ruled(&Case { rsession: range, ..Case::default() });
    for address in ["127.0.0.1", "::1"] {
        assert!(names(&egress.refused, address, 59000) && names(&egress.refused, address, 59999));
        assert!(!names(&egress.refused, address, 8787));
    }
    let unix = Case { rsession: range, portcullis: "session-transport=unix\n", ..Case::default() };
    assert!(!names(&ruled(&unix).refused, "127.0.0.1", 59000));
}

#[test]
fn a_network_is_what_was_said() {
    let of = |portcullis| Case { portcullis, ..Case::default() };
    assert_eq!(of("session-network=none\n").planned().network, Network::Own);
    let loopback = ruled(&of("session-network=loopback\n"));
    assert!(
        loopback.allowed.is_some_and(|list| names(&list, "127.0.0.1", 5432) && !names(&list, "10.0.0.1", 80))
    );
    let list = ruled(&of("session-network=192.0.2.7:443\n"));
    assert!(names(&list.refused, "169.254.169.254", 80), "whatever is allowed");
    let allowed = list.allowed.expect("a list");
    assert!(names(&allowed, "192.0.2.7", 443) && !names(&allowed, "192.0.2.7", 80));
    for (network, hidden) in [("none", true), ("loopback", true), ("10.0.0.0/8", true), ("all", false)] {
        let text: &'static str = Box::leak(format!("session-network={network}\n").into_boxed_str());
        let view = of(text).planned().view.expect("a view");
        let seen = |path| !within(&view.hidden, path) || within(&view.kept, path);
        for resolver in ["/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket"] {
            assert_eq!(!seen(resolver), hidden, "{network}: {resolver} would ask names for it");
        }
        assert!(seen("/run/systemd/resolve/stub-resolv.conf"), "{network}");
    }
}

#[test]
fn what_was_said_and_can_not_be_had_ends_the_start_whatever_the_sandbox_is() {
    let bare = HostFacts { connections: false, network_namespace: false, ..rich() };
    for network in ["none", "loopback", "10.0.0.0/8"] {
        for sandbox in ["auto", "required", "off"] {
            let text: &'static str =
                Box::leak(format!("session-network={network}\nsession-sandbox={sandbox}\n").into_boxed_str());
            let refused = Case { portcullis: text, host: bare.clone(), ..Case::default() }.plan();
            let refused = refused.expect_err("no session");
            assert_eq!(refused.rule, format!("session-network={network} (portcullis.conf:1)"));
            assert!(Case { portcullis: text, ..Case::default() }.plan().is_ok(), "{text}");
        }
    }
    let plan = Case { host: bare, ..Case::default() }.plan().expect("a plan");
    assert_eq!(plan.sandbox.network, Network::Unruled);
    assert_eq!(plan.fallen.len(), 1, "and it is said");
}

#[test]
fn without_a_network_of_its_own_rules_close_all_of_it() {
    let host = HostFacts { network_namespace: false, ..rich() };
    let egress = ruled(&Case { portcullis: "session-network=none\n", host, ..Case::default() });
    assert_eq!(egress.allowed, Some(Vec::new()));
}
