//! Text to lines, which cannot grow without end. Where a line is a JSON object, a line is one
//! object: they come with a newline between them, or nothing, or spread over several lines.

use std::io::Read;
use std::ops::ControlFlow;

use super::fault::{Fault, FaultKind, Faults, Place};
use super::unpack::Unpacked;
use super::{envelope, objects};
use crate::limits::{Limits, RATIO_FREE_BYTES};

/// Bytes by which the text is read.
const STEP: usize = 256 << 10;

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
    let mut buffer = vec![0u8; STEP];
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
                    self.line(line, start, faults)?;
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
                        let byte = self.offset + start as u64;
                        let place = Place::Line { line: self.number, byte };
                        let reason = format!("longer than {most} bytes");
                        faults.push(Fault::new(place, FaultKind::LineTooLong, reason));
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
mod tests {
    use super::*;
    use crate::limits::LINE_BYTES;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn lines(bytes: &[u8]) -> (Vec<(u64, u64, String)>, Faults) {
        let (mut out, mut faults) = (Vec::new(), Faults::default());
        read_lines(bytes, &Limits::default(), &mut faults, |line, _| {
            out.push((line.number, line.byte, String::from_utf8_lossy(line.bytes).into_owned()));
            ControlFlow::Continue(())
        });
        (out, faults)
    }

    #[test]
    fn members_one_after_another_are_one_text() {
        let packed = [gzip(b"a\r\nb"), gzip(b"b\n\nc")].concat();
        let (out, faults) = lines(&packed);
        let text: Vec<_> = out.iter().map(|(n, b, t)| (*n, *b, t.as_str())).collect();
        assert_eq!(text, [(1, 0, "a"), (2, 3, "bb"), (3, 6, ""), (4, 7, "c")]);
        assert!(faults.is_empty());
    }

    // See: coralogix-aws-shipper `gunzip`: half a gzip stream was taken for the whole.
    #[test]
    fn a_cut_stream_is_named_and_what_came_before_is_read() {
        let text: String = (0..5000).map(|n| format!("line {n} {}\n", n * 7919)).collect();
        let packed = gzip(text.as_bytes());
        let (out, faults) = lines(packed.get(..packed.len() / 2).unwrap());
        assert!(out.len() > 1000, "{}", out.len());
        let fault = faults.of_the_object().unwrap();
        assert_eq!(fault.kind, FaultKind::Truncated);
        assert!(matches!(fault.place, Place::Byte(byte) if byte > 1000));
    }

    // See: lambda-promtail `bufio.Scanner`: a line over 64 KiB ended the file silently.
    #[test]
    fn a_line_that_is_too_long_is_one_fault_and_the_rest_is_read() {
        let mut text = b"first\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * LINE_BYTES));
        text.extend(b"\nlast\n");
        let (out, faults) = lines(&gzip(&text));
        assert_eq!(out.iter().map(|l| l.2.as_str()).collect::<Vec<_>>(), ["first", "last"]);
        assert_eq!(faults.count(), 1);
        assert_eq!(faults.kept().first().unwrap().place, Place::Line { line: 2, byte: 6 });
        let last = out.last().unwrap();
        assert_eq!((last.0, last.1), (3, 6 + 3 * LINE_BYTES as u64 + 1));
    }

    #[test]
    fn a_bomb_is_over_the_limit() {
        let line = [vec![b'x'; 4095], vec![b'\n']].concat();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..(80 << 20) / line.len() {
            encoder.write_all(&line).unwrap();
        }
        let mut faults = Faults::default();
        let packed = encoder.finish().unwrap();
        read_lines(packed.as_slice(), &Limits::default(), &mut faults, |_, _| {
            ControlFlow::Continue(())
        });
        assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::OverLimit);
    }

    #[test]
    fn a_damaged_stream_is_corrupt() {
        let mut packed = gzip(&vec![b'a'; 100_000]);
        let middle = packed.len() - 6;
        packed[middle] ^= 0xff;
        let (_, faults) = lines(&packed);
        assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::Corrupt);
    }

    #[test]
    fn a_damaged_member_does_not_cost_the_good_ones_around_it() {
        let good = |n: usize| {
            (0..2000).map(|line| format!("{n} {line} {}\n", line * 7919)).collect::<String>()
        };
        for damage in ["byte", "cut", "checksum", "garbage"] {
            let mut middle = gzip(good(2).as_bytes());
            match damage {
                "byte" => middle[800..900].fill(0xff),
                "cut" => middle.truncate(900),
                "checksum" => *middle.last_mut().unwrap() ^= 1,
                _ => middle = b"no gzip at all, but text of some length".to_vec(),
            }
            let whole = [gzip(good(1).as_bytes()), middle, gzip(good(3).as_bytes())].concat();
            let (out, faults) = lines(&whole);
            let of = |n: &str| out.iter().filter(|line| line.2.starts_with(n)).count();
            assert_eq!((of("1 "), of("3 ")), (2000, 2000), "{damage}");
            assert_eq!(faults.count(), 1, "{damage}: {:?}", faults.kept());
            let fault = faults.of_the_object().unwrap();
            assert!(matches!(fault.place, Place::Byte(byte) if byte > 1000), "{damage}");
        }
    }

    #[test]
    fn a_stream_of_broken_members_ends() {
        let cut = gzip(b"one line\nanother line\n");
        let cut = &cut[..cut.len() - 4];
        let (out, faults) = lines(&cut.repeat(10_000));
        assert!(out.len() < 1000, "{}", out.len());
        assert!(faults.count() < 100, "{}", faults.count());
    }

    #[test]
    fn zeros_behind_the_last_member_are_padding() {
        let (out, faults) = lines(&[gzip(b"a\n"), vec![0; 700]].concat());
        assert_eq!((out.len(), faults.count()), (1, 0));
    }

    #[test]
    fn objects_come_one_by_one_whatever_is_between_them() {
        let text = b"{\"a\":1}{\"b\":\"}{\"}\n{\"c\":{}}\r\n{\n \"d\": 1\n}\n{\"e\":1}";
        let (out, faults) = lines(text);
        let text: Vec<_> = out.iter().map(|line| (line.0, line.1, line.2.as_str())).collect();
        assert_eq!(
            text,
            [
                (1, 0, "{\"a\":1}"),
                (1, 7, "{\"b\":\"}{\"}"),
                (2, 18, "{\"c\":{}}"),
                (3, 28, "{\n \"d\": 1\n}"),
                (6, 40, "{\"e\":1}"),
            ]
        );
        assert!(faults.is_empty());
    }

    // Firehose writes objects without a newline, up to 128 MB of them.
    #[test]
    fn a_stream_of_objects_without_newlines_is_no_long_line() {
        let record = format!("{{\"a\":\"{}\"}}", "x".repeat(1000));
        let (out, faults) = lines(record.repeat(5000).as_bytes());
        assert_eq!(out.len(), 5000);
        assert!(faults.is_empty());
    }

    #[test]
    fn an_object_without_end_is_one_fault() {
        let (out, faults) = lines(&[b"{".repeat(9 << 20), b"\nlast".to_vec()].concat());
        assert_eq!(out.iter().map(|l| l.2.as_str()).collect::<Vec<_>>(), ["last"]);
        assert_eq!(faults.kept().first().unwrap().kind, FaultKind::LineTooLong);
    }
}
