//! Whether two samples of measured times are of one distribution.
//!
//! For times that must tell nothing: not how long something takes is compared, which is the machine's noise, but whether one kind
//! of it can be told from another.

/// The chance that samples of one distribution differ as much as these, by the two-sided Kolmogorov-Smirnov test: near 0 when they
/// are of two. 1 for an empty one, which says nothing.
pub fn chance_of_one_distribution(one: &[f64], other: &[f64]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let (count, counts) = (as_f64(one.len()), as_f64(other.len()));
    let root = (count * counts / (count + counts)).sqrt();
    // Stephens' correction, good from four on; the series is that of Kolmogorov's distribution.
    let lambda = (root + 0.12 + 0.11 / root) * widest_gap(one, other);
    if lambda < 0.2 {
        return 1.0; // the series converges slowly there, to this
    }
    let terms = (1..=100).map(|k| {
        let (k, sign) = (f64::from(k), if k % 2 == 1 { 2.0 } else { -2.0 });
        sign * (-2.0 * k * k * lambda * lambda).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

/// The widest distance between the two shares of times up to some moment.
fn widest_gap(one: &[f64], other: &[f64]) -> f64 {
    let share = |sample: &[f64], at: f64| {
        as_f64(sample.iter().filter(|time| **time <= at).count()) / as_f64(sample.len())
    };
    let gap = |at: &f64| (share(one, *at) - share(other, *at)).abs();
    one.iter().chain(other).map(gap).fold(0.0, f64::max)
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a uniform distribution, always the same ones.
    fn sample(seed: u64, count: usize, shift: f64) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 33).unwrap_or(0)) / f64::from(1u32 << 31)
        };
        (0..count).map(|_| next() + shift).collect()
    }

    #[test]
    fn the_known_values() {
        // Kolmogorov's distribution: 1.3581 is exceeded by 5 of 100, 1.6276 by one. Ten against ten with a gap of 0.6.
        let (low, high): (Vec<f64>, Vec<f64>) = (0..10).map(|n| (f64::from(n), f64::from(n) + 5.5)).unzip();
        let chance = chance_of_one_distribution(&low, &high);
        assert!((0.02..0.06).contains(&chance), "{chance}");
        assert!(chance_of_one_distribution(&low, &low) > 0.999);
        assert!(chance_of_one_distribution(&low, &[]) > 0.999);
    }

    #[test]
    fn one_distribution_is_seldom_taken_for_two_and_two_are_told_apart() {
        let many: u32 = 500;
        let alike = (1..=many).filter(|n| {
            let (one, other) =
                (sample(u64::from(*n) * 7919, 24, 0.0), sample(u64::from(*n) * 104_729 + 1, 24, 0.0));
            chance_of_one_distribution(&one, &other) < 0.05
        });
        // 5 in 100 are expected, the test is a little careful.
        assert!((1..=40).contains(&alike.count()));
        let apart = (1..=many).filter(|n| {
            let (one, other) =
                (sample(u64::from(*n) * 7919, 24, 0.0), sample(u64::from(*n) * 104_729 + 1, 24, 1.0));
            chance_of_one_distribution(&one, &other) < 0.001 / 15.0
        });
        assert_eq!(apart.count(), 500);
    }
}
