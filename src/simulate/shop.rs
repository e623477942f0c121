//! The shop that is made up: its names, what is asked of it, and by whom.

use super::Refused;
use super::weeks::Random;

/// The account of AWS's own examples.
pub(super) const ACCOUNT: &str = "111122223333";

/// The country that one of the scenarios stops serving.
pub(super) const UNSERVED: &str = "BR";

/// The domains under which the shop and its origin are known.
pub(super) const HOST: &str = "www.shop.example";

/// What stands at the origin of pages.
pub(super) const ORIGIN: &str = "origin.shop.example";

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Want {
    /// A page of the shop.
    #[default]
    Page,
    /// Something is sent to the shop.
    Upload,
    /// A picture, from the bucket.
    Picture,
    /// A file of the newest release, from the bucket.
    Release,
    /// A download with a signed link, from the bucket.
    Download,
    /// The same with a link of another day.
    OldDownload,
    /// What scanners look for.
    Scan,
}

/// Where a viewer is, and the edge that it reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub country: &'static str,
    pub edge: &'static str,
}

const PLACES: [Place; 7] = [
    Place { country: "DE", edge: "FRA56-P4" },
    Place { country: "US", edge: "IAD89-C1" },
    Place { country: "GB", edge: "LHR62-C4" },
    Place { country: "FR", edge: "CDG52-P4" },
    Place { country: "JP", edge: "NRT57-P3" },
    Place { country: "US", edge: "SEA19-C3" },
    Place { country: UNSERVED, edge: "GRU3-P5" },
];

const PAGES: [&str; 6] = ["/", "/products", "/products/kettle", "/cart", "/search", "/about"];

const UPLOADS: [&str; 2] = ["/api/v1/upload", "/api/v1/profile"];

const SCANS: [&str; 4] = ["/wp-login.php", "/.env", "/xmlrpc.php", "/.git/config"];

/// What programs say that they are, in the log's encoding.
const AGENTS: [&str; 3] = [
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like\
     %20Gecko)%20Chrome/141.0.0.0%20Safari/537.36",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2018_5%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15\
     %20(KHTML,%20like%20Gecko)%20Version/18.5%20Mobile/15E148%20Safari/604.1",
    "okhttp/4.12.0",
];

/// The shop and all that it stands on.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    pub id: String,
    pub domain: String,
    pub bucket: String,
    pub access_control: String,
    pub key_group: String,
    pub key: String,
    pub acl: String,
    /// Another distribution before the same origin.
    pub sibling: String,
    pub sibling_domain: String,
    /// The keys in the bucket.
    pub pictures: Vec<String>,
    pub downloads: Vec<String>,
    /// Files of a release that are not.
    pub release: Vec<String>,
}

/// What somebody asks.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub want: Want,
    pub place: Place,
    pub path: String,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The second.
    pub at: i64,
    pub id: String,
    pub ask: Ask,
    pub path: String,
    pub query: String,
    pub address: String,
    pub agent: &'static str,
    /// Whether a cache answered; of what is served alone.
    pub hit: bool,
    pub refused: Option<Refused>,
}

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What base64 is in a signed link; `_` stands for its padding.
const SIGNATURE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";

/// One of several.
fn pick<T: Copy + Default>(random: &mut Random, all: &[T]) -> T {
    let place = random.draw() % (all.len() as u64).max(1);
    all.get(place as usize).copied().unwrap_or_default()
}

/// So many characters of an alphabet.
pub(super) fn word(random: &mut Random, alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(pick(random, alphabet))).collect()
}

/// So many hexadecimal digits.
pub(super) fn hex(random: &mut Random, length: usize) -> String {
    word(random, HEX, length)
}

impl Shop {
    pub fn new(random: &mut Random) -> Self {
        let uuid = [8, 4, 4, 4, 12].map(|length| hex(random, length));
        Self {
            id: format!("E{}", word(random, UPPER, 13)),
            domain: format!("d{}.cloudfront.net", word(random, LOWER, 13)),
            bucket: format!("shop-assets-{}", hex(random, 6)),
            access_control: format!("E{}", word(random, UPPER, 13)),
            key_group: uuid.join("-"),
            key: format!("K{}", word(random, UPPER, 13)),
            acl: [8, 4, 4, 4, 12].map(|length| hex(random, length)).join("-"),
            sibling: format!("E{}", word(random, UPPER, 13)),
            sibling_domain: format!("d{}.cloudfront.net", word(random, LOWER, 13)),
            pictures: (0..40).map(|_| format!("media/{}.webp", hex(random, 16))).collect(),
            downloads: (1..=20).map(|one| format!("downloads/manual-{one}.pdf")).collect(),
            release: (0..8).map(|_| format!("media/app.{}.js", hex(random, 8))).collect(),
        }
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:cloudfront::{ACCOUNT}:distribution/{}", self.id)
    }

    pub fn acl_arn(&self) -> String {
        format!("arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/shop-acl/{}", self.acl)
    }

    /// What somebody asks: this, or what most people ask.
    pub fn ask(
        &self,
        random: &mut Random,
        want: Option<Want>,
        country: Option<&'static str>,
    ) -> Ask {
        let usual = |random: &mut Random| match random.unit() {
            share if share < 0.45 => Want::Page,
            share if share < 0.52 => Want::Upload,
            share if share < 0.92 => Want::Picture,
            _ => Want::Download,
        };
        let want = want.unwrap_or_else(|| usual(random));
        let mut place = pick(random, &PLACES);
        if let Some(country) = country {
            place = PLACES.into_iter().find(|one| one.country == country).unwrap_or(place);
        } else if matches!(want, Want::Scan | Want::OldDownload) && place.country == UNSERVED {
            place = Place { country: "DE", edge: "FRA56-P4" };
        }
        let key = |random: &mut Random, keys: &[String]| {
            let key = random.draw() % (keys.len() as u64).max(1);
            format!("/{}", keys.get(key as usize).map_or("", String::as_str))
        };
        let path = match want {
            Want::Page => pick(random, &PAGES).to_owned(),
            Want::Upload => pick(random, &UPLOADS).to_owned(),
            Want::Scan => pick(random, &SCANS).to_owned(),
            Want::Picture => key(random, &self.pictures),
            Want::Release => key(random, &self.release),
            Want::Download | Want::OldDownload => key(random, &self.downloads),
        };
        Ask { want, place, path }
    }

    /// The request as it was answered at a second.
    pub fn request(
        &self,
        random: &mut Random,
        at: i64,
        ask: Ask,
        refused: Option<Refused>,
    ) -> Request {
        let net = pick(random, &["192.0.2", "198.51.100", "203.0.113"]);
        let asks_bucket = matches!(ask.want, Want::Picture | Want::Page);
        Request {
            at,
            id: format!("{}==", word(random, URL, 54)),
            path: ask.path.clone(),
            query: match ask.want {
                Want::Download | Want::OldDownload => self.signature(random, at, refused),
                _ => "-".to_owned(),
            },
            address: format!("{net}.{}", 1 + random.draw() % 254),
            agent: pick(random, &AGENTS),
            hit: asks_bucket && random.unit() < 0.5,
            refused,
            ask,
        }
    }

    /// What a signed link adds. The signature is none: that is not to be seen in a log.
    fn signature(&self, random: &mut Random, at: i64, refused: Option<Refused>) -> String {
        let left = random.between(600.0, 7200.0) as i64;
        let expires = if refused == Some(Refused::Expired) { at - left } else { at + left };
        // 256 bytes: the last character but the padding has two bits.
        let signature = word(random, SIGNATURE, 341) + &word(random, b"AQgw", 1) + "__";
        format!("Expires={expires}&Signature={signature}&Key-Pair-Id={}", self.key)
    }
}
