//! Lists, structs and maps become JSON text.
//!
//! Members of structs that are null are left out: a struct has the members of all Items, and null is what those have that
//! lack one.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ListArray, MapArray, StringViewArray, StructArray};
use arrow_schema::Field;

use super::cells::{AnyCells, Bad, Cells, Unreadable, cells, write_json};
use super::fields::bbox_names;
use crate::stac::json_string;

/// Lists whose members are `member`.
pub(super) fn lists(array: &ListArray, member: &Field, path: &str) -> Result<AnyCells, Unreadable> {
    let values = cells(array.values(), member, path)?;
    Ok(Box::new(Lists { list: array.clone(), values }))
}

/// Maps from texts: objects.
pub(super) fn maps(array: &MapArray, path: &str) -> Result<AnyCells, Unreadable> {
    let (_, value) = array.entries_fields();
    let values = cells(array.values(), value, path)?;
    Ok(Box::new(Maps { map: array.clone(), keys: array.keys().as_string_view().clone(), values }))
}

/// A struct's cells, and those of each of its members.
pub(super) fn structure(array: &StructArray, path: &str) -> Result<Structs, Unreadable> {
    let members = array.fields().iter().zip(array.columns()).map(|(field, column)| {
        let cells = cells(column, field, &format!("{path}.{}", field.name()))?;
        Ok(Member { name: field.name().clone(), key: key(field.name()), cells })
    });
    let members = members.collect::<Result<_, Unreadable>>()?;
    Ok(Structs { array: array.clone(), members, empty_is_null: false })
}

/// Assets: one that has no field is one that the Item does not have, as an asset has an href.
pub(super) fn assets(array: &StructArray) -> Result<AnyCells, Unreadable> {
    let mut assets = structure(array, "assets")?;
    for (member, column) in assets.members.iter_mut().zip(array.columns()) {
        if let Some(column) = column.as_struct_opt() {
            let mut asset = structure(column, &format!("assets.{}", member.name))?;
            asset.empty_is_null = true;
            member.cells = Box::new(asset);
        }
    }
    Ok(Box::new(assets))
}

/// A bbox that is a struct of its sides.
pub(super) fn bbox(array: &StructArray) -> Result<AnyCells, Unreadable> {
    let sides = structure(array, "bbox")?;
    let find = |name: &&str| sides.members.iter().position(|member| member.name == **name);
    let places = |names: &[&str]| names.iter().map(find).collect::<Option<Vec<_>>>();
    let flat = places(bbox_names(false)).ok_or_else(|| Unreadable {
        column: "bbox".to_owned(),
        expected: "the members xmin, ymin, xmax and ymax",
        found: array.data_type().to_string(),
    })?;
    let solid = places(bbox_names(true));
    Ok(Box::new(Bboxes { sides, flat, solid }))
}

/// A member's name with its colon.
pub(super) fn key(name: &str) -> Vec<u8> {
    format!("{}:", json_string(name)).into_bytes()
}

struct Lists {
    list: ListArray,
    values: AnyCells,
}

impl Cells for Lists {
    fn is_null(&self, row: usize) -> bool {
        self.list.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let range = span(self.list.value_offsets(), row)?;
        let first = range.start;
        out.push(b'[');
        for at in range {
            if at > first {
                out.push(b',');
            }
            // A null has its place in a list.
            if self.values.is_null(at) {
                out.extend_from_slice(b"null");
            } else {
                self.values.write(at, out).map_err(|bad| bad.below(&(at - first).to_string()))?;
            }
        }
        out.push(b']');
        Ok(())
    }
}

/// The members of a row's list.
fn span(offsets: &[i32], row: usize) -> Result<std::ops::Range<usize>, Bad> {
    match offsets.get(row..row + 2).map(|ends| (usize::try_from(ends[0]), usize::try_from(ends[1]))) {
        Some((Ok(start), Ok(end))) => Ok(start..end),
        _ => Err(Bad::new("a list without its place in the column")),
    }
}

struct Maps {
    map: MapArray,
    keys: StringViewArray,
    values: AnyCells,
}

impl Cells for Maps {
    fn is_null(&self, row: usize) -> bool {
        self.map.is_null(row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let open = out.len();
        for at in span(self.map.value_offsets(), row)? {
            if self.values.is_null(at) {
                continue;
            }
            out.push(if out.len() == open { b'{' } else { b',' });
            write_json(self.keys.value(at), out)?;
            out.push(b':');
            self.values.write(at, out).map_err(|bad| bad.below(self.keys.value(at)))?;
        }
        out.extend_from_slice(if out.len() == open { b"{}" } else { b"}" });
        Ok(())
    }
}

/// The cells of a struct column.
pub(super) struct Structs {
    array: StructArray,
    pub(super) members: Vec<Member>,
    empty_is_null: bool,
}

/// One member of a struct.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) key: Vec<u8>,
    pub(super) cells: AnyCells,
}

impl Cells for Structs {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.empty_is_null && self.members.iter().all(|m| m.cells.is_null(row))
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let open = out.len();
        for member in self.members.iter().filter(|member| !member.cells.is_null(row)) {
            out.push(if out.len() == open { b'{' } else { b',' });
            out.extend_from_slice(&member.key);
            member.cells.write(row, out).map_err(|bad| bad.below(&member.name))?;
        }
        out.extend_from_slice(if out.len() == open { b"{}" } else { b"}" });
        Ok(())
    }
}

struct Bboxes {
    sides: Structs,
    flat: Vec<usize>,
    solid: Option<Vec<usize>>,
}

impl Bboxes {
    fn has(&self, places: &[usize], row: usize) -> bool {
        !self.sides.array.is_null(row) && places.iter().all(|at| !self.sides.members[*at].cells.is_null(row))
    }
}

impl Cells for Bboxes {
    fn is_null(&self, row: usize) -> bool {
        !self.has(&self.flat, row)
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Bad> {
        let solid = self.solid.as_ref().filter(|solid| self.has(solid, row));
        for (axis, at) in solid.unwrap_or(&self.flat).iter().enumerate() {
            out.push(if axis == 0 { b'[' } else { b',' });
            self.sides.members[*at].cells.write(row, out)?;
        }
        out.push(b']');
        Ok(())
    }
}
