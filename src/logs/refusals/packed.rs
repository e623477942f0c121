//! One refusal as bytes.
//!
//! A refusal is its moment, its id, five numbers, an address and eight words. The words of columns
//! that take few values (methods, result types, ...) together are one word more, its *frame*, since
//! a log has some hundred different ones.

use std::net::IpAddr;

use jiff::Timestamp;

use super::words::Words;
use crate::limits::{REALTIME_CUT_BYTES, TOKEN_BYTES};
use crate::logs::record::{Column, Refusal};
use crate::viewer::Viewer;

/// How many words of its own a refusal has, its frame included.
const OWN_WORDS: usize = 8;

/// How many words are in a frame.
const FRAME_WORDS: usize = 14;

/// About the bytes of a refusal beside its id and its words, its place among the others included.
const RECORD: usize = 48;

/// Bytes of a record at most: a moment, an id, an address and fourteen numbers.
pub(super) const LONGEST: usize = 8 + (10 + 4 * TOKEN_BYTES) + 17 + 14 * 10;

/// The words of refusals, and their frames. A viewer may send any bytes, those of a frame too.
#[derive(Clone, Debug, Default)]
pub(super) struct Vocabulary {
    pub(super) words: Words,
    frames: Words,
}

impl Vocabulary {
    /// About the bytes that it takes.
    pub(super) fn cost(&self) -> usize {
        self.words.cost() + self.frames.cost()
    }

    /// Nothing of it, in the form in which something is noted.
    pub(super) fn none(&self) -> Numbers {
        Numbers { words: vec![0; self.words.len()], frames: vec![0; self.frames.len()] }
    }

    /// Leaves what is noted, with new numbers.
    pub(super) fn keep(&mut self, noted: &mut Numbers) {
        self.words.keep(&mut noted.words, <[u8]>::to_vec);
        let words = &noted.words;
        self.frames.keep(&mut noted.frames, |frame| renumbered(frame, words));
    }
}

/// For each word and frame of a vocabulary one more than a number: that under which it is known
/// elsewhere. 0 where it is not.
pub(super) struct Numbers {
    pub(super) words: Vec<u32>,
    frames: Vec<u32>,
}

/// The refusal as bytes behind `out`; about what it costs beside its words.
pub(super) fn write(refusal: &Refusal, all: &mut Vocabulary, out: &mut Vec<u8>) -> usize {
    let words = &mut all.words;
    let nanoseconds = refusal.time.as_nanosecond();
    let ms = i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or_default();
    out.extend_from_slice(&ms.to_le_bytes());
    let id = refusal.request_id.as_deref();
    put(out, id.map_or(0, |id| id.len() as u64 + 1));
    out.extend_from_slice(id.unwrap_or_default().as_bytes());
    put(out, nanoseconds.rem_euclid(1_000_000) as u64);
    put(out, refusal.time_taken_ms.map_or(0, |taken| u64::from(taken) + 1));
    put(out, number(refusal.content_length));
    put(out, number(refusal.received_bytes));
    put(out, number(refusal.first_byte_ms.map(u64::from)));
    put(out, number(refusal.origin_first_byte_ms.map(u64::from)));
    address(&refusal.client_ip, words, out);
    let frame = frame(refusal, words);
    put(out, u64::from(all.frames.number(&frame)));
    put(out, u64::from(words.number(refusal.path.logged())));
    put(out, u64::from(words.number(refusal.edge.as_bytes())));
    for column in [&refusal.host, &refusal.query, &refusal.cookie, &refusal.user_agent] {
        put(out, number(column.as_ref().map(|viewer| words.number(viewer.logged()).into())));
    }
    put(out, text(&refusal.connection_id, words));
    RECORD + id.map_or(0, str::len)
}

fn frame(refusal: &Refusal, words: &mut Words) -> Vec<u8> {
    let mut frame = Vec::with_capacity(32);
    put(&mut frame, u64::from(refusal.status));
    put(&mut frame, refusal.cookie_cut_at.map_or(0, |at| at as u64 + 1));
    let mut optional = |word: &Option<Box<str>>| {
        put(
            &mut frame,
            word.as_ref().map_or(0, |word| 2 + u64::from(words.number(word.as_bytes()))),
        )
    };
    optional(&refusal.distribution_id);
    optional(&refusal.distribution_domain);
    optional(&refusal.tenant_id);
    put(&mut frame, 2 + u64::from(words.number(refusal.method.as_bytes())));
    for column in [
        &refusal.country,
        &refusal.protocol,
        &refusal.protocol_version,
        &refusal.result_type,
        &refusal.response_result_type,
        &refusal.detailed_result_type,
        &refusal.content_type,
        &refusal.origin_host,
        &refusal.failover,
        &refusal.behavior,
    ] {
        let word = text(column, words);
        put(&mut frame, word);
    }
    frame
}

/// Reads what [`write()`] wrote. Bytes that it did not write give some refusal or other.
pub(super) fn read(mut record: &[u8], all: &Vocabulary) -> Refusal {
    let words = &all.words;
    let from = &mut record;
    let (ms, id) = (moment(from), id(from));
    let below = take(from);
    let nanoseconds = i128::from(ms) * 1_000_000 + i128::from(below);
    let time_taken_ms = take(from).checked_sub(1).and_then(|taken| u32::try_from(taken).ok());
    let content_length = column(take(from));
    let received_bytes = column(take(from));
    let ms = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let first_byte_ms = column(take(from)).map(ms);
    let origin_first_byte_ms = column(take(from)).map(ms);
    let client_ip = client(from, words);
    let frame = all.frames.get(word(take(from)));
    let path = Viewer::new(words.get(word(take(from))));
    let edge = string(word(take(from)), words);
    let mut viewer = || column(take(from)).map(|number| Viewer::new(words.get(word(number))));
    let (host, query, cookie, user_agent) = (viewer(), viewer(), viewer(), viewer());
    let strings = |coded: u64| column(coded).map(|number| string(word(number), words));
    let connection_id = strings(take(from));
    let from = &mut &*frame;
    let status = u16::try_from(take(from)).unwrap_or_default();
    let cookie_cut_at =
        take(from).checked_sub(1).map(|at| usize::try_from(at).unwrap_or(REALTIME_CUT_BYTES));
    let mut next = || strings(take(from));
    Refusal {
        time: Timestamp::from_nanosecond(nanoseconds).unwrap_or_default(),
        time_taken_ms,
        request_id: id.map(|id| String::from_utf8_lossy(id).into()),
        distribution_id: next().value().cloned(),
        distribution_domain: next().value().cloned(),
        tenant_id: next().value().cloned(),
        status,
        method: next().value().cloned().unwrap_or_default(),
        country: next(),
        protocol: next(),
        protocol_version: next(),
        result_type: next(),
        response_result_type: next(),
        detailed_result_type: next(),
        content_type: next(),
        origin_host: next(),
        failover: next(),
        behavior: next(),
        country_by_address: None,
        host,
        path,
        query,
        cookie,
        cookie_cut_at,
        user_agent,
        client_ip,
        edge,
        content_length,
        received_bytes,
        first_byte_ms,
        origin_first_byte_ms,
        connection_id,
    }
}

/// What is often asked of a refusal, without the rest of it.
pub struct Glance<'a> {
    /// See [`Refusal::time`].
    pub time: Timestamp,
    /// See [`Refusal::request_id`].
    pub request_id: Option<&'a str>,
    /// See [`Refusal::status`].
    pub status: u16,
    /// See [`Refusal::client_ip`].
    pub client_ip: Column<Box<str>>,
    /// See [`Refusal::distribution_domain`].
    pub distribution_domain: Option<&'a str>,
}

pub(super) fn glance<'a>(mut record: &'a [u8], all: &'a Vocabulary) -> Glance<'a> {
    let words = &all.words;
    let from = &mut record;
    let (ms, id) = (moment(from), id(from));
    let nanoseconds = i128::from(ms) * 1_000_000 + i128::from(take(from));
    skip(from, 5);
    let client_ip = client(from, words);
    let from = &mut all.frames.get(word(take(from)));
    let status = u16::try_from(take(from)).unwrap_or_default();
    let (_, _) = (take(from), take(from));
    let domain = column(take(from)).map(|number| words.get(word(number)));
    Glance {
        time: Timestamp::from_nanosecond(nanoseconds).unwrap_or_default(),
        request_id: id.and_then(|id| std::str::from_utf8(id).ok()),
        status,
        client_ip,
        distribution_domain: domain.value().and_then(|name| std::str::from_utf8(name).ok()),
    }
}

/// What refusals are put in order by, as far as it is not equal as a rule: the moment, the time
/// taken, the id.
pub(super) fn begin(mut record: &[u8]) -> (i64, u64, u64, Option<&[u8]>) {
    let from = &mut record;
    let (ms, id) = (moment(from), id(from));
    (ms, take(from), take(from), id)
}

/// The number of a record's frame.
pub(super) fn frame_of(mut record: &[u8], all: &Vocabulary) -> u32 {
    let from = &mut record;
    moment(from);
    id(from);
    skip(from, 6);
    client(from, &all.words);
    word(take(from))
}

/// About what a record costs beside its words.
pub(super) fn cost(record: &[u8]) -> usize {
    RECORD + id_of(record).map_or(0, <[u8]>::len)
}

/// A record's request id.
pub(super) fn id_of(mut record: &[u8]) -> Option<&[u8]> {
    moment(&mut record);
    id(&mut record)
}

/// Notes which words a record uses.
pub(super) fn note_words(mut record: &[u8], all: &Vocabulary, noted: &mut Numbers) {
    let from = &mut record;
    moment(from);
    id(from);
    skip(from, 6);
    match from.split_first() {
        Some((&WORD, rest)) => {
            *from = rest;
            note(&mut noted.words, Some(word(take(from))));
        }
        _ => drop(client(from, &all.words)),
    }
    let frame = word(take(from));
    if noted.frames.get(frame as usize) == Some(&0) {
        note(&mut noted.frames, Some(frame));
        let mut frame = all.frames.get(frame);
        skip(&mut frame, 2);
        for _ in 0..FRAME_WORDS {
            note(&mut noted.words, column(take(&mut frame)).value().map(|number| word(*number)));
        }
    }
    for _ in 0..2 {
        note(&mut noted.words, Some(word(take(from))));
    }
    for _ in 3..OWN_WORDS {
        note(&mut noted.words, column(take(from)).value().map(|number| word(*number)));
    }
}

/// Notes that a word is used.
pub(super) fn note(noted: &mut [u32], number: Option<u32>) {
    if let Some(noted) = number.and_then(|number| noted.get_mut(number as usize)) {
        *noted = 1;
    }
}

/// A frame with new numbers for its words.
fn renumbered(mut frame: &[u8], words: &[u32]) -> Vec<u8> {
    let mut new = Vec::with_capacity(frame.len());
    put(&mut new, take(&mut frame));
    put(&mut new, take(&mut frame));
    for _ in 0..FRAME_WORDS {
        let other = |number: u32| words.get(number as usize).map_or(0, |new| new.max(&1) - 1);
        put(&mut new, coded(take(&mut frame), other));
    }
    new
}

/// A record with the words of another vocabulary in the place of its own; `known` are those that
/// were met before.
pub(super) fn copy(
    mut record: &[u8],
    all: &Vocabulary,
    known: &mut Numbers,
    other: &mut Vocabulary,
    out: &mut Vec<u8>,
) -> usize {
    let whole = record;
    let from = &mut record;
    moment(from);
    let id = id(from);
    skip(from, 6);
    let mut copied = |number: u32| {
        let Some(known) = known.words.get_mut(number as usize) else { return 0 };
        if *known == 0 {
            *known = other.words.number(all.words.get(number)) + 1;
        }
        *known - 1
    };
    out.extend_from_slice(whole.get(..whole.len() - from.len()).unwrap_or_default());
    match from.split_first() {
        Some((&WORD, rest)) => {
            *from = rest;
            out.push(WORD);
            put(out, u64::from(copied(word(take(from)))));
        }
        _ => {
            let before = *from;
            client(from, &all.words);
            out.extend_from_slice(before.get(..before.len() - from.len()).unwrap_or_default());
        }
    }
    let number = word(take(from));
    let frame = match known.frames.get_mut(number as usize) {
        Some(known) => {
            if *known == 0 {
                let mut old = all.frames.get(number);
                let mut frame = Vec::with_capacity(old.len());
                put(&mut frame, take(&mut old));
                put(&mut frame, take(&mut old));
                for _ in 0..FRAME_WORDS {
                    put(&mut frame, coded(take(&mut old), &mut copied));
                }
                *known = other.frames.number(&frame) + 1;
            }
            *known - 1
        }
        None => 0,
    };
    put(out, u64::from(frame));
    for _ in 0..2 {
        put(out, u64::from(copied(word(take(from)))));
    }
    for _ in 3..OWN_WORDS {
        put(out, coded(take(from), &mut copied));
    }
    RECORD + id.map_or(0, <[u8]>::len)
}

fn coded(coded: u64, mut other: impl FnMut(u32) -> u32) -> u64 {
    coded.checked_sub(2).map_or(coded, |number| 2 + u64::from(other(word(number))))
}

/// A number of seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(from: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = from.split_first() else { break };
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

fn skip(from: &mut &[u8], numbers: usize) {
    for _ in 0..numbers {
        take(from);
    }
}

fn moment(from: &mut &[u8]) -> i64 {
    let Some((bytes, rest)) = from.split_first_chunk() else { return 0 };
    *from = rest;
    i64::from_le_bytes(*bytes)
}

fn id<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(from).checked_sub(1)?).ok()?;
    let (id, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(id)
}

fn number(column: Column<u64>) -> u64 {
    match column {
        Column::Missing => 0,
        Column::Dash => 1,
        // The two largest of all numbers are none that a log can say: they have no digit left.
        Column::Value(number) => number.saturating_add(2),
    }
}

fn column(coded: u64) -> Column<u64> {
    match coded {
        0 => Column::Missing,
        1 => Column::Dash,
        number => Column::Value(number - 2),
    }
}

fn text(column: &Column<Box<str>>, words: &mut Words) -> u64 {
    number(column.as_ref().map(|text| words.number(text.as_bytes()).into()))
}

fn word(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn string(number: u32, words: &Words) -> Box<str> {
    String::from_utf8_lossy(words.get(number)).into()
}

/// How an address is written: not at all, as a dash, as bytes, as a word.
const MISSING: u8 = 0;
const DASH: u8 = 1;
const WORD: u8 = 2;
const V4: u8 = 4;
const V6: u8 = 6;

fn address(column: &Column<Box<str>>, words: &mut Words, out: &mut Vec<u8>) {
    match column {
        Column::Missing => out.push(MISSING),
        Column::Dash => out.push(DASH),
        Column::Value(text) => {
            let parsed = text.parse::<IpAddr>().ok();
            match parsed.filter(|address| address.to_string() == **text) {
                Some(IpAddr::V4(address)) => {
                    out.push(V4);
                    out.extend_from_slice(&address.octets());
                }
                Some(IpAddr::V6(address)) => {
                    out.push(V6);
                    out.extend_from_slice(&address.octets());
                }
                None => {
                    out.push(WORD);
                    put(out, u64::from(words.number(text.as_bytes())));
                }
            }
        }
    }
}

fn client(from: &mut &[u8], words: &Words) -> Column<Box<str>> {
    let Some((form, rest)) = from.split_first() else { return Column::Missing };
    *from = rest;
    let address = match *form {
        V4 => from.split_first_chunk().map(|(bytes, rest)| (IpAddr::from(*bytes as [u8; 4]), rest)),
        V6 => {
            from.split_first_chunk().map(|(bytes, rest)| (IpAddr::from(*bytes as [u8; 16]), rest))
        }
        WORD => return Column::Value(string(word(take(from)), words)),
        DASH => return Column::Dash,
        _ => return Column::Missing,
    };
    match address {
        Some((address, rest)) => {
            *from = rest;
            Column::Value(address.to_string().into())
        }
        None => Column::Missing,
    }
}
