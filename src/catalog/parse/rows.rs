//! The properties of a batch's Items, one row after another in two lists: an allocation for each text would cost more than
//! reading it.

use std::borrow::Cow;
use std::ops::Range;

use super::super::columns::{Cell, Scalar};
use super::Names;

/// Rows of cells, each with the number of its name.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Rows {
    cells: Vec<(u32, Held)>,
    texts: String,
}

#[derive(Debug)]
enum Held {
    /// Anything but a text.
    Cell(Cell<'static>),
    /// Where in the texts it lies.
    Text(Range<usize>),
}

impl Rows {
    /// Adds the properties of an Item and says which cells they are.
    pub(in crate::catalog) fn push(
        &mut self,
        properties: &[(Cow<'_, str>, Scalar<'_>)],
        names: &mut Names,
    ) -> Range<usize> {
        let start = self.cells.len();
        for (name, value) in properties {
            let held = match Cell::from(value) {
                Cell::Text(text) => {
                    let at = self.texts.len();
                    self.texts.push_str(text);
                    Held::Text(at..self.texts.len())
                }
                Cell::Missing => Held::Cell(Cell::Missing),
                Cell::Null => Held::Cell(Cell::Null),
                Cell::Bool(value) => Held::Cell(Cell::Bool(value)),
                Cell::Number(value) => Held::Cell(Cell::Number(value)),
                Cell::Instant(instant, style) => Held::Cell(Cell::Instant(instant, style)),
                Cell::Elsewhere => Held::Cell(Cell::Elsewhere),
            };
            self.cells.push((names.number(name), held));
        }
        start..self.cells.len()
    }

    /// The cells of an Item.
    pub(in crate::catalog) fn row(&self, cells: Range<usize>) -> impl Iterator<Item = (u32, Cell<'_>)> {
        self.cells.get(cells).unwrap_or_default().iter().map(|(name, held)| match held {
            Held::Cell(cell) => (*name, *cell),
            Held::Text(at) => (*name, Cell::Text(&self.texts[at.clone()])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let (mut rows, mut names) = (Rows::default(), Names::default());
        let text = |text: &'static str| Scalar::Text(text.into());
        let first = rows.push(&[("a".into(), text("x")), ("b".into(), Scalar::Bool(true))], &mut names);
        let second = rows.push(&[("b".into(), text("yz")), ("c".into(), Scalar::Other)], &mut names);
        let shown = |cells| rows.row(cells).collect::<Vec<_>>();
        assert_eq!(shown(first), [(0, Cell::Text("x")), (1, Cell::Bool(true))]);
        assert_eq!(shown(second), [(1, Cell::Text("yz")), (2, Cell::Elsewhere)]);
        assert_eq!(shown(9..10), []);
    }
}
