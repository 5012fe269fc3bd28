//! One row as the evaluator of filters sees it: columns where they hold a property, the document where they do not.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use geo::Geometry;
use serde_json::Value;

use super::question::Question;
use crate::catalog::{Cell, Column, Holding, Part, Snapshot};
use crate::search::backend::SearchError;
use crate::search::document::{parsed, unpacked};
use crate::search::filter::{Filter, Operand, Record, is_member, operand};
use crate::search::sort::{SortKey, SortValue};
use crate::search::text::ITEM_FIELDS;

/// Where a property of the filter is found in a part.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Id,
    Collection,
    Datetime,
    Geometry,
    Column(&'a Column),
    Nowhere,
    Document,
}

/// A row of a part; it is moved from row to row.
#[derive(Debug)]
pub(super) struct RowRecord<'a> {
    snapshot: &'a Snapshot,
    part: &'a Part,
    question: &'a Question<'a>,
    /// By number of the filter's property.
    places: Vec<Place<'a>>,
    row: u32,
    id: OnceCell<String>,
    document: OnceCell<Value>,
    geometry: OnceCell<Option<Geometry>>,
    /// Why the document could not be read; the evaluator has no way to say so.
    failed: RefCell<Option<SearchError>>,
}

impl<'a> RowRecord<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, part: &'a Part, question: &'a Question<'a>) -> Self {
        let names = question.search.filter.as_ref().map(Filter::properties).unwrap_or_default();
        let as_time =
            |number| question.search.filter.as_ref().is_some_and(|filter| filter.takes_as_time(number));
        let place = |(number, name): (usize, &String)| match name.as_str() {
            "id" => Place::Id,
            "collection" => Place::Collection,
            // The document says whether an Item that lasts has an instant of its own.
            "datetime" if part.spans().is_empty() && as_time(number) => Place::Datetime,
            "geometry" => Place::Geometry,
            name => match holding(part, name) {
                Holding::Column(column) => Place::Column(column),
                Holding::NoItemHasIt => Place::Nowhere,
                Holding::Elsewhere => Place::Document,
            },
        };
        Self {
            snapshot,
            part,
            question,
            places: names.iter().enumerate().map(place).collect(),
            row: 0,
            id: OnceCell::new(),
            document: OnceCell::new(),
            geometry: OnceCell::new(),
            failed: RefCell::new(None),
        }
    }

    /// Moves to a row.
    pub(super) fn at(&mut self, row: u32) {
        self.row = row;
        self.id.take();
        self.document.take();
        self.geometry.take();
    }

    pub(super) fn part(&self) -> &'a Part {
        self.part
    }

    /// The row's id.
    pub(super) fn id(&self) -> &str {
        self.id.get_or_init(|| self.part.ids().get(self.row))
    }

    fn collection(&self) -> &'a str {
        &self.snapshot.slots()[self.part.collection(self.row) as usize].id
    }

    /// True when the conjunct of that number holds.
    pub(super) fn conjunct_holds(&self, number: usize) -> Result<bool, SearchError> {
        let holds = self.question.conjuncts.get(number).is_some_and(|conjunct| conjunct.holds(self));
        self.failed.take().map_or(Ok(holds), Err)
    }

    /// True when the words of `q` occur in the Item.
    pub(super) fn text_occurs(&self) -> Result<bool, SearchError> {
        let Some(text) = &self.question.search.text else { return Ok(true) };
        if text.occurs_in([self.id()]) {
            return Ok(true);
        }
        let mut in_document = false;
        for field in ITEM_FIELDS {
            match self.part.property(field).cell(self.row) {
                Cell::Text(own) if text.occurs_in([own]) => return Ok(true),
                Cell::Instant(instant, style) if text.occurs_in([style.write(instant).as_str()]) => {
                    return Ok(true);
                }
                Cell::Elsewhere => in_document = true,
                _ => {}
            }
        }
        if !in_document {
            return Ok(false);
        }
        let body = unpacked(self.snapshot, self.part, self.row)?;
        Ok(text.may_occur_in(body.open_json()) && text.matches_item(self.document()?))
    }

    /// What the row is sorted by.
    pub(super) fn sort_value(&self, key: &SortKey) -> Result<SortValue, SearchError> {
        Ok(match key.property.as_str() {
            "id" => SortValue::Text(self.id().to_owned()),
            "collection" => SortValue::Text(self.collection().to_owned()),
            "datetime" => SortValue::Instant(self.part.times().get(self.row)),
            name => match holding(self.part, name).cell(self.row) {
                Cell::Elsewhere => key.value(self.document()?),
                cell => SortValue::of_cell(cell),
            },
        })
    }

    fn document(&self) -> Result<&Value, SearchError> {
        if let Some(document) = self.document.get() {
            return Ok(document);
        }
        let document = parsed(self.snapshot, self.part, self.row)?;
        Ok(self.document.get_or_init(|| document))
    }

    /// A property as the document has it.
    pub(super) fn property(&self, name: &str) -> Result<Option<&Value>, SearchError> {
        Ok(self.document()?.get("properties").and_then(|properties| properties.get(name)))
    }

    fn in_document(&self, property: usize) -> Operand<'_> {
        match self.document() {
            Ok(document) => operand(document, self.question.name(property)),
            Err(error) => {
                self.failed.replace(Some(error));
                Operand::Missing
            }
        }
    }
}

/// Where a name of a question is held. A member beside `properties` comes before a property of its name; a name with a point
/// may be a path into an object, where no property has it: only documents know those.
pub(super) fn holding<'a>(part: &'a Part, name: &str) -> Holding<'a> {
    let is_path = name.split_once('.').is_some_and(|(object, _)| {
        is_member(object) || !matches!(part.property(object), Holding::NoItemHasIt)
    });
    if name == "datetime" || is_member(name) || is_path { Holding::Elsewhere } else { part.property(name) }
}

impl Record for RowRecord<'_> {
    fn value(&self, property: usize) -> Operand<'_> {
        match self.places[property] {
            Place::Id => Operand::Text(Cow::Borrowed(self.id())),
            Place::Collection => Operand::Text(Cow::Borrowed(self.collection())),
            Place::Datetime => Operand::Instant(self.part.times().get(self.row)),
            Place::Geometry => {
                let shape = || Some(self.part.space().geometry(self.part.space().footprint_of(self.row)?));
                self.geometry.get_or_init(shape).as_ref().map_or(Operand::Missing, Operand::Geometry)
            }
            Place::Column(column) => match column.get(self.row) {
                Cell::Missing | Cell::Null => Operand::Missing,
                Cell::Bool(flag) => Operand::Bool(flag),
                Cell::Number(number) => Operand::Number(number),
                Cell::Text(text) => Operand::Text(Cow::Borrowed(text)),
                // As a text, so that it can be compared with texts and with times.
                Cell::Instant(instant, style) => Operand::Text(Cow::Owned(style.write(instant))),
                Cell::Elsewhere => self.in_document(property),
            },
            Place::Nowhere => Operand::Missing,
            Place::Document => self.in_document(property),
        }
    }
}
