//! Weeks of refusals of made-up sites: the usual noise, and faults planted into it.
//!
//! Seeded, and built on `libm`, so that the same seed is the same site on every machine.

use std::f64::consts::PI;

use crate::incidents::{Bucket, Kind, Series};

/// Buckets of a day.
pub const DAY: Bucket = 288;

/// The midnight at which every made-up site begins, a Thursday.
pub const MIDNIGHT: Bucket = 20_400 * DAY;

/// Seeded numbers (SplitMix64; Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that are the same for the same seed.
    pub fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5851_F42D_4C95_7F2D);
        random.draw();
        random
    }

    /// Sixty-four bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to and without 1.
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `low` up to and without `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Of the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(2.0 * PI * self.unit())
    }

    /// A count with this mean.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 60.0 {
            return (mean + libm::sqrt(mean) * self.normal()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = (libm::exp(-mean), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Marsaglia and Tsang, 2000.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * libm::pow(1.0 - self.unit(), 1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = libm::pow(1.0 + c * x, 3.0);
            if v > 0.0 && libm::log(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v)
            {
                return d * v;
            }
        }
    }

    /// A count with this mean and `dispersion` times as much variance.
    pub fn scattered(&mut self, mean: f64, dispersion: f64) -> u64 {
        if dispersion <= 1.0 || mean <= 0.0 {
            return self.poisson(mean.max(0.0));
        }
        let rate = self.gamma(mean / (dispersion - 1.0)) * (dispersion - 1.0);
        self.poisson(rate)
    }
}

/// How much of the mean comes at this bucket of a site's life.
pub fn cycle(bucket: Bucket, depth: f64, weekend: f64) -> f64 {
    let day = 1.0 + depth * libm::sin((bucket as f64 / DAY as f64 - 0.3) * 2.0 * PI);
    if bucket.div_euclid(DAY).rem_euclid(7) >= 5 { day * weekend } else { day }
}

/// A site as it is being made up: buckets count from its first midnight.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// How many buckets it lives.
    pub buckets: Bucket,
    /// What was refused, from [`MIDNIGHT`] on.
    pub refusals: Series,
}

impl Site {
    /// A site of so many days, to which nothing has happened.
    pub fn of_days(days: Bucket) -> Site {
        Site { buckets: days * DAY, refusals: Series::new() }
    }

    /// Adds refusals to a bucket of the site's life.
    pub fn add(&mut self, bucket: Bucket, count: u64) {
        if (0..self.buckets).contains(&bucket) {
            self.refusals.add(MIDNIGHT + bucket, count);
        }
    }

    /// Refusals all day, more by day than by night.
    pub fn trickle(&mut self, random: &mut Random, mean: f64, dispersion: f64) {
        self.trickle_with(random, mean, dispersion, 0.8, 1.0);
    }

    /// The same, with the depth of the night and the share of a weekend.
    pub fn trickle_with(
        &mut self,
        random: &mut Random,
        mean: f64,
        dispersion: f64,
        depth: f64,
        weekend: f64,
    ) {
        for bucket in 0..self.buckets {
            let count = random.scattered(mean * cycle(bucket, depth, weekend), dispersion);
            self.add(bucket, count);
        }
    }

    /// So many refusals within so many minutes.
    pub fn burst(&mut self, random: &mut Random, minute: f64, size: u64, minutes: f64) {
        for _ in 0..size {
            let at = minute + random.between(0.0, minutes);
            self.add((at / 5.0).floor() as Bucket, 1);
        }
    }

    /// A scanner that comes every night, never alike.
    pub fn nightly(&mut self, random: &mut Random) {
        for day in 0..self.buckets / DAY {
            let minute = day as f64 * 1440.0 + 180.0 + random.between(-40.0, 40.0);
            let size = random.between(60.0, 500.0) as u64;
            self.burst(random, minute, size, 12.0);
        }
    }

    /// A scanner that comes at any hour.
    pub fn roaming(&mut self, random: &mut Random, a_day: f64) {
        for _ in 0..random.poisson(a_day * self.buckets as f64 / DAY as f64) {
            let size = libm::exp(4.4 + 0.8 * random.normal()).min(2000.0) as u64;
            let (minute, minutes) = (self.any_minute(random), random.between(1.0, 25.0));
            self.burst(random, minute, size, minutes);
        }
    }

    /// A crawler that follows dead links, a few at a time.
    pub fn clumps(&mut self, random: &mut Random) {
        for _ in 0..random.poisson(6.0 * self.buckets as f64 / DAY as f64) {
            let mut size = 1;
            while random.unit() > 0.25 {
                size += 1;
            }
            let minute = self.any_minute(random);
            self.burst(random, minute, size, 10.0);
        }
    }

    fn any_minute(&self, random: &mut Random) -> f64 {
        random.between(0.0, self.buckets as f64 * 5.0)
    }

    /// Gives every bucket the marks of so many addresses.
    pub fn come_from(&mut self, addresses: u64) {
        let buckets: Vec<Bucket> = self.refusals.counts().map(|(bucket, _)| bucket).collect();
        for bucket in buckets {
            for address in 1..=addresses {
                let hash = address.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                self.refusals.add_client(bucket, hash);
            }
        }
    }
}

/// A kind of noise that sites have.
pub struct Noise {
    /// Its name.
    pub name: &'static str,
    /// What is refused.
    pub kind: Kind,
    /// Every bucket comes from this many addresses; `None` where they are many.
    pub addresses: Option<u64>,
    /// One of the six shapes that are quiet by themselves.
    pub quiet: bool,
    make: fn(&mut Site, &mut Random),
}

impl Noise {
    /// A site with this noise.
    pub fn site(&self, random: &mut Random, days: Bucket) -> Site {
        let mut site = Site::of_days(days);
        (self.make)(&mut site, random);
        if let Some(addresses) = self.addresses {
            site.come_from(addresses);
        }
        site
    }
}

/// The noise with this name.
pub fn noise(name: &str) -> Option<&'static Noise> {
    NOISE.iter().find(|noise| noise.name == name)
}

const fn shape(
    name: &'static str,
    kind: Kind,
    addresses: Option<u64>,
    quiet: bool,
    make: fn(&mut Site, &mut Random),
) -> Noise {
    Noise { name, kind, addresses, quiet, make }
}

use Kind::{Enforcement, Fault};

/// The noise that sites are made up with.
pub static NOISE: &[Noise] = &[
    shape("waf, every night 60-500", Enforcement, None, true, |site, random| site.nightly(random)),
    shape("geo, 0.6 in 5 min", Enforcement, None, true, |site, random| {
        site.trickle(random, 0.6, 1.0);
    }),
    shape("s3, 0.25 in 5 min", Fault, None, true, |site, random| site.trickle(random, 0.25, 1.0)),
    shape("signed, 0.2 in 5 min", Enforcement, None, true, |site, random| {
        site.trickle(random, 0.2, 1.0);
    }),
    shape("idle, 117 requests a day", Fault, None, true, |site, random| {
        for bucket in 0..site.buckets {
            let count = random.poisson(117.0 * 0.03 / DAY as f64);
            site.add(bucket, count);
        }
    }),
    shape("never seen", Fault, None, true, |_, _| ()),
    shape("geo, 3 in 5 min, scattered", Enforcement, None, false, |site, random| {
        site.trickle(random, 3.0, 3.0);
    }),
    shape("waf, 800 in 5 min, scattered", Enforcement, None, false, |site, random| {
        site.trickle_with(random, 800.0, 30.0, 0.5, 0.5);
    }),
    shape("s3, crawler clumps", Fault, None, false, |site, random| site.clumps(random)),
    shape("waf, roaming, one address", Enforcement, Some(1), false, |site, random| {
        site.roaming(random, 1.0);
    }),
    shape("idle, roaming, one address", Fault, Some(1), false, |site, random| {
        site.roaming(random, 0.25);
    }),
    shape("waf, roaming, many addresses", Enforcement, None, false, |site, random| {
        site.roaming(random, 1.0);
    }),
];

/// A fault to plant.
pub struct Planted {
    /// Its name.
    pub name: &'static str,
    /// The name of the noise of its site.
    pub noise: &'static str,
    /// Refusals.
    pub size: u64,
    /// How long it takes.
    pub minutes: f64,
    /// The hours of the day between which it begins.
    pub hours: (f64, f64),
    /// One of those of which 95 % must be found within 15 minutes.
    pub gated: bool,
}

const fn fault(
    name: &'static str,
    noise: &'static str,
    size: u64,
    minutes: f64,
    hours: (f64, f64),
    gated: bool,
) -> Planted {
    Planted { name, noise, size, minutes, hours, gated }
}

/// Any hour of the day.
const ANY: (f64, f64) = (0.0, 24.0);

/// The faults that are planted.
pub static FAULTS: &[Planted] = &[
    fault("40 in 30 min", "s3, 0.25 in 5 min", 40, 30.0, ANY, true),
    fault("200 in 90 min", "s3, 0.25 in 5 min", 200, 90.0, ANY, false),
    fault("20 in 5 min", "never seen", 20, 5.0, ANY, false),
    fault("120 in 60 min", "never seen", 120, 60.0, ANY, true),
    fault("260 in 2 h, by day", "waf, every night 60-500", 260, 120.0, (8.0, 22.0), true),
    fault("260 in 2 h, at 2-4 h", "waf, every night 60-500", 260, 120.0, (2.0, 4.0), false),
    fault("40 in 30 min", "geo, 0.6 in 5 min", 40, 30.0, ANY, false),
    fault("40 in 30 min", "s3, crawler clumps", 40, 30.0, ANY, false),
    fault("260 in 2 h", "waf, roaming, many addresses", 260, 120.0, ANY, false),
    fault("all refused for 12 h", "idle, 117 requests a day", 58, 720.0, ANY, false),
];

impl Planted {
    /// A site with two more days than its history, and the minute at which the fault begins.
    pub fn site(&self, random: &mut Random, history: Bucket) -> (Site, f64) {
        let mut site = match noise(self.noise) {
            Some(noise) => noise.site(random, history + 2),
            None => Site::of_days(history + 2),
        };
        let at = history as f64 * 1440.0 + 60.0 * random.between(self.hours.0, self.hours.1);
        site.burst(random, at, self.size, self.minutes);
        (site, at)
    }
}
