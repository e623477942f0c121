use super::*;
use crate::limits::LINE_BYTES;
use std::io::Write;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
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
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for _ in 0..(80 << 20) / line.len() {
        encoder.write_all(&line).unwrap();
    }
    let mut faults = Faults::default();
    let packed = encoder.finish().unwrap();
    read_lines(
        packed.as_slice(),
        &Limits::default(),
        &mut faults,
        |_, _| ControlFlow::Continue(()),
    );
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
