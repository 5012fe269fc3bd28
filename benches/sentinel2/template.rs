//! The text that all Items share, cut where they differ.

use std::fmt::Write as _;
use std::ops::Range;

/// What differs between Items. `$NAME$` in the text below stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// `S2B_MSIL2A_20241203T174629_R098_T13TDE_20241203T211406`
    Id,
    /// `"geometry":…,"bbox":…`
    Place,
    /// The properties without their braces.
    Properties,
    /// URL of the product's folder, up to `.SAFE`.
    Safe,
    /// Folder of the tile in the product.
    Granule,
    /// Folder of the datastrip in the product.
    Datastrip,
    /// First part of the names of images.
    Image,
    /// Grid at 10, 20, 60 m.
    Grid10,
    Grid20,
    Grid60,
}

pub(super) const SLOTS: [(&str, Slot); 10] = [
    ("ID", Slot::Id),
    ("PLACE", Slot::Place),
    ("PROPERTIES", Slot::Properties),
    ("SAFE", Slot::Safe),
    ("GRANULE", Slot::Granule),
    ("DATASTRIP", Slot::Datastrip),
    ("IMAGE", Slot::Image),
    ("GRID10", Slot::Grid10),
    ("GRID20", Slot::Grid20),
    ("GRID60", Slot::Grid60),
];

/// Who processed a product, and when: that decides what its Item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// By ESA.
    Esa,
    /// By Microsoft, from 2024.
    Microsoft,
    /// By Microsoft, before: a longer bbox, another version of the projection extension.
    MicrosoftLong,
}

/// Key, metres of a pixel, end of the title, common name as JSON, description, centre and width in µm as JSON.
type Band = (&'static str, u32, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const BANDS: [Band; 12] = [
    ("B01", 60, " - 60m", r#""common_name":"coastal","#, "Band 1 - Coastal aerosol", r#""center_wavelength":0.443,"full_width_half_max":0.027"#),
    ("B02", 10, " - 10m", r#""common_name":"blue","#, "Band 2 - Blue", r#""center_wavelength":0.49,"full_width_half_max":0.098"#),
    ("B03", 10, " - 10m", r#""common_name":"green","#, "Band 3 - Green", r#""center_wavelength":0.56,"full_width_half_max":0.045"#),
    ("B04", 10, " - 10m", r#""common_name":"red","#, "Band 4 - Red", r#""center_wavelength":0.665,"full_width_half_max":0.038"#),
    ("B05", 20, " - 20m", r#""common_name":"rededge","#, "Band 5 - Vegetation red edge 1", r#""center_wavelength":0.704,"full_width_half_max":0.019"#),
    ("B06", 20, " - 20m", r#""common_name":"rededge","#, "Band 6 - Vegetation red edge 2", r#""center_wavelength":0.74,"full_width_half_max":0.018"#),
    ("B07", 20, " - 20m", r#""common_name":"rededge","#, "Band 7 - Vegetation red edge 3", r#""center_wavelength":0.783,"full_width_half_max":0.028"#),
    ("B08", 10, " - 10m", r#""common_name":"nir","#, "Band 8 - NIR", r#""center_wavelength":0.842,"full_width_half_max":0.145"#),
    ("B09", 60, " - 60m", "", "Band 9 - Water vapor", r#""center_wavelength":0.945,"full_width_half_max":0.026"#),
    ("B11", 20, " - 20m", r#""common_name":"swir16","#, "Band 11 - SWIR (1.6)", r#""center_wavelength":1.61,"full_width_half_max":0.143"#),
    ("B12", 20, " - 20m", r#""common_name":"swir22","#, "Band 12 - SWIR (2.2)", r#""center_wavelength":2.19,"full_width_half_max":0.242"#),
    ("B8A", 20, " - 20m", r#""common_name":"rededge","#, "Band 8A - Vegetation red edge 4", r#""center_wavelength":0.865,"full_width_half_max":0.033"#),
];

const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
const API: &str = "https://planetarycomputer.microsoft.com/api";

/// The shared text and where the slots are in it.
#[derive(Debug)]
pub(super) struct Template {
    text: Vec<u8>,
    pieces: Vec<(Range<usize>, Option<Slot>)>,
}

impl Template {
    /// The text of all Items of a form.
    pub(super) fn new(form: Form) -> Self {
        let source = source(form);
        let (mut text, mut pieces) = (Vec::new(), Vec::new());
        let mut parts = source.split('$');
        while let Some(plain) = parts.next() {
            let start = text.len();
            text.extend_from_slice(plain.as_bytes());
            let name = parts.next();
            let slot = SLOTS.iter().find(|(known, _)| Some(*known) == name).map(|(_, slot)| *slot);
            assert_eq!(slot.is_some(), name.is_some(), "no slot {name:?}");
            pieces.push((start..text.len(), slot));
        }
        Self { text, pieces }
    }

    /// Writes the text with the slots filled.
    pub(super) fn push<'a>(&self, out: &mut Vec<u8>, fill: impl Fn(Slot) -> &'a [u8]) {
        for (range, slot) in &self.pieces {
            out.extend_from_slice(&self.text[range.clone()]);
            if let Some(slot) = slot {
                out.extend_from_slice(fill(*slot));
            }
        }
    }
}

fn source(form: Form) -> String {
    let projection = if form == Form::MicrosoftLong { "v1.1.0" } else { "v1.0.0" };
    let mut text = format!(
        r#"{{"type":"Feature","stac_version":"1.1.0","stac_extensions":["https://stac-extensions.github.io/eo/v1.0.0/schema.json","https://stac-extensions.github.io/sat/v1.0.0/schema.json","https://stac-extensions.github.io/projection/{projection}/schema.json"],"id":"$ID$",$PLACE$,"properties":{{$PROPERTIES$}},"links":[{{"rel":"collection","href":"{API}/stac/v1/collections/sentinel-2-l2a","type":"application/json"}},{{"rel":"parent","href":"{API}/stac/v1/collections/sentinel-2-l2a","type":"application/json"}},{{"rel":"root","href":"{API}/stac/v1/","type":"application/json"}},{{"rel":"self","href":"{API}/stac/v1/collections/sentinel-2-l2a/items/$ID$","type":"application/geo+json"}},{{"rel":"license","href":"https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice"}},{{"rel":"preview","href":"{API}/data/v1/item/map?collection=sentinel-2-l2a&item=$ID$","type":"text/html","title":"Map of item"}}],"assets":{{"#
    );
    let mut add = |key: &str, href: &str, title: &str, media: &str, role: &str, more: &str| {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#""{key}":{{"href":"{href}","type":"{media}","title":"{title}","roles":["{role}"]{more}}},"#
        );
    };
    let image =
        |kind: &str, metres: u32| format!("$SAFE$$GRANULE$/IMG_DATA/R{metres}m/$IMAGE$_{kind}_{metres}m.tif");
    let grid = |metres: u32| format!(r#","proj:bbox":$GRID{metres}$,"gsd":{metres}.0"#);
    let described = |(key, _, _, common, description, numbers): Band| {
        format!(r#"{{"name":"{key}",{common}"description":"{description}",{numbers}}}"#)
    };

    for (key, title, metres) in [
        ("AOT", "Aerosol optical thickness (AOT)", 10),
        ("SCL", "Scene classfication map (SCL)", 20),
        ("WVP", "Water vapour (WVP)", 10),
    ] {
        add(key, &image(key, metres), title, COG, "data", &grid(metres));
    }
    for band in BANDS {
        let (key, metres, suffix, _, description, _) = band;
        let more = format!(r#"{},"eo:bands":[{}]"#, grid(metres), described(band));
        add(key, &image(key, metres), &format!("{description}{suffix}"), COG, "data", &more);
    }
    let colours: Vec<String> = [3, 2, 1].map(|band| described(BANDS[band])).to_vec();
    let more = format!(r#"{},"eo:bands":[{}]"#, grid(10), colours.join(","));
    add("visual", &image("TCI", 10), "True color image", COG, "data", &more);
    if form != Form::Esa {
        let href = "$SAFE$$GRANULE$/QI_DATA/$IMAGE$_PVI.tif";
        add("preview", href, "Thumbnail", COG, "thumbnail", "");
    }
    for (key, href, title) in [
        ("safe-manifest", "$SAFE$/manifest.safe", "SAFE manifest"),
        ("granule-metadata", "$SAFE$$GRANULE$/MTD_TL.xml", "Granule metadata"),
        ("inspire-metadata", "$SAFE$/INSPIRE.xml", "INSPIRE metadata"),
        ("product-metadata", "$SAFE$/MTD_MSIL2A.xml", "Product metadata"),
        ("datastrip-metadata", "$SAFE$$DATASTRIP$/MTD_DS.xml", "Datastrip metadata"),
    ] {
        add(key, href, title, "application/xml", "metadata", "");
    }
    let rendering =
        "collection=sentinel-2-l2a&item=$ID$&assets=visual&asset_bidx=visual%7C1%2C2%2C3&nodata=0&format=png";
    let href = format!("{API}/data/v1/item/tilejson.json?{rendering}");
    add("tilejson", &href, "TileJSON with default rendering", "application/json", "tiles", "");
    let href = format!("{API}/data/v1/item/preview.png?{rendering}");
    add("rendered_preview", &href, "Rendered preview", "image/png", "overview", r#","rel":"preview""#);
    text.pop();
    text.push_str(r#"},"collection":"sentinel-2-l2a"}"#);
    text
}
