//! Stretches of a stream: records of one shard in their order.

use std::collections::BTreeMap;

use super::{Batch, Object};

/// The number of a record in its shard. It has more digits than any integer, and later records
/// have larger ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence(String);

impl Sequence {
    /// A number as Kinesis writes it.
    pub fn new(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(text.to_owned()))
    }

    /// The number as Kinesis writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self) -> (usize, &str) {
        let digits = self.0.trim_start_matches('0');
        (digits.len(), digits)
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Real-time records of one shard that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The stream's ARN.
    pub stream: String,
    /// The shard.
    pub shard: String,
    /// The records, each with its lines.
    pub records: BTreeMap<Sequence, Vec<u8>>,
}

impl Stretch {
    /// The number of the last record.
    pub fn last(&self) -> Option<&Sequence> {
        self.records.keys().next_back()
    }

    /// What stands for one of its records.
    pub fn record(&self, number: &Sequence) -> Object {
        self.object(number.as_str().to_owned())
    }

    /// What stands for all of its records.
    pub fn whole(&self) -> Object {
        let first = self.records.keys().next().map(Sequence::as_str).unwrap_or_default();
        let last = self.last().map(Sequence::as_str).unwrap_or_default();
        self.object(format!("{first}-{last}"))
    }

    fn object(&self, etag: String) -> Object {
        let (bucket, key) = (self.stream.clone(), self.shard.clone());
        Object { bucket, key, version: None, etag: Some(etag) }
    }
}

/// The real-time records of a batch, by their shards.
pub fn stretches(batch: &Batch) -> Vec<Stretch> {
    let mut all: BTreeMap<(&str, &str), BTreeMap<Sequence, Vec<u8>>> = BTreeMap::new();
    let carried = batch.messages.iter().flat_map(|message| &message.carried);
    for one in carried.filter(|one| one.realtime) {
        let Some(number) = Sequence::new(one.object.edition()) else { continue };
        let records = all.entry((&one.object.bucket, &one.object.key)).or_default();
        records.insert(number, one.text.clone());
    }
    let stretch = |((stream, shard), records): ((&str, &str), _)| Stretch {
        stream: stream.to_owned(),
        shard: shard.to_owned(),
        records,
    };
    all.into_iter().map(stretch).collect()
}

/// The lowest of the numbers under which records are handed back: Lambda repeats it and all that
/// follow. A number that is none is as low as can be.
pub fn lowest(failed: Vec<String>) -> Vec<String> {
    failed.into_iter().min_by_key(|id| Sequence::new(id)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let number = |text: &str| Sequence::new(text).unwrap();
        assert!(number("9") < number("10"));
        let long = "49590338271490256608559692538361571095921575989136580";
        assert!(number(&format!("{long}009")) < number(&format!("{long}010")));
        assert_eq!(Sequence::new("12a"), None);
        assert_eq!(lowest(vec!["10".into(), "9".into(), "11".into()]), ["9"]);
        assert_eq!(lowest(vec!["10".into(), String::new()]), [""]);
        assert!(lowest(Vec::new()).is_empty());
    }
}
