//! A filter becomes one checked expression that Items are tested against.
//!
//! In: CQL2 as text or JSON, or the STAC query extension, all from strangers. Out: a [`Filter`], which says which
//! properties it reads, splits into [`Conjunct`]s that columns and trees can test, and tells of any [`Record`] whether
//! it matches. The crate `cql2` turns text into CQL2 JSON; one checker reads that JSON, whoever wrote it.
//!
//! Text is at most 64 KiB and 64 brackets deep, lists hold 10,000 values, shapes 100,000 positions together.
//! Logic is three-valued: what a record lacks makes a condition unknown, NOT of unknown is unknown, and only true
//! matches. Numbers compare as numbers, texts that name times as times; values of different kinds compare as unknown.
//! A simple condition costs 30 to 80 ns a record without allocation; the relations of shapes, but for intersects, some
//! microseconds where their boxes meet. A short text is read in 0.1 ms, the longest in 0.1 s.

mod arguments;
mod check;
mod conjunct;
mod document;
mod error;
mod evaluate;
mod expr;
mod fold;
mod like;
mod literal;
mod mentions;
mod operand;
mod operator;
mod query;
mod span;
mod spatial;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod value;
mod wkt;

use serde_json::Value;

use check::Checker;
pub use conjunct::{Conjunct, Test, meets};
pub use document::Document;
pub(crate) use document::{is_member, operand};
pub use error::FilterError;
use expr::Predicate;
pub use operand::{Operand, Record};

/// A checked filter.
#[derive(Debug, Clone)]
pub struct Filter {
    properties: Vec<String>,
    /// By number of a property: whether something takes it for more than a time.
    as_text: Vec<bool>,
    /// All of them must hold.
    conditions: Vec<Predicate>,
}

impl Filter {
    /// Reads `filter-lang=cql2-text`.
    ///
    /// # Errors
    /// Says where the text is no CQL2, which operand can never fit, or which limit it breaks.
    pub fn from_text(text: &str) -> Result<Self, FilterError> {
        let parsed = text::parse(text)?;
        let mut checker = Checker::new(&parsed.shapes);
        let root = checker.predicate(&parsed.json)?;
        Ok(Self::new(checker.properties, vec![root]))
    }

    /// Reads `filter-lang=cql2-json`.
    ///
    /// # Errors
    /// As [`Filter::from_text`], without a position.
    pub fn from_json(value: &Value) -> Result<Self, FilterError> {
        let mut checker = Checker::default();
        let root = checker.predicate(value)?;
        Ok(Self::new(checker.properties, vec![root]))
    }

    /// Reads `query` of the STAC query extension.
    ///
    /// # Errors
    /// Names the property, the operator and what was expected.
    pub fn from_query(value: &Value) -> Result<Self, FilterError> {
        let mut checker = Checker::default();
        let conditions = query::read(value, &mut checker)?;
        Ok(Self::new(checker.properties, conditions))
    }

    fn new(properties: Vec<String>, conditions: Vec<Predicate>) -> Self {
        let mut flat = Vec::with_capacity(conditions.len());
        let mut as_text = vec![false; properties.len()];
        for mut condition in conditions {
            condition.each_mention(&mut |number, as_time| as_text[*number] |= !as_time);
            flatten(condition, &mut flat);
        }
        Self { properties, as_text, conditions: flat }
    }

    /// The filter that matches what both match.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let mut numbers = Vec::with_capacity(other.properties.len());
        for (name, as_text) in other.properties.into_iter().zip(other.as_text) {
            let known = self.properties.iter().position(|known| *known == name);
            let number = known.unwrap_or_else(|| {
                self.properties.push(name);
                self.as_text.push(false);
                self.properties.len() - 1
            });
            self.as_text[number] |= as_text;
            numbers.push(number);
        }
        for mut condition in other.conditions {
            condition.each_mention(&mut |number, _| *number = numbers[*number]);
            self.conditions.push(condition);
        }
        self
    }

    /// Names of the properties that are read, in the order of their numbers, without the prefix `properties.`.
    #[must_use]
    pub fn properties(&self) -> &[String] {
        &self.properties
    }

    /// True when the property with this number is compared with times only, so that it may be given as one: beside texts, and
    /// for LIKE, it takes its text.
    #[must_use]
    pub fn takes_as_time(&self, property: usize) -> bool {
        self.as_text.get(property) == Some(&false)
    }

    /// The conditions that must all hold, for a planner that tests the simple ones by itself.
    #[must_use]
    pub fn conjuncts(&self) -> impl ExactSizeIterator<Item = Conjunct<'_>> {
        self.conditions.iter().map(|condition| Conjunct::new(condition, &self.properties))
    }

    /// Whether a record matches; what cannot be known does not.
    pub fn matches<R: Record + ?Sized>(&self, record: &R) -> bool {
        self.conditions.iter().all(|condition| condition.truth(record) == Some(true))
    }
}

/// Splits a condition at its ANDs.
fn flatten(condition: Predicate, flat: &mut Vec<Predicate>) {
    match condition {
        Predicate::And(parts) => parts.into_iter().for_each(|part| flatten(part, flat)),
        other => flat.push(other),
    }
}
