//! A list of codes, as narrow as its widest code allows.
//!
//! What a code means is the column's affair. The three highest codes of each width are the same in all widths: the marks
//! [`MISSING`], [`NULL`] and [`ELSEWHERE`]. A list of one code said over and over costs nothing.

use super::super::parts::{PartsError, Reader};
use std::io::{self, Write};

/// The Item has no such property.
pub(super) const MISSING: u64 = u64::MAX;
/// The property is `null`.
pub(super) const NULL: u64 = u64::MAX - 1;
/// Only the body knows.
pub(super) const ELSEWHERE: u64 = u64::MAX - 2;

/// True when the code is a value and no mark.
pub(super) fn is_value(code: u64) -> bool {
    code < ELSEWHERE
}

/// Codes in one of four widths, or one code for all.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Codes {
    Same { code: u64, len: usize },
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Words(Vec<u32>),
    Longs(Vec<u64>),
}

/// One of the four widths.
pub(super) trait Width: Copy + bytemuck::Pod {
    /// The code, marks as in the widest.
    fn wide(self) -> u64;
    /// The low bits: marks stay marks.
    fn narrow(code: u64) -> Self;
}

macro_rules! width {
    ($type:ty) => {
        impl Width for $type {
            #[inline]
            fn wide(self) -> u64 {
                let code = u64::from(self);
                if self >= <$type>::MAX - 2 { code | !u64::from(<$type>::MAX) } else { code }
            }
            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "the width was chosen from the code")]
            fn narrow(code: u64) -> Self {
                code as Self
            }
        }
    };
}
width!(u8);
width!(u16);
width!(u32);

impl Width for u64 {
    #[inline]
    fn wide(self) -> u64 {
        self
    }
    #[inline]
    fn narrow(code: u64) -> Self {
        code
    }
}

/// Number of values that codes of so many bytes can say.
pub(super) fn values_of_width(bytes: u32) -> u64 {
    (u64::MAX >> (64 - 8 * bytes)) - 2
}

/// Bytes of the narrowest width that holds the code.
pub(super) fn width_of(code: u64) -> u32 {
    match code {
        ELSEWHERE.. => 1,
        _ => [1, 2, 4].into_iter().find(|bytes| code < values_of_width(*bytes)).unwrap_or(8),
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self::Same { code: MISSING, len: 0 }
    }
}

impl Codes {
    /// An empty list that holds codes up to `highest`, with room for `len`.
    pub(super) fn with_capacity(highest: u64, len: usize) -> Self {
        match width_of(highest) {
            1 => Self::Bytes(Vec::with_capacity(len)),
            2 => Self::Shorts(Vec::with_capacity(len)),
            4 => Self::Words(Vec::with_capacity(len)),
            _ => Self::Longs(Vec::with_capacity(len)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Same { len, .. } => *len,
            Self::Bytes(codes) => codes.len(),
            Self::Shorts(codes) => codes.len(),
            Self::Words(codes) => codes.len(),
            Self::Longs(codes) => codes.len(),
        }
    }

    /// Bytes of a code; 0 where all are the same.
    pub(super) fn width(&self) -> u32 {
        match self {
            Self::Same { .. } => 0,
            Self::Bytes(_) => 1,
            Self::Shorts(_) => 2,
            Self::Words(_) => 4,
            Self::Longs(_) => 8,
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Same { .. } => 0,
            Self::Bytes(codes) => codes.capacity(),
            Self::Shorts(codes) => codes.capacity() * 2,
            Self::Words(codes) => codes.capacity() * 4,
            Self::Longs(codes) => codes.capacity() * 8,
        }
    }

    /// The code at `index`, [`MISSING`] past the end.
    #[inline]
    pub(super) fn get(&self, index: usize) -> u64 {
        match self {
            Self::Same { code, len } => {
                if index < *len {
                    *code
                } else {
                    MISSING
                }
            }
            Self::Bytes(codes) => codes.get(index).map_or(MISSING, |c| c.wide()),
            Self::Shorts(codes) => codes.get(index).map_or(MISSING, |c| c.wide()),
            Self::Words(codes) => codes.get(index).map_or(MISSING, |c| c.wide()),
            Self::Longs(codes) => codes.get(index).map_or(MISSING, |c| c.wide()),
        }
    }

    /// All codes in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The lowest and the highest value.
    pub(super) fn extremes(&self) -> Option<(u64, u64)> {
        fn of<T: Width>(codes: &[T]) -> Option<(u64, u64)> {
            let values = codes.iter().map(|c| c.wide()).filter(|c| is_value(*c));
            values.fold(None, |known, c| Some(known.map_or((c, c), |(low, high)| (c.min(low), c.max(high)))))
        }
        match self {
            Self::Same { code, len } => (*len > 0 && is_value(*code)).then_some((*code, *code)),
            Self::Bytes(codes) => of(codes),
            Self::Shorts(codes) => of(codes),
            Self::Words(codes) => of(codes),
            Self::Longs(codes) => of(codes),
        }
    }

    /// Adds a code, and widens all where it does not fit.
    #[inline]
    pub(super) fn push(&mut self, code: u64) {
        match self {
            Self::Same { code: same, len } if *same == code || *len == 0 => {
                *same = code;
                *len += 1;
            }
            Self::Bytes(codes) if width_of(code) == 1 => append(codes, code),
            Self::Shorts(codes) if !is_value(code) || code < values_of_width(2) => append(codes, code),
            Self::Words(codes) if !is_value(code) || code < values_of_width(4) => append(codes, code),
            Self::Longs(codes) => append(codes, code),
            _ => {
                *self = self.widened(code);
                self.push(code);
            }
        }
    }

    /// Takes the last code away.
    pub(super) fn pop(&mut self) {
        match self {
            Self::Same { len, .. } => *len = len.saturating_sub(1),
            Self::Bytes(codes) => drop(codes.pop()),
            Self::Shorts(codes) => drop(codes.pop()),
            Self::Words(codes) => drop(codes.pop()),
            Self::Longs(codes) => drop(codes.pop()),
        }
    }

    fn widened(&self, code: u64) -> Self {
        let highest = match self {
            Self::Same { code: same, .. } if width_of(*same) > width_of(code) => *same,
            _ => code,
        };
        self.copied(highest, |code| code)
    }

    /// The list with each value replaced; none may come out above `highest`.
    pub(super) fn map(&self, highest: u64, value: impl Fn(u64) -> u64) -> Self {
        match self {
            Self::Same { code, len } if is_value(*code) => Self::Same { code: value(*code), len: *len },
            Self::Same { .. } => self.clone(),
            _ => self.copied(highest, value),
        }
    }

    fn copied(&self, highest: u64, value: impl Fn(u64) -> u64) -> Self {
        let mut copy = Self::with_capacity(highest, self.len() + 64);
        for code in self.iter() {
            copy.push(if is_value(code) { value(code) } else { code });
        }
        copy
    }

    /// Writes width, length and codes in little-endian order.
    pub(super) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&[u8::try_from(self.width()).unwrap_or(u8::MAX)])?;
        out.write_all(&(self.len() as u64).to_le_bytes())?;
        match self {
            Self::Same { code, .. } => out.write_all(&code.to_le_bytes()),
            Self::Bytes(codes) => out.write_all(codes),
            Self::Shorts(codes) => out.write_all(bytemuck::cast_slice(codes)),
            Self::Words(codes) => out.write_all(bytemuck::cast_slice(codes)),
            Self::Longs(codes) => out.write_all(bytemuck::cast_slice(codes)),
        }
    }

    /// Reads what [`Codes::to_parts`] wrote.
    pub(super) fn from_parts(parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let width = parts.u8("width of codes")?;
        let len = parts.length("codes")?;
        Ok(match width {
            0 => Self::Same { code: parts.u64("code of all rows")?, len },
            1 => Self::Bytes(parts.list(len, "codes")?),
            2 => Self::Shorts(parts.list(len, "codes")?),
            4 => Self::Words(parts.list(len, "codes")?),
            8 => Self::Longs(parts.list(len, "codes")?),
            _ => return Err(PartsError::Invalid { what: "width of codes", expected: "0, 1, 2, 4 or 8" }),
        })
    }
}

/// Grows by a quarter where doubling would hold twice the memory of a long list.
#[inline]
fn append<T: Width>(codes: &mut Vec<T>, code: u64) {
    if codes.len() == codes.capacity() {
        codes.reserve_exact((codes.len() / 4).max(64));
    }
    codes.push(T::narrow(code));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(MISSING),
            Just(NULL),
            Just(ELSEWHERE),
            (0_u32..64).prop_flat_map(|bits| (1_u64 << bits).saturating_sub(3)..=(1 << bits)),
            250_u64..260,
            65_530_u64..65_540,
        ]
    }

    proptest! {
        #[test]
        fn codes_come_back(codes in prop::collection::vec(code(), 0..60)) {
            let mut list = Codes::default();
            for code in &codes {
                list.push(*code);
            }
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), codes.clone());
            let values = codes.iter().copied().filter(|c| is_value(*c));
            prop_assert_eq!(list.extremes(), values.clone().min().zip(values.max()));
            let mut bytes = Vec::new();
            list.to_parts(&mut bytes).expect("memory");
            prop_assert_eq!(Codes::from_parts(&mut Reader::new(&bytes)).expect("whole"), list);
        }
    }

    #[test]
    fn the_width_follows_the_widest_code() {
        for (code, width) in [(252, 1), (253, 2), (65_532, 2), (65_533, 4), ((1 << 32) - 4, 4), (1 << 32, 8)]
        {
            let mut list = Codes::default();
            list.push(0);
            list.push(code);
            list.push(NULL);
            assert_eq!(list.width(), width, "{code}");
        }
    }
}
