/// Samples that are written with the same number of bits.
const RUN: usize = 64;
/// Bits of the least sample of a run; the number of bits lies above them.
const LEAST_BITS: u32 = 27;

/// Whole numbers in as few bits as their neighbours need: counts fill a third of their 16 bits, or less.
///
/// Little-endian words of 32 bits. Each run of 64 samples (the last one may be shorter) begins with a word
/// `least | bits << 27`; then come words that each hold as many samples as fit whole, lowest first, each less
/// `least`. A run of equal samples has no more words.
///
/// `None` when a sample needs more than 27 bits, or when less than a quarter is gained.
pub fn packed<T: Copy + Ord + Into<u32>>(samples: &[T]) -> Option<Vec<u32>> {
    let most = size_of_val(samples) / 4 * 3 / 4;
    let mut words = Vec::with_capacity(most + RUN);
    for run in samples.chunks(RUN) {
        let least = run.iter().copied().min().map_or(0, T::into);
        let greatest = run.iter().copied().max().map_or(0, T::into);
        if greatest >> LEAST_BITS != 0 || words.len() >= most {
            return None;
        }
        let bits = u32::BITS - (greatest - least).leading_zeros();
        words.push(least | bits << LEAST_BITS);
        write_run(run, least, bits, &mut words);
    }
    (words.len() <= most).then_some(words)
}

/// One loop for each number of bits, so that the compiler knows how far to shift.
fn write_run<T: Copy + Into<u32>>(run: &[T], least: u32, bits: u32, words: &mut Vec<u32>) {
    macro_rules! with_bits {
        ($($known:literal)*) => {
            match bits {
                0 => {}
                $($known => write_words::<T, $known, { 32 / $known }>(run, least, words),)*
                _ => words.extend(run.iter().map(|sample| (*sample).into() - least)),
            }
        };
    }
    with_bits!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
}

fn write_words<T: Copy + Into<u32>, const BITS: u32, const EACH: usize>(
    run: &[T],
    least: u32,
    words: &mut Vec<u32>,
) {
    let word = |samples: &[T]| {
        let last_first = samples.iter().rev();
        last_first.fold(0u32, |word, sample| {
            word << BITS | ((*sample).into() - least)
        })
    };
    let full = run.chunks_exact(EACH);
    let rest = full.remainder();
    words.extend(full.map(word));
    if !rest.is_empty() {
        words.push(word(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the page does it.
    fn unpacked(words: &[u32], count: usize) -> Vec<u32> {
        let mut words = words.iter().copied();
        let mut samples = Vec::new();
        while samples.len() < count {
            let head = words.next().unwrap();
            let (least, bits) = (head & ((1 << LEAST_BITS) - 1), head >> LEAST_BITS);
            let end = count.min(samples.len() + RUN);
            if bits == 0 {
                samples.resize(end, least);
            }
            while samples.len() < end {
                let mut word = words.next().unwrap();
                for _ in 0..(32 / bits).min((end - samples.len()) as u32) {
                    samples.push(least + (word & (u32::MAX >> (32 - bits))));
                    word = word.checked_shr(bits).unwrap_or(0);
                }
            }
        }
        assert_eq!(words.next(), None);
        samples
    }

    #[test]
    fn every_width_comes_back_and_the_last_run_may_be_short() {
        for bits in 0..=26u32 {
            for count in [4000u32, 4031, 4032, 4033] {
                // One run of the width among many that need no more than two bits.
                let samples: Vec<u32> = (0..count)
                    .map(|n| match n / 64 {
                        3 => 5 + (n.wrapping_mul(2_654_435_761) >> 5) % (1 << bits),
                        _ => 1000 + n % 4,
                    })
                    .collect();
                let words = packed(&samples).unwrap();
                assert_eq!(unpacked(&words, count as usize), samples, "{bits} bits");
            }
        }
    }

    #[test]
    fn sparse_counts_shrink_much_and_noise_over_all_bits_is_left_as_it_is() {
        let sparse: Vec<u16> = (0..4096).map(|n| u16::from(n % 17 == 0)).collect();
        let words = packed(&sparse).unwrap();
        assert!(words.len() * 4 < sparse.len() * 2 / 10, "{}", words.len());
        assert_eq!(unpacked(&words, 4096)[16..18], [0, 1]);
        let noise: Vec<u16> = (0..4096u32).map(|n| (n * 40_503 % 65_536) as u16).collect();
        assert_eq!(packed(&noise), None);
        assert_eq!(packed(&[1u32 << 27; 4096]), None);
        assert_eq!(packed(&[0u8; 3]), None);
    }

    #[test]
    fn the_words_are_those_the_page_reads() {
        let samples: Vec<u32> = [7, 9, 8, 7, 10].into_iter().chain([7; 59]).collect();
        let words = packed(&samples).unwrap();
        assert_eq!(words, [7 | 2 << 27, 0b11_00_01_10_00, 0, 0, 0]);
    }
}
