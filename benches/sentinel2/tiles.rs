//! The tiles of the mission's grid over land: UTM squares of 109.8 km, named as MGRS names them.

use cairn::crs::{Crs, CrsError};

use super::land::is_land;

/// Metres of a tile's side.
pub(super) const SIDE_M: i32 = 109_800;

/// A tile is kept when it would touch land at this many times its size.
const COAST: f64 = 3.0;

/// Letters of latitude bands from 80° south, 8° each; the last reaches 84° north.
const BANDS: &[u8] = b"CDEFGHJKLMNPQRSTUVWX";
/// Letters of a 100 km square's row, from the equator in odd zones.
const ROWS: &[u8] = b"ABCDEFGHJKLMNPQRSTUV";
/// Letters of a 100 km square's column, by the zone's number modulo 3.
const COLUMNS: [&[u8]; 3] = [b"STUVWXYZ", b"ABCDEFGH", b"JKLMNPQR"];

/// One tile.
#[derive(Debug)]
pub(super) struct Tile {
    /// UTM zone, 1 to 60.
    pub(super) zone: u8,
    /// Its code of UTM on WGS 84.
    pub(super) epsg: u32,
    /// Latitude band, column and row.
    pub(super) letters: [u8; 3],
    /// Easting of the west side in metres.
    pub(super) west_m: i32,
    /// Northing of the north side in metres.
    pub(super) north_m: i32,
    /// North-west, north-east, south-east, south-west in degrees; longitudes run on beyond ±180.
    pub(super) corners: [(f64, f64); 4],
    /// The middle in degrees, its longitude as those of the corners.
    pub(super) middle: (f64, f64),
}

/// All tiles that touch land.
///
/// # Errors
/// When a zone's projection is not known.
pub(super) fn tiles() -> Result<Vec<Tile>, CrsError> {
    let mut tiles = Vec::new();
    for zone in 1..=60_u8 {
        for south in [false, true] {
            let epsg = if south { 32_700 } else { 32_600 } + u32::from(zone);
            let crs = Crs::from_epsg(epsg)?;
            for row in if south { 12..100 } else { 0..94 } {
                for column in 1..=8 {
                    tiles.extend(tile(&crs, zone, column, row)?);
                }
            }
        }
    }
    Ok(tiles)
}

/// The tile of a 100 km square, when the square belongs to the zone and touches land.
fn tile(crs: &Crs, zone: u8, column: i32, row: i32) -> Result<Option<Tile>, CrsError> {
    // Sides lie on multiples of 60 m, the largest pixel.
    let west_m = column * 100_000 / 60 * 60;
    let north_m = ((row + 1) * 100_000 + 59) / 60 * 60;
    let meridian = f64::from(zone) * 6.0 - 183.0;
    let at = |x: f64, y: f64| -> Result<(f64, f64), CrsError> {
        let side = f64::from(SIDE_M);
        let (lon, lat) = crs.to_lonlat(f64::from(west_m) + x * side, f64::from(north_m) - y * side)?;
        Ok((meridian + (lon - meridian + 540.0).rem_euclid(360.0) - 180.0, lat))
    };
    let middle = at(0.5, 0.5)?;
    let half_degrees = 0.45 / middle.1.to_radians().cos();
    let in_zone = (middle.0 - meridian).abs() <= 3.0 + half_degrees;
    if !in_zone || !(-80.0..84.0).contains(&middle.1) {
        return Ok(None);
    }
    let corners = [at(0.0, 0.0)?, at(1.0, 0.0)?, at(1.0, 1.0)?, at(0.0, 1.0)?];
    let wrapped = |lon: f64| (lon + 180.0).rem_euclid(360.0) - 180.0;
    // The mission images coastal waters and islands too, which the outline has not.
    let coast = |corner: f64, middle: f64| middle + (corner - middle) * COAST;
    let near = |(lon, lat): &(f64, f64)| is_land(wrapped(coast(*lon, middle.0)), coast(*lat, middle.1));
    if !corners.iter().any(near) && !is_land(wrapped(middle.0), middle.1) {
        return Ok(None);
    }
    let band = (((middle.1 + 80.0) / 8.0) as usize).min(BANDS.len() - 1);
    // Southern northings count down from 10,000 km at the equator, which is a multiple of the 20 letters.
    let first = if zone.is_multiple_of(2) { 5 } else { 0 };
    let letters = [
        BANDS[band],
        COLUMNS[usize::from(zone % 3)][column as usize - 1],
        ROWS[(row as usize + first) % ROWS.len()],
    ];
    Ok(Some(Tile { zone, epsg: crs.epsg(), letters, west_m, north_m, corners, middle }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tile_of_the_real_items_is_found_where_they_say() {
        let tiles = tiles().expect("tiles");
        let tile = tiles.iter().find(|tile| tile.zone == 13 && &tile.letters == b"TDE").expect("13TDE");
        assert_eq!((tile.west_m, tile.north_m, tile.epsg), (399_960, 4_500_000, 32_613));
        let rounded = tile.corners.map(|(lon, lat)| ((lon * 1e7).round() / 1e7, (lat * 1e7).round() / 1e7));
        assert_eq!(
            rounded,
            [
                (-106.183_172_6, 40.644_794_8),
                (-104.884_556_9, 40.650_798_8),
                (-104.886_220_1, 39.661_551_2),
                (-106.166_131_7, 39.655_752_6)
            ]
        );
    }

    #[test]
    fn tiles_cover_the_land_of_both_hemispheres_under_their_own_names() {
        let tiles = tiles().expect("tiles");
        assert!((22_000..28_000).contains(&tiles.len()), "{}", tiles.len());
        let names: std::collections::HashSet<_> =
            tiles.iter().map(|tile| (tile.zone, tile.letters)).collect();
        assert_eq!(names.len(), tiles.len());
        assert!(
            tiles.iter().any(|tile| tile.middle.1 < -60.0) && tiles.iter().any(|tile| tile.middle.1 > 80.0)
        );
        assert!(tiles.iter().any(|tile| tile.corners.iter().any(|(lon, _)| *lon > 180.0)));
    }
}
