//! SHA-256 of two messages at once.
//!
//! The instructions for SHA-256 depend on each other's results, so that with one message the
//! processor mostly waits. The rounds of a second message fit into the waits: nearly twice the rate
//! on one core.

use sha2::{Digest, Sha256};

/// SHA-256 of each message.
pub(super) fn sha256(messages: [&[u8]; 2]) -> [[u8; 32]; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(hashes) = x86::sha256(messages) {
        return hashes;
    }
    messages.map(|message| Sha256::digest(message).into())
}

/// x86's SHA extensions. Algorithm and constants: FIPS 180-4, sections 4.2.2, 5.1.1, 5.3.3 and
/// 6.2.2; what the instructions compute and which words they expect where: Intel 64 and IA-32
/// Architectures Software Developer's Manual, volume 2, SHA256RNDS2, SHA256MSG1 and SHA256MSG2.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    /// Bytes that are hashed together.
    const BLOCK: usize = 64;

    /// The words a..h to begin with, a first.
    const INITIAL: [u32; 8] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    ];

    /// A constant for each round.
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    ];

    /// None if the processor lacks the instructions, or the messages are not equally many whole
    /// blocks.
    pub(super) fn sha256(messages: [&[u8]; 2]) -> Option<[[u8; 32]; 2]> {
        let [(first, rest), (second, other)] = messages.map(<[u8]>::as_chunks::<BLOCK>);
        let whole = rest.is_empty() && other.is_empty() && first.len() == second.len();
        let able = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        #[expect(
            unsafe_code,
            reason = "one call, of what needs no more than these instructions"
        )]
        // SAFETY: the function is unsafe to call for nothing but its target features, which were
        // all just found.
        (whole && able).then(|| unsafe { hash(first, second) })
    }

    /// A message's state: the words a, b, e, f, and c, d, g, h, the first in the highest lane.
    type State = [__m128i; 2];

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn hash(first: &[[u8; BLOCK]], second: &[[u8; BLOCK]]) -> [[u8; 32]; 2] {
        let [a, b, c, d, e, f, g, h] = INITIAL;
        let mut states = [[lanes([f, e, b, a]), lanes([h, g, d, c])]; 2];
        for (first, second) in first.iter().zip(second) {
            compress(&mut states, [first, second]);
        }
        // A one bit, zeros, and the length in bits, big-endian.
        let mut padding = [0; BLOCK];
        padding[0] = 0x80;
        let bits = (first.len() * BLOCK * 8) as u64;
        padding[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        compress(&mut states, [&padding, &padding]);
        states.map(|state| digest(state))
    }

    /// Takes a block of each message into its state.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn compress(states: &mut [State; 2], blocks: [&[u8; BLOCK]; 2]) {
        let before = *states;
        let mut words = [words(blocks[0]), words(blocks[1])];
        let (groups, _) = K.as_chunks::<16>();
        for (group, constants) in groups.iter().enumerate() {
            for at in 0..4 {
                let constants = &constants[at * 4..at * 4 + 4];
                let constants = [constants[0], constants[1], constants[2], constants[3]];
                let constants = lanes(constants);
                for (state, words) in states.iter_mut().zip(&mut words) {
                    *state = four_rounds(*state, _mm_add_epi32(words[at], constants));
                    if group < 3 {
                        words[at] = schedule([0, 1, 2, 3].map(|next| words[(at + next) % 4]));
                    }
                }
            }
        }
        for (state, before) in states.iter_mut().zip(before) {
            *state = [0, 1].map(|half| _mm_add_epi32(state[half], before[half]));
        }
    }

    /// Four rounds; `sums` are the message's words plus the rounds' constants.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn four_rounds([abef, cdgh]: State, sums: __m128i) -> State {
        // Two rounds make a new abef; the old one is the new cdgh.
        let middle = _mm_sha256rnds2_epu32(cdgh, abef, sums);
        let last_sums = _mm_shuffle_epi32::<0b00_00_11_10>(sums);
        [_mm_sha256rnds2_epu32(abef, middle, last_sums), middle]
    }

    /// The next four words of the message schedule after these sixteen.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn schedule([w0, w4, w8, w12]: [__m128i; 4]) -> __m128i {
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
        _mm_sha256msg2_epu32(sum, w12)
    }

    /// The sixteen words of a block, which stand there in big-endian order.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn words(block: &[u8; BLOCK]) -> [__m128i; 4] {
        let swapped = _mm_set_epi64x(0x0c0d0e0f_08090a0b, 0x04050607_00010203);
        let (quarters, _) = block.as_chunks::<16>();
        [0, 1, 2, 3].map(|quarter| {
            let bytes = u128::from_le_bytes(quarters[quarter]);
            let bytes = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
            _mm_shuffle_epi8(bytes, swapped)
        })
    }

    /// Four words, the first in the lowest lane.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn lanes([first, second, third, fourth]: [u32; 4]) -> __m128i {
        _mm_set_epi32(fourth as i32, third as i32, second as i32, first as i32)
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn digest([abef, cdgh]: State) -> [u8; 32] {
        let words = [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ];
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One by one, as another implementation does it.
    #[test]
    fn two_are_as_good_as_one() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|at| (at * at / 7 + at) as u8).collect();
        for (first, second) in [
            (0..0, 0..0),
            (0..64, 64..128),
            (0..4096, 4096..8192),
            (1..9985, 10_000..19_984),
            // Not for the pair: not whole blocks, not of one length.
            (0..63, 0..63),
            (0..64, 0..128),
            (5..70, 100..1000),
        ] {
            let messages = [&bytes[first], &bytes[second]];
            let expected: [[u8; 32]; 2] = messages.map(|message| Sha256::digest(message).into());
            assert_eq!(sha256(messages), expected);
        }
    }

    /// The standard's own example of nothing, in a test that does not depend on the other
    /// implementation.
    #[test]
    fn nothing_has_the_known_digest() {
        let hashes = sha256([b"", b""]).map(|hash| hash[..4].to_vec());
        assert_eq!(hashes, [[0xe3, 0xb0, 0xc4, 0x42]; 2]);
    }

    /// Where the processor has the instructions, they are what is used.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn instructions_are_used_where_there_are_some() {
        let used = x86::sha256([&[0; 64], &[1; 64]]).is_some();
        let present = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
        assert_eq!(used, present);
        assert_eq!(x86::sha256([&[0; 64], &[1; 65]]), None);
    }
}
