//! Rules on connections, from the plan to the kernel: called by the keeper, before the session process may start anything.
//!
//! They stay as long as the group, whatever becomes of launcher and keeper.

use std::os::fd::{BorrowedFd, OwnedFd};

use portcullis_model::sandbox::{Destination, Egress, Network};
use portcullis_sys::bpf;
use portcullis_sys::cgroup::Group;

use crate::log::chain;

/// Where the session process learns what they refuse.
pub(super) fn telling(network: &Network) -> Result<Option<OwnedFd>, String> {
    match network {
        // It needs the same kernel as rules on neighbours.
        Network::Ruled(egress) if egress.neighbours_closed => {
            bpf::telling().map(Some).map_err(|error| not_in_force(&error))
        }
        _ => Ok(None),
    }
}

/// Puts them on the group. What can't be put in force ends the start.
pub(super) fn put_in_force(
    network: &Network,
    group: &Group,
    telling: Option<BorrowedFd<'_>>,
) -> Result<(), String> {
    let Network::Ruled(egress) = network else { return Ok(()) };
    let Some(folder) = group.unified() else {
        return Err(
            "the rules on connections need a control group of version 2, and the session has none".into()
        );
    };
    bpf::attach(folder, &rules(egress), telling).map_err(|error| not_in_force(&error))
}

fn not_in_force(error: &bpf::BpfError) -> String {
    format!("the rules on connections can't be put in force: {}", chain(error))
}

fn rules(egress: &Egress) -> bpf::Rules {
    let list = |list: &[Destination]| list.iter().map(rule).collect();
    bpf::Rules {
        refused: list(&egress.refused),
        allowed: egress.allowed.as_deref().map(list),
        listen: egress.listen,
        neighbours: egress.neighbours_closed,
    }
}

const fn rule(destination: &Destination) -> bpf::Destination {
    let Destination { address, prefix, ports } = *destination;
    bpf::Destination { address, prefix, ports }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_a_group_end_the_start() {
        let nowhere = Group::at(Vec::<String>::new());
        assert!(put_in_force(&Network::Ruled(Egress::default()), &nowhere, None).is_err());
        assert!(put_in_force(&Network::Unruled, &nowhere, None).is_ok());
        assert!(put_in_force(&Network::Own, &nowhere, None).is_ok());
    }

    #[test]
    fn a_plan_becomes_rules_as_it_stands() {
        let one =
            Destination { address: "10.0.0.0".parse().expect("an address"), prefix: 8, ports: Some((1, 2)) };
        let egress = Egress {
            refused: vec![one],
            allowed: Some(vec![one, one]),
            listen: true,
            neighbours_closed: true,
        };
        let rules = rules(&egress);
        assert_eq!((rules.refused.len(), rules.allowed.as_ref().map(Vec::len)), (1, Some(2)));
        assert_eq!((rules.refused[0].prefix, rules.refused[0].ports), (8, Some((1, 2))));
        assert!(rules.listen && rules.neighbours);
    }
}
