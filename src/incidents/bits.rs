//! Numbers as bits, for the state that is kept of a series.

use super::encode::DecodeError;
use super::series::Bucket;

/// No moment that a log may hold is farther from the epoch: nine thousand years.
const FARTHEST: Bucket = 1 << 30;

/// Bits on their way out, the highest of each byte first.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    used: u32,
}

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn bits(&mut self, value: u64, width: u32) {
        for place in (0..width).rev() {
            let bit = u8::from(value >> place & 1 == 1);
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used % 8);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    pub fn flag(&mut self, value: bool) {
        self.bits(u64::from(value), 1);
    }

    /// A number behind its length.
    pub fn number(&mut self, value: u64) {
        let width = u64::BITS - value.leading_zeros();
        self.bits(u64::from(width), 7);
        self.bits(value, width);
    }

    pub fn signed(&mut self, value: i64) {
        self.flag(value < 0);
        self.number(value.unsigned_abs());
    }

    pub fn float(&mut self, value: f64) {
        self.bits(value.to_bits(), 64);
    }
}

/// Bits on their way in.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub fn bits(&mut self, width: u32) -> Result<u64, DecodeError> {
        let mut value = 0;
        for _ in 0..width {
            let byte = self.bytes.get(self.at / 8).ok_or(DecodeError::Truncated)?;
            value = value << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    pub fn flag(&mut self) -> Result<bool, DecodeError> {
        Ok(self.bits(1)? == 1)
    }

    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let width = self.bits(7)?;
        if width > 64 {
            return Err(DecodeError::Impossible("number"));
        }
        self.bits(u32::try_from(width).unwrap_or(64))
    }

    /// A bucket, an hour, or the distance between two.
    pub fn bucket(&mut self) -> Result<Bucket, DecodeError> {
        let negative = self.flag()?;
        let value = i64::try_from(self.number()?).unwrap_or(i64::MAX);
        if value > FARTHEST {
            return Err(DecodeError::Impossible("moment"));
        }
        Ok(if negative { -value } else { value })
    }

    pub fn positive(&mut self) -> Result<f64, DecodeError> {
        let value = f64::from_bits(self.bits(64)?);
        if value.is_finite() && value >= 0.0 {
            Ok(value)
        } else {
            Err(DecodeError::Impossible("level"))
        }
    }

    pub fn width(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::try_from(self.bits(5)?).unwrap_or(0))
    }

    pub fn count(&mut self, width: u32) -> Result<u32, DecodeError> {
        Ok(u32::try_from(self.bits(width)?).unwrap_or(u32::MAX))
    }

    /// What is left of the last byte must be empty.
    pub fn end(&mut self) -> Result<(), DecodeError> {
        let left = (self.bytes.len() * 8).saturating_sub(self.at);
        let rest = self.bits(u32::try_from(left.min(7)).unwrap_or(0))?;
        if left > 7 || rest != 0 { Err(DecodeError::Trailing) } else { Ok(()) }
    }
}
