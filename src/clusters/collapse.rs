//! What only many paths together show: segments that never repeat, and languages.
//!
//! The masks of `template` see one path. That `/u/alice` and `/u/bob` are the same page for
//! different people shows only among hundreds of them. A [`Collapse`] is built from both samples
//! and folds such segments into `{*}`; since it is built from sets, order cannot change it.

use std::collections::BTreeMap;

/// Fewer siblings than this are a list that a person can read; it is left alone.
const MOST_SIBLINGS: usize = 32;

/// Above this many rare siblings nobody reads them, however often each of them comes.
const MANY_SIBLINGS: usize = 512;

/// A child with this share (one in a hundred) of its parent keeps its name: pages that are visited
/// must not vanish among the random names of a scanner.
const HEAVY: u64 = 100;

/// Fewer requests than this are no habit.
const FEWEST: u64 = 5;

/// Siblings are open-ended where one in this many of their requests goes to one seen only once:
/// by Good and Turing that is the chance that the next request brings a name never seen before.
const OPEN_ENDED: u64 = 20;

/// This many first segments that look like languages make `{locale}`.
const FEWEST_LOCALES: usize = 3;

/// Requests of one template.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    refused: u64,
    served: u64,
}

/// One segment of all paths that share what stands before it.
#[derive(Debug, Default)]
struct Node {
    refused: u64,
    served: u64,
    /// Sorted by name. A vector, because most nodes of a scanner's paths have one child, for which
    /// a tree map would take ten times the memory.
    children: Vec<(Box<str>, Node)>,
}

/// The segments worth their names, as seen in the samples of refused and of served requests.
#[derive(Debug, Default)]
pub struct Collapse {
    root: Node,
}

impl Collapse {
    /// Learns from the templates of both samples, one for each request.
    pub fn new<'a>(
        refused: impl IntoIterator<Item = &'a str>,
        served: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        // Most requests share their template with many others.
        let mut paths: BTreeMap<&str, Count> = BTreeMap::new();
        refused.into_iter().for_each(|path| paths.entry(path).or_default().refused += 1);
        served.into_iter().for_each(|path| paths.entry(path).or_default().served += 1);
        let mut paths: Vec<(&str, Count)> = paths.into_iter().collect();
        paths.sort_unstable_by(|a, b| segments(a.0).cmp(segments(b.0)));
        let mut root = Node::default();
        for (path, count) in paths {
            root.add(path, count);
        }
        fold_locales(&mut root);
        let all = root.refused;
        root.fold(all);
        Self { root }
    }

    /// The template with its high-cardinality segments folded.
    pub fn apply(&self, path: &str) -> String {
        let (lead, body) = lead(path);
        let mut out = String::with_capacity(path.len());
        out.push_str(lead);
        let mut node = Some(&self.root);
        let mut segments = body.split('/').peekable();
        let mut first = true;
        while let Some(segment) = segments.next() {
            if !first {
                out.push('/');
            }
            let is_last = segments.peek().is_none();
            let (name, child) = match node.and_then(|n| n.find(segment, first, is_last)) {
                Some((name, child)) => (name, Some(child)),
                None => (segment, None),
            };
            out.push_str(name);
            node = child;
            first = false;
        }
        out
    }
}

impl Node {
    /// Counts a path. Paths come sorted by their segments, so a new child is always the last.
    fn add(&mut self, path: &str, count: Count) {
        let mut node = self;
        node.count(count);
        for segment in segments(path) {
            if node.children.last().is_none_or(|(name, _)| **name != *segment) {
                if node.children.is_empty() {
                    node.children.reserve_exact(1);
                }
                node.children.push((segment.into(), Self::default()));
            }
            let Some((_, child)) = node.children.last_mut() else {
                return;
            };
            child.count(count);
            node = child;
        }
    }

    fn count(&mut self, count: Count) {
        self.refused += count.refused;
        self.served += count.served;
    }

    fn child(&self, name: &str) -> Option<&(Box<str>, Self)> {
        let place = self.children.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        self.children.get(place)
    }

    fn total(&self) -> u64 {
        self.refused + self.served
    }

    /// The child that stands for a segment, by its own name or by that of its fold.
    fn find(&self, segment: &str, first: bool, is_last: bool) -> Option<(&str, &Node)> {
        let named = |name: &str| self.child(name).map(|(k, v)| (&**k, v));
        named(segment)
            .or_else(|| if first && is_locale(segment) { named("{locale}") } else { None })
            .or_else(|| named(&folded(extension(segment).filter(|_| is_last)?)))
            .or_else(|| if segment.is_empty() { None } else { named("{*}") })
    }

    /// Folds the children, file names by extension first, and then the children of what is left.
    /// From the top down, because the children of `/u/alice` and `/u/bob` are few, but those of
    /// `/u/{*}` may be many.
    fn fold(&mut self, all_refused: u64) {
        let mut rare: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, child) in &self.children {
            let keeps_its_name = name.is_empty()
                || name.starts_with('{') && name.ends_with('}')
                || child.total() >= FEWEST && child.total() * HEAVY > self.total()
                || self.stands_out(child, all_refused);
            if !keeps_its_name {
                let leaf = child.children.is_empty();
                let kind = extension(name).filter(|_| leaf).unwrap_or("");
                rare.entry(kind).or_default().push(name);
            }
        }
        let mut rest = rare.remove("").unwrap_or_default();
        let mut folds = Vec::new();
        for (kind, names) in rare {
            if self.is_open_ended(&names) {
                folds.push((folded(kind), owned(&names)));
            } else {
                rest.extend(names);
            }
        }
        if self.is_open_ended(&rest) {
            folds.push((folded(""), owned(&rest)));
        }
        for (name, members) in folds {
            self.join(&name, &members);
        }
        for (_, child) in &mut self.children {
            child.fold(all_refused);
        }
    }

    /// Whether a child is refused so much more than its siblings that it must not vanish among
    /// them: ten missing files beside a million random names are what the reader came for.
    fn stands_out(&self, child: &Node, all_refused: u64) -> bool {
        child.refused >= FEWEST
            && child.refused * 200 >= all_refused
            && child.refused * (self.served + 1) >= 2 * (2 * child.served + 1) * self.refused
    }

    fn is_open_ended(&self, names: &[&str]) -> bool {
        if names.len() <= MOST_SIBLINGS {
            return false;
        }
        let counts = names.iter().filter_map(|n| self.child(n)).map(|(_, node)| node.total());
        let (once, all) = counts.fold((0, 0), |(once, all), n| (once + u64::from(n == 1), all + n));
        names.len() > MANY_SIBLINGS || once * OPEN_ENDED > all
    }

    /// Gives all members, which are sorted, one name, and so makes one child of them.
    fn join(&mut self, name: &str, members: &[Box<str>]) {
        for (own, _) in &mut self.children {
            if members.binary_search(own).is_ok() {
                *own = name.into();
            }
        }
        self.children = united(std::mem::take(&mut self.children));
    }
}

/// Sorts children and makes one of those that share a name, down to the last level.
fn united(mut children: Vec<(Box<str>, Node)>) -> Vec<(Box<str>, Node)> {
    children.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out: Vec<(Box<str>, Node)> = Vec::new();
    for (name, node) in children {
        match out.last_mut() {
            Some((last, sum)) if *last == name => {
                sum.refused += node.refused;
                sum.served += node.served;
                sum.children.extend(node.children);
            }
            _ => out.push((name, node)),
        }
    }
    for (_, node) in &mut out {
        if !node.children.is_sorted_by(|a, b| a.0 < b.0) {
            node.children = united(std::mem::take(&mut node.children));
        }
    }
    out
}

fn segments(path: &str) -> std::str::Split<'_, char> {
    lead(path).1.split('/')
}

/// Languages stand first or nowhere: `/de/blog`, `/pt-br/blog`.
fn fold_locales(root: &mut Node) {
    let locales: Vec<_> =
        root.children.iter().map(|(name, _)| name).filter(|k| is_locale(k)).cloned().collect();
    if locales.len() >= FEWEST_LOCALES {
        root.join("{locale}", &locales);
    }
}

fn is_locale(segment: &str) -> bool {
    let two = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_alphabetic());
    match segment.split_once(['-', '_']) {
        Some((language, region)) => two(language) && two(region),
        None => two(segment) && segment.bytes().all(|b| b.is_ascii_lowercase()),
    }
}

/// The extension of a file name, without its dot: short, and with a letter in it.
fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = extension.bytes().all(|b| b.is_ascii_alphanumeric());
    let worded = extension.bytes().any(|b| b.is_ascii_alphabetic());
    (!stem.is_empty() && extension.len() <= 5 && plain && worded).then_some(extension)
}

/// The name of a fold: `{*}`, or `{*}.png` for files that share an extension.
fn folded(extension: &str) -> String {
    if extension.is_empty() { "{*}".to_owned() } else { format!("{{*}}.{extension}") }
}

fn owned(names: &[&str]) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = names.iter().map(|n| Box::from(*n)).collect();
    names.sort_unstable();
    names
}

/// The leading slash, which nearly every path has, and the rest.
fn lead(path: &str) -> (&str, &str) {
    match path.strip_prefix('/') {
        Some(body) => ("/", body),
        None => ("", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(refused: &[String], served: &[String]) -> Collapse {
        Collapse::new(refused.iter().map(String::as_str), served.iter().map(String::as_str))
    }

    #[test]
    fn names_that_never_repeat_fold_and_others_stay() {
        let mut served: Vec<_> = (0..200).map(|i| format!("/u/name{i}x/photos")).collect();
        served.extend((0..200).map(|i| format!("/img/pic{i}x.png")));
        served.extend((0..4000).map(|i| format!("/page{}x", i % 60)));
        let collapse = learn(&[], &served);
        assert_eq!(collapse.apply("/u/name7x/photos"), "/u/{*}/photos");
        assert_eq!(collapse.apply("/u/unheard-of/photos"), "/u/{*}/photos");
        assert_eq!(collapse.apply("/img/pic9x.png"), "/img/{*}.png");
        assert_eq!(collapse.apply("/page7x"), "/page7x", "sixty pages are a list");
        assert_eq!(collapse.apply("/elsewhere/x"), "/elsewhere/x");
        assert_eq!(collapse.apply(""), "");
    }

    #[test]
    fn ten_missing_files_keep_their_names_among_random_ones() {
        let mut refused: Vec<_> = (0..15_000).map(|i| format!("/random{i}x")).collect();
        refused.extend((0..1000).map(|i| format!("/missing-{}", ["a", "b", "c"][i % 3])));
        let collapse = learn(&refused, &vec!["/index.html".to_owned(); 2000]);
        assert_eq!(collapse.apply("/random77x"), "/{*}");
        assert_eq!(collapse.apply("/missing-b"), "/missing-b");
    }

    #[test]
    fn three_languages_make_a_locale() {
        let served = ["/de/blog", "/ja/blog", "/pt-br/blog", "/about"].map(str::to_owned);
        assert_eq!(learn(&[], &served).apply("/de/blog"), "/{locale}/blog");
        assert_eq!(learn(&[], &served).apply("/fr/blog"), "/{locale}/blog");
        assert_eq!(learn(&[], &served[1..]).apply("/ja/blog"), "/ja/blog");
    }
}
