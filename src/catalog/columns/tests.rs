//! Columns against the plain lists of values that they were made from.

use std::cmp::Ordering;
use std::ops::Bound;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::super::parts::Reader;
use super::*;

/// Equal to the last bit.
fn same(a: Cell<'_>, b: Cell<'_>) -> bool {
    match (a, b) {
        (Cell::Number(a), Cell::Number(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

fn cell<'a>(value: Option<&'a Scalar<'_>>) -> Cell<'a> {
    value.map_or(Cell::Missing, Cell::from)
}

fn build(values: &[Option<Scalar>], order: &[u32]) -> Columns {
    let mut builder = ColumnsBuilder::new();
    let at = builder.column("x");
    for (row, value) in (0..).zip(values) {
        if let Some(value) = value {
            builder.push(row, at, Cell::from(value));
        }
    }
    builder.finish(order)
}

fn straight(values: &[Option<Scalar>]) -> Vec<u32> {
    (0..).zip(values).map(|(row, _)| row).collect()
}

/// The one column, or one that nobody has.
fn column(columns: &Columns) -> Column {
    match columns.holding("x") {
        Holding::Column(column) => column.clone(),
        Holding::Elsewhere => Column::elsewhere(columns.rows()),
        Holding::NoItemHasIt => {
            let nobody = vec![None; columns.rows() as usize];
            let order = straight(&nobody);
            super::growing::Growing::new().finish(&order)
        }
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-300_i32..300).prop_map(f64::from),
        6 => (0_i32..100_000_000).prop_map(|i| f64::from(i) / 1e6),
        2 => (any::<i32>(), 0..10).prop_map(|(i, k)| f64::from(i) / 10_f64.powi(k)),
        1 => prop::sample::select(vec![
            0.0, -0.0, 0.1 + 0.2, 1e300, -1e300, 5e-324, f64::MAX, f64::MIN, f64::EPSILON,
            9_007_199_254_740_992.0, 9_007_199_254_740_994.0, -9_007_199_254_740_992.0, 4_294_967_296.0,
            2_147_483_647.0, -2_147_483_648.0, f64::INFINITY, f64::NEG_INFINITY,
        ]),
        1 => any::<f64>().prop_filter("a number", |x| !x.is_nan()),
    ]
}

fn instant() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![1_500_000_000_i64..1_500_000_300, -62_000_000_000_i64..253_000_000_000];
    let nanos = prop_oneof![Just(0_u32), (0_u32..1000).prop_map(|ms| ms * 1_000_000), 0_u32..1_000_000_000];
    (seconds, nanos, prop::sample::select(vec![0, 3, 6, 9]), prop::bool::weighted(0.1)).prop_map(
        |(s, n, digits, zone)| {
            use chrono::SecondsFormat::{Micros, Millis, Nanos, Secs};
            let instant = DateTime::from_timestamp(s, n).expect("in range");
            let format = [Secs, Millis, Micros, Nanos][digits / 3];
            instant.to_rfc3339_opts(format, !zone)
        },
    )
}

fn any_text() -> impl Strategy<Value = Scalar<'static>> {
    prop_oneof!["[ab]{0,2}", ".{0,5}", instant()].prop_map(|t| Scalar::Text(t.into()))
}

fn mark() -> impl Strategy<Value = Option<Scalar<'static>>> {
    prop_oneof![4 => Just(None), 1 => Just(Some(Scalar::Null)), 1 => Just(Some(Scalar::Other))]
}

/// Columns of one kind with and without marks, mixed ones, nearly empty ones.
fn values() -> impl Strategy<Value = Vec<Option<Scalar<'static>>>> {
    let text = |texts: BoxedStrategy<String>| texts.prop_map(|t| Scalar::Text(t.into())).boxed();
    let kinds = vec![
        (-300_i32..300).prop_map(|i| Scalar::Number(f64::from(i))).boxed(),
        (0_i32..100_000_000).prop_map(|i| Scalar::Number(f64::from(i) / 1e6)).boxed(),
        number().prop_map(Scalar::Number).boxed(),
        text("[a-d]{0,2}".boxed()),
        text(instant().boxed()),
        text(Just("2024-01-01T00:00:00Z".to_owned()).boxed()),
        any::<bool>().prop_map(Scalar::Bool).boxed(),
        prop_oneof![
            5 => number().prop_map(Scalar::Number),
            5 => any_text(),
            1 => any::<bool>().prop_map(Scalar::Bool),
            1 => Just(Scalar::Other)
        ]
        .boxed(),
    ];
    let marks = prop::sample::select(vec![0_u32, 5, 50, 99]);
    (prop::sample::select(kinds), marks).prop_flat_map(|(kind, share)| {
        let cell = prop_oneof![100 - share => kind.prop_map(Some), share => mark()];
        prop::collection::vec(cell, 0..260)
    })
}

fn numbers_of(bound: Bound<f64>, is_low: bool, value: f64) -> bool {
    match (bound, is_low) {
        (Bound::Unbounded, _) => true,
        (Bound::Included(b), true) => value >= b,
        (Bound::Excluded(b), true) => value > b,
        (Bound::Included(b), false) => value <= b,
        (Bound::Excluded(b), false) => value < b,
    }
}

fn verdict(cell: Cell<'_>, passes: impl Fn(Cell<'_>) -> bool) -> Verdict {
    match cell {
        Cell::Elsewhere => Verdict::AskBody,
        cell if passes(cell) => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn bound() -> impl Strategy<Value = Bound<f64>> {
    prop_oneof![
        number().prop_map(Bound::Included),
        number().prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

proptest! {
    #[test]
    fn a_column_gives_back_what_was_pushed_or_nothing(values in values(), picks in prop::collection::vec(0_u32..300, 0..300)) {
        let orders = [straight(&values), picks];
        for order in orders {
            let built = build(&values, &order);
            prop_assert_eq!(built.rows() as usize, order.len());
            let column = column(&built);
            prop_assert_eq!(column.rows() as usize, order.len());
            for (row, old) in (0..).zip(&order) {
                let expected = cell(values.get(*old as usize).and_then(Option::as_ref));
                let found = column.get(row);
                prop_assert!(same(found, expected) || found == Cell::Elsewhere, "{found:?} for {expected:?}");
                let number = if let Cell::Number(number) = found { Some(number.to_bits()) } else { None };
                prop_assert_eq!(column.number(row).map(f64::to_bits), number);
            }
            prop_assert_eq!(column.get(column.rows()), Cell::Missing);
        }
    }

    #[test]
    fn numbers_alone_are_all_held(numbers in prop::collection::vec(number(), 0..200)) {
        let values: Vec<_> = numbers.iter().map(|n| Some(Scalar::Number(*n))).collect();
        let column = column(&build(&values, &straight(&values)));
        for (row, number) in (0..).zip(numbers) {
            let expected = if number.is_finite() { Cell::Number(number) } else { Cell::Elsewhere };
            prop_assert!(same(column.get(row), expected));
        }
    }

    #[test]
    fn the_majority_is_held(few in prop::collection::vec(any_text(), 0..30), many in 100_i32..300) {
        let numbers = (0..many).map(|i| Scalar::Number(f64::from(i)));
        let values: Vec<_> = few.into_iter().chain(numbers).map(Some).collect();
        let column = column(&build(&values, &straight(&values)));
        let held = (0..column.rows()).filter(|row| column.number(*row).is_some()).count();
        prop_assert!(held >= values.len() - 2 * 30 - 17, "{held} of {}", values.len());
    }

    #[test]
    fn ranges_are_those_of_the_cells(values in values(), low in bound(), high in bound()) {
        let column = column(&build(&values, &straight(&values)));
        let test = column.compile_range(low, high);
        for row in 0..column.rows() + 3 {
            let expected = verdict(column.get(row), |cell| {
                matches!(cell, Cell::Number(x) if numbers_of(low, true, x) && numbers_of(high, false, x))
            });
            prop_assert_eq!(test.holds(row), expected);
        }
    }

    #[test]
    fn a_range_ends_at_values_that_are_there(values in values(), picks: [prop::sample::Index; 2], inclusive: bool) {
        prop_assume!(!values.is_empty());
        let column = column(&build(&values, &straight(&values)));
        let rows = picks.map(|pick| (0..).nth(pick.index(values.len())).expect("a row"));
        let (low, high) = (column.get(rows[0]), column.get(rows[1]));
        let wrap = |inclusive| if inclusive { Bound::Included } else { Bound::Excluded };
        let inside = |order_low: Ordering, order_high: Ordering| {
            if inclusive { order_low.is_ge() && order_high.is_lt() } else { order_low.is_gt() && order_high.is_le() }
        };
        let test = match (low, high) {
            (Cell::Number(a), Cell::Number(b)) => {
                let wrap = |i, x| if i { Bound::Included(x) } else { Bound::Excluded(x) };
                column.compile_range(wrap(inclusive, a), wrap(!inclusive, b))
            }
            (Cell::Instant(a, _), Cell::Instant(b, _)) => {
                let wrap = |i, x| if i { Bound::Included(x) } else { Bound::Excluded(x) };
                column.compile_instants(wrap(inclusive, a), wrap(!inclusive, b))
            }
            (Cell::Text(a), Cell::Text(b)) => column.compile_text_range(wrap(inclusive)(a), wrap(!inclusive)(b)),
            _ => return Ok(()),
        };
        for row in 0..column.rows() {
            let expected = verdict(column.get(row), |cell| match (low, cell, high) {
                (Cell::Number(a), Cell::Number(x), Cell::Number(b)) => {
                    inside(x.partial_cmp(&a).expect("numbers"), x.partial_cmp(&b).expect("numbers"))
                }
                (Cell::Instant(a, _), Cell::Instant(x, _), Cell::Instant(b, _)) => inside(x.cmp(&a), x.cmp(&b)),
                (Cell::Text(a), Cell::Text(x), Cell::Text(b)) => inside(x.cmp(a), x.cmp(b)),
                _ => false,
            });
            prop_assert_eq!(test.holds(row), expected);
        }
    }

    #[test]
    fn texts_and_booleans_are_found(values in values(), others in prop::collection::vec(any_text(), 0..4), picks: [prop::sample::Index; 3]) {
        let column = column(&build(&values, &straight(&values)));
        let own = picks.iter().filter_map(|p| values.get(p.index(values.len().max(1)))?.as_ref());
        let wanted: Vec<&str> = own.chain(&others).filter_map(|v| if let Scalar::Text(t) = v { Some(t.as_ref()) } else { None }).collect();
        let equal = column.compile_texts(&wanted);
        let with_a = column.compile_texts_where(|text| text.contains('a'));
        let yes = column.compile_bool(true);
        for row in 0..column.rows() {
            let cell = column.get(row);
            let is_one = |cell: Cell<'_>| match cell {
                Cell::Text(text) => wanted.contains(&text),
                Cell::Instant(instant, style) => wanted.contains(&&*style.write(instant)),
                _ => false,
            };
            prop_assert_eq!(equal.holds(row), verdict(cell, is_one));
            let contains = |cell: Cell<'_>| matches!(cell, Cell::Text(text) if text.contains('a'));
            let expected = match cell {
                Cell::Instant(..) => Verdict::AskBody,
                cell => verdict(cell, contains),
            };
            prop_assert_eq!(with_a.holds(row), expected);
            let instants = column.compile_instants(Bound::Unbounded, Bound::Unbounded).holds(row);
            prop_assert_eq!(instants, match cell {
                Cell::Text(_) => Verdict::AskBody,
                cell => verdict(cell, |cell| matches!(cell, Cell::Instant(..))),
            });
            prop_assert_eq!(yes.holds(row), verdict(cell, |cell| cell == Cell::Bool(true)));
        }
    }

    #[test]
    fn sorting_is_a_stable_sort_of_the_cells(values in values()) {
        let column = column(&build(&values, &straight(&values)));
        let order = |a: &u32, b: &u32| match (column.get(*a), column.get(*b)) {
            (Cell::Number(a), Cell::Number(b)) => a.total_cmp(&b),
            (Cell::Instant(a, _), Cell::Instant(b, _)) => a.cmp(&b),
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Bool(a), Cell::Bool(b)) => a.cmp(&b),
            (a, b) => is_mark(a).cmp(&is_mark(b)),
        };
        let mut rows: Vec<u32> = (0..column.rows()).collect();
        for (a, b) in rows.iter().zip(rows.iter().rev()) {
            prop_assert_eq!(column.compare(*a, *b), order(a, b));
        }
        let holds_all = rows.iter().all(|row| column.get(*row) != Cell::Elsewhere);
        rows.retain(|row| !is_mark(column.get(*row)));
        rows.sort_by(order);
        prop_assert_eq!(column.sort_order(), holds_all.then_some(rows));
    }

    #[test]
    fn summaries_count_the_cells(values in values(), share in 1_u32..4) {
        let column = column(&build(&values, &straight(&values)));
        let rows: Vec<u32> = (0..column.rows()).filter(|row| row % share == 0).collect();
        let summary = column.summary_of(rows.iter().copied());
        if share == 1 {
            prop_assert_eq!(&summary, &column.summary());
        }
        let cells: Vec<Cell<'_>> = rows.iter().map(|row| column.get(*row)).collect();
        prop_assert_eq!(summary.rows, cells.iter().filter(|c| **c != Cell::Missing).count());
        prop_assert_eq!(summary.nulls, cells.iter().filter(|c| **c == Cell::Null).count());
        prop_assert_eq!(summary.elsewhere, cells.iter().filter(|c| **c == Cell::Elsewhere).count());
        let numbers: Vec<f64> = cells.iter().filter_map(|c| if let Cell::Number(x) = c { Some(*x) } else { None }).collect();
        if let Some(Extremes::Numbers(low, high)) = summary.extremes {
            prop_assert_eq!(Some(low), numbers.iter().copied().reduce(f64::min));
            prop_assert_eq!(Some(high), numbers.iter().copied().reduce(f64::max));
        } else {
            prop_assert!(numbers.is_empty());
        }
        if summary.kind == Kind::Integer || summary.kind == Kind::Number {
            prop_assert_eq!(summary.kind == Kind::Integer, numbers.iter().all(|x| x.fract() == 0.0));
        }
        let mut texts: Vec<&str> = cells.iter().filter_map(|c| if let Cell::Text(t) = c { Some(*t) } else { None }).collect();
        texts.sort_unstable();
        texts.dedup();
        prop_assert!(texts.is_empty() || summary.texts == Some(texts));
    }

    #[test]
    fn columns_come_back_from_bytes(values in values()) {
        let columns = build(&values, &straight(&values));
        let mut bytes = Vec::new();
        columns.to_parts(&mut bytes).expect("memory");
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Columns::from_parts(columns.rows(), &mut reader), Ok(columns));
        prop_assert_eq!(reader.left(), 0);
    }

    #[test]
    fn damaged_bytes_do_no_harm(values in values(), at: prop::sample::Index, flip in 1_u8.., cut: bool) {
        let columns = build(&values, &straight(&values));
        let mut bytes = Vec::new();
        columns.to_parts(&mut bytes).expect("memory");
        let at = at.index(bytes.len());
        if cut {
            prop_assert!(Columns::from_parts(columns.rows(), &mut Reader::new(&bytes[..at])).is_err());
            return Ok(());
        }
        bytes[at] ^= flip;
        let Ok(damaged) = Columns::from_parts(columns.rows(), &mut Reader::new(&bytes)) else { return Ok(()) };
        for (_, column) in damaged.iter() {
            for row in 0..damaged.rows() + 2 {
                prop_assert!(!matches!(column.get(row), Cell::Number(x) if !x.is_finite()));
                column.compare(row, 0);
            }
            column.sort_order();
            column.summary();
            let instant = DateTime::<Utc>::UNIX_EPOCH;
            column.compile_instants(Bound::Included(instant), Bound::Unbounded).holds(0);
            column.compile_range(Bound::Included(1.0), Bound::Excluded(2.0)).holds(0);
            column.compile_texts(&["a", "2024-01-01T00:00:00Z"]).holds(0);
        }
    }

    #[test]
    fn rows_of_old_columns_go_on_in_new_ones(
        old in values(),
        new in values(),
        picks in prop::collection::vec(0_u32..260, 0..260),
    ) {
        let columns = build(&old, &straight(&old));
        let mut builder = ColumnsBuilder::new();
        builder.push_rows(0, &columns, &picks);
        let at = builder.column("x");
        let from = u32::try_from(picks.len()).expect("few");
        for (row, value) in (from..).zip(&new) {
            if let Some(value) = value {
                builder.push(row, at, Cell::from(value));
            }
        }
        let all: Vec<_> = picks.iter().map(|p| old.get(*p as usize).cloned().flatten()).chain(new.clone()).collect();
        let column = column(&builder.finish(&straight(&all)));
        for (row, value) in (0..).zip(&all) {
            let (found, expected) = (column.get(row), cell(value.as_ref()));
            prop_assert!(same(found, expected) || found == Cell::Elsewhere, "{found:?} for {expected:?}");
        }
    }
}

fn is_mark(cell: Cell<'_>) -> bool {
    matches!(cell, Cell::Missing | Cell::Null | Cell::Elsewhere)
}

#[test]
fn texts_that_are_another_in_each_item_are_left_to_the_bodies() {
    let names: Vec<_> = (0..9000).map(|i| Some(Scalar::Text(format!("S2A_{i}").into()))).collect();
    let columns = build(&names, &straight(&names));
    assert!(matches!(columns.holding("x"), Holding::Elsewhere));
    assert!(matches!(columns.holding("y"), Holding::NoItemHasIt));
    assert_eq!(columns.iter().count(), 0);
    // What was left to the bodies stays with them, also for the rows that a rebuild takes over.
    let mut builder = ColumnsBuilder::new();
    builder.push_rows(0, &columns, &[1, 2]);
    let at = builder.column("x");
    builder.push(2, at, Cell::Bool(true));
    assert!(matches!(builder.finish(&[0, 1, 2]).holding("x"), Holding::Elsewhere));
}

#[test]
fn instants_beyond_what_nanoseconds_count_to_come_back_from_bytes() {
    let far = |text: &'static str| vec![Some(Scalar::Text(text.into()))];
    for text in
        ["2116-02-20T23:53:38.427388031Z", "1823-11-12T00:06:21.572612096Z", "2261-01-01T00:00:00.000000001Z"]
    {
        let values = far(text);
        let columns = build(&values, &straight(&values));
        let mut bytes = Vec::new();
        columns.to_parts(&mut bytes).expect("memory");
        assert_eq!(Columns::from_parts(columns.rows(), &mut Reader::new(&bytes)), Ok(columns), "{text}");
    }
}
