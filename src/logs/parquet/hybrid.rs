//! Parquet's mixture of runs and packed bits, in which levels and dictionary indices are written.

/// A place in such a mixture. It holds offsets and not the bytes, which it is given each time.
#[derive(Clone, Copy, Debug)]
pub struct Hybrid {
    at: usize,
    end: usize,
    /// Bits of one value.
    width: u32,
    left: u64,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// The same value again and again.
    Same(u32),
    /// Values packed one after another, from this bit on.
    Packed(usize),
}

impl Hybrid {
    /// Values of `width` bits in `at..end` of the bytes.
    pub fn new(at: usize, end: usize, width: u32) -> Option<Self> {
        (width <= 32).then_some(Self { at, end, width, left: 0, run: Run::Same(0) })
    }

    /// The next value.
    pub fn next(&mut self, bytes: &[u8]) -> Option<u32> {
        while self.left == 0 {
            self.next_run(bytes)?;
        }
        self.left -= 1;
        match &mut self.run {
            Run::Same(value) => Some(*value),
            Run::Packed(bit) => {
                let value = packed(bytes.get(..self.end)?, *bit, self.width)?;
                *bit += self.width as usize;
                Some(value)
            }
        }
    }

    fn next_run(&mut self, bytes: &[u8]) -> Option<()> {
        let mut head = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = *bytes.get(..self.end)?.get(self.at)?;
            self.at += 1;
            head |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 35 {
                return None;
            }
        }
        if head & 1 == 1 {
            let groups = usize::try_from(head >> 1).ok()?;
            self.run = Run::Packed(self.at.checked_mul(8)?);
            self.left = (groups as u64).checked_mul(8)?;
            self.at = self.at.checked_add(groups.checked_mul(self.width as usize)?)?;
        } else {
            let length = self.width.div_ceil(8) as usize;
            let value = bytes.get(..self.end)?.get(self.at..self.at + length)?;
            self.at += length;
            let value = value.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            self.run = Run::Same(value);
            self.left = head >> 1;
        }
        Some(())
    }
}

/// The value of `width` bits that begins at a bit.
fn packed(bytes: &[u8], bit: usize, width: u32) -> Option<u32> {
    let (first, shift) = (bit / 8, bit % 8);
    let length = (shift + width as usize).div_ceil(8);
    let whole = bytes.get(first..first.checked_add(length)?)?;
    let whole = whole.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mask = (1u64 << width) - 1;
    u32::try_from(whole >> shift & mask).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_bits() {
        // A run of four sevens, then eight values of three bits: 0 to 7, as in the format's text.
        let bytes = [0x08, 0x07, 0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut hybrid = Hybrid::new(0, bytes.len(), 3).unwrap();
        let values: Vec<u32> = std::iter::from_fn(|| hybrid.next(&bytes)).collect();
        assert_eq!(values, [7, 7, 7, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
