//! A rectangle in single precision, rounded outward: whatever lies in the exact one lies in this one.

use geo::{Coord, Rect, coord};

/// West, south, east and north in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds(pub(super) [f32; 4]);

impl Bounds {
    /// Holds nothing; the start of a union.
    pub(super) const NOTHING: Self =
        Self([f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY]);

    /// The smallest one around a rectangle.
    pub(crate) fn around(rect: &Rect) -> Self {
        Self([below(rect.min().x), below(rect.min().y), above(rect.max().x), above(rect.max().y)])
    }

    /// The smallest one around two positions.
    pub(super) fn between(a: Coord, b: Coord) -> Self {
        Self([below(a.x.min(b.x)), below(a.y.min(b.y)), above(a.x.max(b.x)), above(a.y.max(b.y))])
    }

    /// The smallest one around both.
    pub(super) fn union(self, other: Self) -> Self {
        let ([west, south, east, north], [w, s, e, n]) = (self.0, other.0);
        Self([west.min(w), south.min(s), east.max(e), north.max(n)])
    }

    /// True when they share a point.
    pub(super) fn meets(self, other: Self) -> bool {
        let ([west, south, east, north], [w, s, e, n]) = (self.0, other.0);
        west <= e && w <= east && south <= n && s <= north
    }

    /// True when the rectangle holds all of this.
    pub(super) fn lies_in(self, rect: &Rect) -> bool {
        let [west, south, east, north] = self.0.map(f64::from);
        rect.min().x <= west && rect.min().y <= south && east <= rect.max().x && north <= rect.max().y
    }

    /// True for four numbers in order: no rectangle that was built from positions has others.
    pub(super) fn is_sound(self) -> bool {
        let [west, south, east, north] = self.0;
        west <= east && south <= north && self.0.iter().all(|v| v.is_finite())
    }

    /// The same rectangle in double precision.
    pub(crate) fn rect(self) -> Rect {
        let [west, south, east, north] = self.0.map(f64::from);
        Rect::new(coord! { x: west, y: south }, coord! { x: east, y: north })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the rounding is put right")]
fn below(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

fn above(value: f64) -> f32 {
    -below(-value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_goes_outward_by_less_than_three_hundred_thousandths(value in -360.0..360.0f64) {
            let (low, high) = (f64::from(below(value)), f64::from(above(value)));
            prop_assert!(low <= value && value <= high);
            prop_assert!(high - low < 3.2e-5);
        }
    }

    #[test]
    fn what_single_precision_holds_stays_as_it_is() {
        let rect = Rect::new(coord! { x: -0.5, y: 1.25 }, coord! { x: 179.0, y: 90.0 });
        assert_eq!(Bounds::around(&rect).rect(), rect);
        assert!(Bounds::around(&rect).lies_in(&rect));
    }
}
