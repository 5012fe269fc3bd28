//! The order of rectangles along Hilbert's curve, which keeps neighbours on the globe near each other in memory.

use super::Bounds;

/// Bits of a coordinate on the curve: steps of 0.005 degrees, of which no order needs finer ones.
const BITS: u32 = 16;

/// Where on the curve the centre of a rectangle lies.
pub(super) fn place(bounds: Bounds) -> u32 {
    let [west, south, east, north] = bounds.0.map(f64::from);
    distance(step(f64::midpoint(west, east), 180.0), step(f64::midpoint(south, north), 90.0))
}

/// What lies off the globe counts as its edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of steps")]
fn step(value: f64, limit: f64) -> u32 {
    let steps = f64::from((1u32 << BITS) - 1);
    ((value + limit) / (2.0 * limit) * steps).clamp(0.0, steps) as u32
}

/// J. Skilling, "Programming the Hilbert curve", 2004, in two dimensions: from the coarsest bit down, a quadrant at a time.
fn distance(mut x: u32, mut y: u32) -> u32 {
    let mut along = 0;
    for bit in (0..BITS).rev() {
        let (right, upper) = (x >> bit & 1, y >> bit & 1);
        along = (along << 2) | ((3 * right) ^ upper);
        if upper == 0 {
            let mask = if right == 1 { (1 << BITS) - 1 } else { 0 };
            (x, y) = (y ^ mask, x ^ mask);
        }
    }
    along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_goes_from_neighbour_to_neighbour() {
        let side = 64u32;
        let mut cells: Vec<(u32, u32, u32)> = (0..side * side)
            .map(|cell| (distance(cell % side, cell / side), cell % side, cell / side))
            .collect();
        cells.sort_unstable();
        for (index, pair) in cells.windows(2).enumerate() {
            let ((at, x, y), (_, next_x, next_y)) = (pair[0], pair[1]);
            assert_eq!(at as usize, index, "every cell has a place of its own");
            assert_eq!(x.abs_diff(next_x) + y.abs_diff(next_y), 1, "{x} {y}");
        }
    }

    #[test]
    fn the_whole_globe_and_more_has_places() {
        assert_eq!(place(Bounds([-180.0, -90.0, -180.0, -90.0])), 0);
        assert_eq!(place(Bounds([-400.0, -95.0, -400.0, -95.0])), 0);
        assert_eq!(place(Bounds([180.0, -90.0, 180.0, -90.0])), u32::MAX);
    }
}
