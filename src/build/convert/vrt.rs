//! The outcome as a virtual raster: GDAL reads it like a file, and takes the samples from the sources as it goes.

use std::fmt::Write as _;

use gdal::raster::GdalDataType;

use super::choice::Nodata;
use super::facts::{Pair, Source, SourceBand};

/// A band of the outcome.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// The dataset that it comes from, by its place among the sources.
    pub(super) source: usize,
    /// What it is there.
    pub(super) facts: SourceBand,
    /// Samples with this value become the new nodata value; for values that the new type cannot hold.
    pub(super) replaced: Option<f64>,
}

/// The outcome.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    /// Where samples come from; the first tells place and metadata.
    pub(super) sources: &'a [Source],
    /// Its bands.
    pub(super) bands: Vec<Band>,
    /// The type of all samples.
    pub(super) data_type: GdalDataType,
    /// What pixels without a value hold, when it is not the source's.
    pub(super) nodata: Option<Nodata>,
    /// One mask for all bands instead of nodata or alpha.
    pub(super) mask: Mask,
    /// Added to the file's metadata.
    pub(super) stamp: Option<Pair>,
    /// True when samples change, so that statistics of the source do not hold.
    pub(super) changes_values: bool,
}

/// Where the mask comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// No mask.
    None,
    /// The one of the first source.
    Kept,
    /// A pixel is valid where any band is.
    Made,
}

impl Outcome<'_> {
    /// The document that GDAL opens.
    pub(super) fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(4096);
        let Some(first) = self.sources.first() else { return xml };
        let (width, height) = first.size;
        // Writing to a String cannot fail.
        let _ = write!(xml, r#"<VRTDataset rasterXSize="{width}" rasterYSize="{height}">"#);
        if !first.wkt.is_empty() {
            let _ = write!(xml, "<SRS>{}</SRS>", escape(&first.wkt));
        }
        if let Some(transform) = &first.geo_transform {
            let numbers: Vec<String> = transform.iter().map(f64::to_string).collect();
            let _ = write!(xml, "<GeoTransform>{}</GeoTransform>", numbers.join(","));
        }
        if !first.control.is_empty() {
            let _ = write!(xml, r#"<GCPList Projection="{}">"#, escape(&first.control_wkt));
            for ([pixel, line, x, y, z], id) in &first.control {
                let id = escape(id);
                let _ =
                    write!(xml, r#"<GCP Id="{id}" Pixel="{pixel}" Line="{line}" X="{x}" Y="{y}" Z="{z}"/>"#);
            }
            xml.push_str("</GCPList>");
        }
        for (domain, pairs) in &first.metadata {
            push_metadata(&mut xml, domain, pairs.iter());
        }
        if let Some(stamp) = &self.stamp {
            push_metadata(&mut xml, "", std::iter::once(stamp));
        }
        for (at, band) in self.bands.iter().enumerate() {
            self.push_band(&mut xml, at + 1, band);
        }
        self.push_mask(&mut xml);
        xml.push_str("</VRTDataset>");
        xml
    }

    fn push_band(&self, xml: &mut String, number: usize, band: &Band) {
        let facts = &band.facts;
        let data_type = self.data_type.name();
        let _ = write!(xml, r#"<VRTRasterBand dataType="{data_type}" band="{number}">"#);
        if !facts.description.is_empty() {
            let _ = write!(xml, "<Description>{}</Description>", escape(&facts.description));
        }
        let stale = |pair: &&Pair| self.changes_values && pair.0.starts_with("STATISTICS_");
        push_metadata(xml, "", facts.metadata.iter().filter(|pair| !stale(pair)));
        if let Some(nodata) = self.nodata_of(facts) {
            let _ = write!(xml, "<NoDataValue>{nodata}</NoDataValue>");
        }
        let palette_fits = matches!(self.data_type, GdalDataType::UInt8 | GdalDataType::UInt16);
        if palette_fits || facts.color != "Palette" {
            let _ = write!(xml, "<ColorInterp>{}</ColorInterp>", facts.color);
        }
        if palette_fits && !facts.palette.is_empty() {
            xml.push_str("<ColorTable>");
            for [red, green, blue, alpha] in &facts.palette {
                let _ = write!(xml, r#"<Entry c1="{red}" c2="{green}" c3="{blue}" c4="{alpha}"/>"#);
            }
            xml.push_str("</ColorTable>");
        }
        if !facts.unit.is_empty() {
            let _ = write!(xml, "<UnitType>{}</UnitType>", escape(&facts.unit));
        }
        if let Some(offset) = facts.offset {
            let _ = write!(xml, "<Offset>{offset}</Offset>");
        }
        if let Some(scale) = facts.scale {
            let _ = write!(xml, "<Scale>{scale}</Scale>");
        }
        match band.replaced {
            None => self.push_source(xml, "SimpleSource", band.source, &facts.index.to_string(), ""),
            Some(value) => {
                let skipped = format!("<NODATA>{}</NODATA>", text_of(value));
                self.push_source(xml, "ComplexSource", band.source, &facts.index.to_string(), &skipped);
            }
        }
        xml.push_str("</VRTRasterBand>");
    }

    /// What pixels of a band without a value hold.
    pub(super) fn nodata_of(&self, facts: &SourceBand) -> Option<String> {
        match self.nodata {
            _ if self.mask == Mask::Made => None,
            Some(Nodata::None) => None,
            Some(Nodata::Value(value)) => Some(text_of(value)),
            None => facts.nodata_text.clone().map(|text| if text == "NaN" { "nan".to_owned() } else { text }),
        }
    }

    fn push_mask(&self, xml: &mut String) {
        // GDAL's sum wants two bands at least.
        let is_sum = self.mask == Mask::Made && self.bands.len() > 1;
        let made = match self.mask {
            Mask::None => return,
            _ if !is_sum => "",
            // Masks are 0 or 255, and a sum stops at 255: valid where any band is.
            _ => {
                r#" subClass="VRTDerivedRasterBand"><PixelFunctionType>sum</PixelFunctionType><SourceTransferType>UInt16</SourceTransferType"#
            }
        };
        let _ = write!(xml, r#"<MaskBand><VRTRasterBand dataType="Byte"{made}>"#);
        for band in self.bands.iter().take(if is_sum { self.bands.len() } else { 1 }) {
            self.push_source(xml, "SimpleSource", band.source, &format!("mask,{}", band.facts.index), "");
        }
        xml.push_str("</VRTRasterBand></MaskBand>");
    }

    fn push_source(&self, xml: &mut String, kind: &str, source: usize, band: &str, further: &str) {
        let Some(source) = self.sources.get(source) else { return };
        let (width, height) = source.size;
        let name = escape(&source.name);
        let rect = format!(r#"xOff="0" yOff="0" xSize="{width}" ySize="{height}""#);
        let _ = write!(
            xml,
            r#"<{kind}><SourceFilename relativeToVRT="0">{name}</SourceFilename><SourceBand>{band}</SourceBand><SrcRect {rect}/><DstRect {rect}/>{further}</{kind}>"#
        );
    }
}

fn push_metadata<'a>(xml: &mut String, domain: &str, pairs: impl Iterator<Item = &'a Pair>) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return;
    }
    if domain.is_empty() {
        xml.push_str("<Metadata>");
    } else {
        let _ = write!(xml, r#"<Metadata domain="{}">"#, escape(domain));
    }
    for (key, value) in pairs {
        let _ = write!(xml, r#"<MDI key="{}">{}</MDI>"#, escape(key), escape(value));
    }
    xml.push_str("</Metadata>");
}

/// A number as GDAL reads it.
fn text_of(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { value.to_string() }
}

/// A text within XML; characters that XML cannot hold are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_read_back_from_xml_but_for_control_characters() {
        let text = "a & b < \"c\" > 'd'\nµ\u{7}";
        let xml = format!("<a b=\"{0}\">{0}</a>", escape(text));
        let document = roxmltree::Document::parse(&xml).expect("XML");
        let root = document.root_element();
        assert_eq!(root.text(), Some("a & b < \"c\" > 'd'\nµ"));
        assert_eq!(root.attribute("b"), root.text());
    }
}
