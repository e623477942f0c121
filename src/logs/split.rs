//! Where a byte stands in a line, sixty-four bytes at a time.
//!
//! A search from one tab to the next begins anew thirty-three times a line, which is a fifth of all
//! that reading a log costs beside unpacking it. This compares a whole block, which compilers turn
//! into vector instructions, and makes a number of it with a bit for each byte.

const BLOCK: usize = 64;

/// Notes every place of `byte`; `false` once there are more than `most`.
pub fn places(byte: u8, line: &[u8], most: usize, found: &mut Vec<usize>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi1") {
        #[expect(unsafe_code, reason = "a third of what a line costs beside unpacking it")]
        // SAFETY: the function is safe but for the instructions that it is compiled to, and this
        // processor has them.
        return unsafe { places_by_avx2(byte, line, most, found) };
    }
    blockwise(line, most, found, |block| hits(byte, block), !byte)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
fn places_by_avx2(byte: u8, line: &[u8], most: usize, found: &mut Vec<usize>) -> bool {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_set_epi64x, _mm256_set1_epi8,
    };
    let wanted = _mm256_set1_epi8(byte as i8);
    let half = |[a, b, c, d]: [i64; 4]| {
        let equal = _mm256_cmpeq_epi8(_mm256_set_epi64x(d, c, b, a), wanted);
        u64::from(_mm256_movemask_epi8(equal) as u32)
    };
    let hits = |block: &[u8; BLOCK]| {
        let [a, b, c, d, e, f, g, h] = words(block).map(|word| word as i64);
        half([a, b, c, d]) | half([e, f, g, h]) << 32
    };
    blockwise(line, most, found, hits, !byte)
}

/// Goes through a line by blocks, each of which `hits` makes a number of. `other` is a byte that is
/// no hit.
#[inline(always)]
fn blockwise(
    line: &[u8],
    most: usize,
    found: &mut Vec<usize>,
    hits: impl Fn(&[u8; BLOCK]) -> u64,
    other: u8,
) -> bool {
    let mut note = |mut hits: u64, start: usize| {
        while hits != 0 {
            found.push(start + hits.trailing_zeros() as usize);
            hits &= hits - 1;
        }
        found.len() <= most
    };
    let (blocks, rest) = line.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        if !note(hits(block), number * BLOCK) {
            return false;
        }
    }
    // What fills the last block up must not look like the byte.
    let mut last = [other; BLOCK];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    note(hits(&last), blocks.len() * BLOCK)
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
    let bits = |word: u64| word.wrapping_mul(GATHER) >> 56;
    words(&ones).into_iter().rev().fold(0, |all, word| all << 8 | bits(word))
}

/// A block as eight numbers.
#[inline(always)]
fn words(block: &[u8; BLOCK]) -> [u64; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
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
            let mut plainly = Vec::new();
            let of_block = |block: &[u8; BLOCK]| hits(b'\t', block);
            prop_assert_eq!(few, blockwise(&line, most, &mut plainly, of_block, b'x'));
            prop_assert_eq!(&found, &plainly);
            prop_assert_eq!(few, plain.len() <= most);
            if few {
                prop_assert_eq!(found, plain);
            }
        }
    }
}
