//! Every target holds for its seeds, for what was a finding once, and for two seconds of mutation.

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_fuzz::mutate::{Random, mutate};
use portcullis_fuzz::{Target, targets};

/// Time for one target's mutations. `cargo xtask fuzz --smoke` takes minutes and looks where it has been.
const EACH: Duration = Duration::from_secs(2);

fn regressions(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target.name);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| std::fs::read(file.path()).expect("a file of ours")).collect()
}

#[test]
fn every_target_holds() {
    let one = |target: &Target| {
        let mut inputs = (target.seeds)();
        inputs.extend(regressions(target));
        assert!(!inputs.is_empty(), "{}: nothing to begin with", target.name);
        for input in &inputs {
            (target.run)(input);
        }
        (target.run)(b"");
        let (mut random, until, mut count) = (Random::new(1), Instant::now() + EACH, 0_u64);
        while Instant::now() < until {
            let mut input = random.of(&inputs).clone();
            mutate(&mut input, &inputs, target.words, &mut random);
            let shown = input.clone();
            let outcome = std::panic::catch_unwind(|| (target.run)(&input));
            assert!(
                outcome.is_ok(),
                "{} does not hold for {:?}",
                target.name,
                String::from_utf8_lossy(&shown)
            );
            count += 1;
        }
        assert!(count > 100, "{}: only {count} inputs", target.name);
    };
    std::thread::scope(|scope| {
        for target in targets::ALL {
            scope.spawn(move || one(target));
        }
    });
}

#[test]
fn names_are_unique() {
    for (at, target) in targets::ALL.iter().enumerate() {
        assert!(targets::ALL[..at].iter().all(|other| other.name != target.name), "{}", target.name);
    }
}
