//! What the function keeps of an origin's log: for each five minutes, the lines that say 403.
//!
//! A log of an origin is read once, when it arrives, be that before the access log or after it. The
//! same object gives the same chunks again, so that writing them twice is writing them once. Lines
//! that say something else are not kept: of millions of them a few would exclude a cause, and
//! without them it is merely not excluded.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::index::{OriginIndex, group_of};
use super::{OriginLine, Told, Wanted, decode};
use crate::limits::{Limits, ORIGIN_CHUNK_BYTES, ORIGIN_SLOT_LINES};
use crate::logs::fault::{Fault, Faults};
use crate::logs::lines;
use crate::logs::tally::hash;
use crate::logs::waf::slot_of;
use crate::logs::{Kind, Outcome};

/// Lines of one slot and one object, below the size of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The five minutes.
    pub slot: i64,
    /// The object, by hash.
    pub object: u64,
    /// Its number among the chunks of the same object and slot.
    pub number: u32,
    /// Paths whose hash is above it were left out: some lines of a path could agree where all of
    /// them would not.
    pub most: u64,
    /// The lines.
    pub lines: Vec<Kept>,
}

/// A line, and the hashes of the ids under which the origin knows the request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// The line.
    pub line: OriginLine,
    /// The ids.
    pub ids: Vec<u64>,
}

/// The chunks of one object, and what could not be read of it.
#[derive(Clone, Debug)]
pub struct Slots {
    /// What became of reading.
    pub outcome: Outcome,
    /// Lines that were read.
    pub lines: u64,
    /// What is to be kept.
    pub chunks: Vec<Chunk>,
}

/// An id of an origin as the index of the function knows it: by its hash.
pub fn id_of(hash: u64) -> Box<str> {
    format!("#{hash:016x}").into()
}

/// Reads the log of an origin.
pub fn read(name: &str, edition: &str, source: impl Read, limits: &Limits) -> Slots {
    let mut faults = Faults::default();
    let mut slots: BTreeMap<i64, Slot> = BTreeMap::new();
    let mut count = 0;
    lines::read_lines(source, limits, &mut faults, |line, faults| {
        if line.bytes.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        match decode(line.bytes) {
            Ok(told) => {
                count += 1;
                if let Some(Told { line, ids }) = told.filter(|told| told.line.said.is_forbidden())
                {
                    let ids = ids.iter().map(|id| hash(id.as_bytes())).collect();
                    slots.entry(slot_of(line.to)).or_default().add(Kept { line, ids });
                }
            }
            Err((fault, reason)) => faults.push(Fault::new(line.place(), fault, reason)),
        }
        ControlFlow::Continue(())
    });
    let object = hash(format!("{name}\n{edition}").as_bytes());
    let chunks = slots.into_iter().flat_map(|(slot, lines)| lines.chunks(slot, object)).collect();
    Slots { outcome: Outcome { kind: Kind::Origin, faults }, lines: count, chunks }
}

/// The lines of five minutes, by the hash of their path.
struct Slot {
    groups: BTreeMap<u64, BTreeSet<Kept>>,
    kept: usize,
    most: u64,
}

impl Default for Slot {
    fn default() -> Self {
        Self { groups: BTreeMap::new(), kept: 0, most: u64::MAX }
    }
}

impl Slot {
    fn add(&mut self, kept: Kept) {
        let group = group_of(&kept.line.path);
        if group > self.most {
            return;
        }
        self.kept += usize::from(self.groups.entry(group).or_default().insert(kept));
        while self.kept > ORIGIN_SLOT_LINES
            && let Some((group, lines)) = self.groups.pop_last()
        {
            self.kept -= lines.len();
            self.most = group.saturating_sub(1);
        }
    }

    fn chunks(self, slot: i64, object: u64) -> Vec<Chunk> {
        let empty = |number| Chunk { slot, object, number, most: self.most, lines: Vec::new() };
        let mut chunks = Vec::new();
        let mut chunk = empty(0);
        let mut bytes = 0;
        for kept in self.groups.into_values().flatten() {
            if bytes > ORIGIN_CHUNK_BYTES {
                let number = chunk.number + 1;
                chunks.push(std::mem::replace(&mut chunk, empty(number)));
                bytes = 0;
            }
            bytes += kept.bytes();
            chunk.lines.push(kept);
        }
        if !chunk.lines.is_empty() || chunk.most < u64::MAX {
            chunks.push(chunk);
        }
        chunks
    }
}

impl Kept {
    /// What JSON needs for it at most, about.
    fn bytes(&self) -> usize {
        let agent = self.line.agent.as_ref().map_or(0, |agent| agent.len() * 4);
        let query = self.line.query.as_ref().map_or(0, |query| query.0.len() * 21);
        400 + self.line.host.len() + agent + query + self.ids.len() * 21
    }
}

impl Chunk {
    /// Puts what may be refusals' into an index.
    pub fn fill(&self, wanted: &Wanted, index: &mut OriginIndex) {
        index.leave_out_above(self.most);
        index.lines += self.lines.len() as u64;
        for Kept { line, ids } in &self.lines {
            let mut exact = false;
            for id in ids.iter().map(|id| id_of(*id)).filter(|id| wanted.has_id(id)) {
                index.insert_exact(id, line.clone());
                exact = true;
            }
            if !exact && wanted.covers(line.from, line.to) {
                index.insert(line.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Path, Said, read_origin};
    use super::*;
    use crate::logs::record::Refusal;

    fn line(n: usize, path: &str, status: u16) -> String {
        format!(
            "https 2026-03-10T14:0{}:00.000000Z app/web/1 192.0.2.1:1 10.0.0.1:80 0 0 0 {status} \
             {status} 1 1 \"GET https://web.example:443{path} HTTP/1.1\" \"Amazon CloudFront\" - - \
             arn \"Root=1-{n:08x}-000000000000000000000000\" \"-\" \"-\" 1 \
             2026-03-10T14:0{}:00.000000Z \"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"\n",
            n % 10,
            n % 10,
        )
    }

    fn refusal(minute: usize) -> Refusal {
        let time = format!("2026-03-10T14:0{minute}:01Z");
        Refusal { time: time.parse().unwrap(), ..Refusal::default() }
    }

    #[test]
    fn chunks_say_what_the_log_says_of_refusals() {
        let text: String = (0..400).map(|n| line(n, &format!("/{}", n % 7), 403)).collect();
        let refusals: Vec<Refusal> = (0..10).map(refusal).collect();
        let own = "1-00000003-000000000000000000000000";
        let mut whole = OriginIndex::default();
        let limits = Limits::default();
        read_origin(text.as_bytes(), &limits, &Wanted::new(refusals.clone(), [own]), &mut whole);
        let hashed = id_of(hash(own.as_bytes()));
        let wanted = Wanted::new(refusals.clone(), [hashed.as_ref()]);
        let mut index = OriginIndex::default();
        let slots = read("web.log", "e", text.as_bytes(), &limits);
        assert_eq!(slots.lines, 400);
        assert_eq!(slots.chunks, read("web.log", "e", text.as_bytes(), &limits).chunks);
        let packed = serde_json::to_string(&slots.chunks[0].lines).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Kept>>(&packed).unwrap(), slots.chunks[0].lines);
        slots.chunks.iter().for_each(|chunk| chunk.fill(&wanted, &mut index));
        let (from, to) =
            ("2026-03-10T13:00:00Z".parse().unwrap(), "2026-03-10T15:00:00Z".parse().unwrap());
        for n in 0..7 {
            let path = format!("/{n}");
            let lines = |index: &OriginIndex| {
                let groups = index.of_path(path.as_bytes());
                groups.flat_map(|group| group.between(from, to)).cloned().collect::<Vec<_>>()
            };
            assert_eq!(lines(&index), lines(&whole), "{path}");
            assert!(!lines(&index).is_empty());
        }
        let exact: Vec<&OriginLine> = index.of_id(&hashed).collect();
        assert_eq!(exact, whole.of_id(own).collect::<Vec<_>>());
        assert_eq!(exact.first().map(|line| &line.said), Some(&Said::Target));
    }

    #[test]
    fn what_is_no_refusal_is_not_kept() {
        let text: String = (0..10).map(|n| line(n, "/", 200)).collect();
        let slots = read("x", "e", text.as_bytes(), &Limits::default());
        assert_eq!((slots.lines, slots.chunks.len()), (10, 0));
    }

    #[test]
    fn past_the_limit_whole_paths_are_left_out_for_all_objects() {
        let mut slot = Slot::default();
        let one = |n: usize, path: usize| {
            let text = line(n, &format!("/{path}"), 403);
            let told = decode(text.trim_end().as_bytes()).ok().flatten().unwrap();
            Kept { line: told.line, ids: vec![n as u64] }
        };
        (0..ORIGIN_SLOT_LINES + 100).for_each(|n| slot.add(one(n * 10, n % 50)));
        assert!(slot.kept <= ORIGIN_SLOT_LINES && slot.most < u64::MAX);
        let whole = slot.groups.values().map(BTreeSet::len).min();
        assert!(whole.unwrap() >= ORIGIN_SLOT_LINES / 50);
        let left_out = (0..50).find(|n| hash(format!("/{n}").as_bytes()) > slot.most).unwrap();
        // Another object knows little of such a path, and does not speak for it.
        let mut index = OriginIndex::default();
        let refusals = [refusal(0)];
        let wanted = Wanted::new(refusals.clone(), []);
        let mut other = Slot::default();
        other.add(one(0, left_out));
        for chunk in other.chunks(0, 1).iter().chain(&slot.chunks(0, 2)) {
            chunk.fill(&wanted, &mut index);
        }
        let path = format!("/{left_out}");
        assert!(matches!(one(0, left_out).line.path, Path::Meant(_)));
        assert_eq!(index.of_path(path.as_bytes()).count(), 0);
    }
}
