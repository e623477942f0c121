use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding};
use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;

use super::*;
use crate::logs::record::{Column as Cell, Refusal};

const SCHEMA: &str = "message log {
    required binary date (utf8); optional binary time (utf8); optional binary sc_status (utf8);
    optional binary cs_uri_stem (utf8); optional binary cs_host (utf8);
    optional binary sc_content_len (utf8); optional binary a_column_of_2031 (utf8); }";

/// Three columns of which may be null: every seventh length is.
fn file(properties: WriterProperties, rows: usize) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
    for half in [0..rows / 2, rows / 2..rows] {
        let mut group = writer.next_row_group().unwrap();
        for column in 0..7 {
            let text = |row: usize| match column {
                0 => Some("2026-03-10".to_owned()),
                1 => Some(format!("14:00:{:02}", row % 60)),
                2 => Some("403".to_owned()),
                3 => Some(format!("/{row}")),
                4 => Some("d1.cloudfront.net".to_owned()),
                5 => (!row.is_multiple_of(7)).then(|| row.to_string()),
                _ => Some("x".to_owned()),
            };
            let values: Vec<ByteArray> =
                half.clone().filter_map(|row| text(row).map(|t| t.into_bytes().into())).collect();
            let levels: Vec<i16> = half.clone().map(|row| i16::from(text(row).is_some())).collect();
            let levels = (column > 0).then_some(levels);
            let mut writer = group.next_column().unwrap().unwrap();
            let typed = writer.typed::<ByteArrayType>();
            typed.write_batch(&values, levels.as_deref(), None).unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    out
}

fn rows(object: &[u8]) -> (Vec<Refusal>, Faults, Result<(), Fault>) {
    let (mut out, mut faults) = (Vec::new(), Faults::default());
    let read = read(object, &Limits::default(), &mut faults, |row, _| {
        out.push(row.refusal());
        Ok(())
    });
    (out, faults, read)
}

#[test]
fn every_way_of_writing_strings_gives_the_same_rows() {
    for codec in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(Default::default())]
    {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for dictionary in [true, false] {
                let properties = WriterProperties::builder()
                    .set_compression(codec)
                    .set_writer_version(version)
                    .set_dictionary_enabled(dictionary)
                    .set_data_page_row_count_limit(100)
                    .set_write_batch_size(50);
                // Without a dictionary the second version would choose prefixes.
                let properties = match dictionary {
                    true => properties,
                    false => properties.set_encoding(Encoding::PLAIN),
                };
                let (rows, faults, read) = rows(&file(properties.build(), 1500));
                assert_eq!((read, faults.count()), (Ok(()), 0), "{codec:?} {version:?}");
                assert_eq!(rows.len(), 1500);
                for (number, row) in rows.iter().enumerate() {
                    assert_eq!(row.path.shown(), format!("/{number}"));
                    assert_eq!(row.time.as_second() % 60, number as i64 % 60);
                    let length = match number % 7 {
                        0 => Cell::Dash,
                        _ => Cell::Value(number as u64),
                    };
                    assert_eq!(row.content_length, length);
                    assert_eq!(row.request_id, None);
                    assert_eq!(row.content_type, Cell::Missing);
                }
            }
        }
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let prefixes = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY)
        .build();
    let (rows, faults, _) = rows(&file(prefixes, 10));
    assert!(rows.is_empty());
    let reasons: Vec<_> = faults.kept().iter().map(|fault| fault.reason.as_str()).collect();
    assert_eq!(reasons, ["strings in an encoding that is not read"; 2]);
}

#[test]
fn another_table_is_no_log() {
    let object = file(WriterProperties::builder().build(), 4);
    let at = memchr::memmem::find_iter(&object, b"sc_status").collect::<Vec<_>>();
    let mut other = object.clone();
    for at in at {
        other[at..at + 9].copy_from_slice(b"no_status");
    }
    let (_, _, read) = rows(&other);
    assert_eq!(read.unwrap_err().kind, FaultKind::NotALog);
}

#[test]
fn no_cut_and_no_damage_ends_in_a_panic() {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let object = file(properties, 40);
    for length in 0..object.len() {
        let (_, _, read) = rows(&object[..length]);
        assert!(read.is_err());
    }
    for at in 0..object.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = object.clone();
            damaged[at] ^= flip;
            let _ = rows(&damaged);
        }
    }
}

#[test]
fn a_group_that_promises_rows_without_bytes_is_cut_off() {
    let object = file(WriterProperties::builder().build(), 4);
    let mut index = index(&object).unwrap();
    assert_eq!(index.groups.iter().map(|group| group.rows).sum::<u64>(), 4);
    index.groups[0].rows = u64::MAX;
    let mut faults = Faults::default();
    let group = &index.groups[0];
    for (budget, kind) in [(1 << 20, FaultKind::Truncated), (10, FaultKind::Corrupt)] {
        let budget = Budget { stored: 1 << 20, unpacked: budget, open: 1 << 20 };
        let mut state = State { clock: Clock::default(), budget };
        let read =
            read_group(&object, group, &index, 1, &mut state, &mut faults, &mut |_, _| Ok(()));
        assert_eq!(read.unwrap_err().1, kind);
    }
}

/// An object with more row groups than bytes for them: each says that it lies where the first lies.
#[test]
fn columns_that_lie_in_each_other_are_not_read_again_and_again() {
    let object = file(WriterProperties::builder().build(), 4);
    let index = index(&object).unwrap();
    let (mut read, mut faults) = (0, Faults::default());
    let budget = Budget { stored: object.len(), unpacked: 1 << 20, open: 1 << 20 };
    let mut state = State { clock: Clock::default(), budget };
    for _ in 0..4096 {
        let group = &index.groups[0];
        read += u32::from(
            read_group(&object, group, &index, 1, &mut state, &mut faults, &mut |_, _| Ok(()))
                .is_ok(),
        );
    }
    assert!((1..20).contains(&read), "{read}");
}

#[test]
fn pages_that_together_are_too_large_are_not_opened() {
    let object = file(WriterProperties::builder().build(), 1000);
    let mut faults = Faults::default();
    let limits = Limits { parquet_open_bytes: 4000, ..Limits::default() };
    read(&object, &limits, &mut faults, |_, _| Ok(())).unwrap();
    assert!(faults.kept().iter().all(|fault| fault.kind == FaultKind::OverLimit));
    assert_eq!(faults.count(), 2);
}
