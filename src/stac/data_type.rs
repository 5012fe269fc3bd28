//! Sample types of a band: `data_type` of the STAC common metadata, which uses the same words as `NumPy`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A real-valued sample type. Complex and sub-byte samples are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DataType {
    /// `uint8`
    U8,
    /// `int8`
    I8,
    /// `uint16`
    U16,
    /// `int16`
    I16,
    /// `uint32`
    U32,
    /// `int32`
    I32,
    /// `uint64`
    U64,
    /// `int64`
    I64,
    /// `float16`
    F16,
    /// `float32`
    F32,
    /// `float64`
    F64,
}

/// How many bits of integer a type holds exactly, and whether it is signed or floating.
#[derive(PartialEq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

impl DataType {
    /// All types, narrow before wide.
    pub const ALL: [Self; 11] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F16,
        Self::F32,
        Self::F64,
    ];

    /// The STAC and `NumPy` name, such as `uint16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The type of that name, if it is one of these.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Bytes of one sample.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// True for `float16`, `float32` and `float64`.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// The little-endian `descr` of the NPY format, such as `<u2` (`|u1` for single bytes).
    #[must_use]
    pub fn npy_descr(self) -> String {
        let letter = match self.kind() {
            Kind::Unsigned => 'u',
            Kind::Signed => 'i',
            Kind::Float => 'f',
        };
        let order = if self.size() == 1 { '|' } else { '<' };
        format!("{order}{letter}{}", self.size())
    }

    /// The narrowest type that holds all values of both, by the table of `numpy.result_type`.
    #[must_use]
    pub fn result_type(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        let (a, b) = (self.kind(), other.kind());
        if a == Kind::Float || b == Kind::Float {
            // The float that holds a type: an integer needs one of twice its size.
            let float = |t: Self| match (t.is_float(), t.size()) {
                (true, size) => size,
                (false, size) => (2 * size).min(8),
            };
            return match float(self).max(float(other)) {
                2 => Self::F16,
                4 => Self::F32,
                _ => Self::F64,
            };
        }
        if a == b {
            return if self.size() >= other.size() { self } else { other };
        }
        let (signed, unsigned) = if a == Kind::Signed { (self, other) } else { (other, self) };
        if signed.size() > unsigned.size() {
            return signed;
        }
        match unsigned.size() {
            1 => Self::I16,
            2 => Self::I32,
            4 => Self::I64,
            _ => Self::F64,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => Kind::Unsigned,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => Kind::Signed,
            Self::F16 | Self::F32 | Self::F64 => Kind::Float,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::DataType::{self, *};

    #[test]
    fn names_read_back() {
        for t in DataType::ALL {
            assert_eq!(DataType::from_name(t.name()), Some(t));
        }
        assert_eq!(DataType::from_name("cint16"), None);
    }

    #[test]
    fn result_type_agrees_with_numpy() {
        // python3 -c "import numpy as n; print(n.result_type('u2','i2'), …)"
        for (a, b, want) in [
            (U8, U16, U16),
            (U8, I8, I16),
            (U16, I16, I32),
            (U16, I32, I32),
            (U32, I8, I64),
            (U64, I8, F64),
            (U64, I64, F64),
            (I16, F32, F32),
            (I32, F32, F64),
            (U8, F64, F64),
            (U16, U16, U16),
            (U8, F16, F16),
            (I8, F16, F16),
            (U16, F16, F32),
            (I16, F16, F32),
            (U32, F16, F64),
            (I64, F16, F64),
            (F16, F32, F32),
            (F16, F64, F64),
            (F16, F16, F16),
        ] {
            assert_eq!(a.result_type(b), want, "{a} with {b}");
            assert_eq!(b.result_type(a), want, "{b} with {a}");
        }
    }
}
