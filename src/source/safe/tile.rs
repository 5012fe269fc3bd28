//! What the metadata file of a product's granule says: `MTD_TL.xml`.

use super::archive::Archive;
use super::error::SafeError;
use super::xml::{Xml, attribute, child_number};

/// The pixel grid of one resolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Ground size of a pixel in metres.
    pub gsd_m: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// As in rasterio: a, b, c, d, e, f.
    pub transform: [f64; 6],
}

/// What the granule's metadata say.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// Identifier of the granule.
    pub id: String,
    /// Identifier of the datastrip.
    pub datastrip: String,
    /// MGRS tile: zone, latitude band, square, such as 34, V, EL.
    pub mgrs: (u32, String, String),
    /// CRS by its EPSG code.
    pub epsg: u32,
    /// The grids of 10, 20 and 60 m.
    pub grids: Vec<Grid>,
    /// Mean of the sun's angles in degrees: zenith, azimuth.
    pub sun: Option<(f64, f64)>,
    /// Mean over the bands of the mean viewing angles in degrees: incidence, azimuth.
    pub view: Option<(f64, f64)>,
    /// Share of cloud in percent.
    pub cloud_cover: Option<f64>,
}

impl Tile {
    pub(super) fn read(archive: &Archive, part: &str) -> Result<Self, SafeError> {
        let bytes = archive.read(part)?;
        let text = String::from_utf8_lossy(&bytes);
        let xml = Xml::parse(archive, part, &text)?;
        let id: String = xml.value("TILE_ID", "a text")?;
        let code = xml.text("HORIZONTAL_CS_CODE").and_then(|code| code.strip_prefix("EPSG:")?.parse().ok());
        let mgrs = mgrs(&id).ok_or_else(|| xml.lacks("TILE_ID", "a text with a tile such as T34VEL"))?;
        Ok(Self {
            mgrs,
            id,
            datastrip: xml.value("DATASTRIP_ID", "a text")?,
            epsg: code.ok_or_else(|| xml.lacks("HORIZONTAL_CS_CODE", "an EPSG code"))?,
            grids: grids(&xml)?,
            sun: xml.all("Mean_Sun_Angle").next().and_then(angles),
            view: mean(xml.all("Mean_Viewing_Incidence_Angle").filter_map(angles)),
            cloud_cover: xml.number("CLOUDY_PIXEL_PERCENTAGE"),
        })
    }

    /// The grid of a resolution.
    #[must_use]
    pub fn grid(&self, gsd_m: u32) -> Option<Grid> {
        self.grids.iter().copied().find(|grid| grid.gsd_m == gsd_m)
    }
}

/// `…_T34VEL_…` → 34, V, EL.
fn mgrs(id: &str) -> Option<(u32, String, String)> {
    let is_tile = |part: &&str| {
        let bytes = part.as_bytes();
        bytes.len() == 6
            && bytes[0] == b'T'
            && bytes[1..3].iter().all(u8::is_ascii_digit)
            && bytes[3..].iter().all(u8::is_ascii_uppercase)
    };
    let tile = id.split('_').rev().find(is_tile)?;
    Some((tile[1..3].parse().ok()?, tile[3..4].to_owned(), tile[4..].to_owned()))
}

fn grids(xml: &Xml<'_>) -> Result<Vec<Grid>, SafeError> {
    let mut grids = Vec::new();
    for size in xml.all("Size") {
        let lacks = || xml.lacks("Size", "rows and columns with their place");
        let gsd_m: u32 = attribute(size, "resolution").ok_or_else(lacks)?;
        let place = xml.all("Geoposition").find(|node| attribute(*node, "resolution") == Some(gsd_m));
        let place = place.ok_or_else(lacks)?;
        let at = |name: &str| child_number(place, name).ok_or_else(lacks);
        let count = |name: &str| {
            let text = size.children().find(|child| child.tag_name().name() == name).and_then(|n| n.text());
            text.and_then(|text| text.trim().parse().ok()).ok_or_else(lacks)
        };
        grids.push(Grid {
            gsd_m,
            height: count("NROWS")?,
            width: count("NCOLS")?,
            transform: [at("XDIM")?, 0.0, at("ULX")?, 0.0, at("YDIM")?, at("ULY")?],
        });
    }
    Ok(grids)
}

fn angles(node: roxmltree::Node<'_, '_>) -> Option<(f64, f64)> {
    Some((child_number(node, "ZENITH_ANGLE")?, child_number(node, "AZIMUTH_ANGLE")?))
}

fn mean(angles: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    let (count, first, second) = angles
        .fold((0.0, 0.0, 0.0), |(count, a, b), (zenith, azimuth)| (count + 1.0, a + zenith, b + azimuth));
    (count > 0.0).then(|| (first / count, second / count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tile_is_found_in_the_granules_name() {
        let found = mgrs("S2A_OPER_MSI_L1C_TL_SGS__20200717T234135_A026481_T01LAC_N02.09");
        assert_eq!(found, Some((1, "L".to_owned(), "AC".to_owned())));
        assert_eq!(mgrs("S2A_20200717T234135"), None);
    }
}
