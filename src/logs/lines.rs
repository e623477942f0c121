//! Text to lines, which cannot grow without end. Where a line is a JSON object, a line is one
//! object: they come with a newline between them, or nothing, or spread over several lines.

use std::cell::Cell;
use std::io::Read;
use std::ops::ControlFlow;

use super::fault::{Fault, FaultKind, Faults, Place};
use super::unpack::Unpacked;
use super::{envelope, objects};
use crate::limits::{Limits, RATIO_FREE_BYTES};

/// Bytes by which the text is read.
const STEP: usize = 256 << 10;

thread_local! {
    /// The buffer of the last object, for the next one of the same thread.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One line: its number (from one), the offset of its first byte after unpacking, and its bytes
/// without line end.
pub struct Line<'a> {
    /// Number of the line, from one.
    pub number: u64,
    /// Offset of its first byte in the unpacked text.
    pub byte: u64,
    /// The bytes, without `\n` and without a `\r` before it.
    pub bytes: &'a [u8],
}

impl Line<'_> {
    /// The place of a fault in this line.
    pub fn place(&self) -> Place {
        Place::Line { line: self.number, byte: self.byte }
    }
}

/// Reads the lines of one stored object and hands each to `each`.
///
/// What cannot be read is a fault; everything before it, and after it where there is one, is read.
/// Only an error of the source itself (a disk, a network) ends the object early, also as a fault,
/// and so does `each` when it has seen enough.
pub fn read_lines<R: Read>(
    source: R,
    limits: &Limits,
    faults: &mut Faults,
    each: impl FnMut(Line<'_>, &mut Faults) -> ControlFlow<()>,
) {
    match Unpacked::open(source) {
        Ok(unpacked) => read_text(unpacked, limits, faults, each),
        Err(fault) => faults.push(fault),
    }
}

/// Reads the lines of an object that was opened.
pub fn read_text<R: Read>(
    mut unpacked: Unpacked<R>,
    limits: &Limits,
    faults: &mut Faults,
    each: impl FnMut(Line<'_>, &mut Faults) -> ControlFlow<()>,
) {
    let mut text = Text { each, limits, number: 0, offset: 0, skipping: false, wait: 0 };
    let mut buffer = SPARE.take();
    buffer.resize(STEP, 0);
    let mut filled = 0usize; // bytes of `buffer` that were not yet handed out
    while let Some(free) = buffer.get_mut(filled..) {
        let read = unpacked.read(free);
        if let Ok(bytes) = read {
            filled += bytes;
        }
        let ended = matches!(read, Ok(0));
        let ready = buffer.get(..filled).unwrap_or_default();
        let done = match text.take(ready, ended, faults) {
            ControlFlow::Continue(done) => done,
            ControlFlow::Break(()) => break,
        };
        if ended {
            break;
        }
        buffer.copy_within(done..filled, 0);
        filled -= done;
        text.offset += done as u64;
        if let Err(fault) = read {
            // The line in which the stream broke is part of what could not be read, and what comes
            // next is not its end.
            faults.push(fault);
            text.offset += filled as u64;
            filled = 0;
            text.skipping = false;
        }
        if filled == buffer.len() {
            let most = limits.longest_line().saturating_add(STEP);
            buffer.resize((buffer.len() * 2).min(most), 0);
        } else if filled < STEP / 2 && buffer.len() > 8 * STEP {
            buffer.truncate(STEP);
            buffer.shrink_to_fit();
        }
        let bytes = text.offset + filled as u64;
        let stored = unpacked.stored();
        let reason = if bytes > limits.object_bytes
            || (bytes > RATIO_FREE_BYTES && bytes / stored.max(1) > limits.object_ratio)
        {
            Some(format!("{stored} bytes unpack to more than {bytes}"))
        } else if text.number > limits.object_lines {
            Some(format!("more than {} lines", limits.object_lines))
        } else {
            None
        };
        if let Some(reason) = reason {
            faults.push(Fault::new(Place::Byte(stored), FaultKind::OverLimit, reason));
            break;
        }
    }
    unpacked.close();
    buffer.truncate(STEP);
    buffer.shrink_to(STEP);
    SPARE.set(buffer);
}

/// Where in the text reading is.
struct Text<'a, F> {
    each: F,
    limits: &'a Limits,
    /// The number of the last line.
    number: u64,
    /// The offset of the first byte that was not yet handed out.
    offset: u64,
    /// Inside a line that is too long.
    skipping: bool,
    /// An object whose end was not in so many bytes is looked at again in twice as many, so that
    /// one without end costs its length and not the square of it.
    wait: usize,
}

impl<F: FnMut(Line<'_>, &mut Faults) -> ControlFlow<()>> Text<'_, F> {
    /// Hands out the whole lines at the beginning of `text` and says how many bytes they were.
    fn take(&mut self, text: &[u8], ended: bool, faults: &mut Faults) -> ControlFlow<(), usize> {
        let mut start = 0usize;
        // A byte order mark, which only an editor writes.
        if self.offset == 0 && text.starts_with(b"\xef\xbb\xbf") && self.number == 0 {
            start = 3;
        }
        loop {
            let rest = text.get(start..).unwrap_or_default();
            if self.skipping {
                match memchr::memchr(b'\n', rest) {
                    Some(end) => {
                        self.skipping = false;
                        start += end + 1;
                        continue;
                    }
                    None => return ControlFlow::Continue(text.len()),
                }
            }
            match memchr::memchr(b'\n', rest) {
                Some(end) => {
                    let line = rest.get(..end).unwrap_or_default();
                    // Somebody's tool wrote an object over several lines.
                    if line.trim_ascii() == b"{" {
                        match self.spread(rest, start, ended, faults)? {
                            Spread::Object(length) => {
                                start += length;
                                continue;
                            }
                            Spread::Wait => return ControlFlow::Continue(start),
                            Spread::None => {}
                        }
                    }
                    self.number += 1;
                    // However much of the text came at once.
                    if end > self.limits.line_bytes && !line.starts_with(b"{") {
                        faults.push(self.too_long(start, self.limits.line_bytes));
                    } else {
                        self.line(line, start, faults)?;
                    }
                    start += end + 1;
                }
                None if ended => {
                    if !rest.is_empty() {
                        self.number += 1;
                        self.line(rest, start, faults)?;
                    }
                    return ControlFlow::Continue(text.len());
                }
                None if rest.len() < self.wait => return ControlFlow::Continue(start),
                None if rest.len() >= self.limits.line_bytes => {
                    let length = self.objects(rest, start, faults)?;
                    start += length;
                    let most = if rest.starts_with(b"{") {
                        self.limits.longest_line()
                    } else {
                        self.limits.line_bytes
                    };
                    if length == 0 && rest.len() >= most {
                        self.number += 1;
                        faults.push(self.too_long(start, most));
                        self.skipping = true;
                        self.wait = 0;
                    } else {
                        self.wait = if length == 0 { most.min(rest.len() * 2) } else { 0 };
                        return ControlFlow::Continue(start);
                    }
                }
                None => return ControlFlow::Continue(start),
            }
        }
    }

    fn too_long(&self, start: usize, most: usize) -> Fault {
        let place = Place::Line { line: self.number, byte: self.offset + start as u64 };
        Fault::new(place, FaultKind::LineTooLong, format!("longer than {most} bytes"))
    }

    /// Hands out one line, or each of the objects in it.
    fn line(&mut self, line: &[u8], start: usize, faults: &mut Faults) -> ControlFlow<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut at = 0;
        if line.starts_with(b"{") && memchr::memmem::find(line, b"}{").is_some() {
            at = self.objects(line, start, faults)?;
            if at == line.len() {
                return ControlFlow::Continue(());
            }
        }
        self.unit(line.get(at..).unwrap_or_default(), start + at, faults)
    }

    /// Hands out the whole objects at the beginning of a text and says how many bytes they were.
    fn objects(
        &mut self,
        text: &[u8],
        start: usize,
        faults: &mut Faults,
    ) -> ControlFlow<(), usize> {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| rest.starts_with(b"{")) {
            let Some(end) = objects::end(rest) else { break };
            self.unit(rest.get(..end).unwrap_or_default(), start + at, faults)?;
            at += end;
            at += objects::gap(text.get(at..).unwrap_or_default());
        }
        ControlFlow::Continue(at)
    }

    /// Hands out an object that is spread over several lines, if it is one.
    fn spread(
        &mut self,
        rest: &[u8],
        start: usize,
        ended: bool,
        faults: &mut Faults,
    ) -> ControlFlow<(), Spread> {
        if rest.len() < self.wait && !ended {
            return ControlFlow::Continue(Spread::Wait);
        }
        match objects::end(rest) {
            Some(end) => {
                self.wait = 0;
                let object = rest.get(..end).unwrap_or_default();
                self.number += 1;
                self.unit(object, start, faults)?;
                self.number += memchr::memchr_iter(b'\n', object).count() as u64;
                let behind = rest.get(end..).unwrap_or_default();
                let line_end = objects::gap(behind);
                ControlFlow::Continue(Spread::Object(end + line_end))
            }
            None if !ended && rest.len() < self.limits.json_bytes => {
                self.wait = self.limits.json_bytes.min(rest.len() * 2);
                ControlFlow::Continue(Spread::Wait)
            }
            None => {
                self.wait = 0;
                ControlFlow::Continue(Spread::None)
            }
        }
    }

    fn unit(&mut self, bytes: &[u8], start: usize, faults: &mut Faults) -> ControlFlow<()> {
        let (number, byte) = (self.number, self.offset + start as u64);
        let ended = envelope::open(bytes, |bytes| {
            (self.each)(Line { number, byte, bytes }, faults).is_break().then_some(())
        });
        match ended {
            Some(()) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

/// What a line that is nothing but an opening brace begins.
enum Spread {
    /// An object of so many bytes, which was handed out.
    Object(usize),
    /// An object whose end is not yet there.
    Wait,
    /// No object.
    None,
}

#[cfg(test)]
mod tests;
