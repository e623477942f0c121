//! Every limit of this crate, each with its reason.
//!
//! Past a limit, work degrades to something exact about less and says so; it never ends in a crash
//! or in a silent drop.
//!
//! Those of [`Limits`] can be moved: `--limit NAME=VALUE`, and `WHY403_LIMITS` for the function.
//! JSON from outside nests no deeper than the 128 levels at which its parser stops.

mod moved;

pub use moved::{BadMove, Limits, Move, movable};

/// Bytes that one object may unpack to. An hour of one busy edge is some hundred megabytes; the
/// largest standard logs seen unpack to about two gigabytes.
pub const OBJECT_BYTES: u64 = 8 << 30;

/// Lines of one object. Those of a full object have some three hundred bytes; one of empty lines
/// alone would keep a reader busy for minutes.
pub const OBJECT_LINES: u64 = 1 << 28;

/// How often larger than its compressed form an object may become, once it is past
/// [`RATIO_FREE_BYTES`]. Logs pack 6:1 to 20:1; deflate itself ends at 1032:1, which is what a bomb
/// looks like.
pub const OBJECT_RATIO: u64 = 200;

/// Bytes that are unpacked before the ratio is looked at: a small object of equal lines may well
/// pack better than any log.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

/// Bytes of one line. CloudFront cuts URLs at 8 KiB and headers at 20 KiB, every byte of which may
/// become three in the log; a WAF record adds up to 200 headers of 8 KiB together.
pub const LINE_BYTES: usize = 1 << 20;

/// Bytes of one JSON object. What CloudWatch Logs hands on holds up to a megabyte of messages,
/// each byte of which may be escaped; a page of its command line holds as much.
pub const JSON_BYTES: usize = 8 << 20;

/// Bytes of one Parquet object, which is read whole, because its index stands at its end.
/// CloudFront cuts its objects by the hour and the edge; the largest are some ten megabytes.
pub const PARQUET_BYTES: usize = 96 << 20;

/// Bytes of the index of a Parquet object: some kilobytes for each of its row groups.
pub const PARQUET_INDEX_BYTES: usize = 16 << 20;

/// Row groups and columns of a Parquet object. Writers begin a group every hundred thousand rows
/// or so.
pub const PARQUET_GROUPS: usize = 4096;

/// Bytes that one page of one column unpacks to. Writers aim at one megabyte; one page of a whole
/// group is larger.
pub const PARQUET_PAGE_BYTES: usize = 16 << 20;

/// Bytes of the pages and dictionaries of all columns that are open at once: writers aim at one
/// megabyte for each, and some thirty columns are read.
pub const PARQUET_OPEN_BYTES: usize = 64 << 20;

/// Rows of a Parquet object that are read whatever its length.
pub const PARQUET_FREE_ROWS: u64 = 1 << 17;

/// Bytes that a further row has at least: the random request id alone takes 42, but a delivery may
/// leave it out.
pub const PARQUET_ROW_BYTES: u64 = 4;

/// Bytes of the file name or the comment in the header of a gzip member; file systems end at 255.
pub const GZIP_HEADER_BYTES: usize = 4096;

/// Damaged gzip members of one object after which no further one is looked for. Each is a fault
/// with its place; somebody who makes them by the thousand gets no more than this.
pub const BROKEN_MEMBERS: usize = 32;

/// Places in one object that looked like a gzip member and gave nothing, after which no further one
/// is looked for. By chance there is one in some gigabytes of damaged ones; each costs a look at
/// what follows it.
pub const FALSE_MEMBERS: usize = 256;

/// Bytes of the lines that wait for WAF logs with one stretch of a stream: one item of the table,
/// which holds 400 KB, even if they could not be packed.
pub const WAITING_BYTES: usize = 256 << 10;

/// Columns of one line. CloudFront knows some seventy fields over all formats.
pub const COLUMNS: usize = 256;

/// Faults of one object that are kept with their place; further ones are counted.
pub const FAULTS_KEPT: usize = 20;

/// Bytes of a result type, method, protocol or edge that is kept; all known ones are below 40.
pub const TOKEN_BYTES: usize = 64;

/// The first second of CloudFront (2008-11-18): an earlier line is a damaged one.
pub const EARLIEST_SECOND: i64 = 1_226_966_400;

/// The year 2100: a later line is a damaged one. Without it, one line of the year 9999 would make
/// a window of eight thousand years.
pub const LATEST_SECOND: i64 = 4_102_444_800;

/// Where real-time logs cut cookies and headers off.
pub const REALTIME_CUT_BYTES: usize = 800;

/// Field lists (real-time configurations, deliveries) that lines without a header are held
/// against. An account has some hundred distributions, and most of them share a list.
pub const FIELD_LISTS: usize = 256;

/// How long after a change of a field list lines may still come by the old one: the change must
/// reach every edge first.
pub const FIELD_LIST_SECONDS: i64 = 15 * 60;

/// Bytes of one answer of AWS in a bundle. A complete listing of a large bucket is the largest of
/// them.
pub const ANSWER_BYTES: u64 = 256 << 20;

/// Bytes of one answer of AWS that lies in the table for all functions; DynamoDB's items end at
/// 400 KB.
pub const FACT_BYTES: usize = 300_000;

/// Bytes that such an answer unpacks to. A listing of a thousand long keys is a megabyte.
pub const FACT_UNPACKED_BYTES: u64 = 16 << 20;

/// Bytes of the name under which such an answer lies. Keys of S3 have up to 1024, partition keys of
/// DynamoDB up to 2048.
pub const FACT_NAME_BYTES: usize = 1536;

/// Names of which is remembered which account they belong to: some dozen for each distribution.
pub const OWNED_NAMES: usize = 100_000;

/// Log objects and their stored bytes that one bundle takes from a live account: an hour of the
/// largest sites, or a day of most.
pub const CAPTURE_OBJECTS: usize = 20_000;
/// See [`CAPTURE_OBJECTS`].
pub const CAPTURE_BYTES: u64 = 8 << 30;

/// Keys of one bucket that are asked about singly on a live account, the most refused first: each
/// is a call, and a few tell whether objects are missing.
pub const KEYS_ASKED: usize = 20;

/// Files that one bundle may hold, links not followed.
pub const BUNDLE_FILES: usize = 200_000;

/// Depth of envelopes around an event (an S3 event in SNS in SQS is three).
pub const ENVELOPES: usize = 5;

/// Bytes that the packed part of an envelope may unpack to. Lambda's own events end at 6 MB.
pub const ENVELOPE_BYTES: u64 = 32 << 20;

/// Clusters named for one finding.
pub const CLUSTERS: usize = 5;

/// Edges, countries, hosts or methods listed for one cluster that is not about them.
pub const CLUSTER_VALUES: usize = 12;

/// Examples of a cluster.
pub const EXAMPLES: usize = 3;

/// Bytes of a path template. Longer ones are cut at a segment and end in `/{*}`, so that one hostile
/// URL costs no more memory than any other.
pub const TEMPLATE_BYTES: usize = 256;

/// Refusals of one finding that are looked at for its clusters: all of them up to this number, and
/// a sample beyond. A share is then good to 0.4 in a hundred.
pub const SAMPLED_REFUSALS: usize = 16_384;

/// The same over all findings of one report, at about 250 bytes each 24 MiB.
pub const SAMPLED_REFUSALS_OF_ALL: usize = 98_304;

/// Requests of one distribution that were not refused and are kept to contrast its refusals with.
pub const SAMPLED_SERVED: usize = 16_384;

/// The same over all distributions of one log, of which each keeps at least
/// [`SAMPLED_SERVED_LEAST`].
pub const SAMPLED_SERVED_OF_ALL: usize = 65_536;

/// Requests of a distribution that are kept however many distributions there are.
pub const SAMPLED_SERVED_LEAST: usize = 512;

/// Failed handshakes that are kept of connection logs, at some three hundred bytes each. Of more,
/// those with the smallest hashes of their connection stay, and the report says "at least".
pub const HANDSHAKES_KEPT: usize = 1 << 16;

/// Requests of one hour that the function keeps for the clusters of its alerts, of each finding and
/// of what was served. A share of a hundred and more is good to four in a hundred.
pub const SAMPLED_OF_AN_HOUR: usize = 128;

/// Bytes of such a sample in the table; most have less than two thousand. A write costs by the
/// thousand.
pub const SAMPLE_BYTES: usize = 12_000;

/// Bytes that such a sample unpacks to: the longest template, host and method of each request.
pub const SAMPLE_UNPACKED_BYTES: u64 = 1 << 20;

/// Findings of one distribution that one invocation samples, the largest ones.
pub const SAMPLED_FINDINGS: usize = 16;

/// Hours of an incident that are looked at for its clusters, the newest ones.
pub const SAMPLED_HOURS: i64 = 25;

/// Bytes of a path that is shown.
pub const SHOWN_BYTES: usize = 256;

/// Findings in one alert.
pub const ALERT_FINDINGS: usize = 3;

/// Paths that were served and are remembered for each distribution, to hold a listing against
/// what the origin really had.
pub const SERVED_PATHS: usize = 2048;

/// Values of one attribute (hosts, countries, methods by path, ...) that were let in and are
/// remembered for each distribution, to hold a configuration against.
pub const LET_IN: usize = 256;

/// Bytes of such a value, or of its path; a longer one is left out.
pub const LET_IN_BYTES: usize = 1024;

/// Five minutes in which such a value was let in: eight hours of them, two seconds each.
pub const LET_IN_SLOTS: usize = 96;

/// How far past its delivery a line's time may lie in `replay`: 24 hours of lateness that AWS
/// names, and one of clocks.
pub const AHEAD_OF_KEY_SECONDS: i64 = 25 * 3600;

/// Rows that are kept of one WAF object and slot; past it the smallest hashes, marked as a sample.
pub const WAF_SLOT_ROWS: usize = 100_000;

/// Bytes of one stored piece of a WAF index; DynamoDB's items end at 400 KB.
pub const WAF_CHUNK_BYTES: usize = 280_000;

/// Web ACLs of which is known how far their logs reach: an account has some hundred. Of the ones
/// with the largest names nothing is known then, so that silence proves nothing.
pub const WEB_ACLS: usize = 4096;

/// Bytes of a web ACL's ARN, in which its name may have 128.
pub const WEB_ACL_BYTES: usize = 512;

/// Distributions whose served requests are remembered, those with the smallest names: an account
/// has some hundred.
pub const SERVED_DISTRIBUTIONS: usize = 4096;

/// Bytes of a name in DNS.
pub const DOMAIN_BYTES: usize = 255;

/// Bytes of the refusals that are kept of a log, at some eighty for one of a real log and three
/// times as many where nothing of it came twice. Past it one half of them stays, then one quarter,
/// and so on, and the report says so.
pub const REFUSAL_BYTES: usize = 48 << 20;

/// Refusals that are left out and told from each other, at eight bytes each; beyond it their number
/// is an estimate, good to a tenth of a percent.
pub const LEFT_OUT_TOLD_APART: usize = 1 << 21;

/// Refusals that the function keeps in memory before it judges and counts them: at about a
/// kilobyte each, a quarter of its memory. A single object is never split.
pub const REFUSALS_AT_ONCE: usize = 200_000;

/// Bytes of an alert's body. SNS takes 256 KiB for the whole request, attributes included.
pub const ALERT_BYTES: usize = 240 << 10;

/// Fields of one line of an origin's log that are looked at. A load balancer writes 36 in 2026, and
/// API Gateway knows some hundred variables, of which nobody logs all.
pub const ORIGIN_FIELDS: usize = 128;

/// Lines of origin logs that are kept because they may be refusals', at some 400 bytes each. Past
/// it whole paths are left out, so that the lines of those that stay are all there.
pub const ORIGIN_LINES: usize = 200_000;

/// Lines that the function keeps of one object of an origin's log and five minutes; past it whole
/// paths are left out. More than a hundred a second are a flood, whose lines say the same.
pub const ORIGIN_SLOT_LINES: usize = 32_768;

/// Bytes of one stored piece of an origin's log before it is packed; DynamoDB's items end at 400 KB.
pub const ORIGIN_CHUNK_BYTES: usize = 380_000;

/// Bytes that such a piece unpacks to at most.
pub const ORIGIN_CHUNK_UNPACKED_BYTES: u64 = 8 << 20;

/// Lines that are kept of one id; one is the rule, and a repeated delivery adds the same again.
pub const ORIGIN_EXACT_LINES: usize = 16;

/// Ids under which origins know one request: one for each attempt of CloudFront, which makes at
/// most three at each of two origins.
pub const ORIGIN_IDS: usize = 16;

/// Lines that are held against one refusal. So many of one path in one second tell nothing of any
/// one of them, unless all say the same.
pub const ORIGIN_CANDIDATES: usize = 512;

/// Refused requests that a page lists. More would make it too large to be mailed, and nobody reads
/// them; `--request-id` answers for any of them.
pub const LISTED_REQUESTS: usize = 500;

/// Checks of signatures with public keys in one analysis. One takes a tenth of a millisecond; a
/// good signature needs one, and a bad one some twenty, for each way in which its URL can have been
/// written.
pub const SIGNATURE_CHECKS: usize = 40_000;

/// Public keys of one distribution that are asked for. Four groups of five keys are what a
/// behaviour takes.
pub const PUBLIC_KEYS: usize = 64;

/// Refused requests whose signatures `capture` checks before it takes them out of the logs.
pub const CAPTURE_SIGNATURES: usize = 200_000;

/// Paths of one finding that are asked for directly.
pub const ASKED_PATHS: usize = 3;

/// Findings that are asked about, the largest ones: whoever asks is not to become a load.
pub const ASKED_FINDINGS: usize = 16;

/// Questions at once.
pub const ASKED_AT_ONCE: usize = 3;

/// How long one question may take, from the name's look-up to the body's end.
pub const ASKED_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Bytes that are read of an answer's body; pages of refusals are shorter.
pub const ASKED_BYTES: u64 = 64 << 10;

/// Bytes of an answer's headers.
pub const ASKED_HEADER_BYTES: usize = 64 << 10;

/// Bytes of a path or a query that is asked for.
pub const ASKED_URL_BYTES: usize = 2048;

/// Answers that are kept of a bundle. One run asks for six of each finding at most.
pub const ASKED_KEPT: usize = 4096;

/// Sampled requests of one web ACL that are read; AWS gives five hundred for a rule.
pub const SAMPLED_REQUESTS: usize = 10_000;
