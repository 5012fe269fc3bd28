//! Seeded damage to files, so that a failure can be had again.

/// `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// Some bytes changed, most of them in the header, where they hurt; at times the file's end is gone, at times a run of bytes
/// is all ones or zeros or nearly so, as the largest counts and offsets are.
pub(crate) fn mutated(original: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    if random.below(8) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    for _ in 0..=random.below(6) {
        let reach = if random.below(3) == 0 { bytes.len() } else { bytes.len().min(700) };
        if reach == 0 {
            break;
        }
        let at = random.below(reach);
        bytes[at] = match random.below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[at] ^ (1 << random.below(8)),
            _ => random.below(256).to_le_bytes()[0],
        };
        if random.below(8) == 0 {
            let end = bytes.len().min(at + 1 + random.below(8));
            bytes[at..end].fill([0, 0x7f, 0x80, 0xff][random.below(4)]);
        }
    }
    bytes
}
