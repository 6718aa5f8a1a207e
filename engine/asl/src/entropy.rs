//! Randomness as an argument: a seeded stream, so that a transition decided twice decides the same.

/// A stream of random numbers (xoroshiro128++ by Blackman and Vigna). Not for keys: it spreads retries,
/// names tokens and answers `States.MathRandom` and `States.UUID`.
#[derive(Debug, Clone)]
pub struct Entropy {
    state: [u64; 2],
}

impl Entropy {
    /// A stream from sixteen random bytes.
    #[must_use]
    pub fn from_seed(seed: [u64; 2]) -> Self {
        // The all-zero state is the one from which this generator never leaves.
        let state = if seed == [0, 0] { [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9] } else { seed };
        Self { state }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [s0, mut s1] = self.state;
        let result = s0.wrapping_add(s1).rotate_left(17).wrapping_add(s0);
        s1 ^= s0;
        self.state = [s0.rotate_left(49) ^ s1 ^ (s1 << 21), s1.rotate_left(28)];
        result
    }

    /// A number in `[0, 1)`, all 53 bits of it random.
    pub fn next_fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let fraction = (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    /// A whole number in `[low, high)`; `low` when the range is empty.
    pub fn next_in(&mut self, low: i64, high: i64) -> i64 {
        let span = i128::from(high) - i128::from(low);
        if span <= 0 {
            return low;
        }
        let drawn = (i128::from(self.next_u64()) * span) >> 64;
        i64::try_from(i128::from(low) + drawn).unwrap_or(low)
    }

    /// A version 4 UUID in its usual text form.
    pub fn next_uuid(&mut self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        let high = (high & !0xF000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let (mut a, mut b) = (Entropy::from_seed([1, 2]), Entropy::from_seed([1, 2]));
        assert!((0..100).all(|_| a.next_u64() == b.next_u64()));
        let uuid = a.next_uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!((0..1000).all(|_| (-3..9).contains(&a.next_in(-3, 9)) && a.next_fraction() < 1.0));
        assert_eq!(a.next_in(5, 5), 5);
    }
}
