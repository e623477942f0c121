//! What the function keeps of a WAF log: for each web ACL and five minutes, rows of a hash of the
//! id that joins with the access log, and what the WAF did.
//!
//! A WAF object is inflated once, when it arrives. An access-log object that arrives later reads
//! these rows and never a WAF file. The same object gives the same chunks again, so that writing
//! them twice is writing them once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::Faults;
use super::origin::slots::id_of;
use super::tally::hash;
use super::waf::{Action, Names, Side, WafIndex, WafRow, slot_of};
use super::waf_record::{Joined, read_record};
use super::{Kind, Outcome, key, lines};
use crate::limits::{Limits, WAF_CHUNK_BYTES, WAF_SLOT_ROWS};

/// Rows of one web ACL's slot and one object, below the size of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The web ACL's ARN.
    pub acl: String,
    /// Where the web ACL stands.
    pub side: Side,
    /// The slot.
    pub slot: i64,
    /// The object, by hash.
    pub object: u64,
    /// Its number among the chunks of the same object and slot.
    pub number: u32,
    /// Whether rows of this slot and object were left out.
    pub sampled: bool,
    /// What was done, each kind once.
    pub done: Vec<Done>,
    /// The hash of the id, and the place in `done`.
    pub rows: Vec<(u64, u16)>,
    /// The hash of the id, and that of the one under which the origin's own log knows the request.
    pub behind: Vec<(u64, u64)>,
}

/// What a WAF did with requests, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Done {
    /// What.
    pub action: Action,
    /// By which rule.
    pub rule: Arc<str>,
    /// Of which type.
    pub rule_type: Arc<str>,
    /// From which group, by the web ACL's rule that brings it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// For which kind of resource.
    pub source: Arc<str>,
    /// For which resource.
    pub source_id: Arc<str>,
    /// The status of a custom response.
    pub code: Option<u16>,
    /// The viewer's country.
    pub country: Option<Arc<str>>,
}

/// Where a web ACL stands, and what is kept of one of its slots.
#[derive(Default)]
struct Slot {
    side: Option<Side>,
    rows: BTreeMap<u64, Done>,
    behind: BTreeSet<(u64, u64)>,
}

/// The chunks of one object, and what could not be read of it.
#[derive(Clone, Debug)]
pub struct Slots {
    /// What became of reading.
    pub outcome: Outcome,
    /// Records that were read.
    pub records: u64,
    /// What is to be kept.
    pub chunks: Vec<Chunk>,
}

/// What is kept of a WAF log beside its blocks.
pub struct Keeps<F> {
    /// Whether passes of a web ACL are: where its log drops blocks, its silence proves nothing.
    pub passes: F,
    /// Whether the ids are under which origins know requests: where logs of origins come as well.
    pub behind: bool,
}

/// Reads a WAF log. Blocks are always kept.
pub fn read(
    name: &str,
    edition: &str,
    source: impl Read,
    limits: &Limits,
    mut keeps: Keeps<impl FnMut(&str) -> bool>,
) -> Slots {
    let mut faults = Faults::default();
    let mut names = Names::default();
    let mut slots: BTreeMap<(Arc<str>, i64), Slot> = BTreeMap::new();
    let mut passes: HashMap<Arc<str>, bool> = HashMap::new();
    let mut records = 0;
    lines::read_lines(source, limits, &mut faults, |line, faults| {
        if line.bytes.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        let wanted = |bytes: &[u8], acl: &str| {
            let kept = *passes.entry(acl.into()).or_insert_with(|| (keeps.passes)(acl));
            let has = |word: &[u8]| memchr::memmem::find(bytes, word).is_some();
            // A record whose action is BLOCK has the word in it, wherever else it may stand.
            kept || has(b"BLOCK") || (keeps.behind && is_regional(acl) && has_our_id(bytes))
        };
        let read = match read_record(&line, &mut names, wanted) {
            Ok((time, acl, joined)) => {
                records += 1;
                let keeps_passes = passes.get(&acl).copied().unwrap_or(false);
                let side = if is_regional(&acl) { Side::Origin } else { Side::Edge };
                let slot = slots.entry((acl, slot_of(time))).or_default();
                slot.side.get_or_insert(side);
                joined.map(|joined| (slot, joined, keeps_passes))
            }
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let Some((slot, Joined { id: Some(id), behind, row, .. }, keeps_passes)) = read else {
            return ControlFlow::Continue(());
        };
        let hash = hash(id.as_bytes());
        if let Some(behind) = behind.filter(|_| keeps.behind) {
            slot.behind.insert((hash, self::hash(behind.as_bytes())));
        }
        if row.action == Action::Block || (keeps_passes && row.action == Action::Allow) {
            let done = Done::of(row);
            // Of several records of one id a block says more than a pass.
            let kept = slot.rows.entry(hash).or_insert_with(|| done.clone());
            if (done.action != Action::Block, &done) < (kept.action != Action::Block, kept) {
                *kept = done;
            }
        }
        ControlFlow::Continue(())
    });
    // The file's own five minutes are covered even if no record of it has a time in them.
    let acl = slots.keys().next().map(|(acl, _)| acl.clone());
    if let (Some(acl), Some(slot)) = (acl, key::waf_slot(name)) {
        let side = slots.values().find_map(|slot| slot.side);
        let slot = slots.entry((acl, slot_of(slot))).or_default();
        slot.side = slot.side.or(side);
    }
    let object = hash(format!("{name}\n{edition}").as_bytes());
    let chunks = slots
        .into_iter()
        .flat_map(|((acl, number), slot)| chunks(&acl, number, object, slot))
        .collect();
    Slots { outcome: Outcome { kind: Kind::Waf, faults }, records, chunks }
}

fn is_regional(acl: &str) -> bool {
    acl.contains(":regional/")
}

/// Whether the header may be there by which CloudFront tells an origin its id.
fn has_our_id(record: &[u8]) -> bool {
    memchr::memchr2_iter(b'z', b'Z', record).any(|at| {
        let name = record.get(at.saturating_sub(4)..at + 7);
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"x-amz-cf-id"))
    })
}

impl Done {
    fn of(row: WafRow) -> Self {
        Self {
            action: row.action,
            rule: row.rule,
            rule_type: row.rule_type,
            group: row.group,
            source: row.source,
            source_id: row.source_id,
            code: row.response_code,
            country: row.country,
        }
    }

    fn bytes(&self) -> usize {
        // What JSON adds, and the values.
        let group = self.group.as_ref().map_or(0, |group| 11 + group.len());
        140 + self.rule.len() + self.rule_type.len() + group + self.source_id.len()
    }
}

/// Cuts the rows of a slot into chunks, a sample of the smallest hashes where there are too many.
fn chunks(acl: &str, slot: i64, object: u64, kept: Slot) -> Vec<Chunk> {
    let Slot { side, mut rows, mut behind } = kept;
    let side = side.unwrap_or(Side::Edge);
    let sampled = rows.len() > WAF_SLOT_ROWS;
    while rows.len() > WAF_SLOT_ROWS {
        rows.pop_last();
    }
    while behind.len() > WAF_SLOT_ROWS {
        behind.pop_last();
    }
    let empty = |number| Chunk {
        acl: acl.to_owned(),
        side,
        slot,
        object,
        number,
        sampled,
        done: Vec::new(),
        rows: Vec::new(),
        behind: Vec::new(),
    };
    let mut chunks = Vec::new();
    let mut chunk = empty(0);
    let mut places: HashMap<Done, u16> = HashMap::new();
    let mut bytes = 0;
    for (hash, done) in rows {
        let next = u16::try_from(chunk.done.len()).unwrap_or(u16::MAX);
        if bytes > WAF_CHUNK_BYTES || next == u16::MAX {
            let number = chunk.number + 1;
            chunks.push(std::mem::replace(&mut chunk, empty(number)));
            places.clear();
            bytes = 0;
        }
        let next = u16::try_from(chunk.done.len()).unwrap_or(u16::MAX);
        let place = *places.entry(done).or_insert_with_key(|done| {
            bytes += done.bytes();
            chunk.done.push(done.clone());
            next
        });
        bytes += ROW_BYTES;
        chunk.rows.push((hash, place));
    }
    for pair in behind {
        if bytes > WAF_CHUNK_BYTES {
            let number = chunk.number + 1;
            chunks.push(std::mem::replace(&mut chunk, empty(number)));
            bytes = 0;
        }
        bytes += PAIR_BYTES;
        chunk.behind.push(pair);
    }
    chunks.push(chunk);
    chunks
}

/// A hash and a place.
const ROW_BYTES: usize = 10;

/// Two hashes.
const PAIR_BYTES: usize = 16;

impl Chunk {
    /// The rows as bytes: hash and place, little end first.
    pub fn pack_rows(&self) -> Vec<u8> {
        let each = |(hash, place): &(u64, u16)| {
            let mut bytes = hash.to_le_bytes().to_vec();
            bytes.extend(place.to_le_bytes());
            bytes
        };
        self.rows.iter().flat_map(each).collect()
    }

    /// Reads the rows again.
    pub fn unpack_rows(bytes: &[u8]) -> Vec<(u64, u16)> {
        let row = |row: &[u8]| {
            let (hash, place) = row.split_at_checked(8)?;
            Some((
                u64::from_le_bytes(hash.try_into().ok()?),
                u16::from_le_bytes(place.try_into().ok()?),
            ))
        };
        bytes.chunks_exact(ROW_BYTES).filter_map(row).collect()
    }

    /// The pairs of ids as bytes, little end first.
    pub fn pack_behind(&self) -> Vec<u8> {
        let each = |(hash, own): &(u64, u64)| [hash.to_le_bytes(), own.to_le_bytes()].concat();
        self.behind.iter().flat_map(each).collect()
    }

    /// Reads the pairs again.
    pub fn unpack_behind(bytes: &[u8]) -> Vec<(u64, u64)> {
        let pair = |pair: &[u8]| {
            let (hash, own) = pair.split_at_checked(8)?;
            let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
            Some((number(hash)?, number(own)?))
        };
        bytes.chunks_exact(PAIR_BYTES).filter_map(pair).collect()
    }

    /// Puts what it says of some requests into an index. A slot of which rows were left out is not
    /// noted as seen: its silence proves nothing.
    pub fn fill(&self, wanted: &HashMap<u64, Box<str>>, index: &mut WafIndex) {
        if !self.sampled {
            index.note_slot(&self.acl, self.slot);
        }
        let acl: Arc<str> = self.acl.as_str().into();
        for (hash, place) in &self.rows {
            let (Some(id), Some(done)) = (wanted.get(hash), self.done.get(usize::from(*place)))
            else {
                continue;
            };
            let row = WafRow {
                action: done.action,
                rule: done.rule.clone(),
                rule_type: done.rule_type.clone(),
                group: done.group.clone(),
                acl: acl.clone(),
                source: done.source.clone(),
                source_id: done.source_id.clone(),
                response_code: done.code,
                country: done.country.clone(),
            };
            let side = if done.source.as_ref() == "CF" { Side::Edge } else { Side::Origin };
            index.insert(side, id.clone(), row);
        }
        for (hash, own) in &self.behind {
            if let Some(id) = wanted.get(hash) {
                index.note_behind(id.clone(), id_of(*own));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ACL: &str = "arn:aws:wafv2:us-east-1:1:global/webacl/edge/1";

    fn record(n: i64, action: &str) -> String {
        format!(
            "{{\"timestamp\":{},\"formatVersion\":1,\"webaclId\":\"{ACL}\",\"action\":\"{action}\",\
             \"terminatingRuleId\":\"r{}\",\"terminatingRuleType\":\"REGULAR\",\
             \"httpSourceName\":\"CF\",\"httpSourceId\":\"E1\",\"httpRequest\":{{\"country\":\"DE\",\
             \"headers\":[],\"requestId\":\"id-{n}\"}}}}\n",
            1_790_000_000_000 + n * 1000,
            n % 3,
        )
    }

    fn slots(text: &str, keeps_passes: bool) -> Slots {
        let name = "1_waflogs_cloudfront_edge_20260921T1520Z_0a.log.gz";
        let keeps = Keeps { passes: |_: &str| keeps_passes, behind: false };
        read(name, "e", text.as_bytes(), &Limits::default(), keeps)
    }

    #[test]
    fn rows_say_what_the_index_of_the_whole_log_says() {
        let text: String =
            (0..700).map(|n| record(n, if n % 2 == 0 { "BLOCK" } else { "ALLOW" })).collect();
        let ids: HashSet<Box<str>> = (0..800).map(|n| format!("id-{n}").into()).collect();
        let mut whole = WafIndex::default();
        super::super::read_waf("x", text.as_bytes(), &Limits::default(), &ids, &mut whole);
        let wanted = ids.iter().map(|id| (hash(id.as_bytes()), id.clone())).collect();
        let mut index = WafIndex::default();
        // The records begin at 14:13:20; the file's own slot is not later than theirs.
        let name = "1_waflogs_cloudfront_edge_20260921T1410Z_0a.log.gz";
        let keeps = Keeps { passes: |_: &str| true, behind: true };
        for chunk in &read(name, "e", text.as_bytes(), &Limits::default(), keeps).chunks {
            let packed = chunk.pack_rows();
            assert_eq!(Chunk::unpack_rows(&packed), chunk.rows);
            chunk.fill(&wanted, &mut index);
        }
        for id in (0..800).map(|n| format!("id-{n}")) {
            assert_eq!(index.row(Side::Edge, &id), whole.row(Side::Edge, &id), "{id}");
        }
        let at = |n: i64| jiff::Timestamp::from_second(1_790_000_000 + n).unwrap();
        let reach = index.reach(ACL).unwrap();
        assert!(reach.is_complete(at(0), at(300)) && !reach.is_complete(at(0), at(699)));
    }

    #[test]
    fn ids_of_origins_are_kept_where_their_logs_come() {
        let regional = ACL.replace(":global/", ":regional/");
        let header = r#""headers":[{"name":"X-Amz-Cf-Id","value":"cf-1=="}]"#;
        let text = record(1, "ALLOW").replace(ACL, &regional).replace("\"CF\"", "\"ALB\"");
        let text = text.replace("\"headers\":[]", header);
        let read = |behind| {
            let keeps = Keeps { passes: |_: &str| false, behind };
            read("x", "e", text.as_bytes(), &Limits::default(), keeps).chunks
        };
        assert!(read(false).iter().all(|chunk| chunk.behind.is_empty()));
        let chunks = read(true);
        let pair = (hash(b"cf-1=="), hash(b"id-1"));
        assert_eq!(chunks[0].behind, [pair]);
        assert!(chunks[0].rows.is_empty());
        assert_eq!(Chunk::unpack_behind(&chunks[0].pack_behind()), [pair]);
        let mut index = WafIndex::default();
        chunks[0].fill(&HashMap::from([(pair.0, "cf-1==".into())]), &mut index);
        assert_eq!(index.behind("cf-1==").collect::<Vec<_>>(), [id_of(pair.1).as_ref()]);
    }

    #[test]
    fn records_of_several_web_acls_and_slots_are_kept_apart() {
        let other = ACL.replace("/edge/", "/other/");
        let at = |n: i64, acl: &str| record(n, "BLOCK").replace(ACL, acl);
        // As a log group hands them over: in no order, and in a message without a slot of its own.
        let text = [at(100, ACL), at(0, &other), at(1, ACL), at(101, &other), at(2, ACL)].concat();
        let limits = Limits::default();
        let keeps = Keeps { passes: |_: &str| false, behind: false };
        let slots = read("cloudfront_edge_0", "e", text.as_bytes(), &limits, keeps);
        let rows: Vec<_> =
            slots.chunks.iter().map(|one| (one.acl.as_str(), one.slot, one.rows.len())).collect();
        let slot = 1_790_000_000 / 300;
        let of = |acl, after: i64, rows| (acl, slot + after, rows);
        assert_eq!(rows, [of(ACL, 0, 2), of(ACL, 1, 1), of(&other, 0, 1), of(&other, 1, 1)]);
        assert_eq!(slots.records, 5);
    }

    #[test]
    fn passes_are_left_out_and_their_slot_is_seen() {
        let text: String = (0..10).map(|n| record(n, "ALLOW")).collect();
        let slots = slots(&text, false);
        assert_eq!(slots.records, 10);
        assert!(slots.chunks.iter().all(|chunk| chunk.rows.is_empty()));
        // The slot of the records, and that of the file's name.
        assert_eq!(slots.chunks.len(), 2);
    }

    #[test]
    fn chunks_stay_below_an_item_and_repeat() {
        let text: String = (0..30_000)
            .map(|n| record(n % 250, "BLOCK").replace("id-", &format!("id-{n}-")))
            .collect();
        let one = slots(&text, false).chunks;
        assert!(one.len() > 1);
        assert!(one.iter().all(|chunk| chunk.rows.len() * ROW_BYTES < 300_000));
        assert_eq!(one, slots(&text, false).chunks);
    }
}
