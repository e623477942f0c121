//! The refusals of a log, packed: there may be millions of them.
//!
//! A refusal is some eighty bytes here, most of them its random id, and its words are kept once
//! for all that have them. Past a limit the refusals of one half, then of one quarter, and so on,
//! stay: those with the smaller hashes of their ids, so that neither order nor splitting nor
//! repetition changes which. Of the others it is known how many there were.

mod distinct;
mod packed;
#[cfg(test)]
mod tests;
mod words;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

pub use packed::Glance;

use super::Context;
use super::contrast::identity_of;
use super::record::Refusal;
use crate::clusters::key_hash;
use crate::limits::REFUSAL_BYTES;
use distinct::Distinct;
use packed::{Numbers, Vocabulary};

/// Bytes of a page, and the bits that count them.
const PAGE_BITS: u32 = 18;
const PAGE: usize = 1 << PAGE_BITS;

/// What a thread keeps of refusals before it hands them over.
const HANDED_OVER: usize = 4 << 20;

/// What tells from which country a refused request came.
pub type CountryOf<'a> = dyn Fn(&Refusal) -> Option<String> + 'a;

/// Refusals that many threads read.
pub type Common = Arc<Mutex<Refusals>>;

/// Where a refusal lies, and what was found out about it later.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The page, and the byte in it.
    at: u32,
    /// One more than the number of the word for the country of its address; 0 where it is not
    /// known.
    country: u32,
}

/// The refusals of a log.
#[derive(Clone, Debug)]
pub struct Refusals {
    vocabulary: Vocabulary,
    pages: Vec<Vec<u8>>,
    places: Vec<Place>,
    /// What the records cost, without their words.
    records: usize,
    /// What all may cost.
    limit: usize,
    /// How often half of them was left out.
    level: u32,
    /// Those that were left out with status 403, and those that may be masked.
    left_out: [Distinct; 2],
    /// The distributions of names.
    ids: BTreeMap<String, String>,
    /// The hashes of ids that somebody asks about, which are kept whatever they are.
    asked: Arc<BTreeSet<u64>>,
    common: Option<Common>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            vocabulary: Vocabulary::default(),
            pages: Vec::new(),
            places: Vec::new(),
            records: 0,
            limit: REFUSAL_BYTES,
            level: 0,
            left_out: Default::default(),
            ids: BTreeMap::new(),
            asked: Arc::default(),
            common: None,
        }
    }
}

impl Refusals {
    /// None yet. What is kept is told by what is known beforehand of the objects.
    pub fn within(context: &Context) -> Self {
        let mut none = Self::default();
        none.keep_within(context);
        none
    }

    /// Keeps from now on what is told by what is known beforehand of the objects.
    pub(super) fn keep_within(&mut self, context: &Context) {
        self.limit = context.limits.refusal_bytes;
        if !context.asked.is_empty() {
            self.asked = context.asked.clone();
        }
    }

    /// Hands refusals over from now on, whenever there are some megabytes of them.
    pub fn share(&mut self, common: &Common) {
        self.common.get_or_insert_with(|| common.clone());
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// One of how many is kept: 1 where nothing was left out.
    pub fn one_in(&self) -> u64 {
        1 << self.level
    }

    /// How many with status 403 were left out, and how many whose status may hide a 403.
    pub fn left_out(&self) -> (u64, u64) {
        let [forbidden, masked] = &self.left_out;
        (forbidden.count(), masked.count())
    }

    /// Adds one.
    pub fn push(&mut self, refusal: &Refusal) {
        if self.level > 0 {
            let hash = identity_of(refusal);
            if !self.keeps(hash) {
                self.leave_out(hash, refusal.status);
                return;
            }
        }
        let at = self.room();
        let Some(page) = self.pages.last_mut() else { return };
        self.records += packed::write(refusal, &mut self.vocabulary, page);
        let country = refusal.country_by_address.as_deref();
        let country = country.map_or(0, |code| self.vocabulary.words.number(code.as_bytes()) + 1);
        self.places.push(Place { at, country });
        self.settle_size();
    }

    /// Adds those of another part of the logs.
    pub fn merge(&mut self, mut other: Self) {
        if self.is_empty() && self.level == 0 && self.common.is_none() {
            mem::swap(self, &mut other);
            self.common = None;
        }
        self.ids.append(&mut other.ids);
        while self.level < other.level {
            self.thin();
        }
        for (mine, theirs) in self.left_out.iter_mut().zip(&other.left_out) {
            mine.merge(theirs);
        }
        let mut known = other.vocabulary.none();
        for place in &other.places {
            let record = other.record(place);
            if self.level > 0 {
                let hash = other.identity(place);
                if !self.keeps(hash) {
                    self.leave_out(hash, packed::glance(record, &other.vocabulary).status);
                    continue;
                }
            }
            self.copy(&other, place, &mut known);
        }
        self.settle_size();
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = Refusal> + Clone {
        self.places.iter().map(|place| self.read(place))
    }

    /// The n-th.
    pub fn get(&self, number: usize) -> Option<Refusal> {
        self.places.get(number).map(|place| self.read(place))
    }

    /// The distributions and the tenants that they name, in their order.
    pub fn owners(&self) -> (Vec<String>, Vec<String>) {
        let (mut ids, mut tenants) = (BTreeSet::new(), BTreeSet::new());
        let mut seen = HashSet::new();
        for place in &self.places {
            // What all of one frame have in common is looked at once.
            if !seen.insert(packed::frame_of(self.record(place), &self.vocabulary)) {
                continue;
            }
            let refusal = self.read(place);
            ids.extend(refusal.distribution_id.map(String::from));
            tenants.extend(refusal.tenant_id.map(String::from));
        }
        (ids.into_iter().collect(), tenants.into_iter().collect())
    }

    /// What is often asked of each.
    pub fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.places.iter().map(|place| packed::glance(self.record(place), &self.vocabulary))
    }

    /// What is often asked of the n-th.
    pub fn glance(&self, number: usize) -> Option<Glance<'_>> {
        let place = self.places.get(number)?;
        Some(packed::glance(self.record(place), &self.vocabulary))
    }

    /// What the n-th is sampled by.
    pub fn identity_of(&self, number: usize) -> Option<u64> {
        self.places.get(number).map(|place| self.identity(place))
    }

    /// Leaves those of which `stays` says so.
    pub fn retain(&mut self, stays: impl Fn(&Refusal) -> bool) {
        let places = mem::take(&mut self.places);
        self.places = places.into_iter().filter(|place| stays(&self.read(place))).collect();
    }

    /// Says whose each is, by the distributions of names, and from which country, where only its
    /// address tells.
    pub fn assign(&mut self, ids: &BTreeMap<String, String>, country: Option<&CountryOf<'_>>) {
        self.ids.extend(ids.iter().map(|(name, id)| (name.clone(), id.clone())));
        let Some(country) = country else { return };
        let mut places = mem::take(&mut self.places);
        for place in &mut places {
            let code = country(&self.read(place));
            place.country =
                code.map_or(0, |code| self.vocabulary.words.number(code.as_bytes()) + 1);
        }
        self.places = places;
    }

    /// Puts them into their order in time and drops those that came twice: a request id counts
    /// once over all objects.
    pub fn settle(&mut self) {
        self.shrink();
        if self.level > 0 {
            self.sort();
        }
        for left_out in &mut self.left_out {
            left_out.settle();
            left_out.shrink();
        }
    }

    /// Of those with one id the first stays.
    fn drop_repeated(&mut self) {
        let places = mem::take(&mut self.places);
        let mut seen = HashSet::with_capacity(places.len());
        let mut dropped = 0;
        let stay = |place: &Place| match packed::id_of(self.record(place)) {
            Some(id) if !seen.insert(key_hash(&[id])) => {
                dropped += packed::cost(self.record(place));
                false
            }
            _ => true,
        };
        self.places = places.into_iter().filter(stay).collect();
        self.records = self.records.saturating_sub(dropped);
    }

    fn settle_size(&mut self) {
        let common = self.common.as_ref().filter(|_| self.cost() > HANDED_OVER).cloned();
        if let Some(common) = common {
            let asked = self.asked.clone();
            let mut own = Self { limit: self.limit, asked, ..Self::default() };
            mem::swap(self, &mut own);
            let mut common = common.lock().unwrap_or_else(PoisonError::into_inner);
            self.common = own.common.take();
            common.merge(own);
            self.level = common.level;
        } else if self.cost() > self.limit.saturating_add(self.limit / 8) {
            self.shrink();
        }
    }

    /// Drops those that came twice, and then halves until the rest is within the limit.
    fn shrink(&mut self) {
        self.sort();
        self.drop_repeated();
        while self.cost() > self.limit && self.level < 63 {
            self.thin();
        }
    }

    fn sort(&mut self) {
        let mut places = mem::take(&mut self.places);
        places.sort_unstable_by(|one, other| self.compare(one, other));
        self.places = places;
    }

    /// Leaves out one half.
    fn thin(&mut self) {
        self.level += 1;
        let mut places = mem::take(&mut self.places);
        places.sort_unstable_by_key(|place| place.at);
        let mut noted = self.vocabulary.none();
        places.retain(|place| {
            let hash = self.identity(place);
            if self.keeps(hash) {
                packed::note_words(self.record(place), &self.vocabulary, &mut noted);
                packed::note(&mut noted.words, place.country.checked_sub(1));
                return true;
            }
            let status = packed::glance(self.record(place), &self.vocabulary).status;
            self.leave_out(hash, status);
            false
        });
        // Neither the words nor the records are there twice at any time: what was read is let go.
        self.vocabulary.keep(&mut noted);
        let pages = mem::take(&mut self.pages);
        let mut old = Self { pages, ..Self::default() };
        self.records = 0;
        let mut read = 0;
        for place in &mut places {
            let page = (place.at >> PAGE_BITS) as usize;
            old.pages.iter_mut().take(page).skip(read).for_each(|page| *page = Vec::new());
            read = page;
            let country = place.country.checked_sub(1);
            let country = country.and_then(|number| noted.words.get(number as usize));
            place.country = country.copied().unwrap_or_default();
            let at = self.room();
            let Some(last) = self.pages.last_mut() else { return };
            let (record, none) = (old.record(place), &old.vocabulary);
            self.records += packed::copy(record, none, &mut noted, &mut self.vocabulary, last);
            place.at = at;
        }
        self.places = places;
    }

    fn copy(&mut self, other: &Self, place: &Place, known: &mut Numbers) {
        let at = self.room();
        let Some(page) = self.pages.last_mut() else { return };
        self.records +=
            packed::copy(other.record(place), &other.vocabulary, known, &mut self.vocabulary, page);
        let country = match place.country.checked_sub(1) {
            Some(number) => self.vocabulary.words.number(other.vocabulary.words.get(number)) + 1,
            None => 0,
        };
        self.places.push(Place { at, country });
    }

    /// Where the next one goes.
    fn room(&mut self) -> u32 {
        // The longest id and its numbers have room behind any byte that a place can name.
        if self.pages.last().is_none_or(|page| page.len() + packed::LONGEST > PAGE) {
            self.pages.push(Vec::with_capacity(if self.pages.is_empty() { 1024 } else { PAGE }));
        }
        let page = u32::try_from(self.pages.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let byte = self.pages.last().map_or(0, Vec::len);
        (page << PAGE_BITS) | u32::try_from(byte).unwrap_or_default()
    }

    fn record(&self, place: &Place) -> &[u8] {
        let page = self.pages.get((place.at >> PAGE_BITS) as usize);
        page.and_then(|page| page.get(place.at as usize & (PAGE - 1)..)).unwrap_or_default()
    }

    fn read(&self, place: &Place) -> Refusal {
        let mut refusal = packed::read(self.record(place), &self.vocabulary);
        let named = refusal.distribution_domain.as_deref().and_then(|name| self.ids.get(name));
        if let Some(id) = named {
            refusal.distribution_id = Some(id.as_str().into());
        }
        let country = place.country.checked_sub(1).map(|number| self.vocabulary.words.get(number));
        refusal.country_by_address = country.map(|code| String::from_utf8_lossy(code).into());
        refusal
    }

    fn identity(&self, place: &Place) -> u64 {
        match packed::id_of(self.record(place)) {
            Some(id) => key_hash(&[id]),
            None => identity_of(&self.read(place)),
        }
    }

    /// Refusals that compare as equal are equal in all that is known of them.
    fn compare(&self, one: &Place, other: &Place) -> Ordering {
        let (a, b) = (self.record(one), self.record(other));
        packed::begin(a).cmp(&packed::begin(b)).then_with(|| self.read(one).cmp(&self.read(other)))
    }

    fn keeps(&self, hash: u64) -> bool {
        hash <= u64::MAX >> self.level || self.asked.contains(&hash)
    }

    fn leave_out(&mut self, hash: u64, status: u16) {
        let [forbidden, masked] = &mut self.left_out;
        if status == 403 { forbidden.add(hash) } else { masked.add(hash) }
    }

    fn cost(&self) -> usize {
        self.records + self.vocabulary.cost()
    }
}

impl PartialEq for Refusals {
    /// Whether they are the same in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.left_out() == other.left_out()
            && self.iter().eq(other.iter())
    }
}

impl Eq for Refusals {}

impl Extend<Refusal> for Refusals {
    fn extend<T: IntoIterator<Item = Refusal>>(&mut self, refusals: T) {
        refusals.into_iter().for_each(|refusal| self.push(&refusal));
    }
}

impl FromIterator<Refusal> for Refusals {
    fn from_iter<T: IntoIterator<Item = Refusal>>(refusals: T) -> Self {
        let mut all = Self::default();
        all.extend(refusals);
        all
    }
}
