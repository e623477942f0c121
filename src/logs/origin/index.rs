//! What is kept of the logs of origins.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{OriginLine, Path, Said};
use crate::limits::{ORIGIN_EXACT_LINES, ORIGIN_LINES};
use crate::logs::tally::hash;

/// The lines that may be refusals'.
#[derive(Clone, Debug)]
pub struct OriginIndex {
    /// Lines read.
    pub lines: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// Lines that may be refusals' and are not kept, for there are too many.
    pub left_out: u64,
    exact: BTreeMap<Box<str>, BTreeSet<OriginLine>>,
    groups: BTreeMap<u64, Group>,
    kept: usize,
    /// Paths whose hash is above it are left out, with all of their lines: some lines of a path
    /// could agree where all of them would not.
    most: u64,
    /// Whether lines are not kept any more at all.
    full: bool,
}

impl Default for OriginIndex {
    fn default() -> Self {
        Self {
            lines: 0,
            malformed: 0,
            left_out: 0,
            exact: BTreeMap::new(),
            groups: BTreeMap::new(),
            kept: 0,
            most: u64::MAX,
            full: false,
        }
    }
}

/// The lines of one path, in their order in time.
#[derive(Clone, Debug, Default)]
pub struct Group {
    lines: BTreeSet<OriginLine>,
    says: BTreeSet<Said>,
}

impl Group {
    /// The lines between two moments.
    pub fn between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = &OriginLine> + use<'_> {
        let least = OriginLine {
            to: from,
            from: Timestamp::MIN,
            method: "".into(),
            host: "".into(),
            path: Path::Meant(0),
            query: None,
            agent: None,
            said: Said::Target,
        };
        let after = self.lines.range(least..);
        after.take_while(move |line| line.to <= to).filter(move |line| line.from >= from)
    }

    /// All that is said in lines of the path.
    pub fn says(&self) -> &BTreeSet<Said> {
        &self.says
    }
}

/// The group of a path; lines that do not tell theirs, or only its form, are one group.
pub(super) fn group_of(path: &Path) -> u64 {
    match path {
        Path::Meant(path) => *path,
        Path::Template(_) | Path::Untold => 0,
    }
}

impl OriginIndex {
    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.groups.is_empty()
    }

    /// The lines of a path, and those that may be of any path.
    pub fn of_path<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = &'a Group> + use<'a> {
        [hash(path), 0].into_iter().filter_map(|group| self.groups.get(&group))
    }

    /// The lines with an id.
    pub fn of_id<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a OriginLine> + use<'a> {
        self.exact.get(id).into_iter().flatten()
    }

    /// Keeps a line with an id that is wanted.
    pub(super) fn insert_exact(&mut self, id: Box<str>, line: OriginLine) {
        // One id has a line, and perhaps the same once more; thousands are somebody's invention.
        let lines = self.exact.entry(id).or_default();
        if lines.len() < ORIGIN_EXACT_LINES {
            lines.insert(line);
        }
    }

    /// Leaves out paths whose hash is above this, with all of their lines.
    pub(super) fn leave_out_above(&mut self, most: u64) {
        if most < self.most {
            self.most = most;
            self.drop_surplus();
        }
    }

    /// Keeps a line that may be a refusal's.
    pub(super) fn insert(&mut self, line: OriginLine) {
        let group = group_of(&line.path);
        if group > self.most || self.full {
            self.left_out += 1;
            return;
        }
        let lines = self.groups.entry(group).or_default();
        lines.says.insert(line.said.clone());
        self.kept += usize::from(lines.lines.insert(line));
        while self.kept > ORIGIN_LINES && self.most > 0 {
            self.most /= 2;
            self.drop_surplus();
        }
        // Lines that tell no path are one group, of which there may be too many as well.
        if self.kept > ORIGIN_LINES {
            self.left_out += self.kept as u64;
            self.groups.clear();
            self.kept = 0;
            self.full = true;
        }
    }

    fn drop_surplus(&mut self) {
        let Some(first) = self.most.checked_add(1) else { return };
        let out = self.groups.split_off(&first);
        let out: usize = out.values().map(|group| group.lines.len()).sum();
        self.kept -= out;
        self.left_out += out as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize, path: Path) -> OriginLine {
        OriginLine {
            to: Timestamp::from_millisecond(n as i64).unwrap(),
            from: Timestamp::UNIX_EPOCH,
            method: "GET".into(),
            host: "".into(),
            path,
            query: None,
            agent: None,
            said: Said::Target,
        }
    }

    #[test]
    fn past_the_limit_whole_paths_are_left_out_in_any_order() {
        let path = |n: usize| format!("/{}", n % 1000).into_bytes();
        let read = |order: &mut dyn Iterator<Item = usize>| {
            let mut index = OriginIndex::default();
            order.for_each(|n| index.insert(line(n, Path::meant(&path(n)))));
            let counts = (0..1000).map(|n| {
                let groups = index.of_path(&path(n));
                groups.map(|group| group.lines.len()).sum::<usize>()
            });
            (counts.collect::<Vec<_>>(), index.kept, index.left_out)
        };
        let many = ORIGIN_LINES + ORIGIN_LINES / 4;
        let (counts, kept, left_out) = read(&mut (0..many));
        assert_eq!((kept as u64 + left_out, kept <= ORIGIN_LINES), (many as u64, true));
        assert!(counts.iter().all(|count| *count == 0 || *count == many / 1000));
        assert!(counts.iter().filter(|count| **count > 0).count() > 300);
        assert_eq!(read(&mut (0..many).rev()), (counts, kept, left_out));
    }

    #[test]
    fn lines_without_a_path_have_the_same_limit() {
        let mut index = OriginIndex::default();
        (0..ORIGIN_LINES + 2).for_each(|n| index.insert(line(n, Path::Untold)));
        assert_eq!((index.kept, index.left_out), (0, ORIGIN_LINES as u64 + 2));
    }
}
