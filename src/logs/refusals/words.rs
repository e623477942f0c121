//! Words, each kept once: the hosts, paths, edges and result types of refusals.

use std::hash::{BuildHasher, RandomState};

/// What a word costs beside its bytes: where it lies, its share of the table, and what of both is
/// taken for more of them, while they grow and are thinned.
const BESIDE: usize = 40;

/// Bytes of a page, and the bits that count them. Pages, because one long list would have to be
/// copied as it grows.
const PAGE_BITS: u32 = 18;
const PAGE: usize = 1 << PAGE_BITS;

/// Byte strings under numbers that count from zero.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pages: Vec<Vec<u8>>,
    /// The page in which a word begins, the byte in it, and the word's length.
    places: Vec<(u32, u32)>,
    /// One more than the number of a word, where its hash leads; 0 where there is none. Words come
    /// from viewers, so where they lie must not be theirs to choose.
    slots: Vec<u32>,
    hasher: RandomState,
    bytes: usize,
}

impl Words {
    /// The number of a word.
    pub(super) fn number(&mut self, word: &[u8]) -> u32 {
        if (self.places.len() + 1) * 4 > self.slots.len() * 3 {
            self.widen();
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(word) as usize;
        loop {
            match self.slots.get(slot & mask).copied() {
                Some(0) | None => break,
                Some(known) if self.get(known - 1) == word => return known - 1,
                Some(_) => slot += 1,
            }
        }
        let place = self.put(word);
        self.places.push(place);
        let count = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if let Some(slot) = self.slots.get_mut(slot & mask) {
            *slot = count;
        }
        count - 1
    }

    fn put(&mut self, word: &[u8]) -> (u32, u32) {
        if self.pages.last().is_none_or(|page| page.len() + word.len() > PAGE) {
            let length = if self.pages.is_empty() { 1024 } else { PAGE };
            self.pages.push(Vec::with_capacity(length));
        }
        let page = u32::try_from(self.pages.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let Some(last) = self.pages.last_mut() else { return (0, 0) };
        let byte = u32::try_from(last.len()).unwrap_or_default();
        last.extend_from_slice(word);
        self.bytes += word.len();
        ((page << PAGE_BITS) | byte, u32::try_from(word.len()).unwrap_or_default())
    }

    /// The word of a number.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let Some((at, length)) = self.places.get(number as usize) else { return &[] };
        let page = self.pages.get((at >> PAGE_BITS) as usize);
        let word = page.and_then(|page| page.get(*at as usize & (PAGE - 1)..));
        word.and_then(|word| word.get(..*length as usize)).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// About the bytes that they take. What was taken beforehand for more of them is not counted,
    /// since that depends on the order in which they came.
    pub(super) fn cost(&self) -> usize {
        self.bytes + BESIDE * self.places.len()
    }

    /// Leaves the words that are noted by another number than 0, each with a new number, and notes
    /// one more than that. `made` says what becomes of a word.
    pub(super) fn keep(&mut self, noted: &mut [u32], made: impl Fn(&[u8]) -> Vec<u8>) {
        let mut old = std::mem::take(self);
        self.hasher = old.hasher.clone();
        // Else there would be both tables.
        old.slots = Vec::new();
        let mut done = 0;
        for (number, noted) in noted.iter_mut().enumerate().filter(|(_, noted)| **noted > 0) {
            // Nor are the words there twice: what was read is let go.
            let page = old.places.get(number).map_or(0, |(at, _)| (at >> PAGE_BITS) as usize);
            old.pages.iter_mut().take(page).skip(done).for_each(|page| *page = Vec::new());
            done = page;
            let place = self.put(&made(old.get(number as u32)));
            self.places.push(place);
            *noted = self.places.len() as u32;
        }
        drop(old);
        self.spread((self.places.len() * 2).next_power_of_two());
    }

    fn widen(&mut self) {
        self.spread(self.slots.len() * 2);
    }

    fn spread(&mut self, slots: usize) {
        let wider = slots.max(64);
        self.slots = Vec::new();
        self.slots = vec![0; wider];
        for number in 0..self.places.len() {
            let number = number as u32;
            let mut slot = self.hasher.hash_one(self.get(number)) as usize;
            while self.slots.get(slot & (wider - 1)).is_some_and(|slot| *slot != 0) {
                slot += 1;
            }
            if let Some(slot) = self.slots.get_mut(slot & (wider - 1)) {
                *slot = number + 1;
            }
        }
    }
}
