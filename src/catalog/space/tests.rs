//! A space answers as geo does when it is asked about every Item, one after the other.

use geo::{Coord, Geometry, GeometryCollection, Intersects, LineString, MapCoords, MultiLineString};
use geo::{MultiPoint, MultiPolygon, Point, Polygon, Rect, coord};
use proptest::prelude::*;

use super::{Hits, NO_FOOTPRINT, Region, Space, SpaceBuilder, antimeridian, count};
use crate::stac::Bbox;

type Footprint = (Geometry, Option<Bbox>);

/// Positions on a coarse grid, so that edges touch, vertices are shared and shapes degenerate.
fn position(steps: i32) -> impl Strategy<Value = Coord> {
    (0..steps, 0..steps).prop_map(|(x, y)| coord! { x: f64::from(x), y: f64::from(y) })
}

fn line(steps: i32, length: usize) -> impl Strategy<Value = LineString> {
    prop::collection::vec(position(steps), 2..length).prop_map(LineString)
}

/// Around a centre, with a hole of half the size now and then; or drawn at random, crossing itself as it likes.
fn polygon(steps: i32, length: usize) -> impl Strategy<Value = Polygon> {
    let around = (position(steps), prop::collection::vec(1..8i32, 3..length), any::<bool>()).prop_map(
        |(centre, radii, has_hole)| {
            let ring = |scale: f64| -> LineString {
                let corner = |(index, radius): (usize, &i32)| {
                    let angle = std::f64::consts::TAU * f64::from(count(index)) / f64::from(count(radii.len()));
                    let reach = f64::from(*radius) * scale;
                    coord! { x: centre.x + (reach * angle.cos()).round(), y: centre.y + (reach * angle.sin()).round() }
                };
                radii.iter().enumerate().map(corner).collect()
            };
            Polygon::new(ring(1.0), if has_hole { vec![ring(0.5)] } else { Vec::new() })
        },
    );
    let upright = (position(steps), position(steps)).prop_map(|(a, b)| Rect::new(a, b).to_polygon());
    let wild = line(steps, length.max(4)).prop_map(|line| Polygon::new(line, Vec::new()));
    prop_oneof![3 => around, 2 => upright, 1 => wild]
}

fn single(steps: i32, length: usize) -> impl Strategy<Value = Geometry> {
    prop_oneof![
        1 => position(steps).prop_map(|position| Geometry::Point(Point(position))),
        1 => prop::collection::vec(position(steps), 1..5)
            .prop_map(|all| Geometry::MultiPoint(MultiPoint(all.into_iter().map(Point).collect()))),
        1 => line(steps, length).prop_map(Geometry::LineString),
        1 => prop::collection::vec(line(steps, 5), 1..4)
            .prop_map(|lines| Geometry::MultiLineString(MultiLineString(lines))),
        5 => polygon(steps, length).prop_map(Geometry::Polygon),
        1 => prop::collection::vec(polygon(steps, 6), 1..5)
            .prop_map(|polygons| Geometry::MultiPolygon(MultiPolygon(polygons))),
    ]
}

fn geometry(steps: i32, length: usize) -> impl Strategy<Value = Geometry> {
    let collection = prop::collection::vec(single(steps, 6), 1..4)
        .prop_map(|members| Geometry::GeometryCollection(GeometryCollection(members)));
    prop_oneof![9 => single(steps, length), 1 => collection]
}

/// Anywhere on the globe, with fractions that some number of digits tells or none.
fn placed(steps: i32, length: usize) -> impl Strategy<Value = Geometry> {
    let scale = prop_oneof![Just(1.0), Just(0.01), Just(0.000_001), Just(1.0 / 3.0)];
    let origin = prop_oneof![
        4 => Just(coord! { x: 0.0, y: 0.0 }),
        1 => Just(coord! { x: -175.0, y: 60.0 }),
        1 => Just(coord! { x: 165.0, y: -90.0 }),
    ];
    (geometry(steps, length), scale, origin).prop_map(|(geometry, scale, origin)| {
        geometry.map_coords(
            |c| coord! { x: origin.x + c.x * scale, y: (origin.y + c.y * scale).clamp(-90.0, 90.0) },
        )
    })
}

/// Both sides of the antimeridian, drawn in all three ways, with the box that belongs to it.
fn across() -> impl Strategy<Value = Footprint> {
    (1..8i32, 1..8i32, -90..85i32, 1..6i32, 0..4).prop_map(|(west, east, south, height, drawing)| {
        let (west, east) = (180.0 - f64::from(west), f64::from(east) - 180.0);
        let (south, north) = (f64::from(south), f64::from(south + height));
        let bbox = Bbox { west, south, east, north };
        let slanted = |west: f64, east: f64| {
            let ring = [(west, south), (east, south), (east - 0.5, north), (west + 0.25, north)];
            Polygon::new(ring.into_iter().collect(), Vec::new())
        };
        let geometry = match drawing {
            0 => Geometry::MultiPolygon(MultiPolygon(vec![slanted(west, 180.0), slanted(-180.0, east)])),
            1 => Geometry::Polygon(slanted(west, east)),
            2 => Geometry::Polygon(slanted(west, east + 360.0)),
            _ => Geometry::Polygon(slanted(west - 360.0, east)),
        };
        (geometry, Some(bbox))
    })
}

fn catalogue() -> impl Strategy<Value = Vec<Option<Footprint>>> {
    let footprint = prop_oneof![
        8 => placed(24, 9).prop_map(|geometry| Some((geometry, None))),
        2 => across().prop_map(Some),
        1 => Just(None),
    ];
    // Some Items share the footprint of another.
    (prop::collection::vec(footprint, 0..70), prop::collection::vec(any::<prop::sample::Index>(), 0..30))
        .prop_map(|(mut all, again)| {
            if !all.is_empty() {
                let copies: Vec<_> = again.iter().map(|index| all[index.index(all.len())].clone()).collect();
                all.extend(copies);
            }
            all
        })
}

fn bbox() -> impl Strategy<Value = Bbox> {
    let places = prop_oneof![
        3 => (0..30i32, 0..30i32, 0..9i32, 0..9i32),
        1 => (-180..180i32, -90..80i32, 0..360i32, 0..10i32),
        1 => (165..180i32, -90..80i32, 0..30i32, 0..90i32),
    ];
    (places, prop_oneof![Just(0.0), Just(0.25)]).prop_map(|((west, south, width, height), shift)| {
        let (west, east) = (f64::from(west) + shift, f64::from(west + width) + shift);
        let east = if east > 180.0 { east - 360.0 } else { east };
        Bbox { west, south: f64::from(south), east, north: f64::from((south + height).min(90)) }
    })
}

fn space_of(items: &[Option<Footprint>]) -> Space {
    let mut builder = SpaceBuilder::new();
    let add = |item: &Option<Footprint>| {
        let (geometry, bbox) = item.clone().unzip();
        builder.add(geometry, bbox.flatten()).expect("room")
    };
    let rows = items.iter().map(add).collect();
    builder.finish(rows)
}

/// The rows that meet the region, and that every promise about hits holds.
fn rows_in(space: &Space, region: &Region) -> Vec<u32> {
    let hits = space.hits(region);
    assert!(hits.inside.windows(2).all(|pair| pair[0].end < pair[1].start), "apart and ascending");
    assert!(hits.edge.windows(2).all(|pair| pair[0] < pair[1]), "ascending, each once");
    let inside: Vec<u32> = hits.inside.iter().cloned().flatten().collect();
    assert!(inside.iter().all(|footprint| space.meets(*footprint, region)), "certain");
    assert!(hits.edge.iter().all(|footprint| !inside.contains(footprint)), "one or the other");
    let edge = hits.edge.into_iter().filter(|footprint| space.meets(*footprint, region));
    let mut rows: Vec<u32> =
        inside.into_iter().chain(edge).flat_map(|footprint| space.rows_of(footprint).to_vec()).collect();
    rows.sort_unstable();
    assert_eq!(rows.len(), space.count(region));
    rows
}

fn scan(items: &[Option<Footprint>], meets: impl Fn(&Geometry) -> bool) -> Vec<u32> {
    let covered = |item: &Option<Footprint>| {
        let (geometry, bbox) = item.clone()?;
        antimeridian::on_plane(geometry, bbox)
    };
    (0u32..)
        .zip(items)
        .filter(|(_, item)| covered(item).is_some_and(|geometry| meets(&geometry)))
        .map(|(row, _)| row)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_box_is_answered_as_by_a_scan(items in catalogue(), bbox in bbox()) {
        let expected = scan(&items, |geometry| bbox.parts().iter().any(|rect| geometry.intersects(rect)));
        prop_assert_eq!(rows_in(&space_of(&items), &Region::of_bbox(&bbox)), expected);
    }

    #[test]
    fn a_shape_is_answered_as_by_a_scan(items in catalogue(), shape in placed(30, 60)) {
        let expected = scan(&items, |geometry| geometry.intersects(&shape));
        prop_assert_eq!(rows_in(&space_of(&items), &Region::of_geometry(&shape)), expected);
    }

    #[test]
    fn a_space_from_bytes_answers_as_the_one_it_was(items in catalogue(), shape in placed(30, 60)) {
        let space = space_of(&items);
        let mut bytes = Vec::new();
        space.write_to(&mut bytes).expect("memory takes all");
        let again = Space::from_bytes(&bytes).expect("a space");
        let region = Region::of_geometry(&shape);
        prop_assert_eq!(rows_in(&again, &region), rows_in(&space, &region));
    }

    #[test]
    fn rows_and_footprints_find_each_other(items in catalogue()) {
        let space = space_of(&items);
        prop_assert_eq!(space.row_count(), items.len());
        for (row, item) in (0u32..).zip(&items) {
            let footprint = space.footprint_of(row);
            prop_assert_eq!(footprint.is_some(), item.is_some());
            if let Some(footprint) = footprint {
                prop_assert!(space.rows_of(footprint).contains(&row));
                let (geometry, bbox) = item.clone().expect("a footprint");
                let covered = antimeridian::on_plane(geometry, bbox).expect("positions");
                let shape = Region::of_geometry(&covered);
                prop_assert!(space.meets(footprint, &shape), "it meets itself");
            }
        }
        let all = (0..count(space.len())).flat_map(|footprint| space.rows_of(footprint).to_vec());
        prop_assert_eq!(all.count(), items.iter().flatten().count());
        prop_assert!(items.is_empty() || space.rows_in(0..count(space.len())) <= items.len());
    }
}

/// Footprints of one tile and orbit, each moved a little: rings that may cross themselves, with or without a hole.
fn alike() -> impl Strategy<Value = Vec<Option<Footprint>>> {
    let crossing = prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 3..7);
    let slanted = (0.0..0.3f64, 0.7..1.0f64).prop_map(|(a, b)| vec![(a, 0.0), (1.0, a), (b, 1.0), (0.0, b)]);
    let ring = prop_oneof![crossing.prop_map(|ring| (ring, false)), slanted.prop_map(|ring| (ring, true))];
    (ring, prop_oneof![1..40u32, 250..600u32], 0.0..0.05f64).prop_map(|((ring, has_hole), copies, moved)| {
        let moves = (0..copies).map(|n| f64::from(n * 7919 % 1000) / 1000.0 * moved);
        let drawn = |by: f64| {
            let at = |(x, y): &(f64, f64)| (20.0 + x + by, 40.0 + y - by / 2.0);
            let hole: LineString =
                ring.iter().map(at).map(|(x, y)| (x * 0.5 + 10.25, y * 0.5 + 20.25)).collect();
            let holes = if has_hole { vec![hole] } else { Vec::new() };
            let polygon = Polygon::new(ring.iter().map(at).collect(), holes);
            Some((Geometry::Polygon(polygon), None))
        };
        moves.map(drawn).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn footprints_that_are_much_alike_are_answered_as_by_a_scan(
        items in alike(),
        (x, y, width, height) in (-0.2..1.2f64, -0.2..1.2f64, 0.0..0.3f64, 0.0..0.3f64),
    ) {
        let space = space_of(&items);
        let bbox = Bbox { west: 20.0 + x, south: 40.0 + y, east: 20.0 + x + width, north: 40.0 + y + height };
        let rect = bbox.parts()[0];
        let expected = scan(&items, |geometry| geometry.intersects(&rect));
        prop_assert_eq!(rows_in(&space, &Region::of_bbox(&bbox)), expected);
        let triangle: Geometry =
            geo::Triangle::new(rect.min(), coord! { x: rect.max().x, y: rect.min().y }, rect.max()).into();
        let expected = scan(&items, |geometry| geometry.intersects(&triangle));
        prop_assert_eq!(rows_in(&space, &Region::of_geometry(&triangle)), expected);
    }
}

#[test]
fn a_small_place_in_many_footprints_that_are_alike_is_told_without_a_test_of_each() {
    let items: Vec<Option<Footprint>> = (0..1000)
        .map(|n| {
            let by = f64::from(n) * 1e-5;
            let corners = [(20.0, 40.0), (20.7 + by, 40.0), (20.4 + by, 41.0), (20.0, 41.0)];
            Some((Geometry::Polygon(Polygon::new(corners.into_iter().collect(), Vec::new())), None))
        })
        .collect();
    let space = space_of(&items);
    let hits = |west: f64, south: f64| {
        space.hits(&Region::of_bbox(&Bbox { west, south, east: west + 0.1, north: south + 0.1 }))
    };
    assert_eq!(hits(20.1, 40.1), Hits { inside: std::iter::once(0..1000).collect(), edge: Vec::new() });
    assert_eq!(hits(20.6, 40.8), Hits::default());
    assert!(hits(20.6, 40.3).edge.len() > 500, "the slanted side runs through it");
}

#[test]
fn an_item_without_geometry_is_nowhere() {
    let space = space_of(&[None, None]);
    let world = Region::of_bbox(&Bbox { west: -180.0, south: -90.0, east: 180.0, north: 90.0 });
    assert_eq!(space.count(&world), 0);
    assert_eq!(space.footprint_of(1), None);
    assert_ne!(NO_FOOTPRINT, 0);
}
