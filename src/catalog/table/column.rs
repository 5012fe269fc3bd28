//! JSON values become one Arrow column.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBufferBuilder};
use arrow_schema::ArrowError;
use serde_json::Value;

use super::kind::Kind;
use super::schema::{field, fields};
use super::wkb::{self, Coverage};
use crate::stac::parse_instant;

/// A value that its column cannot hold: the Item was changed, or not observed when the schema was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Dotted path of the value below the column.
    pub(super) path: String,
}

/// Collects the values of one column.
#[derive(Debug)]
pub(super) enum Column {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Micros(TimestampMicrosecondBuilder),
    Nanos(TimestampNanosecondBuilder),
    Geometry(BinaryBuilder, Coverage),
    List { kind: Kind, offsets: OffsetBufferBuilder<i32>, valid: NullBufferBuilder, values: Box<Column> },
    Object { kinds: Vec<(String, Kind)>, members: Vec<Column>, valid: NullBufferBuilder },
    Json(StringBuilder),
}

impl Column {
    /// An empty column of a settled kind.
    pub(super) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int { .. } => Self::Int(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Unseen | Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Instant { nanos: false, .. } => {
                Self::Micros(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Kind::Instant { nanos: true, .. } => {
                Self::Nanos(TimestampNanosecondBuilder::new().with_timezone("UTC"))
            }
            Kind::Geometry => Self::Geometry(BinaryBuilder::new(), Coverage::default()),
            Kind::List(member) => Self::List {
                kind: (**member).clone(),
                offsets: OffsetBufferBuilder::new(0),
                valid: NullBufferBuilder::new(0),
                values: Box::new(Self::new(member)),
            },
            Kind::Object(kinds) => Self::Object {
                kinds: kinds.clone(),
                members: kinds.iter().map(|(_, kind)| Self::new(kind)).collect(),
                valid: NullBufferBuilder::new(0),
            },
            Kind::Json => Self::Json(StringBuilder::new()),
        }
    }

    /// Adds a row; `None` and null are the same. Gives the bytes that it took, roughly.
    pub(super) fn append(&mut self, value: Option<&Value>) -> Result<usize, Misfit> {
        let value = value.filter(|value| !value.is_null());
        let misfit = || Misfit { path: String::new() };
        match self {
            Self::Bool(column) => column.append_option(fit(value, Value::as_bool)?),
            Self::Int(column) => column.append_option(fit(value, Value::as_i64)?),
            Self::Float(column) => column.append_option(fit(value, Value::as_f64)?),
            Self::Micros(column) => {
                column.append_option(fit(value, |value| {
                    Some(parse_instant(value.as_str()?).ok()?.timestamp_micros())
                })?);
            }
            Self::Nanos(column) => {
                column.append_option(fit(value, |value| {
                    parse_instant(value.as_str()?).ok()?.timestamp_nanos_opt()
                })?);
            }
            Self::Text(column) => {
                let text = fit(value, Value::as_str)?;
                column.append_option(text);
                return Ok(text.map_or(0, str::len) + 8);
            }
            Self::Json(column) => {
                let text = value.map(Value::to_string);
                column.append_option(text.as_deref());
                return Ok(text.map_or(0, |text| text.len()) + 8);
            }
            Self::Geometry(column, coverage) => {
                let wkb =
                    value.map(|value| wkb::encode(value, coverage)).transpose().map_err(|_unfit| misfit())?;
                column.append_option(wkb.as_deref());
                return Ok(wkb.map_or(0, |wkb| wkb.len()) + 8);
            }
            Self::List { offsets, valid, values, .. } => {
                let list = fit(value, Value::as_array)?;
                let mut bytes = 8;
                for (index, member) in list.into_iter().flatten().enumerate() {
                    bytes +=
                        values.append(Some(member)).map_err(|misfit| misfit.below(&index.to_string()))?;
                }
                offsets.push_length(list.map_or(0, Vec::len));
                valid.append(list.is_some());
                return Ok(bytes);
            }
            Self::Object { kinds, members, valid } => {
                let object = fit(value, Value::as_object)?;
                let (mut bytes, mut known) = (0, 0);
                for ((name, _), column) in kinds.iter().zip(members) {
                    let member = object.and_then(|object| object.get(name));
                    known += usize::from(member.is_some());
                    bytes += column.append(member).map_err(|misfit| misfit.below(name))?;
                }
                if let Some(object) = object.filter(|object| object.len() > known) {
                    let is_known = |name: &String| kinds.iter().any(|(known, _)| known == name);
                    let more = object.iter().find(|(name, value)| !value.is_null() && !is_known(name));
                    if let Some((name, _)) = more {
                        return Err(misfit().below(name));
                    }
                }
                valid.append(object.is_some());
                return Ok(bytes);
            }
        }
        Ok(8)
    }

    /// The rows so far; the column is empty afterwards.
    pub(super) fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Int(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Text(column) | Self::Json(column) => Arc::new(column.finish()),
            Self::Micros(column) => Arc::new(column.finish()),
            Self::Nanos(column) => Arc::new(column.finish()),
            Self::Geometry(column, _) => Arc::new(column.finish()),
            Self::List { kind, offsets, valid, values } => {
                let offsets = std::mem::replace(offsets, OffsetBufferBuilder::new(0)).finish();
                let element = Arc::new(field("element", kind));
                Arc::new(ListArray::try_new(element, offsets, values.take()?, valid.finish())?)
            }
            Self::Object { kinds, members, valid } => {
                let rows = valid.len();
                let arrays = members.iter_mut().map(Self::take).collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields(kinds), arrays, valid.finish(), rows)?)
            }
        })
    }

    /// What the geometries of this column had in common so far.
    pub(super) fn coverage(&self) -> Option<&Coverage> {
        match self {
            Self::Geometry(_, coverage) => Some(coverage),
            _ => None,
        }
    }
}

impl Misfit {
    fn below(mut self, name: &str) -> Self {
        self.path = if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

/// The value as the column's type, `None` for none, an error for a value of another type.
fn fit<'v, T: 'v>(
    value: Option<&'v Value>,
    read: impl Fn(&'v Value) -> Option<T>,
) -> Result<Option<T>, Misfit> {
    value.map(|value| read(value).ok_or(Misfit { path: String::new() })).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use serde_json::json;

    #[test]
    fn a_value_that_was_not_observed_is_named() {
        let mut kind = Kind::Unseen;
        kind.widen("assets", &json!({"B04": {"bands": [{"gsd": 10}]}}));
        let mut column = Column::new(&kind);
        let path =
            |column: &mut Column, value: &Value| column.append(Some(value)).expect_err("a misfit").path;
        assert_eq!(path(&mut column, &json!({"B04": {"bands": [{"gsd": "x"}]}})), "B04.bands.0.gsd");
        assert_eq!(path(&mut Column::new(&kind), &json!({"B04": {}, "B05": {"href": "x"}})), "B05");
    }

    #[test]
    fn an_absent_object_is_null_and_an_empty_one_is_not() {
        let kind = Kind::Object(vec![("a".to_owned(), Kind::Int { exact: true })]);
        let mut column = Column::new(&kind);
        for value in [json!({"a": 1}), json!({}), json!(null), json!({"a": null, "b": null})] {
            column.append(Some(&value)).expect("a fit");
        }
        let array = column.take().expect("an array");
        let valid: Vec<_> = (0..array.len()).map(|row| array.is_valid(row)).collect();
        assert_eq!(valid, [true, true, false, true]);
        assert_eq!(column.take().expect("an array").len(), 0);
    }
}
