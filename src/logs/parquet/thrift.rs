//! Thrift's compact protocol, as far as Parquet's index and page headers need it: fields are read
//! by number, and everything else is stepped over.

/// Structures inside structures that are followed; Parquet's own go six deep.
const DEPTH: usize = 12;

/// Reads one structure after another from bytes. `None` is always a value that is not there or not
/// whole.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The type of a field, which says how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    True,
    False,
    Integer,
    Byte,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Type {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::True,
            2 => Self::False,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            _ => return None,
        })
    }
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of some bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that were read.
    pub fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn step(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number.
    pub fn integer(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// A number that is a length, an offset or a count.
    pub fn size(&mut self) -> Option<usize> {
        usize::try_from(self.integer()?).ok()
    }

    /// Bytes with their length before them.
    pub fn binary(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let end = self.at.checked_add(length)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// How many elements a list has, each of them at least a byte, and their type.
    pub fn list(&mut self) -> Option<(usize, Type)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            short => usize::from(short),
        };
        let left = self.bytes.len().saturating_sub(self.at);
        (count <= left).then_some((count, Type::of(head & 15)?))
    }

    /// Reads a structure. `field` gets each field's number and type and reads it from the reader,
    /// or answers `Some(false)` to have it stepped over.
    pub fn fields(
        &mut self,
        mut field: impl FnMut(i64, Type, &mut Self) -> Option<bool>,
    ) -> Option<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.integer()?,
                delta => id.checked_add(i64::from(delta))?,
            };
            let kind = Type::of(head & 15)?;
            if !field(id, kind, self)? {
                self.skip(kind, DEPTH)?;
            }
        }
    }

    fn skip(&mut self, kind: Type, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            Type::True | Type::False => {}
            Type::Byte => self.step(1)?,
            Type::Integer => _ = self.varint()?,
            Type::Double => self.step(8)?,
            Type::Binary => _ = self.binary()?,
            Type::List => {
                let (count, kind) = self.list()?;
                for _ in 0..count {
                    self.skip_element(kind, depth)?;
                }
            }
            Type::Map => {
                let count = usize::try_from(self.varint()?).ok()?;
                if count > self.bytes.len().saturating_sub(self.at) {
                    return None;
                }
                if count > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Type::of(kinds >> 4)?, Type::of(kinds & 15)?);
                    for _ in 0..count {
                        self.skip_element(key, depth)?;
                        self.skip_element(value, depth)?;
                    }
                }
            }
            Type::Struct => {
                let mut id = 0i64;
                loop {
                    let head = self.byte()?;
                    if head == 0 {
                        break;
                    }
                    id = match head >> 4 {
                        0 => self.integer()?,
                        delta => id.checked_add(i64::from(delta))?,
                    };
                    self.skip(Type::of(head & 15)?, depth)?;
                }
            }
        }
        Some(())
    }

    /// In lists and maps a truth value takes a byte, which it does not as a field.
    fn skip_element(&mut self, kind: Type, depth: usize) -> Option<()> {
        match kind {
            Type::True | Type::False => self.byte().map(|_| ()),
            kind => self.skip(kind, depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_promises_more_than_there_is_ends_at_once() {
        // Field 1, a map of 2^62 pairs of bytes.
        let count = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
        let bytes = [&[0x1b][..], &count, &[0x33, 0, 0]].concat();
        assert!(Reader::new(&bytes).fields(|_, _, _| Some(false)).is_none());
    }
}
