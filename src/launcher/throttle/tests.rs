use super::buckets::ENTRIES;
use super::network::{ADDRESS_BURST, IPV4_WIDE_BURST};
use super::usual::{ALL, KNOWN_FOR, OF_ONE};
use super::*;

const INTERVAL: Duration = Duration::from_secs(10);
const PREFIXES: [u8; 3] = [64, 56, 48];
const DAY: Duration = Duration::from_secs(86_400);

fn throttle() -> Throttle {
    Throttle::new(INTERVAL, &PREFIXES)
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn v6(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn may(throttle: &Throttle, user: &str, remote: IpAddr, now: Duration) -> bool {
    throttle.may_try(Some(user), remote, now).is_ok()
}

#[test]
fn a_name_gets_its_burst_and_then_one_per_interval() {
    let mut throttle = throttle();
    let now = Duration::from_secs(1000);
    for n in 0..USER_BURST {
        assert!(may(&throttle, "alice", ip(1), now), "{n}");
        throttle.failed(Some(if n % 2 == 0 { "alice" } else { "Alice" }), ip(1), now);
    }
    assert_eq!(throttle.may_try(Some("alice"), ip(2), now), Err(TooMany::Name));
    assert!(may(&throttle, "bob", ip(1), now));
    assert!(may(&throttle, "alice", ip(2), now + INTERVAL));
}

#[test]
fn attempts_side_by_side_are_counted_before_they_fail() {
    let mut throttle = throttle();
    let now = Duration::from_secs(1000);
    let under_way: Vec<Counted> =
        (0..100).filter_map(|_| throttle.begin(Some("alice"), ip(1), now).ok()).collect();
    assert_eq!(under_way.len(), 10);
    assert_eq!(throttle.begin(Some("alice"), ip(2), now), Err(TooMany::Name), "from elsewhere neither");
    throttle.take_back(Some("alice"), ip(1), under_way[0]);
    assert_eq!(throttle.begin(Some("alice"), ip(1), now), Ok(Counted::Apart));
    assert!(throttle.begin(Some("alice"), ip(1), now).is_err());
    // A crowd behind one address whose sign-ins succeed is not slowed down.
    for n in 0..1000 {
        let user = format!("user{n}");
        let counted = throttle.begin(Some(&user), ip(3), now).expect("let through");
        throttle.take_back(Some(&user), ip(3), counted);
        throttle.succeeded(&user, ip(3), now);
    }
}

#[test]
fn an_address_is_counted_over_all_names() {
    let mut throttle = throttle();
    for n in 0..ADDRESS_BURST {
        throttle.failed(Some(&format!("user{n}")), ip(1), Duration::ZERO);
    }
    let refused = throttle.may_try(Some("fresh"), ip(1), Duration::ZERO).expect_err("too many");
    assert_eq!(refused.to_string(), "too many failures from the /32 of 192.0.2.1");
    assert!(may(&throttle, "fresh", ip(2), Duration::ZERO));
    assert!(may(&throttle, "fresh", ip(1), Duration::from_secs(2)), "one more every two seconds");
}

/// How many attempts, each of another name and address, are let through at one moment.
fn let_through(addresses: impl Iterator<Item = IpAddr>) -> usize {
    let mut throttle = throttle();
    let tries = addresses.enumerate();
    tries.filter(|(n, from)| throttle.begin(Some(&format!("u{n}")), *from, Duration::ZERO).is_ok()).count()
}

#[test]
fn who_has_many_addresses_gets_what_their_network_has() {
    let many = 0..3000u128;
    let spread = |below: u32| {
        many.clone().map(move |n| IpAddr::V6((0x2001_0db8_0000_0000_u128 << 64 | n << below).into()))
    };
    // All in one /64, one /56, one /48, and each in a /48 of its own.
    assert_eq!(let_through(spread(0)), 60);
    assert_eq!(let_through(many.clone().map(|n| at(0, n % 256))), 120);
    assert_eq!(let_through(many.clone().map(|n| at(n % 256, n / 256))), 240);
    assert_eq!(let_through(spread(80)), 3000);
    // IPv4: an address, a /24, and each in a /24 of its own; the same written as IPv6.
    let v4 = |n: u128| IpAddr::V4(u32::try_from(0x0a00_0000 + n).expect("fits").into());
    assert_eq!(let_through(many.clone().map(|_| v4(1))), 60);
    assert_eq!(
        let_through(many.clone().map(|n| v4(n % 256))),
        usize::try_from(IPV4_WIDE_BURST).expect("fits")
    );
    assert_eq!(let_through(many.clone().map(|n| v4(n << 8))), 3000);
    let mapped = many.clone().map(|n| match v4(n % 256) {
        IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
        other @ IpAddr::V6(_) => other,
    });
    assert_eq!(let_through(mapped), 240);
}

/// The `lan`th /64 in the `site`th /56 of one /48.
fn at(site: u128, lan: u128) -> IpAddr {
    IpAddr::V6((0x2001_0db8_0007_0000_u128 << 64 | site << 72 | lan << 64 | 1).into())
}

#[test]
fn who_has_no_name_yet_is_counted_by_address_alone() {
    let mut throttle = throttle();
    let begun = |throttle: &mut Throttle| throttle.begin(None, ip(1), Duration::ZERO);
    assert_eq!((0..100).filter(|_| begun(&mut throttle).is_ok()).count(), 60);
    throttle.take_back(None, ip(1), Counted::Nameless);
    assert_eq!(begun(&mut throttle), Ok(Counted::Nameless));
    assert!(begun(&mut throttle).is_err());
    // As many as there are of one office, by an identity provider, in one morning.
    for _ in 0..1000 {
        let counted = throttle.begin(None, ip(2), Duration::ZERO).expect("let through");
        throttle.take_back(None, ip(2), counted);
    }
}

#[test]
fn other_lengths_count_after_a_reload() {
    let mut throttle = Throttle::new(INTERVAL, &[128]);
    for n in 0..ADDRESS_BURST {
        throttle.failed(Some(&format!("u{n}")), v6("2001:db8::1"), Duration::ZERO);
    }
    assert!(!may(&throttle, "x", v6("2001:db8::1"), Duration::ZERO));
    assert!(may(&throttle, "x", v6("2001:db8::2"), Duration::ZERO), "only the one address");
    throttle.configure(INTERVAL, &[128]);
    assert!(!may(&throttle, "x", v6("2001:db8::1"), Duration::ZERO), "the same lengths go on counting");
    throttle.configure(INTERVAL, &[64]);
    for n in 0..ADDRESS_BURST {
        throttle.failed(Some(&format!("v{n}")), v6("2001:db8::1"), Duration::ZERO);
    }
    assert!(!may(&throttle, "x", v6("2001:db8::2"), Duration::ZERO));
}

#[test]
fn nobody_locks_out_a_person_from_where_they_work() {
    let mut throttle = throttle();
    throttle.succeeded("alice", ip(7), Duration::ZERO);
    // A thousand from everywhere, also from around her.
    for n in 0..1000u16 {
        throttle.failed(Some("alice"), IpAddr::from([192, 0, 2, n.to_be_bytes()[1]]), Duration::ZERO);
    }
    assert!(!may(&throttle, "alice", ip(1), Duration::ZERO));
    assert!(!may(&throttle, "bob", ip(1), Duration::ZERO), "their network is full");
    assert!(may(&throttle, "alice", ip(7), Duration::ZERO));
    assert!(
        throttle.expects("Alice", ip(7), Duration::ZERO) && !throttle.expects("alice", ip(1), Duration::ZERO)
    );
    for _ in 0..USER_BURST {
        throttle.failed(Some("alice"), ip(7), Duration::ZERO);
    }
    assert_eq!(throttle.may_try(Some("alice"), ip(7), Duration::ZERO), Err(TooMany::Pair));
    assert!(!throttle.expects("alice", ip(7), Duration::ZERO));
}

#[test]
fn a_flood_of_names_neither_grows_the_maps_nor_frees_the_attacked_name() {
    let mut throttle = throttle();
    for _ in 0..USER_BURST + 1000 {
        throttle.failed(Some("alice"), ip(1), Duration::ZERO);
    }
    for n in 0..100_000u32 {
        let now = Duration::from_millis((n / 100).into());
        let [a, b, c, d] = n.to_be_bytes();
        throttle.failed(Some(&format!("u{n}")), IpAddr::from([a, b, c, d]), now);
        throttle.failed(Some(&format!("u{n}")), IpAddr::V6((u128::from(n) << 80).into()), now);
    }
    assert!(throttle.users.len() <= ENTRIES && throttle.networks.largest() <= ENTRIES);
    assert!(!may(&throttle, "alice", ip(200), Duration::from_secs(5)));
}

#[test]
fn usual_places_survive_a_restart_for_as_long_as_they_are_known() {
    let mut before = throttle();
    assert!(before.succeeded("Alice", ip(7), Duration::ZERO));
    assert!(!before.succeeded("alice", ip(7), Duration::from_secs(60)), "nothing new to write");
    assert!(before.succeeded("alice", v6("2001:db8:1:2::9"), DAY));
    assert!(before.succeeded("alice", ip(7), DAY * 2), "later by more than a day");
    let wall = 1_700_000_000;
    let kept = before.usual(DAY * 3, wall);
    assert_eq!(kept.len(), 2);
    // The next launcher's clock starts elsewhere.
    let later = |days: u32| {
        let mut after = throttle();
        after.restore(kept.clone(), Duration::from_secs(5), wall + DAY.as_secs() * u64::from(days));
        for n in 0..1000u32 {
            after.failed(Some("alice"), IpAddr::V4(n.into()), Duration::from_secs(5));
        }
        let may = |from| may(&after, "alice", from, Duration::from_secs(6));
        (may(ip(7)), may(v6("2001:db8:1:2::ffff")), may(ip(8)))
    };
    assert_eq!(later(0), (true, true, false));
    assert_eq!(later(28), (true, false, false), "30 days after the last sign-in from there");
    assert_eq!(later(29), (false, false, false));
    // A clock that was far ahead when it was written makes nothing known for ever.
    let mut odd = throttle();
    odd.restore([KeptPlace { until: u64::MAX, ..kept[0].clone() }], Duration::ZERO, wall);
    assert_eq!(odd.usual(Duration::ZERO, wall)[0].until, wall + KNOWN_FOR.as_secs());
}

#[test]
fn nobody_fills_the_list_of_usual_places() {
    let mut throttle = throttle();
    throttle.succeeded("alice", ip(7), Duration::ZERO);
    // One person with a password and many addresses.
    for n in 0..100_000u32 {
        throttle.succeeded("mallory", IpAddr::V4(n.into()), Duration::from_secs(1));
    }
    assert_eq!(throttle.usual.count(), 1 + OF_ONE);
    // More people than there is room for: the last ones are known.
    for n in 0..u32::try_from(ALL).expect("fits") + 500 {
        throttle.succeeded(&format!("u{n}"), ip(1), Duration::from_secs(2 + u64::from(n)));
    }
    assert!(throttle.usual.count() <= ALL);
    let now = Duration::from_secs(20_000);
    assert!(!throttle.usual.knows("alice", Network::of(ip(7)), now), "she signed in longest ago");
    assert!(throttle.usual.knows(&format!("u{}", ALL + 499), Network::of(ip(1)), now));
}

/// Who shares an address with others and has used up its failures must not learn by one more of each name who signs in from it.
#[test]
fn a_name_that_is_known_from_there_is_told_apart_by_nobody() {
    let mut throttle = Throttle::new(Duration::from_secs(5), &[64, 56, 48]);
    let (office, now) = (IpAddr::from([192, 0, 2, 7]), Duration::from_secs(1000));
    throttle.succeeded("alice", office, now);
    assert!(!throttle.refuses_strangers("alice", office, now), "nobody failed yet");
    for n in 0..network::ADDRESS_BURST {
        throttle.failed(Some(&format!("stranger{n}")), office, now);
    }
    // She is let try, and everybody else isn't: so what is told of her failures is what is told of theirs.
    assert_eq!(throttle.may_try(Some("alice"), office, now), Ok(()));
    assert!(throttle.may_try(Some("bob"), office, now).is_err());
    assert!(throttle.refuses_strangers("alice", office, now));
    // The same where her name alone is under attack from elsewhere.
    let mut throttle = Throttle::new(Duration::from_secs(5), &[64, 56, 48]);
    throttle.succeeded("alice", office, now);
    for n in 0..USER_BURST {
        throttle.failed(Some("alice"), IpAddr::from([198, 51, 100, u8::try_from(n).expect("few")]), now);
    }
    assert!(
        throttle.refuses_strangers("alice", office, now)
            && throttle.may_try(Some("alice"), office, now).is_ok()
    );
    assert!(!throttle.refuses_strangers("bob", office, now));
}

/// Whoever has the password doesn't guess the code by opening one conversation after another, by whatever method.
#[test]
fn codes_of_an_account_are_counted_over_all_conversations() {
    let mut throttle = throttle();
    let (alice, bob) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
    let now = Duration::from_secs(1000);
    assert_eq!((0..50).filter(|_| throttle.may_judge_code(alice, now)).count(), 10, "guesses at once");
    let day = (0..86_400).filter(|second| throttle.may_judge_code(alice, now + Duration::from_secs(*second)));
    assert!((1400..=1440).contains(&day.count()), "guesses a day");
    assert!(throttle.may_judge_code(bob, now), "another's account");
    // Right ones are no guesses.
    for _ in 0..100 {
        assert!(throttle.may_judge_code(bob, now));
        throttle.code_was_right(bob);
    }
}
