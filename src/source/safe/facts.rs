//! What a product's own metadata file says: `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`.

use chrono::{DateTime, Utc};

use super::archive::Archive;
use super::error::SafeError;
use super::xml::{Xml, attribute, child_number};

/// Spectral bands of the instrument.
const SPECTRAL: usize = 13;

/// How far a product is processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Reflectance at the top of the atmosphere.
    L1C,
    /// Reflectance at the ground, with classes.
    L2A,
}

/// Where a band sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// Centre wavelength in µm.
    pub center_um: f64,
    /// Full width at half maximum in µm, from the spectral response; none when that is not told.
    pub width_um: Option<f64>,
}

/// What the product's metadata say.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// How far it is processed.
    pub level: Level,
    /// Name of the product, ending in `.SAFE`.
    pub uri: String,
    /// `S2MSI1C` or `S2MSI2A`.
    pub product_type: String,
    /// Processing baseline, such as `05.09`.
    pub baseline: String,
    /// When the product was made.
    pub generated: DateTime<Utc>,
    /// When sensing began, to the millisecond.
    pub sensed: DateTime<Utc>,
    /// `sentinel-2a` and so on.
    pub platform: String,
    /// Relative orbit.
    pub orbit: u32,
    /// True when the satellite flew north.
    pub is_ascending: bool,
    /// Identifier of the datatake.
    pub datatake: String,
    /// Mode of the datatake, such as `INS-NOBS`.
    pub datatake_type: Option<String>,
    /// Correction of the sun's distance.
    pub reflectance_conversion: Option<f64>,
    /// Share of degraded data in percent.
    pub degraded: Option<f64>,
    /// Share of cloud in percent.
    pub cloud_cover: Option<f64>,
    /// Sample value that means no data.
    pub nodata: u16,
    /// Reflectance = (sample + offset) / quantification.
    pub quantification: f64,
    /// Summands to the samples of the 13 spectral bands; 0 before baseline 04.00.
    pub offsets: [f64; SPECTRAL],
    /// Aerosol optical thickness = sample / this.
    pub aerosol_quantification: Option<f64>,
    /// Water vapour in cm = sample / this.
    pub vapour_quantification: Option<f64>,
    /// Where the 13 spectral bands see.
    pub spectra: [Option<Spectrum>; SPECTRAL],
    /// The outline as told: closed, (longitude, latitude).
    pub footprint: Vec<(f64, f64)>,
    /// Rasters as told, paths within the product without extension.
    pub images: Vec<String>,
    /// Shares in percent of what the scene shows, by the metadata's names.
    pub content: Vec<(String, f64)>,
}

impl Facts {
    pub(super) fn read(archive: &Archive) -> Result<Self, SafeError> {
        let part = archive.marker();
        let bytes = archive.read(part)?;
        let text = String::from_utf8_lossy(&bytes);
        let xml = Xml::parse(archive, part, &text)?;
        let level = if part.contains("L1C") { Level::L1C } else { Level::L2A };
        let text = |name: &str| xml.value::<String>(name, "a text");
        let quantification = match level {
            Level::L1C => "QUANTIFICATION_VALUE",
            Level::L2A => "BOA_QUANTIFICATION_VALUE",
        };
        let positive = "a number above 0";
        let quantification: f64 = xml.value(quantification, positive)?;
        if !(quantification.is_finite() && quantification > 0.0) {
            return Err(xml.lacks("QUANTIFICATION_VALUE", positive));
        }
        let datatake = xml.all("Datatake").next().and_then(|node| node.attribute("datatakeIdentifier"));
        Ok(Self {
            level,
            uri: text("PRODUCT_URI")?,
            product_type: text("PRODUCT_TYPE")?,
            baseline: text("PROCESSING_BASELINE")?,
            generated: time(&xml, "GENERATION_TIME")?,
            sensed: time(&xml, "PRODUCT_START_TIME")?,
            platform: text("SPACECRAFT_NAME")?.to_ascii_lowercase(),
            orbit: xml.value("SENSING_ORBIT_NUMBER", "a whole number")?,
            is_ascending: text("SENSING_ORBIT_DIRECTION")?.eq_ignore_ascii_case("ascending"),
            datatake: datatake.ok_or_else(|| xml.lacks("datatakeIdentifier", "a text"))?.to_owned(),
            datatake_type: xml.text("DATATAKE_TYPE").map(str::to_owned),
            reflectance_conversion: xml.number("U"),
            degraded: xml.number("DEGRADED_MSI_DATA_PERCENTAGE"),
            cloud_cover: xml.number("Cloud_Coverage_Assessment"),
            nodata: nodata(&xml),
            quantification,
            offsets: offsets(&xml),
            aerosol_quantification: xml.number("AOT_QUANTIFICATION_VALUE"),
            vapour_quantification: xml.number("WVP_QUANTIFICATION_VALUE"),
            spectra: spectra(&xml),
            footprint: footprint(&xml)?,
            images: images(&xml),
            content: content(&xml),
        })
    }
}

fn time(xml: &Xml<'_>, name: &str) -> Result<DateTime<Utc>, SafeError> {
    let expected = "a time such as 2024-01-05T09:50:29.024Z";
    let text = xml.text(name).ok_or_else(|| xml.lacks(name, expected))?;
    crate::stac::parse_instant(text).map_err(|_no_time| xml.lacks(name, expected))
}

fn nodata(xml: &Xml<'_>) -> u16 {
    let told = xml.all("Special_Values").find_map(|node| {
        let text = |name: &str| {
            node.children().find(|child| child.tag_name().name() == name).and_then(|child| child.text())
        };
        (text("SPECIAL_VALUE_TEXT")?.trim() == "NODATA")
            .then(|| text("SPECIAL_VALUE_INDEX"))??
            .trim()
            .parse()
            .ok()
    });
    told.unwrap_or(0)
}

fn offsets(xml: &Xml<'_>) -> [f64; SPECTRAL] {
    let mut offsets = [0.0; SPECTRAL];
    for node in xml.all("RADIO_ADD_OFFSET").chain(xml.all("BOA_ADD_OFFSET")) {
        let value = node.text().and_then(|text| text.trim().parse().ok());
        let place = attribute::<usize>(node, "band_id").and_then(|number| offsets.get_mut(number));
        if let (Some(place), Some(value)) = (place, value) {
            *place = value;
        }
    }
    offsets
}

fn spectra(xml: &Xml<'_>) -> [Option<Spectrum>; SPECTRAL] {
    let mut spectra = [None; SPECTRAL];
    for node in xml.all("Spectral_Information") {
        let inner = |name: &str| node.descendants().find(|n| n.tag_name().name() == name);
        let center = inner("Wavelength").and_then(|wavelength| child_number(wavelength, "CENTRAL"));
        let width = inner("Spectral_Response").and_then(|response| {
            let step_nm = child_number(response, "STEP")?;
            let values = response.children().find(|child| child.tag_name().name() == "VALUES")?.text()?;
            let above =
                values.split_ascii_whitespace().filter_map(|v| v.parse::<f64>().ok()).filter(|v| *v >= 0.5);
            Some(above.map(|_| step_nm).sum::<f64>() / 1e3)
        });
        let place = attribute::<usize>(node, "bandId").and_then(|number| spectra.get_mut(number));
        if let (Some(place), Some(nm)) = (place, center) {
            let width_um = width.filter(|width| *width > 0.0).map(|width| (width * 1e6).round() / 1e6);
            *place = Some(Spectrum { center_um: (nm * 1e3).round() / 1e6, width_um });
        }
    }
    spectra
}

/// Pairs of latitude and longitude, the outline of the tile's part that was sensed.
fn footprint(xml: &Xml<'_>) -> Result<Vec<(f64, f64)>, SafeError> {
    let expected = "a list of latitudes and longitudes";
    let lacks = || xml.lacks("EXT_POS_LIST", expected);
    let text = xml.text("EXT_POS_LIST").ok_or_else(lacks)?;
    let numbers: Vec<f64> = text
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_no_number| lacks())?;
    let points: Vec<(f64, f64)> = numbers.chunks_exact(2).map(|pair| (pair[1], pair[0])).collect();
    let on_globe = |&(lon, lat): &(f64, f64)| lon.abs() <= 360.0 && lat.abs() <= 90.0;
    if points.len() < 4 || numbers.len() % 2 == 1 || !points.iter().all(on_globe) {
        return Err(lacks());
    }
    Ok(points)
}

fn images(xml: &Xml<'_>) -> Vec<String> {
    let told = xml.all("IMAGE_FILE").filter_map(|node| node.text()).map(|text| text.trim().to_owned());
    told.filter(|path| !path.is_empty()).collect()
}

/// The shares that are told, by name without `_PERCENTAGE`, in lower case.
fn content(xml: &Xml<'_>) -> Vec<(String, f64)> {
    let within = xml.all("Image_Content_QI").next();
    let nodes = within.iter().flat_map(roxmltree::Node::children).filter_map(|node| {
        let name = node.tag_name().name().strip_suffix("_PERCENTAGE")?;
        Some((name.to_ascii_lowercase(), node.text()?.trim().parse().ok()?))
    });
    nodes.collect()
}
