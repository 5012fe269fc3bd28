//! Columns to and from the snapshot's file. Whatever the bytes are, reading them gives columns whose codes have a meaning,
//! or an error; a checksum is the caller's.

use std::io::{self, Write};

use super::super::parts::{PartsError, Reader, write_list};
use super::Columns;
use super::builder::MAX_COLUMNS;
use super::codes::{Codes, values_of_width};
use super::column::Column;
use super::dictionary::Dictionary;
use super::encoding::{Encoding, float_code, instant_of};
use super::instant::Rules;
use super::integers::Integers;
use super::presence::Presence;

impl Columns {
    /// Writes all columns.
    ///
    /// # Errors
    /// When `out` does not take them.
    pub(crate) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.rows.to_le_bytes())?;
        out.write_all(&[u8::from(self.overflowed)])?;
        out.write_all(&(self.list.len() as u64).to_le_bytes())?;
        for (name, column) in &self.list {
            write_list(name.as_bytes(), out)?;
            column.encoding.to_parts(out)?;
            column.presence.to_parts(out)?;
            column.codes.to_parts(out)?;
        }
        Ok(())
    }

    /// Reads what [`Columns::to_parts`] wrote for so many rows.
    ///
    /// # Errors
    /// When the bytes are not such columns.
    pub(crate) fn from_parts(rows: u32, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        if parts.u32("number of rows")? != rows {
            return Err(PartsError::Invalid { what: "number of rows", expected: "that of the Items" });
        }
        let overflowed = match parts.u8("columns")? {
            0 => false,
            1 => true,
            _ => return Err(PartsError::Invalid { what: "columns", expected: "0 or 1" }),
        };
        let count = parts.length("columns")?;
        if count > MAX_COLUMNS {
            return Err(PartsError::Invalid { what: "columns", expected: "at most 256" });
        }
        let mut columns: Vec<(Box<str>, Column)> = Vec::with_capacity(count);
        for _ in 0..count {
            let name: Box<str> = parts.text("name of a column")?.into();
            if columns.last().is_some_and(|(before, _)| *before >= name) {
                return Err(PartsError::Invalid {
                    what: "name of a column",
                    expected: "names in their order",
                });
            }
            columns.push((name, Column::from_parts(rows, parts)?));
        }
        Ok(Self { rows, list: columns, overflowed })
    }
}

impl Column {
    fn from_parts(rows: u32, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let encoding = Encoding::from_parts(parts)?;
        let presence = Presence::from_parts(rows, parts)?;
        let codes = Codes::from_parts(parts)?;
        if codes.len() != presence.count() {
            return Err(PartsError::Invalid { what: "codes", expected: "one for each row" });
        }
        if codes.extremes().is_some_and(|(low, high)| !encoding.has_codes(low, high)) {
            return Err(PartsError::Invalid { what: "codes", expected: "codes that have a value" });
        }
        Ok(Self::new(encoding, codes, presence))
    }
}

impl Encoding {
    fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        let integers = |kind: u8, integers: &Integers, out: &mut dyn Write| {
            out.write_all(&[kind, integers.digits])?;
            out.write_all(&integers.base.to_le_bytes())
        };
        match self {
            Self::Nothing => out.write_all(&[0]),
            Self::Bool => out.write_all(&[1]),
            Self::Decimal(meaning) => integers(2, meaning, out),
            Self::Float => out.write_all(&[3]),
            Self::Text(dictionary) => {
                out.write_all(&[4])?;
                dictionary.to_parts(out)
            }
            Self::Instant(meaning, rules) => {
                integers(5, meaning, out)?;
                out.write_all(&rules.bits().to_le_bytes())
            }
        }
    }

    fn from_parts(parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let what = "kind of a column";
        let integers = |parts: &mut Reader<'_>| {
            let digits = parts.u8(what)?;
            let base = parts.i64(what)?;
            let invalid = PartsError::Invalid { what, expected: "up to 9 digits and a number below 2^62" };
            let fits = digits <= 9 && base.unsigned_abs() <= 1 << 62;
            fits.then_some(Integers { base, digits }).ok_or(invalid)
        };
        Ok(match parts.u8(what)? {
            0 => Self::Nothing,
            1 => Self::Bool,
            2 => Self::Decimal(integers(parts)?),
            3 => Self::Float,
            4 => Self::Text(Dictionary::from_parts(parts)?),
            5 => {
                let meaning = integers(parts)?;
                let rules = Rules::from_bits(parts.u16(what)?);
                Self::Instant(meaning, rules.ok_or(PartsError::Invalid { what, expected: "a way to write" })?)
            }
            _ => return Err(PartsError::Invalid { what, expected: "0 to 5" }),
        })
    }

    /// True when all codes between the two have a value.
    fn has_codes(&self, low: u64, high: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bool => high <= 1,
            Self::Decimal(integers) => {
                let whole = i128::from(integers.base) + i128::from(high);
                high < values_of_width(4) && integers.base.abs() <= 1 << 53 && whole <= 1 << 53
            }
            Self::Float => float_code(f64::MIN) <= low && high <= float_code(f64::MAX),
            Self::Text(dictionary) => high < dictionary.len() as u64,
            Self::Instant(integers, _) => {
                high < 1 << 63
                    && instant_of(*integers, low).is_some()
                    && instant_of(*integers, high).is_some()
            }
        }
    }
}
