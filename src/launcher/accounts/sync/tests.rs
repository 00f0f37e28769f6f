//! Whose turn it is, how many at a time, and that a storm is one look and not a thousand.

use super::*;

fn person(number: u32) -> Person {
    (Uid(1000 + number), format!("user{number}").parse().expect("a name"))
}

fn sync() -> Sync {
    Sync::begin(&KeptIdentities::default(), Instant::now())
}

#[test]
fn everybody_has_one_turn_in_each_interval_and_they_are_spread() {
    const INTERVAL: u64 = 240 * 60;
    let start = 1_700_000_000;
    let mut busiest = 0;
    let mut turns = [0_u32; 500];
    for minute in 0..2 * 240 {
        let (last, now) = (start + minute * 60, start + (minute + 1) * 60);
        let mut due = 0;
        for (number, turns) in (0..).zip(&mut turns) {
            if is_due(&person(number).1, INTERVAL, last, now) {
                *turns += 1;
                due += 1;
            }
        }
        busiest = busiest.max(due);
    }
    assert!(turns.iter().all(|&count| count == 2), "{turns:?}");
    assert!(busiest < 20, "{busiest} of 500 in one minute of 240");
    // What nobody looked at for a while is made up for, once.
    assert!((0..500).all(|n| is_due(&person(n).1, INTERVAL, start, start + INTERVAL)));
    assert!((0..500).all(|n| !is_due(&person(n).1, INTERVAL, start, start)));
    assert!((0..500).all(|n| !is_due(&person(n).1, INTERVAL, start, start - 10)), "set back");
    assert!((0..500).all(|n| is_due(&person(n).1, 1, start, start + 1)));
}

#[test]
fn a_storm_is_one_look_at_each_and_so_many_a_second() {
    let mut sync = sync();
    for _ in 0..1000 {
        for number in 0..200 {
            sync.add(person(number), Cause::Files);
        }
    }
    assert_eq!(sync.queue.len(), 200);
    let mut begun = 0;
    while sync.next(usize::MAX, 7).is_some() {
        begun += 1;
    }
    assert_eq!(begun, PER_SECOND);
    assert!(sync.next(usize::MAX, 8).is_some() && sync.next(0, 8).is_none());
    // The first cause is the one that counts, and whoever was begun may come again.
    sync.add(person(0), Cause::Interval);
    sync.add(person(0), Cause::Files);
    assert_eq!(sync.queued.get(&person(0)), Some(&Cause::Interval));
}

#[test]
fn nobody_is_looked_up_between_a_change_and_its_reading_and_all_who_wait_are_of_its_round() {
    let mut sync = sync();
    sync.add(person(1), Cause::Interval);
    sync.files_at = Some((Instant::now(), Cause::Files));
    assert!(sync.next(usize::MAX, 7).is_none(), "looked up before the files were read");
    sync.add(person(2), Cause::Files);
    assert_eq!(sync.to_look_at(), BTreeSet::from([person(1), person(2)]));
    sync.files_at = None;
    assert_eq!(sync.next(usize::MAX, 7), Some((person(1), Cause::Interval)));
    assert_eq!(sync.to_look_at(), BTreeSet::from([person(2)]));
}

#[test]
fn what_is_known_comes_back_and_a_changed_file_is_noticed() {
    let mut one = sync();
    let mut dirty = Dirty::default();
    let (ann, bob) = (person(1).1, person(2).1);
    one.learn(&ann, Some(Local { locked: false }), true, &mut dirty);
    one.learn(&bob, Some(Local { locked: true }), true, &mut dirty);
    let kept = one.kept();
    assert_eq!((kept.local.len(), kept.unlocked.as_slice()), (2, &[ann.clone()][..]));
    assert!(one.files_at.is_none(), "nothing is known to have changed");
    // By another method nobody learns anything of a password.
    one.learn(&ann, Some(Local { locked: true }), false, &mut dirty);
    assert!(one.unlocked.contains(&ann));
    one.learn(&ann, None, true, &mut dirty);
    assert!(!one.unlocked.contains(&ann) && !one.local.contains(&ann));
    let now = Instant::now();
    let again = Sync::begin(&kept, now);
    assert_eq!(again.kept(), kept);
    assert!(again.files_at.is_none());
    let other = KeptIdentities { files: Some(Stamp::default()), ..kept };
    assert!(matches!(Sync::begin(&other, now).files_at, Some((_, Cause::Start))));
}
