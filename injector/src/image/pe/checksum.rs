//! The checksum in a PE file's optional header.

/// A running checksum. The checksum's own field counts as zero.
///
/// It is the 16-bit one's complement sum of the file's little-endian words, plus the file's length.
/// The order of carries makes no difference, so whole 32-bit words are summed and folded at the
/// end.
#[derive(Debug, Clone, Default)]
pub struct Checksum {
    sum: u64,
    len: u64,
    /// Bytes of an unfinished word.
    rest: u32,
}

impl Checksum {
    /// Takes the next bytes of the file.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !self.len.is_multiple_of(4)
            && let Some((first, rest)) = bytes.split_first()
        {
            self.byte(*first);
            bytes = rest;
        }
        let (words, rest) = bytes.as_chunks::<4>();
        for words in words.chunks(1 << 20) {
            let part: u64 = words
                .iter()
                .map(|word| u64::from(u32::from_le_bytes(*word)))
                .sum();
            self.add(part);
        }
        self.len += 4 * words.len() as u64;
        for byte in rest {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.rest |= u32::from(byte) << (8 * (self.len % 4));
        self.len += 1;
        if self.len.is_multiple_of(4) {
            self.add(u64::from(self.rest));
            self.rest = 0;
        }
    }

    fn add(&mut self, part: u64) {
        let (sum, carry) = self.sum.overflowing_add(part);
        // 2^64 counts as one, as 2^16 does.
        self.sum = sum + u64::from(carry);
    }

    /// The value for the header.
    #[must_use]
    pub fn finish(mut self) -> u32 {
        self.add(u64::from(self.rest));
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        // The field has 32 bits; no file that long is a PE file.
        (sum + self.len) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;
    use proptest::prelude::*;

    /// Word by word with an end-around carry, as the format's description has it.
    fn slow(bytes: &[u8]) -> u32 {
        let mut sum = 0u32;
        for word in bytes.chunks(2) {
            sum += u32::from(word[0]) | u32::from(*word.get(1).unwrap_or(&0)) << 8;
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum + bytes.len() as u32
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..300usize, high in any::<bool>()) {
            let bytes = if high { vec![0xff; bytes.len()] } else { bytes };
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut checksum = Checksum::default();
            checksum.update(head);
            checksum.update(tail);
            prop_assert_eq!(checksum.finish(), slow(&bytes));
        }
    }
}
