//! Media types: what STAC's `type` and a store's `Content-Type` say of a file.

/// A raster that can be read in part.
pub const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// One that cannot.
pub const GEOTIFF: &str = "image/tiff; application=geotiff";
/// A TIFF that lies nowhere on the globe.
pub const TIFF: &str = "image/tiff";
/// GeoJSON: Items and Item collections.
pub const GEOJSON: &str = "application/geo+json";
/// Any other JSON: catalogs, Collections.
pub const JSON: &str = "application/json";

/// Extensions in lower case and their types.
const BY_EXTENSION: [(&str, &str); 32] = [
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("fgb", "application/vnd.flatgeobuf"),
    ("geojson", GEOJSON),
    ("geoparquet", "application/vnd.apache.parquet"),
    ("gif", "image/gif"),
    ("gml", "application/gml+xml"),
    ("gpkg", "application/geopackage+sqlite3"),
    ("gz", "application/gzip"),
    ("h5", "application/x-hdf5"),
    ("html", "text/html"),
    ("jp2", "image/jp2"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", JSON),
    ("kml", "application/vnd.google-earth.kml+xml"),
    ("md", "text/markdown"),
    ("nc", "application/netcdf"),
    ("ndjson", "application/x-ndjson"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tif", TIFF),
    ("tiff", TIFF),
    ("toml", "application/toml"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("zip", "application/zip"),
];

/// The type that a file's name tells, if any.
#[must_use]
pub fn media_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let at = BY_EXTENSION.binary_search_by_key(&extension.as_str(), |(known, _)| known).ok()?;
    BY_EXTENSION.get(at).map(|(_, media)| *media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_of_the_table_is_found() {
        for (extension, media) in BY_EXTENSION {
            assert_eq!(media_type(&format!("a.b.{}", extension.to_uppercase())), Some(media));
        }
        assert_eq!(media_type("tif"), None);
        assert_eq!(media_type("a.unknown"), None);
    }
}
