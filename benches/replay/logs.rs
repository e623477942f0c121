//! The logs that `replay` is timed on: made up, from a seed, so that every machine reads the same.
//!
//! They are as standard logs are where it matters for time: 33 columns, about 553 bytes a line, a
//! random request id, and about 5.9 to 1 under gzip's level 6. One request in a hundred is refused.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The bundle whose `aws/` the logs fit: an application, a bucket and a web ACL.
pub const BUNDLE: &str = "tests/incidents/mixture-web-acl-bucket-and-application";

const DOMAIN: &str = "dxn10n37qhr9nh.cloudfront.net";
const HOST: &str = "www.kaufhaus.test";
const DISTRIBUTION: &str = "E2FNF0DB9W4NZ3";

/// A set of objects.
pub struct Set {
    pub name: &'static str,
    pub objects: u64,
    pub lines: u64,
    /// Refusals in a thousand requests.
    pub refused: u64,
    /// WAF records for each request. The first is the request's own, where that was refused and the
    /// number of its page is even; all others join nothing.
    pub waf: u64,
}

pub const SETS: [Set; 7] = [
    Set { name: "large", objects: 10, lines: 250_000, refused: 10, waf: 0 },
    Set { name: "small", objects: 5_000, lines: 1_000, refused: 10, waf: 0 },
    Set { name: "one", objects: 1, lines: 2_000_000, refused: 10, waf: 0 },
    Set { name: "tenth", objects: 1, lines: 200_000, refused: 10, waf: 0 },
    Set { name: "served", objects: 1, lines: 2_000_000, refused: 0, waf: 0 },
    Set { name: "refused", objects: 4, lines: 250_000, refused: 1000, waf: 0 },
    Set { name: "waf", objects: 4, lines: 25_000, refused: 400, waf: 10 },
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// Small numbers far more often than large ones, as paths and viewers are.
    fn skewed(&mut self, n: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (unit * unit * unit * n as f64) as u64
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.skewed(from.len() as u64) as usize]
    }
}

const EDGES: [&str; 24] = [
    "FRA56-P3", "FRA60-P4", "IAD89-P1", "LHR61-P2", "CDG52-P1", "DUB56-P1", "ARN56-P2", "MXP64-P3",
    "FRA2-C1", "ZRH55-P1", "VIE50-P1", "MUC50-P2", "TXL50-P4", "HAM50-C1", "AMS1-P2", "OSL50-C1",
    "HEL51-P1", "JFK50-P6", "NRT57-P3", "GRU3-P2", "BOM78-P1", "SIN2-P1", "SYD62-P2", "ICN57-P1",
];
const AGENTS: [&str; 8] = [
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/135.0.0.0%20Safari/537.36%20Edg/135.0.0.0",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2018_4%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/18.4%20Mobile/15E148%20Safari/604.1",
    "Mozilla/5.0%20(Linux;%20Android%2010;%20K)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/135.0.0.0%20Mobile%20Safari/537.36",
    "Mozilla/5.0%20(Macintosh;%20Intel%20Mac%20OS%20X%2010_15_7)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/18.4%20Safari/605.1.15",
    "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:137.0)%20Gecko/20100101%20Firefox/137.0",
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/134.0.0.0%20Safari/537.36",
    "Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)",
    "okhttp/4.12.0",
];
const TYPES: [&str; 6] = [
    "application/javascript",
    "image/webp",
    "text/html;%20charset=utf-8",
    "text/css",
    "application/json",
    "font/woff2",
];
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes a set below `root`, unless it is there.
pub fn write(root: &Path, set: &Set) -> io::Result<()> {
    let folder = root.join(set.name);
    if folder.join("aws").is_dir() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("logs"))?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        let folder = &folder;
        let workers: Vec<_> = (0..workers)
            .map(|first| {
                scope.spawn(move || {
                    let mine = (first..set.objects).step_by(workers as usize);
                    mine.into_iter().try_for_each(|number| object(folder, set, number))
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap())
    })?;
    // The answers of AWS come last: a set that has them is whole.
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(BUNDLE).join("aws"), &folder.join("aws"))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn object(folder: &Path, set: &Set, number: u64) -> io::Result<()> {
    let mut random = Random(number.wrapping_mul(0xD134_2543_DE82_EF95) ^ set.lines);
    // All hours of a day have about as many objects.
    let hour = number * 24 / set.objects;
    let unique = random.next() as u32;
    let name = format!("logs/{DISTRIBUTION}.2026-04-14-{hour:02}.{unique:08x}.gz");
    let file = BufWriter::new(File::create(folder.join(name))?);
    let mut out = BufWriter::with_capacity(1 << 16, GzEncoder::new(file, Compression::new(6)));
    out.write_all(b"#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n")?;
    let name =
        format!("logs/1_waflogs_cloudfront_edge-guard_20260414T{hour:02}00Z_{unique:08x}.log.gz");
    let mut waf = match set.waf {
        0 => None,
        _ => Some(GzEncoder::new(
            BufWriter::new(File::create(folder.join(name))?),
            Compression::new(6),
        )),
    };
    for at in 0..set.lines {
        let second = hour * 3600 + at * 3600 / set.lines;
        let joins = line(&mut out, &mut random, second, set.refused)?;
        let Some(waf) = &mut waf else { continue };
        for number in 0..set.waf {
            let own = joins.filter(|_| number == 0);
            let id = own.unwrap_or_else(|| id(&mut random));
            record(waf, &mut random, second, own.is_some(), &id)?;
        }
    }
    if let Some(waf) = waf {
        waf.finish()?.flush()?;
    }
    out.into_inner().map_err(|error| error.into_error())?.finish()?.flush()
}

/// One WAF record, as long as they are with the headers of a browser.
fn record(
    out: &mut impl Write,
    random: &mut Random,
    second: u64,
    blocks: bool,
    id: &[u8],
) -> io::Result<()> {
    let (rule, action) = if blocks { ("bots", "BLOCK") } else { ("Default_Action", "ALLOW") };
    let viewer = random.skewed(60_000);
    let agent = AGENTS[(viewer.wrapping_mul(31) % 8) as usize].replace("%20", " ");
    write!(out, "{{\"timestamp\":{},\"formatVersion\":1,", (1_776_124_800 + second) * 1000)?;
    write!(
        out,
        "\"webaclId\":\"arn:aws:wafv2:us-east-1:740915302268:global/webacl/edge-guard/6c1f3d2e-5b4a-4988-9776-aa55bb44cc33\","
    )?;
    write!(
        out,
        "\"terminatingRuleId\":\"{rule}\",\"terminatingRuleType\":\"REGULAR\",\"action\":\"{action}\",\"terminatingRuleMatchDetails\":[],\"httpSourceName\":\"CF\",\"httpSourceId\":\"{DISTRIBUTION}\",\"ruleGroupList\":[{{\"ruleGroupId\":\"AWS#AWSManagedRulesCommonRuleSet\",\"terminatingRule\":null,\"nonTerminatingMatchingRules\":[],\"excludedRules\":null}}],\"rateBasedRuleList\":[],\"nonTerminatingMatchingRules\":[],\"requestHeadersInserted\":null,\"responseCodeSent\":null,"
    )?;
    write!(
        out,
        "\"httpRequest\":{{\"clientIp\":\"{}.{}.{}.9\",\"country\":\"DE\",\"headers\":[{{\"name\":\"host\",\"value\":\"{HOST}\"}},{{\"name\":\"user-agent\",\"value\":\"{agent}\"}},{{\"name\":\"accept-encoding\",\"value\":\"gzip, deflate, br, zstd\"}},{{\"name\":\"accept-language\",\"value\":\"de-DE,de;q=0.9\"}}],",
        80 + viewer % 97,
        (viewer >> 8) & 255,
        viewer & 255
    )?;
    write!(
        out,
        "\"uri\":\"/product/{}/details-of-something\",\"args\":\"\",\"httpVersion\":\"HTTP/2.0\",\"httpMethod\":\"GET\",\"requestId\":\"",
        random.skewed(1500)
    )?;
    out.write_all(id)?;
    writeln!(out, "\"}}}}")
}

fn id(random: &mut Random) -> [u8; 56] {
    let mut id = [b'='; 56];
    for chunk in id[..54].chunks_mut(10) {
        let mut bits = random.next();
        for byte in chunk {
            *byte = ALPHABET[(bits & 63) as usize];
            bits >>= 6;
        }
    }
    id
}

/// What is special to a refusal: result, detailed result, type and length of the body, and whether
/// the origin was asked. The lengths of an application's own pages make many kinds. Says the id of
/// a request that the WAF blocked.
fn line(
    out: &mut impl Write,
    random: &mut Random,
    second: u64,
    refused: u64,
) -> io::Result<Option<[u8; 56]>> {
    let refused = random.below(1000) < refused;
    let viewer = random.skewed(60_000);
    let place = viewer.wrapping_mul(0x9E37_79B9) % 97;
    let edge = random.pick(&EDGES[..6 + (place % 18) as usize]);
    let agent = AGENTS[(viewer.wrapping_mul(31) % 8) as usize];
    let page = random.skewed(1500);
    let asset = page.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (folder, path) = match random.below(10) {
        0..=4 => (0, format!("/assets/chunk-{:08x}.{}.js", asset as u32, page % 40)),
        5..=7 => (1, format!("/images/products/{}/{page}-large.webp", page % 100)),
        8 => (2, format!("/product/{page}/details-of-something")),
        _ => (3, format!("/api/v2/invoices/{}", random.below(100_000))),
    };
    let (hh, mm, ss) = (second / 3600, second / 60 % 60, second % 60);
    let taken = random.below(if folder == 3 { 900 } else { 40 }) + 1;
    let length = 200 + random.skewed(60_000);
    let (status, result, detail, kind, length, method, scheme) = match (refused, random.below(10)) {
        (true, 0..=3) => (403, "Error", "Error", "application/xml", 243, "GET", "https"),
        (true, 4..=6) => (403, "Error", "Error", "text/html", 919, "POST", "https"),
        (true, 7..=8) => (403, "Error", "Error", "text/html", 300 + page % 40, "GET", "http"),
        (true, _) => (403, "Error", "InvalidRequestMethod", "text/html", 1059, "DELETE", "https"),
        (false, 0..=6) => (200, "Hit", "Hit", TYPES[(page % 6) as usize], length, "GET", "https"),
        (false, 7) => (304, "Hit", "Hit", TYPES[(page % 6) as usize], 0, "GET", "https"),
        (false, 8) => (200, "Miss", "Miss", TYPES[(page % 6) as usize], length, "GET", "https"),
        (false, _) => (200, "RefreshHit", "RefreshHit", TYPES[2], length, "GET", "https"),
    };
    write!(out, "2026-04-14\t{hh:02}:{mm:02}:{ss:02}\t{edge}\t{}\t", length + 400)?;
    write!(
        out,
        "{}.{}.{}.{}\t",
        80 + place,
        (viewer >> 8) & 255,
        (viewer * 7) & 255,
        viewer & 255
    )?;
    write!(
        out,
        "{method}\t{DOMAIN}\t{path}\t{status}\thttps://{HOST}/product/{page}/details-of-something\t"
    )?;
    write!(
        out,
        "{agent}\tv={}&lang=de-DE&utm_source=newsletter\t-\t{result}\t",
        random.skewed(900)
    )?;
    let id = id(random);
    out.write_all(&id)?;
    write!(out, "\t{HOST}\t{scheme}\t{}\t0.{taken:03}\t-\t", 30 + random.skewed(300))?;
    write!(out, "TLSv1.3\tTLS_AES_128_GCM_SHA256\t{result}\tHTTP/2.0\t-\t-\t")?;
    writeln!(
        out,
        "{}\t0.{taken:03}\t{detail}\t{kind}\t{length}\t-\t-",
        1024 + random.below(64_000)
    )?;
    Ok((refused && page.is_multiple_of(2)).then_some(id))
}
