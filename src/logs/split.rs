//! Where a byte stands in a line, sixty-four bytes at a time.
//!
//! A search from one tab to the next begins anew thirty-three times a line, which is a fifth of all
//! that reading a log costs beside unpacking it. This compares a whole block, which compilers turn
//! into vector instructions, and makes a number of it with a bit for each byte.

const BLOCK: usize = 64;

/// Notes every place of `byte`; `false` once there are more than `most`.
pub fn places(byte: u8, line: &[u8], most: usize, found: &mut Vec<usize>) -> bool {
    let (blocks, rest) = line.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        if !note(hits(byte, block), number * BLOCK, most, found) {
            return false;
        }
    }
    // What fills the last block up must not look like the byte.
    let mut last = [!byte; BLOCK];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    note(hits(byte, &last), blocks.len() * BLOCK, most, found)
}

fn note(mut hits: u64, start: usize, most: usize, found: &mut Vec<usize>) -> bool {
    while hits != 0 {
        found.push(start + hits.trailing_zeros() as usize);
        hits &= hits - 1;
    }
    found.len() <= most
}

/// A bit for each byte of a block, the first one lowest.
#[inline]
fn hits(byte: u8, block: &[u8; BLOCK]) -> u64 {
    /// Brings the lowest bits of eight bytes together in the highest one.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut ones = [0u8; BLOCK];
    for (one, each) in ones.iter_mut().zip(block) {
        *one = u8::from(*each == byte);
    }
    let (words, _) = ones.as_chunks::<8>();
    let bits = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56;
    words.iter().rev().fold(0, |all, word| all << 8 | bits(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_those_of_a_plain_search(
            line in prop::collection::vec(prop::sample::select(vec![b'\t', b'a', 0, 0xff, !b'\t']), 0..300),
            most in 0usize..80,
        ) {
            let plain: Vec<usize> =
                line.iter().enumerate().filter(|(_, b)| **b == b'\t').map(|(at, _)| at).collect();
            let mut found = Vec::new();
            let few = places(b'\t', &line, most, &mut found);
            prop_assert_eq!(few, plain.len() <= most);
            if few {
                prop_assert_eq!(found, plain);
            }
        }
    }
}
