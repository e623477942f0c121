//! The values of one string column of one row group, one after another.

use std::io::Read;
use std::ops::Range;

use super::hybrid::Hybrid;
use super::thrift::{Reader, Type};
use crate::limits::PARQUET_PAGE_BYTES;

/// Where a column chunk lies and how it is packed.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// The column's name.
    pub name: Vec<u8>,
    /// Whether it is a column of strings.
    pub strings: bool,
    /// The code of how it is packed.
    pub codec: i64,
    /// Where its pages lie in the object.
    pub range: Range<usize>,
}

/// What the columns of an object may still cost, whatever it says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes of the object that columns may lie in. Several may be said to lie in the same ones,
    /// and each of them is read.
    pub stored: usize,
    /// Bytes that pages may unpack to.
    pub unpacked: usize,
    /// Bytes that the pages and dictionaries of all columns may have at once.
    pub open: usize,
}

/// Why a column cannot be read.
pub type Reason = &'static str;

/// The reason of a page that does not fit the limit.
pub const TOO_LARGE: Reason = "the pages of a row group are too large";

const DAMAGED: Reason = "a page is damaged";

/// A column that is read value by value.
pub struct Column<'a> {
    /// The pages that were not yet read.
    pages: &'a [u8],
    codec: i64,
    optional: bool,
    dictionary: Vec<u8>,
    /// Where each entry of the dictionary ends; it begins four bytes after the last one.
    entries: Vec<u32>,
    page: Page,
    value: Value,
}

/// The page that is read.
#[derive(Default)]
struct Page {
    text: Vec<u8>,
    left: u64,
    levels: Option<Hybrid>,
    values: Values,
}

#[derive(Default)]
enum Values {
    #[default]
    None,
    /// Each with its length before it, from here on.
    Plain(usize),
    /// Indices into the dictionary.
    Indices(Hybrid),
}

/// Where the present value lies.
enum Value {
    Null,
    Page(Range<usize>),
    Dictionary(Range<usize>),
}

/// What a page's header says.
#[derive(Default)]
struct Head {
    kind: i64,
    unpacked: usize,
    packed: usize,
    values: usize,
    encoding: i64,
    level_encoding: i64,
    /// The lengths of the two kinds of levels, in pages of the second version.
    levels: Option<(usize, usize)>,
    plain: bool,
}

impl<'a> Column<'a> {
    /// Opens a column of an object.
    pub fn open(
        object: &'a [u8],
        chunk: &Chunk,
        optional: bool,
        budget: &mut Budget,
    ) -> Result<Self, Reason> {
        let pages = object.get(chunk.range.clone()).ok_or("a column lies outside the object")?;
        let stored = budget.stored.checked_sub(pages.len());
        budget.stored = stored.ok_or("its columns lie in each other")?;
        Ok(Self {
            pages,
            codec: chunk.codec,
            optional,
            dictionary: Vec::new(),
            entries: Vec::new(),
            page: Page::default(),
            value: Value::Null,
        })
    }

    /// Bytes that are held in memory.
    fn bytes(&self) -> usize {
        self.dictionary.len() + self.entries.len() * 4 + self.page.text.len()
    }

    /// Goes to the next value. `false` after the last one.
    pub fn advance(&mut self, budget: &mut Budget) -> Result<bool, Reason> {
        while self.page.left == 0 {
            if self.pages.is_empty() {
                return Ok(false);
            }
            self.next_page(budget)?;
        }
        self.page.left -= 1;
        let text = &self.page.text;
        let is_there = match &mut self.page.levels {
            Some(levels) => levels.next(text).ok_or(DAMAGED)? > 0,
            None => true,
        };
        self.value = match &mut self.page.values {
            _ if !is_there => Value::Null,
            Values::None => return Err(DAMAGED),
            Values::Plain(at) => {
                let range = plain(text, *at).ok_or(DAMAGED)?;
                *at = range.end;
                Value::Page(range)
            }
            Values::Indices(indices) => {
                let index = indices.next(text).ok_or(DAMAGED)? as usize;
                let start = match index.checked_sub(1) {
                    Some(before) => *self.entries.get(before).ok_or(DAMAGED)? as usize,
                    None => 0,
                };
                let end = *self.entries.get(index).ok_or(DAMAGED)? as usize;
                Value::Dictionary(start + 4..end)
            }
        };
        Ok(true)
    }

    /// The present value; `None` for null.
    pub fn value(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Null => None,
            Value::Page(range) => self.page.text.get(range.clone()),
            Value::Dictionary(range) => self.dictionary.get(range.clone()),
        }
    }

    fn next_page(&mut self, budget: &mut Budget) -> Result<(), Reason> {
        let mut reader = Reader::new(self.pages);
        let head = head(&mut reader).ok_or("a page header is damaged")?;
        let rest = self.pages.get(reader.position()..).ok_or(DAMAGED)?;
        let (packed, rest) = rest.split_at_checked(head.packed).ok_or("a page is cut off")?;
        self.pages = rest;
        let unpacked = budget.unpacked.checked_sub(head.unpacked);
        budget.unpacked = unpacked.ok_or("it unpacks to more than its length allows")?;
        // What this page takes the place of is given back before it is opened.
        budget.open = budget.open.saturating_add(self.bytes());
        match head.kind {
            2 => (self.dictionary, self.entries) = (Vec::new(), Vec::new()),
            _ => self.page = Page::default(),
        }
        let open = budget.open.checked_sub(self.bytes()).ok_or(TOO_LARGE)?;
        if head.unpacked > open {
            return Err(TOO_LARGE);
        }
        match head.kind {
            0 => self.data_page(&head, packed)?,
            2 => self.dictionary_page(&head, packed)?,
            3 => self.data_page_v2(&head, packed)?,
            _ => {}
        }
        budget.open = budget.open.checked_sub(self.bytes()).ok_or(TOO_LARGE)?;
        Ok(())
    }

    fn dictionary_page(&mut self, head: &Head, packed: &[u8]) -> Result<(), Reason> {
        self.dictionary = unpack(self.codec, packed, head.unpacked)?;
        self.entries.clear();
        let mut at = 0;
        for _ in 0..head.values {
            let range = plain(&self.dictionary, at).ok_or("a dictionary is damaged")?;
            at = range.end;
            self.entries.push(at as u32);
        }
        Ok(())
    }

    fn data_page(&mut self, head: &Head, packed: &[u8]) -> Result<(), Reason> {
        let text = unpack(self.codec, packed, head.unpacked)?;
        let mut at = 0;
        let mut levels = None;
        if self.optional {
            if head.level_encoding != 3 {
                return Err("levels in an encoding that is not read");
            }
            let length = length_at(&text, 0).ok_or(DAMAGED)?;
            at = length.checked_add(4).filter(|end| *end <= text.len()).ok_or(DAMAGED)?;
            levels = Hybrid::new(4, at, 1);
        }
        self.page = page(text, head, levels, at)?;
        Ok(())
    }

    fn data_page_v2(&mut self, head: &Head, packed: &[u8]) -> Result<(), Reason> {
        let (repeats, defines) = head.levels.ok_or(DAMAGED)?;
        let end = repeats.checked_add(defines).ok_or(DAMAGED)?;
        let (level_bytes, packed) = packed.split_at_checked(end).ok_or(DAMAGED)?;
        let size = head.unpacked.checked_sub(end).ok_or(DAMAGED)?;
        let codec = if head.plain { 0 } else { self.codec };
        let mut text = level_bytes.to_vec();
        text.extend(unpack(codec, packed, size)?);
        let levels = if self.optional { Hybrid::new(repeats, end, 1) } else { None };
        self.page = page(text, head, levels, end)?;
        Ok(())
    }
}

fn page(text: Vec<u8>, head: &Head, levels: Option<Hybrid>, at: usize) -> Result<Page, Reason> {
    let values = match head.encoding {
        0 => Values::Plain(at),
        2 | 8 => match text.get(at) {
            Some(width) => {
                let indices = Hybrid::new(at + 1, text.len(), u32::from(*width));
                Values::Indices(indices.ok_or(DAMAGED)?)
            }
            // A page of nulls alone has no indices.
            None => Values::None,
        },
        _ => return Err("strings in an encoding that is not read"),
    };
    Ok(Page { left: head.values as u64, text, levels, values })
}

fn head(reader: &mut Reader<'_>) -> Option<Head> {
    let mut head = Head::default();
    reader.fields(|id, kind, reader| {
        match (id, kind) {
            (1, Type::Integer) => head.kind = reader.integer()?,
            (2, Type::Integer) => head.unpacked = reader.size()?,
            (3, Type::Integer) => head.packed = reader.size()?,
            (5 | 7, Type::Struct) => reader.fields(|id, kind, reader| {
                match (id, kind) {
                    (1, Type::Integer) => head.values = reader.size()?,
                    (2, Type::Integer) => head.encoding = reader.integer()?,
                    (3, Type::Integer) => head.level_encoding = reader.integer()?,
                    _ => return Some(false),
                }
                Some(true)
            })?,
            (8, Type::Struct) => {
                let (mut defines, mut repeats) = (0, 0);
                reader.fields(|id, kind, reader| {
                    match (id, kind) {
                        (1, Type::Integer) => head.values = reader.size()?,
                        (4, Type::Integer) => head.encoding = reader.integer()?,
                        (5, Type::Integer) => defines = reader.size()?,
                        (6, Type::Integer) => repeats = reader.size()?,
                        (7, Type::False) => head.plain = true,
                        _ => return Some(false),
                    }
                    Some(true)
                })?;
                head.levels = Some((repeats, defines));
            }
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(head)
}

/// Unpacks a page. The promised size is the limit, and itself has one, so that no page becomes
/// larger than it says.
fn unpack(codec: i64, packed: &[u8], size: usize) -> Result<Vec<u8>, Reason> {
    if size > PARQUET_PAGE_BYTES {
        return Err("a page is larger than the limit");
    }
    let text = match codec {
        0 => packed.to_vec(),
        1 => {
            if snap::raw::decompress_len(packed).ok() != Some(size) {
                return Err("a page does not have the size that it promises");
            }
            snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| DAMAGED)?
        }
        2 => {
            let gzip = flate2::read::MultiGzDecoder::new(packed);
            read_whole(gzip, size)?
        }
        4 => return Err("it is packed with Brotli, which is not read"),
        5 | 7 => return Err("it is packed with LZ4, which is not read"),
        // The default of Athena's Iceberg tables, and of many who rewrite their logs.
        6 => {
            let zstd = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|_| DAMAGED)?;
            read_whole(zstd, size)?
        }
        _ => return Err("it is packed in a way that is not read"),
    };
    if text.len() != size {
        return Err("a page does not have the size that it promises");
    }
    Ok(text)
}

/// All of a page, or one byte more than it promises.
fn read_whole(packed: impl Read, size: usize) -> Result<Vec<u8>, Reason> {
    let mut text = Vec::with_capacity(size + 1);
    packed.take(size as u64 + 1).read_to_end(&mut text).map_err(|_| DAMAGED)?;
    Ok(text)
}

fn length_at(text: &[u8], at: usize) -> Option<usize> {
    let bytes = text.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// The string that begins at `at` with its length.
fn plain(text: &[u8], at: usize) -> Option<Range<usize>> {
    let length = length_at(text, at)?;
    let start = at + 4;
    let end = start.checked_add(length)?;
    (end <= text.len()).then_some(start..end)
}
