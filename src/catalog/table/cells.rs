//! The cells of an Arrow column become JSON text.
//!
//! Numbers are written as they are (doubles with a fraction, `1.0`), instants as STAC writes them. A double that is not a
//! number counts as null: pandas writes absent numbers so.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryViewArray, BooleanArray, PrimitiveArray, StringViewArray};
use arrow_schema::{DataType, Field, TimeUnit};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{nested, wkb};
use crate::stac::format_instant;

/// A value that JSON or GeoJSON cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// Dotted path of the cell below its column.
    pub(super) path: String,
    pub(super) reason: String,
}

impl Bad {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    pub(super) fn below(mut self, name: &str) -> Self {
        self.path = if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

/// A column of a type that is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) column: String,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// One column of a batch.
pub(super) trait Cells {
    /// True when the row has no value.
    fn is_null(&self, row: usize) -> bool;

    /// Writes the row's value, which is not null.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad>;
}

/// A column, whatever its type.
pub(super) type AnyCells = Box<dyn Cells>;

/// The column's cells; `path` is its dotted path.
pub(super) fn cells(array: &ArrayRef, field: &Field, path: &str) -> Result<AnyCells, Unreadable> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(Nothing),
        DataType::Boolean => Box::new(Booleans(array.as_boolean().clone())),
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Float32 => numbers::<Float32Type>(array),
        DataType::Float64 => numbers::<Float64Type>(array),
        DataType::Decimal128(..) => Box::new(Decimals(array.as_primitive::<Decimal128Type>().clone())),
        DataType::Date32 => Box::new(Dates(array.as_primitive::<Date32Type>().clone())),
        DataType::Timestamp(TimeUnit::Second, _) => instants::<TimestampSecondType>(array),
        DataType::Timestamp(TimeUnit::Millisecond, _) => instants::<TimestampMillisecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => instants::<TimestampMicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => instants::<TimestampNanosecondType>(array),
        DataType::Utf8View if field.extension_type_name() == Some("arrow.json") => json(array),
        DataType::Utf8View => Box::new(Texts(array.as_string_view().clone())),
        DataType::BinaryView => Box::new(Geometries(array.as_binary_view().clone())),
        DataType::List(member) => nested::lists(array.as_list(), member, path)?,
        DataType::Struct(_) => Box::new(nested::structure(array.as_struct(), path)?),
        DataType::Map(..) if *array.as_map().key_type() == DataType::Utf8View => {
            nested::maps(array.as_map(), path)?
        }
        _ => return Err(unreadable(array, path)),
    })
}

fn unreadable(array: &ArrayRef, path: &str) -> Unreadable {
    Unreadable {
        column: path.to_owned(),
        expected: "booleans, numbers, texts, timestamps, dates, WKB, lists, structs or maps from texts",
        found: array.data_type().to_string(),
    }
}

/// Texts that are JSON already.
pub(super) fn json(array: &ArrayRef) -> AnyCells {
    Box::new(JsonTexts(array.as_string_view().clone()))
}

/// Numbers as texts: an id is a text.
pub(super) fn quoted(inner: AnyCells) -> AnyCells {
    Box::new(Quoted(inner))
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> AnyCells
where
    T::Native: Serialize + PartialOrd,
{
    Box::new(Numbers::<T>(array.as_primitive().clone()))
}

fn instants<T: ArrowTimestampType>(array: &ArrayRef) -> AnyCells {
    Box::new(Instants::<T>(array.as_primitive().clone()))
}

pub(super) fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Bad> {
    serde_json::to_writer(out, value).map_err(|error| Bad::new(error.to_string()))
}

struct Nothing;
struct Booleans(BooleanArray);
struct Numbers<T: ArrowPrimitiveType>(PrimitiveArray<T>);
struct Decimals(PrimitiveArray<Decimal128Type>);
struct Dates(PrimitiveArray<Date32Type>);
struct Instants<T: ArrowPrimitiveType>(PrimitiveArray<T>);
struct Texts(StringViewArray);
struct JsonTexts(StringViewArray);
struct Geometries(BinaryViewArray);
struct Quoted(AnyCells);

impl Cells for Nothing {
    fn is_null(&self, _: usize) -> bool {
        true
    }

    fn write(&self, _: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        out.extend_from_slice(b"null");
        Ok(())
    }
}

impl Cells for Booleans {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        write_json(&self.0.value(row), out)
    }
}

impl<T: ArrowPrimitiveType> Cells for Numbers<T>
where
    T::Native: Serialize + PartialOrd,
{
    fn is_null(&self, row: usize) -> bool {
        // Only what is not a number does not compare.
        self.0.is_null(row) || self.0.value(row).partial_cmp(&self.0.value(row)).is_none()
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        write_json(&self.0.value(row), out)?;
        if out.ends_with(b"null") { Err(Bad::new("an infinite number, which JSON has not")) } else { Ok(()) }
    }
}

impl Cells for Decimals {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        out.extend_from_slice(self.0.value_as_string(row).as_bytes());
        Ok(())
    }
}

impl Cells for Dates {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let date = self.0.value_as_date(row).ok_or_else(|| Bad::new("a date beyond the calendar"))?;
        write_json(&date.to_string(), out)
    }
}

impl<T: ArrowTimestampType> Cells for Instants<T> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let value = self.0.value(row);
        let instant: Option<DateTime<Utc>> = match T::UNIT {
            TimeUnit::Second => DateTime::from_timestamp(value, 0),
            TimeUnit::Millisecond => DateTime::from_timestamp_millis(value),
            TimeUnit::Microsecond => DateTime::from_timestamp_micros(value),
            TimeUnit::Nanosecond => Some(DateTime::from_timestamp_nanos(value)),
        };
        let instant = instant.ok_or_else(|| Bad::new("an instant beyond the calendar"))?;
        out.push(b'"');
        out.extend_from_slice(format_instant(instant).as_bytes());
        out.push(b'"');
        Ok(())
    }
}

impl Cells for Texts {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        write_json(self.0.value(row), out)
    }
}

impl Cells for JsonTexts {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let text = self.0.value(row);
        let checked: &RawValue =
            serde_json::from_str(text).map_err(|error| Bad::new(format!("expected JSON text: {error}")))?;
        out.extend_from_slice(checked.get().as_bytes());
        Ok(())
    }
}

impl Cells for Geometries {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        wkb::write_geojson(self.0.value(row), out).map_err(|error| Bad::new(error.to_string()))
    }
}

impl Cells for Quoted {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        out.push(b'"');
        self.0.write(row, out)?;
        out.push(b'"');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn written(array: impl Array + 'static, row: usize) -> Result<Option<String>, Bad> {
        let array: ArrayRef = Arc::new(array);
        let field = Field::new("x", array.data_type().clone(), true);
        let column = cells(&array, &field, "x").expect("cells");
        let mut out = Vec::new();
        if column.is_null(row) {
            return Ok(None);
        }
        column.write(row, &mut out).map(|()| Some(String::from_utf8(out).expect("UTF-8")))
    }

    #[test]
    fn a_double_that_is_not_a_number_is_absent_and_an_infinite_one_an_error() {
        let doubles = PrimitiveArray::<Float64Type>::from(vec![1.0, f64::NAN, f64::INFINITY]);
        assert_eq!(written(doubles.clone(), 0), Ok(Some("1.0".to_owned())));
        assert_eq!(written(doubles.clone(), 1), Ok(None));
        assert!(written(doubles, 2).expect_err("an error").reason.contains("infinite"));
    }

    #[test]
    fn instants_of_each_unit_are_utc() {
        let seconds = PrimitiveArray::<TimestampSecondType>::from(vec![86_400]);
        assert_eq!(written(seconds, 0), Ok(Some("\"1970-01-02T00:00:00Z\"".to_owned())));
        let millis = PrimitiveArray::<TimestampMillisecondType>::from(vec![1500]).with_timezone("+02:00");
        assert_eq!(written(millis, 0), Ok(Some("\"1970-01-01T00:00:01.500Z\"".to_owned())));
        let nanos = PrimitiveArray::<TimestampNanosecondType>::from(vec![-1]);
        assert_eq!(written(nanos, 0), Ok(Some("\"1969-12-31T23:59:59.999999999Z\"".to_owned())));
        assert!(written(PrimitiveArray::<TimestampSecondType>::from(vec![i64::MAX]), 0).is_err());
    }

    #[test]
    fn decimals_and_dates_are_json() {
        let decimals = PrimitiveArray::<Decimal128Type>::from(vec![-50])
            .with_precision_and_scale(10, 2)
            .expect("a scale");
        assert_eq!(written(decimals, 0), Ok(Some("-0.50".to_owned())));
        let dates = PrimitiveArray::<Date32Type>::from(vec![1]);
        assert_eq!(written(dates, 0), Ok(Some("\"1970-01-02\"".to_owned())));
    }

    #[test]
    fn texts_said_to_be_json_must_be_json() {
        let column = json(&(Arc::new(StringViewArray::from(vec!["{\"a\": 1}", "{"])) as ArrayRef));
        let mut out = Vec::new();
        column.write(0, &mut out).expect("JSON");
        assert_eq!(out, b"{\"a\": 1}");
        assert!(column.write(1, &mut out).is_err());
    }
}
