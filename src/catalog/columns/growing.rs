//! A column that takes cells, row after row, in an encoding that widens as it must.
//!
//! The first value decides what the column holds. Values of another kind are marked as being elsewhere; when they become
//! the majority the column changes over to them and gives up what it held. A cell costs some 5 to 30 ns.

use super::codes::{Codes, ELSEWHERE, NULL, is_value};
use super::column::Column;
use super::dictionary;
use super::encoding::{Encoding, float_code, instant_whole};
use super::instant::Rules;
use super::integers::{self, Integers, decimal};
use super::presence::{self, Presence};
use super::scalar::Cell;

/// Distinct texts may always take this many bytes, and then one byte for each value.
const DICTIONARY_BYTES: usize = 2 << 20;

/// With more distinct texts than this, each must stand for two values or more to be worth a dictionary.
const FEW_TEXTS: usize = 4096;

/// So many more values of another kind must have come before a column changes over to them.
const LEAD_TO_CHANGE: usize = 16;

#[derive(Debug)]
enum Kind {
    Nothing,
    Bool,
    Decimal(integers::Growing),
    Float,
    Text(dictionary::Growing),
    Instant(integers::Growing, Rules),
}

/// A column while it is built.
#[derive(Debug)]
pub(super) struct Growing {
    kind: Kind,
    codes: Codes,
    presence: presence::Growing,
    /// Values that are held, and those of other kinds that are not.
    held: usize,
    others: usize,
    given_up: bool,
}

impl Growing {
    pub(super) fn new() -> Self {
        Self {
            kind: Kind::Nothing,
            codes: Codes::default(),
            presence: presence::Growing::default(),
            held: 0,
            others: 0,
            given_up: false,
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let dictionary = if let Kind::Text(dictionary) = &self.kind { dictionary.bytes() } else { 0 };
        self.codes.bytes() + self.presence.bytes() + dictionary
    }

    /// From now on only the bodies know.
    pub(super) fn give_up(&mut self) {
        *self = Self { given_up: true, ..Self::new() };
    }

    /// Adds the cell of a row. Rows ascend; a row that has two cells is left to its body.
    #[inline]
    pub(super) fn push(&mut self, row: u32, cell: Cell<'_>) {
        if self.given_up || matches!(cell, Cell::Missing) {
            return;
        }
        if row < self.presence.end() {
            if row + 1 == self.presence.end() {
                self.codes.pop();
                self.codes.push(ELSEWHERE);
            } else {
                self.give_up();
            }
            return;
        }
        let code = match cell {
            Cell::Null => NULL,
            Cell::Missing | Cell::Elsewhere => ELSEWHERE,
            Cell::Number(number) if !number.is_finite() => ELSEWHERE,
            value => self.code(value).unwrap_or(ELSEWHERE),
        };
        if !self.given_up {
            self.held += usize::from(is_value(code));
            self.codes.push(code);
            self.presence.push(row);
        }
    }

    #[inline]
    fn code(&mut self, value: Cell<'_>) -> Option<u64> {
        match (&mut self.kind, value) {
            (Kind::Bool, Cell::Bool(value)) => Some(u64::from(value)),
            (Kind::Decimal(integers), Cell::Number(number)) => {
                let whole = decimal(number, integers.meaning().digits);
                let code = whole.and_then(|(whole, digits)| integers.code(&mut self.codes, whole, digits));
                Some(code.unwrap_or_else(|| self.change_to_floats(number)))
            }
            (Kind::Float, Cell::Number(number)) => Some(float_code(number)),
            (Kind::Text(dictionary), Cell::Text(text)) => {
                let code = dictionary.code(text, DICTIONARY_BYTES + self.held);
                if code.is_none() {
                    self.give_up();
                }
                code
            }
            (Kind::Instant(integers, rules), Cell::Instant(instant, style)) => {
                let both = rules.and(Rules::of(instant, style)?)?;
                let (whole, digits) = instant_whole(instant)?;
                let digits_held = integers.meaning().digits;
                let whole =
                    whole.checked_mul(integers::POWERS[usize::from(digits_held.saturating_sub(digits))])?;
                let code = integers.code(&mut self.codes, whole, digits.max(digits_held))?;
                *rules = both;
                Some(code)
            }
            (Kind::Nothing, value) => self.start(value),
            (_, value) => self.vote(value),
        }
    }

    fn change_to_floats(&mut self, number: f64) -> u64 {
        if let Kind::Decimal(integers) = &self.kind {
            let meaning = integers.meaning();
            self.codes = self.codes.map(ELSEWHERE - 1, |code| float_code(meaning.number(code)));
            self.kind = Kind::Float;
        }
        float_code(number)
    }

    fn start(&mut self, value: Cell<'_>) -> Option<u64> {
        self.kind = match value {
            Cell::Bool(_) => Kind::Bool,
            Cell::Number(number) => match decimal(number, 0) {
                Some((whole, digits)) => Kind::Decimal(integers::Growing::of_numbers(whole, digits)?),
                None => Kind::Float,
            },
            Cell::Text(_) => Kind::Text(dictionary::Growing::default()),
            Cell::Instant(instant, style) => {
                let (whole, digits) = instant_whole(instant)?;
                let integers = integers::Growing::of_instants(whole, digits)?;
                Kind::Instant(integers, Rules::of(instant, style)?)
            }
            Cell::Missing | Cell::Null | Cell::Elsewhere => return None,
        };
        self.code(value)
    }

    fn vote(&mut self, value: Cell<'_>) -> Option<u64> {
        self.others += 1;
        if self.others <= self.held + LEAD_TO_CHANGE {
            return None;
        }
        self.codes = self.codes.map(0, |_| ELSEWHERE);
        (self.held, self.others) = (0, 0);
        self.kind = Kind::Nothing;
        self.start(value)
    }

    /// The finished column: row `i` of it is row `order[i]` of this one.
    pub(super) fn finish(self, order: &[u32]) -> Column {
        let rows = u32::try_from(order.len()).unwrap_or(u32::MAX);
        if self.given_up {
            return Column::elsewhere(rows);
        }
        let (low, high) = self.codes.extremes().unwrap_or((0, 0));
        let relative = |meaning: Integers| Integers { base: meaning.whole(low), ..meaning };
        let from_low = Remap { less: low, table: None, highest: high - low };
        let as_they_are = Remap { less: 0, table: None, highest: high };
        let (encoding, remap) = match &self.kind {
            Kind::Nothing => (Encoding::Nothing, as_they_are),
            Kind::Bool => (Encoding::Bool, as_they_are),
            Kind::Decimal(integers) => (Encoding::Decimal(relative(integers.meaning())), from_low),
            Kind::Float => (Encoding::Float, as_they_are),
            Kind::Instant(integers, rules) => {
                (Encoding::Instant(relative(integers.meaning()), *rules), from_low)
            }
            Kind::Text(growing) => {
                let mut used = vec![false; growing.dictionary().len()];
                for code in self.codes.iter().filter(|code| is_value(*code)) {
                    if let Some(used) = usize::try_from(code).ok().and_then(|at| used.get_mut(at)) {
                        *used = true;
                    }
                }
                let is_used = |code| usize::try_from(code).is_ok_and(|at| used[at]);
                let (sorted, table) = growing.dictionary().sorted(is_used);
                if sorted.len() > FEW_TEXTS && sorted.len() * 2 > self.held {
                    return Column::elsewhere(rows);
                }
                let highest = (sorted.len() as u64).saturating_sub(1);
                (Encoding::Text(sorted), Remap { less: 0, table: Some(table), highest })
            }
        };
        let (codes, presence) = gather(&self.codes, &self.presence.finish(), order, &remap);
        Column::new(encoding, codes, presence)
    }
}

/// How codes change when a column is finished.
struct Remap {
    less: u64,
    table: Option<Vec<u32>>,
    highest: u64,
}

impl Remap {
    #[inline]
    fn code(&self, code: u64) -> u64 {
        match &self.table {
            _ if !is_value(code) => code,
            None => code - self.less,
            Some(table) => {
                usize::try_from(code).ok().and_then(|at| table.get(at)).map_or(0, |c| u64::from(*c))
            }
        }
    }
}

/// The codes of the rows `order`. Where most rows have none, or all have the same, those that have none cost a bit.
fn gather(codes: &Codes, presence: &Presence, order: &[u32], remap: &Remap) -> (Codes, Presence) {
    let rows = u32::try_from(order.len()).unwrap_or(u32::MAX);
    let all = matches!(presence, Presence::All(end) if order.iter().all(|row| row < end));
    let new_presence = if all {
        Presence::All(rows)
    } else {
        let mut words = vec![0_u64; order.len().div_ceil(64)];
        for (new, old) in order.iter().enumerate() {
            words[new / 64] |= u64::from(presence.index(*old).is_some()) << (new % 64);
        }
        Presence::from_words(words, rows)
    };
    let count = new_presence.count();
    if let Codes::Same { code, .. } = codes {
        return (Codes::Same { code: remap.code(*code), len: count }, new_presence);
    }
    let dense = count * 2 > order.len();
    let mut gathered = Codes::with_capacity(remap.highest, if dense { order.len() } else { count });
    for old in order {
        match presence.index(*old) {
            Some(index) => gathered.push(remap.code(codes.get(index))),
            None if dense => gathered.push(super::codes::MISSING),
            None => {}
        }
    }
    (gathered, if dense { Presence::All(rows) } else { new_presence })
}
