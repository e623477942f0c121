//! Bytes to lines: unpacking with limits, and lines that cannot grow without end.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;

use super::fault::{Fault, FaultKind, Faults, Place};
use crate::limits::{LINE_BYTES, OBJECT_BYTES, OBJECT_RATIO, RATIO_FREE_BYTES};

/// Counts what was read of the stored object.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        Ok(n)
    }
}

/// The two ways an object is stored; told by its first two bytes, never by its name.
enum Unpacked<R: Read> {
    Plain(BufReader<Counted<R>>),
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
}

impl<R: Read> Unpacked<R> {
    /// Bytes of the stored object that have been consumed, for the place of a fault.
    fn stored(&self) -> u64 {
        match self {
            Self::Plain(reader) => reader.get_ref().read - reader.buffer().len() as u64,
            Self::Gzip(decoder) => {
                let reader = decoder.get_ref();
                reader.get_ref().read - reader.buffer().len() as u64
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
        }
    }
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
    faults: &mut Faults,
    mut each: impl FnMut(Line<'_>, &mut Faults) -> ControlFlow<()>,
) {
    let mut reader = BufReader::with_capacity(64 << 10, Counted { inner: source, read: 0 });
    let packed = match reader.fill_buf() {
        Ok(start) => start.starts_with(&[0x1f, 0x8b]),
        Err(error) => {
            faults.push(unreadable(0, &error));
            return;
        }
    };
    let mut unpacked = if packed {
        Unpacked::Gzip(Box::new(MultiGzDecoder::new(reader)))
    } else {
        Unpacked::Plain(reader)
    };

    let mut buffer = vec![0u8; 256 << 10];
    let mut filled = 0usize; // bytes of `buffer` that hold text not yet handed out
    let mut offset = 0u64; // unpacked offset of buffer[0]
    let mut number = 0u64;
    let mut skipping = false; // inside a line that is too long
    while let Some(free) = buffer.get_mut(filled..) {
        let n = match unpacked.read(free) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                faults.push(stream_fault(unpacked.stored(), &error));
                0
            }
        };
        filled += n;
        let end_of_text = n == 0;
        let text = buffer.get(..filled).unwrap_or_default();
        let mut start = 0usize;
        while let Some(length) = text.get(start..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let line = text.get(start..start + length).unwrap_or_default();
            if skipping {
                skipping = false;
            } else {
                number += 1;
                let bytes = line.strip_suffix(b"\r").unwrap_or(line);
                let line = Line { number, byte: offset + start as u64, bytes };
                if each(line, faults).is_break() {
                    return;
                }
            }
            start += length + 1;
        }
        let rest = text.get(start..).unwrap_or_default();
        if end_of_text {
            if !rest.is_empty() && !skipping {
                number += 1;
                let bytes = rest.strip_suffix(b"\r").unwrap_or(rest);
                let line = Line { number, byte: offset + start as u64, bytes };
                // Nothing follows the last line, so whether the reader has had enough is moot.
                let _ = each(line, faults);
            }
            break;
        }
        let rest_length = rest.len();
        if skipping {
            offset += filled as u64;
            filled = 0;
        } else if rest_length >= LINE_BYTES {
            number += 1;
            let place = Place::Line { line: number, byte: offset + start as u64 };
            let reason = format!("longer than {LINE_BYTES} bytes");
            faults.push(Fault::new(place, FaultKind::LineTooLong, reason));
            skipping = true;
            offset += filled as u64;
            filled = 0;
        } else {
            offset += start as u64;
            buffer.copy_within(start..filled, 0);
            filled = rest_length;
            if filled == buffer.len() {
                buffer.resize((buffer.len() * 2).min(LINE_BYTES + (256 << 10)), 0);
            }
        }
        let unpacked_bytes = offset + filled as u64;
        let stored = unpacked.stored();
        if unpacked_bytes > OBJECT_BYTES
            || (unpacked_bytes > RATIO_FREE_BYTES && unpacked_bytes / stored.max(1) > OBJECT_RATIO)
        {
            let reason = format!("{stored} bytes unpack to more than {unpacked_bytes}");
            faults.push(Fault::new(Place::Byte(stored), FaultKind::OverLimit, reason));
            break;
        }
    }
}

fn unreadable(byte: u64, error: &io::Error) -> Fault {
    Fault::new(Place::Byte(byte), FaultKind::Unreadable, crate::viewer::plain(&error.to_string()))
}

fn stream_fault(byte: u64, error: &io::Error) -> Fault {
    let (kind, reason) = match error.kind() {
        io::ErrorKind::UnexpectedEof => (FaultKind::Truncated, "the gzip stream is cut off"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            (FaultKind::Corrupt, "the gzip stream is damaged")
        }
        _ => return unreadable(byte, error),
    };
    Fault::new(Place::Byte(byte), kind, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn lines(bytes: &[u8]) -> (Vec<(u64, u64, String)>, Faults) {
        let (mut out, mut faults) = (Vec::new(), Faults::default());
        read_lines(bytes, &mut faults, |line, _| {
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
        read_lines(encoder.finish().unwrap().as_slice(), &mut faults, |_, _| {
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
}
