//! How improbable a count is.
//!
//! Counts on the web scatter more than chance alone would make them, so the tail is that of the
//! negative binomial distribution, by way of the regularised incomplete beta function (the
//! continued fraction of Press et al., *Numerical Recipes*, 6.4, evaluated by Lentz's method).
//! Everything goes through `libm`, which gives the same bits on every machine.

/// Below this dispersion the distribution is as good as Poisson's, and its parameter would run off
/// to infinity.
const LEAST_DISPERSION: f64 = 1.02;

/// Steps of the continued fraction. It needs about the square root of the larger parameter; counts
/// end at 1.5e8 in the longest window.
const STEPS: u32 = 20_000;

/// The probability of `count` or more, where `mean` is expected with variance `mean · dispersion`.
pub fn at_least(count: u64, mean: f64, dispersion: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    let dispersion = dispersion.max(LEAST_DISPERSION);
    let shape = mean / (dispersion - 1.0);
    incomplete_beta(count as f64, shape, (dispersion - 1.0) / dispersion)
}

/// The regularised incomplete beta function `I_x(a, b)` for `0 < x < 1`.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    let ln_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    let front = libm::exp(ln_front);
    if x < (a + 1.0) / (a + b + 2.0) {
        (front * continued_fraction(a, b, x) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - front * continued_fraction(b, a, 1.0 - x) / b).clamp(0.0, 1.0)
    }
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let safe = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..=STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / safe(1.0 + even * d);
        c = safe(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / safe(1.0 + odd * d);
        c = safe(1.0 + odd / c);
        let change = d * c;
        value *= change;
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `scipy.special.betainc(n, m / (phi - 1), (phi - 1) / phi)`, scipy 1.17.1.
    const KNOWN: &[(u64, f64, f64, f64)] = &[
        (1, 0.04, 3.0, 0.02173261427082883),
        (8, 0.3, 1.5, 5.054297869550097e-05),
        (12, 0.04, 6.0, 0.00034554865665007215),
        (12, 3.3, 1.2, 0.0008154293274309002),
        (20, 0.5, 1.02, 7.906480803424273e-23),
        (40, 0.75, 2.0, 3.480665749491718e-13),
        (200, 60.0, 4.0, 5.604784836909988e-10),
        (1000, 300.0, 20.0, 1.4904153106849272e-09),
        (3, 2.5, 1.3, 0.4390452806507929),
        (100, 100.0, 1.5, 0.5054316672937966),
        (5000, 5000.0, 20.0, 0.492430251950951),
        (260, 0.02, 1.2, 3.978752702955059e-206),
        (100000, 99000.0, 5.0, 0.0780256602490093),
    ];

    #[test]
    fn agrees_with_scipy() {
        for &(count, mean, dispersion, expected) in KNOWN {
            let found = at_least(count, mean, dispersion);
            let error = (found - expected).abs() / expected;
            assert!(error < 1e-9, "{count} {mean} {dispersion}: {found:e}, not {expected:e}");
        }
    }

    #[test]
    fn nothing_or_more_is_certain() {
        assert_eq!(at_least(0, 0.1, 3.0), 1.0);
    }

    #[test]
    fn is_a_probability_and_falls_with_the_count() {
        for mean in [1e-3, 0.5, 20.0, 3e5, 1e8] {
            for dispersion in [1.0, 1.2, 3.0, 20.0, 400.0] {
                let mut last = 1.0;
                for count in [1, 2, 10, 1_000, 1_000_000, 150_000_000] {
                    let p = at_least(count, mean, dispersion);
                    assert!((0.0..=1.0).contains(&p), "{count} {mean} {dispersion}: {p}");
                    assert!(p <= last + 1e-9, "{count} {mean} {dispersion}: {p} after {last}");
                    last = p;
                }
            }
        }
    }
}
