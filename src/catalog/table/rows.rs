//! The rows of a batch become Items.
//!
//! Columns that are an Item's members go to their places, all others into `properties`. What STAC requires of an Item is
//! there even when the table has it not: `geometry` and `properties.datetime` as null, `links` and `assets` empty.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};

use super::cells::{self, AnyCells, Bad, Unreadable, cells};
use super::nested::{self, key};
use crate::stac::ITEM_MEMBERS as MEMBERS;

/// A member of an Item, or one of its properties.
struct Part {
    name: String,
    key: Vec<u8>,
    cells: Option<AnyCells>,
    /// What stands for null; nothing means that the member is left out.
    absent: &'static str,
}

/// A batch whose rows can be written.
pub(super) struct Rows {
    id: AnyCells,
    members: Vec<Part>,
    properties: Vec<Part>,
    len: usize,
}

impl Part {
    fn new(name: &str, cells: Option<AnyCells>, absent: &'static str) -> Self {
        Self { name: name.to_owned(), key: key(name), cells, absent }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let cells = self.cells.as_ref().filter(|cells| !cells.is_null(row));
        if cells.is_none() && self.absent.is_empty() {
            return Ok(());
        }
        if !out.ends_with(b"{") {
            out.push(b',');
        }
        out.extend_from_slice(&self.key);
        if let Some(cells) = cells {
            return cells.write(row, out).map_err(|bad| bad.below(&self.name));
        }
        out.extend_from_slice(self.absent.as_bytes());
        Ok(())
    }
}

impl Rows {
    /// Finds each column's place; `foreign` are members that STAC does not define.
    pub(super) fn new(batch: &RecordBatch, foreign: &BTreeSet<String>) -> Result<Self, Unreadable> {
        let schema = batch.schema_ref();
        let column = |name: &str| schema.column_with_name(name).map(|(at, field)| (batch.column(at), field));
        let member = |name: &str| column(name).map(|(array, field)| member(array, field)).transpose();
        let id = member("id")?.ok_or_else(|| Unreadable {
            column: "id".to_owned(),
            expected: "a column of texts",
            found: "none".to_owned(),
        })?;
        let mut members = Vec::new();
        for (name, absent) in [
            ("stac_version", ""),
            ("stac_extensions", ""),
            ("geometry", "null"),
            ("bbox", ""),
            ("links", "[]"),
            ("assets", "{}"),
            ("collection", ""),
        ] {
            members.push(Part::new(name, member(name)?, absent));
        }
        let mut properties = vec![Part::new("datetime", member("datetime")?, "null")];
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let name = field.name().as_str();
            if name == "datetime" || MEMBERS.contains(&name) && name != "properties" {
                continue;
            }
            match array.as_struct_opt() {
                // Not flattened: its members are the properties.
                Some(array) if name == "properties" => {
                    for part in nested::structure(array, name)?.members {
                        let known = properties.iter_mut().find(|known| known.name == part.name);
                        match known {
                            Some(known) if known.cells.is_none() => known.cells = Some(part.cells),
                            Some(_) => {}
                            None => properties.push(Part::new(&part.name, Some(part.cells), "")),
                        }
                    }
                }
                _ => {
                    let part = Part::new(name, Some(cells(array, field, name)?), "");
                    if foreign.contains(name) { members.push(part) } else { properties.push(part) }
                }
            }
        }
        Ok(Self { id, members, properties, len: batch.num_rows() })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Writes a row as an Item.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        if self.id.is_null(row) {
            return Err(Bad::new("null, where each Item has an id").below("id"));
        }
        out.extend_from_slice(b"{\"type\":\"Feature\",\"id\":");
        self.id.write(row, out).map_err(|bad| bad.below("id"))?;
        for member in &self.members {
            member.write(row, out)?;
        }
        out.extend_from_slice(b",\"properties\":{");
        for property in &self.properties {
            property.write(row, out)?;
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }
}

/// The cells of a column that is a member of the Item, in the forms that writers have given it.
fn member(array: &ArrayRef, field: &Field) -> Result<AnyCells, Unreadable> {
    let name = field.name().as_str();
    match (name, array.data_type()) {
        ("geometry", DataType::BinaryView | DataType::Null) => cells(array, field, name),
        ("geometry", _) => Err(Unreadable {
            column: name.to_owned(),
            expected: "well-known binary",
            found: array.data_type().to_string(),
        }),
        ("bbox", DataType::Struct(_)) => nested::bbox(array.as_struct()),
        ("assets", DataType::Struct(_)) => nested::assets(array.as_struct()),
        // Some writers keep the nested members as JSON text.
        ("bbox" | "assets" | "links" | "stac_extensions", DataType::Utf8View) => Ok(cells::json(array)),
        ("id", data_type) if data_type.is_integer() => Ok(cells::quoted(cells(array, field, name)?)),
        _ => cells(array, field, name),
    }
}
