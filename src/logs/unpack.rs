//! Stored bytes to text: what is packed is unpacked, member after member.
//!
//! A member that is damaged ends where it is damaged. What it gave before is kept, and reading goes
//! on at the next member that begins behind it, if there is one: concatenated objects are common,
//! and one bad hour should not cost the day.

use std::io::{self, Read};

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use super::fault::{Fault, FaultKind, Place};
use crate::limits::{BROKEN_MEMBERS, FALSE_MEMBERS, GZIP_HEADER_BYTES};

/// Bytes that are read at once, and bytes that stay behind the place of reading, so that a member
/// that began inside a damaged one is still found.
const FRESH: usize = 128 << 10;
const KEPT: usize = 64 << 10;

/// The stored object, with a window that can be gone back in.
struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `buffer`'s first byte in the object.
    base: u64,
    ended: bool,
}

impl<R: Read> Source<R> {
    fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; KEPT + FRESH], start: 0, end: 0, base: 0, ended: false }
    }

    fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Goes back or forward to an offset inside the window.
    fn seek(&mut self, offset: u64) {
        let within = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.start = within.min(self.end);
    }

    /// Reads more behind what is there. `false` at the end of the object.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.end == self.buffer.len() {
            let drop = self.start.saturating_sub(KEPT);
            if drop == 0 {
                return Ok(false);
            }
            self.buffer.copy_within(drop..self.end, 0);
            self.start -= drop;
            self.end -= drop;
            self.base += drop as u64;
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.inner.read(free) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
            return Ok(!self.ended);
        }
    }

    /// Makes sure that so many bytes are there, unless the object ends before.
    fn need(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.available().len() < bytes && self.fill()? {}
        Ok(self.available())
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.need(1)?.first().copied();
        self.consume(1);
        Ok(byte)
    }
}

/// Where in a packed object reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not packed at all.
    Plain,
    /// Before a member or the end.
    Between,
    /// Inside a member.
    Body,
    /// Nothing more comes.
    Done,
}

/// An object's text. Told to be packed by its first two bytes, never by its name.
pub struct Unpacked<R> {
    source: Source<R>,
    state: State,
    inflate: Decompress,
    /// Of what the member gave so far.
    sum: Hasher,
    member: u64,
    broken: usize,
    /// How often what looked like a member was none.
    false_members: usize,
}

/// Why a member cannot be read.
enum Broken {
    Cut,
    Damaged(&'static str),
    Source(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Source(error)
    }
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first bytes of an object.
    pub fn open(source: R) -> Result<Self, Fault> {
        let mut source = Source::new(source);
        let packed = match source.need(4) {
            Ok(start) => start.starts_with(&[0x1f, 0x8b]),
            Err(error) => return Err(unreadable(0, &error)),
        };
        let state = if packed { State::Between } else { State::Plain };
        Ok(Self {
            source,
            state,
            inflate: Decompress::new(false),
            sum: Hasher::new(),
            member: 0,
            broken: 0,
            false_members: 0,
        })
    }

    /// Whether the object is not packed and begins with these bytes (at most four).
    pub fn starts_with(&self, magic: &[u8]) -> bool {
        self.state == State::Plain && self.source.available().starts_with(magic)
    }

    /// Bytes of the stored object that have been read, for the place of a fault.
    pub fn stored(&self) -> u64 {
        self.source.position()
    }

    /// Reads text. A fault does not end the object: reading goes on at what can be read after it,
    /// and what follows is not the rest of the line before. Zero bytes are the end.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let read = match self.state {
                State::Done => return Ok(0),
                State::Plain => self.plain(out).map(Some),
                State::Between => self.next_member(),
                State::Body => self.body(out),
            };
            match read {
                Ok(Some(bytes)) => return Ok(bytes),
                Ok(None) => {}
                Err(broken) => {
                    // What only looked like a member and gave nothing was none.
                    let was_member = self.broken == 0 || self.inflate.total_out() > 0;
                    let fault = self.fault_of(broken);
                    if self.state != State::Done {
                        self.find_member();
                    }
                    if was_member || fault.kind == FaultKind::Unreadable {
                        self.broken += 1;
                        return Err(fault);
                    }
                    self.false_members += 1;
                    if self.false_members > FALSE_MEMBERS {
                        self.state = State::Done;
                        let reason = "too many beginnings of gzip members that are none";
                        return Err(Fault::new(fault.place, FaultKind::Corrupt, reason));
                    }
                }
            }
        }
    }

    /// All of the text, if it is not longer than `most`.
    pub fn whole(&mut self, most: usize) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        loop {
            let length = text.len();
            text.resize(length + FRESH, 0);
            let read = self.read(text.get_mut(length..).unwrap_or_default())?;
            text.truncate(length + read);
            if read == 0 {
                return Ok(text);
            }
            if text.len() > most {
                let reason = format!("longer than {most} bytes");
                return Err(Fault::new(Place::Byte(most as u64), FaultKind::OverLimit, reason));
            }
        }
    }

    fn plain(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        let text = self.source.need(1)?;
        let length = text.len().min(out.len());
        if let (Some(out), Some(text)) = (out.get_mut(..length), text.get(..length)) {
            out.copy_from_slice(text);
        }
        self.source.consume(length);
        if length == 0 {
            self.state = State::Done;
        }
        Ok(length)
    }

    /// Reads a member's header; `None` leads on to its body or to the end.
    fn next_member(&mut self) -> Result<Option<usize>, Broken> {
        // Some tools pad the last block with zeros, which gzip itself skips.
        while self.source.need(1)?.first() == Some(&0) {
            self.source.consume(1);
        }
        self.member = self.source.position();
        if self.source.available().is_empty() {
            self.state = State::Done;
            return Ok(None);
        }
        self.inflate.reset(false);
        self.sum.reset();
        let header = self.source.need(10)?;
        if !header.starts_with(&[0x1f, 0x8b]) {
            return Err(Broken::Damaged("bytes that are no gzip member follow"));
        }
        let Some(&[_, _, method, flags]) = header.first_chunk::<4>() else {
            return Err(Broken::Cut);
        };
        if header.len() < 10 {
            return Err(Broken::Cut);
        }
        if method != 8 || flags & 0xe0 != 0 {
            return Err(Broken::Damaged("the gzip header is damaged"));
        }
        self.source.consume(10);
        if flags & 4 != 0 {
            let low = self.source.byte()?.ok_or(Broken::Cut)?;
            let high = self.source.byte()?.ok_or(Broken::Cut)?;
            for _ in 0..u16::from_le_bytes([low, high]) {
                self.source.byte()?.ok_or(Broken::Cut)?;
            }
        }
        // A name and a comment, each to its zero byte.
        for flag in [8, 16] {
            let mut length = 0;
            while flags & flag != 0 && self.source.byte()?.ok_or(Broken::Cut)? != 0 {
                length += 1;
                if length > GZIP_HEADER_BYTES {
                    return Err(Broken::Damaged("the gzip header is too long"));
                }
            }
        }
        if flags & 2 != 0 {
            self.source.byte()?.ok_or(Broken::Cut)?;
            self.source.byte()?.ok_or(Broken::Cut)?;
        }
        self.state = State::Body;
        Ok(None)
    }

    /// Inflates; `None` after the last byte of a member.
    fn body(&mut self, out: &mut [u8]) -> Result<Option<usize>, Broken> {
        loop {
            let input = self.source.need(1)?;
            let nothing_left = input.is_empty();
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, out, FlushDecompress::None);
            let consumed = (self.inflate.total_in() - read) as usize;
            let produced = (self.inflate.total_out() - written) as usize;
            self.source.consume(consumed);
            let text = out.get(..produced).unwrap_or_default();
            self.sum.update(text);
            match status {
                Ok(Status::StreamEnd) => {
                    self.check_trailer()?;
                    self.state = State::Between;
                    return Ok((produced > 0).then_some(produced));
                }
                Err(_) => return Err(Broken::Damaged("the gzip stream is damaged")),
                Ok(_) if produced > 0 => return Ok(Some(produced)),
                Ok(_) if nothing_left => return Err(Broken::Cut),
                Ok(_) if consumed == 0 => {
                    return Err(Broken::Damaged("the gzip stream is damaged"));
                }
                Ok(_) => {}
            }
        }
    }

    fn check_trailer(&mut self) -> Result<(), Broken> {
        let trailer = self.source.need(8)?;
        let Some(&[a, b, c, d, e, f, g, h]) = trailer.first_chunk::<8>() else {
            return Err(Broken::Cut);
        };
        self.source.consume(8);
        let sum = u32::from_le_bytes([a, b, c, d]);
        let size = u32::from_le_bytes([e, f, g, h]);
        // The size is counted modulo 2³².
        if sum != self.sum.clone().finalize() || size != self.inflate.total_out() as u32 {
            return Err(Broken::Damaged("the checksum of the gzip stream does not match"));
        }
        Ok(())
    }

    fn fault_of(&mut self, broken: Broken) -> Fault {
        let at = self.stored();
        let fault = |kind, reason: &str| Fault::new(Place::Byte(at), kind, reason);
        match broken {
            Broken::Cut => fault(FaultKind::Truncated, "the gzip stream is cut off"),
            Broken::Damaged(reason) => fault(FaultKind::Corrupt, reason),
            Broken::Source(error) => {
                self.state = State::Done;
                unreadable(at, &error)
            }
        }
    }

    /// Looks for a member behind the beginning of the one that broke. A stream that is cut runs on
    /// into the member behind it before it shows that it is damaged.
    fn find_member(&mut self) {
        self.state = State::Done;
        if self.broken >= BROKEN_MEMBERS {
            return;
        }
        let window = self.stored().saturating_sub(KEPT as u64 / 2);
        self.source.seek(window.max(self.member + 1).max(self.source.base));
        loop {
            let Ok(text) = self.source.need(10) else { return };
            let short = text.len() < 10;
            let found = memchr::memmem::find(text, &[0x1f, 0x8b, 8]);
            if let Some(at) = found {
                self.source.consume(at);
                if self.source.need(10).is_ok_and(is_header) {
                    self.state = State::Between;
                    return;
                }
                self.source.consume(1);
            } else if short {
                return;
            } else {
                let skip = text.len() - 2;
                self.source.consume(skip);
            }
        }
    }
}

/// Whether ten bytes are a header that some program writes, not just three bytes by chance.
fn is_header(bytes: &[u8]) -> bool {
    matches!(
        bytes.first_chunk::<10>(),
        Some(&[0x1f, 0x8b, 8, flags, _, _, _, _, speed, system])
            if flags & 0xe0 == 0 && matches!(speed, 0 | 2 | 4) && (system <= 13 || system == 255)
    )
}

fn unreadable(byte: u64, error: &io::Error) -> Fault {
    Fault::new(Place::Byte(byte), FaultKind::Unreadable, crate::viewer::plain(&error.to_string()))
}
