//! CQL2 JSON becomes the checked expression.

use serde_json::{Map, Value};

use super::arguments::{as_array, count, is_scalar, is_text, marked, require};
use super::error::{FilterError, described, quoted};
use super::expr::{List, Predicate, Term};
use super::fold::Fold;
use super::like::Pattern;
use super::literal;
use super::operator::{self, Arithmetic, Comparison, Operator};
use super::span::Span;
use super::text::{ARRAY, GROUP, SHAPE};

/// Deepest nesting of operators; a text's AND, OR and NOT around each of its brackets fit in.
const MAX_DEPTH: usize = 256;

/// Most operators, names and literals.
const MAX_NODES: usize = 20_000;

/// Most values of one list.
const MAX_LIST: usize = 10_000;

/// Reads expressions and numbers the properties that they name.
#[derive(Debug, Default)]
pub(super) struct Checker<'a> {
    /// Literal shapes of a text.
    pub(super) shapes: &'a [Value],
    /// Names, in the order of their numbers.
    pub(super) properties: Vec<String>,
    nodes: usize,
    depth: usize,
    positions: usize,
}

impl<'a> Checker<'a> {
    pub(super) fn new(shapes: &'a [Value]) -> Self {
        Self { shapes, ..Self::default() }
    }

    /// The number of a property; `properties.x` and `x` are the same.
    pub(super) fn property(&mut self, name: &str) -> usize {
        let name = name.strip_prefix("properties.").unwrap_or(name);
        self.properties.iter().position(|known| known == name).unwrap_or_else(|| {
            self.properties.push(name.to_owned());
            self.properties.len() - 1
        })
    }

    fn enter(&mut self) -> Result<(), FilterError> {
        self.nodes += 1;
        self.depth += 1;
        if self.nodes > MAX_NODES {
            return Err(FilterError::TooMany { what: "operators, names and values", limit: MAX_NODES });
        }
        if self.depth > MAX_DEPTH {
            return Err(FilterError::TooDeep { limit: MAX_DEPTH });
        }
        Ok(())
    }

    /// Reads something that is true, false or unknown.
    pub(super) fn predicate(&mut self, value: &Value) -> Result<Predicate, FilterError> {
        match self.term(value)? {
            Term::Truth(predicate) => Ok(*predicate),
            Term::Bool(flag) => Ok(Predicate::Constant(Some(flag))),
            Term::Null => Ok(Predicate::Constant(None)),
            flag @ Term::Property(_) => Ok(Predicate::Flag(flag)),
            _ => Err(FilterError::Expression {
                found: described(value),
                expected: "a condition that is true or false, such as eo:cloud_cover < 10",
            }),
        }
    }

    /// Reads anything that has a value.
    pub(super) fn term(&mut self, value: &Value) -> Result<Term, FilterError> {
        self.enter()?;
        let term = match value {
            Value::Null => Term::Null,
            Value::Bool(flag) => Term::Bool(*flag),
            Value::Number(number) => Term::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => literal::text(text),
            Value::Array(values) => Term::Array(self.terms(values)?),
            Value::Object(members) => self.object(value, members)?,
        };
        self.depth -= 1;
        Ok(term)
    }

    fn terms(&mut self, values: &[Value]) -> Result<Vec<Term>, FilterError> {
        if values.len() > MAX_LIST {
            return Err(FilterError::TooMany { what: "values in one list", limit: MAX_LIST });
        }
        values.iter().map(|value| self.term(value)).collect()
    }

    fn object(&mut self, value: &Value, members: &Map<String, Value>) -> Result<Term, FilterError> {
        let expected = "op with args, property, timestamp, date, interval, bbox or a GeoJSON geometry";
        let refusal = || FilterError::Expression { found: described(value), expected };
        if let Some(name) = members.get("op") {
            let name = name.as_str().ok_or_else(refusal)?;
            let one;
            let args = match members.get("args") {
                Some(Value::Array(args)) => args.as_slice(),
                // Earlier drafts wrote the only argument of NOT and IS NULL without its array.
                Some(Value::Null) | None => return Err(refusal()),
                Some(only) => {
                    one = [only.clone()];
                    one.as_slice()
                }
            };
            return self.operation(name, args);
        }
        if let Some(name) = members.get("property") {
            return Ok(Term::Property(self.property(name.as_str().ok_or_else(refusal)?)));
        }
        if let Some(text) = members.get("timestamp") {
            return literal::timestamp(text);
        }
        if let Some(text) = members.get("date") {
            return literal::date(text);
        }
        if let Some(ends) = members.get("interval") {
            return self.interval(ends.as_array().map_or(&[][..], Vec::as_slice));
        }
        if members.contains_key("type") {
            return self.geometry(value);
        }
        match members.get("bbox") {
            Some(corners) => literal::bbox(corners),
            None => Err(refusal()),
        }
    }

    fn geometry(&mut self, value: &Value) -> Result<Term, FilterError> {
        let left = literal::MAX_POSITIONS.saturating_sub(self.positions);
        let (shape, positions) = literal::geometry(value, left)?;
        self.positions += positions;
        Ok(shape)
    }

    fn interval(&mut self, ends: &[Value]) -> Result<Term, FilterError> {
        let [start, end] = ends else {
            let expected = "a start and an end";
            return Err(FilterError::Arguments { operator: "interval", expected, found: ends.len() });
        };
        let (start, end) = (self.interval_end(start)?, self.interval_end(end)?);
        match (&start, &end) {
            (Some(Term::Property(_)), _) | (_, Some(Term::Property(_))) => {
                Ok(Term::Interval(start.map(Box::new), end.map(Box::new)))
            }
            _ => {
                let open = Span::from(crate::stac::Interval::default());
                let span = |end: Option<Term>| match end {
                    Some(Term::Span(span)) => span,
                    _ => open,
                };
                let span = Span { start: span(start).start, end: span(end).end };
                if span.end < span.start {
                    let expected = "an interval that ends after it starts";
                    return Err(FilterError::Time { text: span.start.to_rfc3339(), expected });
                }
                Ok(Term::Span(span))
            }
        }
    }

    fn interval_end(&mut self, value: &Value) -> Result<Option<Term>, FilterError> {
        if let Value::String(text) = value {
            return Ok(literal::interval_end(text)?.map(Term::Span));
        }
        match self.term(value)? {
            end @ (Term::Property(_) | Term::Span(_)) => Ok(Some(end)),
            _ => Err(FilterError::Operand {
                operator: "interval",
                expected: "dates, date-times, '..' or properties",
                found: described(value),
            }),
        }
    }

    fn operation(&mut self, name: &str, args: &[Value]) -> Result<Term, FilterError> {
        match (name, args) {
            (GROUP, [only]) => return self.term(only),
            (ARRAY, _) => return Ok(Term::Array(self.terms(args)?)),
            (SHAPE, [number]) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                let shapes = self.shapes;
                #[expect(clippy::cast_precision_loss, reason = "a text holds a few thousand shapes at most")]
                let shape = shapes.iter().enumerate().find(|(at, _)| (*at as f64) == number);
                if let Some((_, shape)) = shape {
                    return self.geometry(shape);
                }
            }
            _ => {}
        }
        let (name, found) = operator::find(name)
            .ok_or_else(|| FilterError::UnknownOperator { name: quoted(name), known: operator::known() })?;
        let predicate = match found {
            Operator::And | Operator::Or => {
                let parts = args.iter().map(|arg| self.predicate(arg)).collect::<Result<Vec<_>, _>>()?;
                match (found, parts.is_empty()) {
                    (_, true) => return Err(count(name, "at least one condition", args)),
                    (Operator::And, _) => Predicate::And(parts),
                    _ => Predicate::Or(parts),
                }
            }
            Operator::Not => match args {
                [only] => Predicate::Not(Box::new(self.predicate(only)?)),
                _ => return Err(count(name, "one condition", args)),
            },
            Operator::IsNull => match args {
                [only] => Predicate::IsNull(self.term(only)?),
                _ => return Err(count(name, "one argument", args)),
            },
            Operator::Comparison(comparison) => self.comparison(name, comparison, args)?,
            Operator::Between => self.between(name, args)?,
            Operator::In => self.list(name, args)?,
            Operator::Like => self.like(name, args)?,
            Operator::Spatial(relation) => {
                let expected = "geometries: a property, WKT, GeoJSON or BBOX";
                let [a, b] = self.pair(name, args, expected, |term| matches!(term, Term::Shape(_)))?;
                Predicate::Spatial(relation, a, b)
            }
            Operator::Temporal(relation) => {
                let expected = "times: a property, TIMESTAMP, DATE or INTERVAL";
                let [a, b] = self.pair(name, args, expected, |term| {
                    matches!(term, Term::Span(_) | Term::Dated(..) | Term::Interval(..))
                })?;
                Predicate::Temporal(relation, a, b)
            }
            Operator::Sets(relation) => {
                let args: Vec<Value> = args.iter().map(as_array).collect();
                let expected = "arrays: a property or a list in brackets";
                let [a, b] = self.pair(name, &args, expected, |term| matches!(term, Term::Array(_)))?;
                Predicate::Sets(relation, a, b)
            }
            Operator::Arithmetic(operation) => return self.arithmetic(name, operation, args),
            Operator::CaseI => return self.fold(name, Fold::Case, args),
            Operator::AccentI => return self.fold(name, Fold::Accents, args),
        };
        Ok(Term::Truth(Box::new(predicate)))
    }

    /// Two arguments of which each must fit unless only a record can say.
    fn pair(
        &mut self,
        name: &'static str,
        args: &[Value],
        expected: &'static str,
        fits: impl Fn(&Term) -> bool,
    ) -> Result<[Term; 2], FilterError> {
        let [a, b] = args else { return Err(count(name, "two arguments", args)) };
        let terms = [self.term(a)?, self.term(b)?];
        for term in &terms {
            require(name, expected, term, &fits)?;
        }
        Ok(terms)
    }

    fn comparison(
        &mut self,
        name: &'static str,
        comparison: Comparison,
        args: &[Value],
    ) -> Result<Predicate, FilterError> {
        let expected = "values of one kind: numbers, texts, times or true and false";
        let [a, b] = self.pair(name, args, expected, is_scalar)?;
        Ok(Predicate::Compare(comparison, a, b))
    }

    fn between(&mut self, name: &'static str, args: &[Value]) -> Result<Predicate, FilterError> {
        let (value, low, high) = match args {
            [value, low, high] => (value, low, high),
            // The form of earlier drafts.
            [value, Value::Array(bounds)] => match bounds.as_slice() {
                [low, high] => (value, low, high),
                _ => return Err(count(name, "a value and two bounds", bounds)),
            },
            _ => return Err(count(name, "a value and two bounds", args)),
        };
        let terms = [self.term(value)?, self.term(low)?, self.term(high)?];
        for term in &terms {
            require(name, "numbers, texts or times", term, is_scalar)?;
        }
        let [value, low, high] = terms;
        Ok(Predicate::Between(value, low, high))
    }

    fn list(&mut self, name: &'static str, args: &[Value]) -> Result<Predicate, FilterError> {
        let [value, list] = args else { return Err(count(name, "a value and a list", args)) };
        let value = self.term(value)?;
        require(name, "a number, a text, a time or a flag on its left", &value, is_scalar)?;
        let Some(members) = list.as_array() else {
            return Err(FilterError::Operand { operator: name, expected: "a list", found: described(list) });
        };
        // From a text the list comes as one marked array.
        let members = match members.as_slice() {
            [only] => marked(only, ARRAY).unwrap_or(members.as_slice()),
            _ => members.as_slice(),
        };
        if members.is_empty() {
            return Err(FilterError::EmptyList);
        }
        let terms = self.terms(members)?;
        for term in &terms {
            require(name, "a list of numbers, texts, times or flags", term, is_scalar)?;
        }
        Ok(Predicate::In(value, List::new(terms)))
    }

    fn like(&mut self, name: &'static str, args: &[Value]) -> Result<Predicate, FilterError> {
        let [value, pattern] = args else { return Err(count(name, "a text and a pattern", args)) };
        let (value, written) = (self.term(value)?, pattern);
        require(name, "a text on its left", &value, is_text)?;
        match self.term(pattern)? {
            Term::Text(pattern) | Term::Dated(pattern, _) => {
                Ok(Predicate::Like(value, Pattern::new(&pattern)))
            }
            _ => Err(FilterError::Operand {
                operator: name,
                expected: "a pattern in quotes, such as 'sentinel%'",
                found: described(written),
            }),
        }
    }

    fn arithmetic(
        &mut self,
        name: &'static str,
        operation: Arithmetic,
        args: &[Value],
    ) -> Result<Term, FilterError> {
        let mut terms = Vec::with_capacity(args.len());
        for arg in args {
            let term = self.term(arg)?;
            require(name, "numbers", &term, |t| matches!(t, Term::Number(_) | Term::Arithmetic(..)))?;
            terms.push(term);
        }
        if terms.len() + self.depth > MAX_DEPTH {
            return Err(FilterError::TooDeep { limit: MAX_DEPTH });
        }
        let chain = |left, right| Term::Arithmetic(operation, Box::new(left), Box::new(right));
        let found = terms.len();
        match terms.into_iter().reduce(chain) {
            Some(chained) if found > 1 => Ok(chained),
            _ => Err(count(name, "at least two numbers", args)),
        }
    }

    fn fold(&mut self, name: &'static str, fold: Fold, args: &[Value]) -> Result<Term, FilterError> {
        let [only] = args else { return Err(count(name, "one text", args)) };
        let term = self.term(only)?;
        require(name, "a text", &term, is_text)?;
        Ok(match term {
            // Once here rather than once a record.
            Term::Text(text) | Term::Dated(text, _) => Term::Text(fold.apply(text.into()).into_owned()),
            other => Term::Fold(fold, Box::new(other)),
        })
    }
}
