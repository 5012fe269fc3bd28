//! The bands of an asset: names, sample types, spectra; from the definition, the file, and what is known of tokens.

use serde_json::{Map, Value, json};
use stac::Band;

use super::definition::{BandDefinition, CollectionDefinition};
use super::group::Member;
use super::inspect::{BandFacts, Raster};
use super::known;
use crate::stac::DataType;

/// What surrounds a band.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The definition of the Collection, if there is one.
    pub(super) definition: Option<&'a CollectionDefinition>,
    /// True when tokens are those of Sentinel-2.
    pub(super) is_sentinel_2: bool,
}

impl Context<'_> {
    /// What the definition says of a band.
    pub(super) fn defined(&self, name: &str) -> Option<&BandDefinition> {
        self.definition.and_then(|d| d.bands.get(name))
    }

    /// The bands of a file in its order.
    pub(super) fn bands(&self, member: &Member, raster: &Raster) -> Vec<Band> {
        let names = self.names(member, raster);
        names
            .into_iter()
            .zip(&raster.bands)
            .map(|(name, facts)| self.band(&name, facts, raster.data_type))
            .collect()
    }

    /// The names of a file's bands, in this order: `band_names` of the definition, the band that the file's name tells,
    /// GDAL's descriptions when all are there and different, `b1` and so on.
    fn names(&self, member: &Member, raster: &Raster) -> Vec<String> {
        let count = raster.bands.len();
        if let Some(names) =
            self.definition.map(|d| &d.band_names).filter(|names| names.len() == count && count > 1)
        {
            return names.clone();
        }
        if let (1, Some(band)) = (count, &member.band) {
            return vec![band.clone()];
        }
        let described: Vec<String> = raster.bands.iter().filter_map(|b| b.description.clone()).collect();
        let mut distinct = described.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == count && distinct.iter().all(|name| !name.trim().is_empty()) {
            return described;
        }
        let prefix = member.band.as_ref().map(|band| format!("{band}_")).unwrap_or_default();
        (1..=count).map(|n| format!("{prefix}b{n}")).collect()
    }

    fn band(&self, name: &str, facts: &BandFacts, data_type: DataType) -> Band {
        let defined = self.defined(name).cloned().unwrap_or_default();
        let known = self.is_sentinel_2.then(|| known::sentinel_2(name)).flatten();
        let common = defined.common_name.or_else(|| known.map(|k| k.common_name.to_owned()));
        let common = common.or_else(|| known::common_name(name).map(str::to_owned));
        let mut fields = Map::new();
        let mut put = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(field.to_owned(), value);
            }
        };
        put("eo:common_name", common.map(Value::from));
        put(
            "eo:center_wavelength",
            defined.center_wavelength.or(known.map(|k| k.center_um)).map(Value::from),
        );
        put(
            "eo:full_width_half_max",
            defined.full_width_half_max.or(known.map(|k| k.width_um)).map(Value::from),
        );
        put("gsd", defined.gsd.map(number));
        // Samples that are the value already need no scale.
        put("raster:scale", defined.scale.or(facts.scale.filter(|s| !is(*s, 1.0))).map(number));
        put("raster:offset", defined.offset.or(facts.offset.filter(|o| !is(*o, 0.0))).map(number));
        let nodata = defined.nodata.or(facts.nodata);
        // Written as STAC has it: a number, or one of the words nan, inf and -inf.
        put("nodata", nodata.filter(|v| !v.is_finite()).map(|v| json!(v.to_string().to_lowercase())));
        Band {
            name: Some(defined.name.unwrap_or_else(|| name.to_owned())),
            description: defined.description,
            nodata: nodata.filter(|v| v.is_finite()),
            data_type: Some(stac_type(data_type)),
            statistics: None,
            unit: defined.unit,
            additional_fields: fields,
        }
    }
}

fn is(value: f64, other: f64) -> bool {
    (value - other).abs() < f64::EPSILON
}

/// A JSON number, without `.0` where it is whole.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small, as checked")]
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn stac_type(data_type: DataType) -> stac::DataType {
    match data_type {
        DataType::U8 => stac::DataType::UInt8,
        DataType::I8 => stac::DataType::Int8,
        DataType::U16 => stac::DataType::UInt16,
        DataType::I16 => stac::DataType::Int16,
        DataType::U32 => stac::DataType::UInt32,
        DataType::I32 => stac::DataType::Int32,
        DataType::U64 => stac::DataType::UInt64,
        DataType::I64 => stac::DataType::Int64,
        DataType::F16 => stac::DataType::Float16,
        DataType::F32 => stac::DataType::Float32,
        DataType::F64 => stac::DataType::Float64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::definition::{Definition, Groups};
    use crate::build::scan::Found;
    use crate::crs::Crs;

    fn raster(bands: Vec<BandFacts>) -> Raster {
        let crs = Crs::from_epsg(4326).expect("a CRS");
        let transform = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0];
        let data_type = DataType::U16;
        Raster {
            len: 1,
            width: 1,
            height: 1,
            data_type,
            bands,
            transform,
            crs,
            date_time: None,
            unreadable: None,
            is_cog: true,
        }
    }

    fn member(band: Option<&str>) -> Member {
        let file = Found { relative: "a.tif".into(), path: "/a.tif".into() };
        Member { file, key: "data".into(), band: band.map(str::to_owned), groups: Groups::new() }
    }

    fn names(context: &Context<'_>, member: &Member, descriptions: &[Option<&str>]) -> Vec<String> {
        let facts = |d: Option<&str>| BandFacts { description: d.map(str::to_owned), ..BandFacts::default() };
        let bands = context.bands(member, &raster(descriptions.iter().copied().map(facts).collect()));
        bands.into_iter().filter_map(|b| b.name).collect()
    }

    #[test]
    fn bands_are_named_by_file_name_then_description_then_number() {
        let context = Context { definition: None, is_sentinel_2: false };
        assert_eq!(names(&context, &member(Some("B04")), &[Some("x")]), ["B04"]);
        assert_eq!(names(&context, &member(None), &[Some("x"), Some("y")]), ["x", "y"]);
        assert_eq!(names(&context, &member(None), &[Some("x"), Some("x")]), ["b1", "b2"]);
        assert_eq!(names(&context, &member(None), &[None]), ["b1"]);
        assert_eq!(names(&context, &member(Some("TCI")), &[None, None]), ["TCI_b1", "TCI_b2"]);
        let definition =
            Definition::parse("[[collection]]\nid = \"c\"\nband_names = [\"p\", \"q\"]\n").expect("sound");
        let context = Context { definition: definition.collections.first(), is_sentinel_2: false };
        assert_eq!(names(&context, &member(None), &[None, None]), ["p", "q"]);
    }

    #[test]
    fn what_is_known_fills_what_is_not_said() {
        let text = "[[collection]]\nid = \"c\"\n[collection.bands.B04]\nscale = 0.5\n";
        let definition = Definition::parse(text).expect("sound");
        let context = Context { definition: definition.collections.first(), is_sentinel_2: true };
        let facts = BandFacts { nodata: Some(0.0), offset: Some(-0.1), ..BandFacts::default() };
        let bands = context.bands(&member(Some("B04")), &raster(vec![facts]));
        assert_eq!(
            serde_json::to_value(&bands).expect("JSON"),
            json!([{
                "name": "B04", "data_type": "uint16", "nodata": 0.0, "eo:common_name": "red",
                "eo:center_wavelength": 0.665, "eo:full_width_half_max": 0.031,
                "raster:scale": 0.5, "raster:offset": -0.1
            }])
        );
    }

    #[test]
    fn nodata_that_is_no_number_is_a_word() {
        let context = Context { definition: None, is_sentinel_2: false };
        let facts = BandFacts { nodata: Some(f64::NAN), ..BandFacts::default() };
        let bands = context.bands(&member(None), &raster(vec![facts]));
        assert_eq!(serde_json::to_value(&bands).expect("JSON")[0]["nodata"], "nan");
    }
}
