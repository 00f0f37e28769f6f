//! The order of plans as a table: each row is what is in force, what is wanted now, and in what the first falls short.

use super::*;

fn paths(all: &[&str]) -> Vec<String> {
    all.iter().map(|&path| path.to_owned()).collect()
}

fn with_view(data_only: &[&str], hidden: &[&str], kept: &[&str]) -> Sandbox {
    let (data_only, hidden, kept) = (paths(data_only), paths(hidden), paths(kept));
    Sandbox { view: Some(View { tmp_mb: 64, data_only, hidden, kept }), ..Sandbox::default() }
}

fn with_programs(allowed: &[&str], folders: &[&str]) -> Sandbox {
    let (allowed, folders) = (paths(allowed), paths(folders));
    Sandbox { programs: Some(Programs { folders, allowed, stub: "/stub".into() }), ..Sandbox::default() }
}

fn with_files(version: u32, reach: Option<(&[&str], &[&str])>) -> Sandbox {
    let reach = reach.map(|(read, write)| Reach { read: paths(read), write: paths(write) });
    Sandbox { rules: Some(Rules { version, reach }), ..Sandbox::default() }
}

fn with_calls(no_truncate: bool, no_memory_programs: bool) -> Sandbox {
    Sandbox { calls: Some(Calls { no_truncate, no_memory_programs }), ..Sandbox::default() }
}

fn with_network(network: Network) -> Sandbox {
    Sandbox { network, ..Sandbox::default() }
}

fn to(address: &str, prefix: u8, ports: Option<(u16, u16)>) -> Destination {
    Destination { address: address.parse().expect("an address"), prefix, ports }
}

fn ruled(refused: &[Destination], allowed: Option<&[Destination]>) -> Sandbox {
    let allowed = allowed.map(<[Destination]>::to_vec);
    with_network(Network::Ruled(Egress { refused: refused.to_vec(), allowed, ..Egress::default() }))
}

/// In force, wanted, and in what it falls short.
type Row = (Sandbox, Sandbox, &'static [Part]);

fn table() -> Vec<Row> {
    let nothing = Sandbox::default;
    let cloud = to("169.254.169.254", 32, None);
    let office = to("10.0.0.0", 8, None);
    let database = to("10.1.2.3", 32, Some((5432, 5432)));
    let ipv6 = to("2001:db8::", 32, None);
    let narrow = to("2001:db8:1::", 48, Some((443, 443)));
    vec![
        (nothing(), nothing(), &[]),
        // Views.
        (with_view(&[], &[], &[]), nothing(), &[]),
        (nothing(), with_view(&[], &[], &[]), &[Part::View]),
        (with_view(&["/home/a"], &[], &[]), with_view(&["/home/a/x"], &[], &[]), &[]),
        (with_view(&["/home/a/x"], &[], &[]), with_view(&["/home/a"], &[], &[]), &[Part::View]),
        (with_view(&[], &[], &[]), with_view(&[], &["/run/user/1"], &[]), &[Part::View]),
        (with_view(&[], &["/run/user/1"], &[]), with_view(&[], &[], &[]), &[]),
        (with_view(&[], &[], &["/tmp/krb5cc_1"]), with_view(&[], &[], &[]), &[Part::View]),
        // Programs.
        (nothing(), with_programs(&["/usr/bin/R"], &["/usr/bin"]), &[Part::Programs]),
        (with_programs(&["/usr/bin/R"], &["/usr/bin"]), nothing(), &[]),
        (
            with_programs(&["/usr/bin/R"], &["/usr/bin"]),
            with_programs(&["/usr/bin/R", "/usr/bin/git"], &["/usr/bin"]),
            &[],
        ),
        (
            with_programs(&["/usr/bin/R", "/usr/bin/git"], &["/usr/bin"]),
            with_programs(&["/usr/bin/R"], &["/usr/bin"]),
            &[Part::Programs],
        ),
        (with_programs(&["/opt/x"], &["/usr/bin"]), with_programs(&["/opt"], &["/usr/bin"]), &[]),
        (with_programs(&[], &["/usr/bin"]), with_programs(&[], &["/usr/bin", "/bin"]), &[Part::Programs]),
        // Files.
        (nothing(), with_files(6, None), &[Part::Files]),
        (with_files(6, None), with_files(6, Some((&["/usr"], &["/home/a"]))), &[Part::Files]),
        (with_files(6, Some((&["/usr"], &["/home/a"]))), with_files(6, None), &[]),
        (with_files(6, Some((&["/usr"], &["/home/a"]))), with_files(6, Some((&["/usr"], &["/home/a"]))), &[]),
        (
            with_files(6, Some((&["/usr"], &["/home/a"]))),
            with_files(6, Some((&["/usr", "/data"], &["/home"]))),
            &[],
        ),
        (
            with_files(6, Some((&["/usr", "/data"], &[]))),
            with_files(6, Some((&["/usr"], &[]))),
            &[Part::Files],
        ),
        // What may be written may be read; not the other way round.
        (with_files(6, Some((&["/data"], &[]))), with_files(6, Some((&[], &["/data"]))), &[]),
        (with_files(6, Some((&[], &["/data"]))), with_files(6, Some((&["/data"], &[]))), &[Part::Files]),
        // A name that only begins alike is another one.
        (with_files(6, Some((&["/data2"], &[]))), with_files(6, Some((&["/data"], &[]))), &[Part::Files]),
        (with_files(5, None), with_files(6, None), &[Part::Files]),
        // Calls.
        (nothing(), with_calls(false, false), &[Part::Calls]),
        (with_calls(false, true), with_calls(false, false), &[]),
        (with_calls(false, false), with_calls(false, true), &[Part::Calls]),
        (with_calls(false, true), with_calls(true, true), &[Part::Calls]),
        // Networks.
        (with_network(Network::Own), ruled(&[cloud], Some(&[])), &[]),
        (ruled(&[cloud], Some(&[])), with_network(Network::Own), &[Part::Network]),
        (nothing(), ruled(&[], None), &[Part::Network]),
        (ruled(&[cloud], None), nothing(), &[]),
        (ruled(&[], None), ruled(&[cloud], None), &[Part::Network]),
        (ruled(&[], None), ruled(&[], Some(&[office])), &[Part::Network]),
        (ruled(&[], Some(&[database])), ruled(&[], Some(&[office])), &[]),
        (ruled(&[], Some(&[office])), ruled(&[], Some(&[database])), &[Part::Network]),
        (ruled(&[], Some(&[narrow])), ruled(&[], Some(&[ipv6])), &[]),
        (ruled(&[], Some(&[ipv6])), ruled(&[], Some(&[narrow])), &[Part::Network]),
        (ruled(&[], Some(&[ipv6])), ruled(&[], Some(&[to("0.0.0.0", 0, None)])), &[Part::Network]),
        // Privileges.
        (Sandbox { privileges: true, ..nothing() }, nothing(), &[Part::Privileges]),
        (nothing(), Sandbox { privileges: true, ..nothing() }, &[]),
    ]
}

#[test]
fn what_is_in_force_is_compared_part_by_part() {
    for (at, (in_force, wanted, short)) in table().into_iter().enumerate() {
        let found = at_least(&in_force, &wanted).err().unwrap_or_default();
        assert_eq!(found, short, "row {at}: {in_force:?} against {wanted:?}");
    }
}

#[test]
fn every_plan_does_for_itself_and_the_order_has_no_gaps() {
    let all: Vec<Sandbox> = table().into_iter().flat_map(|(one, two, _)| [one, two]).collect();
    for one in &all {
        assert_eq!(at_least(one, one), Ok(()), "{one:?}");
        // Privileges are the one thing that a plan gives.
        assert_eq!(at_least(one, &Sandbox::default()).is_err(), one.privileges, "{one:?}");
        for two in &all {
            for three in &all {
                if at_least(one, two).is_ok() && at_least(two, three).is_ok() {
                    assert_eq!(at_least(one, three), Ok(()), "{one:?} {two:?} {three:?}");
                }
            }
        }
    }
}

#[test]
fn limits_are_no_part_of_it() {
    let mut limited = Sandbox::default();
    limited.limits.session.memory_mb = Some(1);
    assert_eq!(at_least(&Sandbox::default(), &limited), Ok(()));
}
