//! Random rules and destinations: the kernel decides as the few lines of plain code below do.

use std::net::{IpAddr, Ipv6Addr};

use super::*;

/// A xorshift: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Few bits differ, so that rules meet addresses.
    fn address(&mut self) -> IpAddr {
        let bits = u32::try_from(self.roll(1 << 16)).expect("small");
        if self.roll(2) == 0 {
            IpAddr::V4((0xc0a8_0000 ^ (bits & 0xc003) ^ ((bits & 0x30) << 24)).into())
        } else {
            let number = 0x2001_0db8_0000_0000_0000_0000_0000_0000_u128;
            let (high, low) = (u128::from(bits & 0x0f), u128::from(bits >> 4 & 0x0f));
            IpAddr::V6(Ipv6Addr::from(number ^ (high << (self.roll(4) * 32)) ^ low))
        }
    }

    fn port(&mut self) -> u16 {
        [1, 22, 80, 443, 8080, 0x8000, 65_535][usize::try_from(self.roll(7)).expect("small")]
    }

    fn rule(&mut self) -> Destination {
        let address = self.address();
        let widest = if address.is_ipv4() { 33 } else { 129 };
        let prefix =
            [self.roll(widest), widest - 1, widest - 3][usize::try_from(self.roll(3)).expect("small")];
        let (one, other) = (self.port(), self.port());
        let ports = (self.roll(3) > 0).then_some((one.min(other), one.max(other)));
        Destination { address, prefix: u8::try_from(prefix).expect("small"), ports }
    }
}

fn includes(rule: &Destination, address: IpAddr, port: u16) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => format!("{:032b}", u32::from(four)),
        IpAddr::V6(six) => format!("{:0128b}", u128::from(six)),
    };
    rule.address.is_ipv4() == address.is_ipv4()
        && bits(rule.address)[..usize::from(rule.prefix)] == bits(address)[..usize::from(rule.prefix)]
        && rule.ports.is_none_or(|(low, high)| (low..=high).contains(&port))
}

#[test]
fn the_kernel_decides_as_the_rules_say() {
    own_network(&[]);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..24 {
        let mut list = |most| (0..dice.roll(most)).map(|_| dice.rule()).collect::<Vec<_>>();
        let (refused, allowed) = (list(6), list(20));
        let rules = Rules { refused, allowed: (round % 4 > 0).then_some(allowed), ..Rules::default() };
        let cases: Vec<(IpAddr, u16)> = (0..250).map(|_| (dice.address(), dice.port())).collect();
        let wanted = |(address, port): (IpAddr, u16)| {
            let any = |list: &[Destination]| list.iter().any(|rule| includes(rule, address, port));
            !any(&rules.refused) && rules.allowed.as_ref().is_none_or(|list| any(list))
        };
        let inside = Inside::of(20_001);
        inside.rule(&rules);
        // Where there is no route the system call fails with another error, after the rules were asked.
        let wrong = std::cell::Cell::new(0);
        let tried = inside.attempt(|| {
            for (index, (address, port)) in cases.iter().enumerate() {
                let refused =
                    connect(libc::SOCK_DGRAM, 0, SocketAddr::new(*address, *port)) == Err(Errno::EPERM);
                if refused == wanted((*address, *port)) {
                    wrong.set(index + 1);
                    return Err(Errno::from_raw(i32::try_from(index % 250 + 1).expect("small")));
                }
            }
            Ok(())
        });
        let case = usize::from(tried.0).checked_sub(1).map(|index| cases[index]);
        assert_eq!(tried, DONE, "round {round}: {case:?} should be {:?} by {rules:#?}", case.map(wanted));
        let allowed = cases.iter().filter(|case| wanted(**case)).count();
        assert!(
            allowed < cases.len() || (rules.refused.is_empty() && rules.allowed.is_none()) || round % 4 == 0
        );
    }
}
