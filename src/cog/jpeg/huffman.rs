//! Huffman codes, and the bits that they are read from.

use super::low_byte;

/// Codes up to this length are looked up at once.
const QUICK_BITS: u32 = 9;

/// A code: bit patterns of up to 16 bits → bytes.
#[derive(Debug)]
pub(super) struct Huffman {
    /// By the next nine bits: length and value of the code; length 0 for longer ones.
    quick: [(u8, u8); 1 << QUICK_BITS],
    /// By length: the first code beyond those of that length, moved to 16 bits.
    ends: [u32; 17],
    /// By length: what to add to a code to find the place of its value.
    places: [i32; 17],
    values: Vec<u8>,
}

impl Huffman {
    /// From the numbers of codes of 1 to 16 bits, and their values.
    pub(super) fn new(counts: &[u8; 16], values: &[u8]) -> Result<Self, String> {
        let mut quick = [(0, 0); 1 << QUICK_BITS];
        let (mut ends, mut places) = ([0; 17], [0; 17]);
        let (mut code, mut place) = (0_u32, 0_u32);
        for (length, count) in (1_u32..).zip(counts) {
            let count = u32::from(*count);
            if code + count > 1 << length {
                return Err("a Huffman table has more codes than there are".to_owned());
            }
            let first = values.get(place as usize..).unwrap_or_default();
            for (code, value) in (code..code + count).zip(first).filter(|_| length <= QUICK_BITS) {
                let from = (code << (QUICK_BITS - length)) as usize;
                let to = from + (1 << (QUICK_BITS - length));
                quick.get_mut(from..to).unwrap_or_default().fill((low_byte(length), *value));
            }
            let at = length as usize;
            places[at] = place.cast_signed() - code.cast_signed();
            (code, place) = (code + count, place + count);
            ends[at] = code << (16 - length);
            code <<= 1;
        }
        Ok(Self { quick, ends, places, values: values.to_vec() })
    }
}

/// The bits of a scan, up to its next marker; behind it they are 0.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bits, the first one highest.
    ahead: u64,
    count: u32,
    /// How many of them are not in the stream.
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, ahead: 0, count: 0, padding: 0 }
    }

    /// Makes at least 48 bits known.
    fn fill(&mut self) {
        while self.count <= 56 {
            let (byte, used) = match self.bytes {
                [0xff, 0, ..] => (0xff, 2),
                [0xff, ..] | [] => {
                    self.padding += 8;
                    (0, 0)
                }
                [byte, ..] => (*byte, 1),
            };
            self.bytes = self.bytes.get(used..).unwrap_or_default();
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn skip(&mut self, bits: u32) {
        self.ahead <<= bits;
        self.count -= bits;
    }

    /// The next `bits` bits (1 to 16).
    fn peek(&self, bits: u32) -> u32 {
        u32::try_from(self.ahead >> (64 - bits)).unwrap_or_default()
    }

    /// True if bits were read that the stream does not have.
    pub(super) fn is_beyond_end(&self) -> bool {
        self.padding > self.count
    }

    /// The next code's value, and at least 32 known bits behind it.
    pub(super) fn code(&mut self, huffman: &Huffman) -> Result<u8, String> {
        if self.count < 48 {
            self.fill();
        }
        let (length, value) = huffman.quick[self.peek(QUICK_BITS) as usize];
        if length > 0 {
            self.skip(length.into());
            return Ok(value);
        }
        let next = self.peek(16);
        let long = (QUICK_BITS + 1..=16).find(|length| next < huffman.ends[*length as usize]);
        let length = long.ok_or("found bits that are no Huffman code")?;
        self.skip(length);
        let place = (next >> (16 - length)).cast_signed() + huffman.places[length as usize];
        let value = usize::try_from(place).ok().and_then(|place| huffman.values.get(place));
        value.copied().ok_or_else(|| "found bits that are no Huffman code".to_owned())
    }

    /// The signed number of `size` bits (0 to 15) behind a code: those that begin with 0 are negative (T.81, F.2.2.1).
    pub(super) fn number(&mut self, size: u8) -> i32 {
        if size == 0 {
            return 0;
        }
        let bits = self.peek(size.into()).cast_signed();
        self.skip(size.into());
        if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
    }

    /// Goes on behind the next restart marker.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let left = self.count.saturating_sub(self.padding);
        match self.bytes {
            [0xff, 0xd0..=0xd7, after @ ..] if left < 8 => {
                *self = Self::new(after);
                Ok(())
            }
            _ => Err("expected a restart marker".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_short_and_long_are_read_with_the_numbers_behind_them() {
        // 0 → 5, 10 → 6, and twelve bits 110000000000 → 7.
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[11]) = (1, 1, 1);
        let huffman = Huffman::new(&counts, &[5, 6, 7]).expect("sound");
        // 0, 10 + 3 bits 101, 1100_0000_0000 + 2 bits 01, then ones.
        let mut bits = Bits::new(&[0b0101_0111, 0b0000_0000, 0b0001_1111, 0xff, 0, 0xff, 0xd3, 0b0111_1111]);
        assert_eq!((bits.code(&huffman), bits.code(&huffman), bits.number(3)), (Ok(5), Ok(6), 5));
        assert_eq!((bits.code(&huffman), bits.number(2)), (Ok(7), -2));
        assert!(bits.code(&huffman).is_err());
        let mut bits = Bits::new(&[0b0111_1111, 0xff, 0xd3, 0b0111_1111]);
        assert_eq!(bits.code(&huffman), Ok(5));
        assert!(!bits.is_beyond_end());
        assert_eq!((bits.restart(), bits.code(&huffman)), (Ok(()), Ok(5)));
        bits.number(7);
        assert!(!bits.is_beyond_end());
        bits.number(1);
        assert!(bits.is_beyond_end());
    }

    #[test]
    fn a_table_of_too_many_codes_is_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3]).is_err());
    }
}
