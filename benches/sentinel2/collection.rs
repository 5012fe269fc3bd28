//! The Collection that the Items belong to.

use serde_json::{Value, json};

/// Its document.
pub(crate) fn collection() -> Value {
    let cog = "image/tiff; application=geotiff; profile=cloud-optimized";
    let asset =
        |title: &str, media: &str, role: &str| json!({"title": title, "type": media, "roles": [role]});
    let mut item_assets = serde_json::Map::new();
    for (key, title, metres) in [
        ("AOT", "Aerosol optical thickness (AOT)", 10),
        ("B01", "Band 1 - Coastal aerosol - 60m", 60),
        ("B02", "Band 2 - Blue - 10m", 10),
        ("B03", "Band 3 - Green - 10m", 10),
        ("B04", "Band 4 - Red - 10m", 10),
        ("B05", "Band 5 - Vegetation red edge 1 - 20m", 20),
        ("B06", "Band 6 - Vegetation red edge 2 - 20m", 20),
        ("B07", "Band 7 - Vegetation red edge 3 - 20m", 20),
        ("B08", "Band 8 - NIR - 10m", 10),
        ("B09", "Band 9 - Water vapor - 60m", 60),
        ("B11", "Band 11 - SWIR (1.6) - 20m", 20),
        ("B12", "Band 12 - SWIR (2.2) - 20m", 20),
        ("B8A", "Band 8A - Vegetation red edge 4 - 20m", 20),
        ("SCL", "Scene classfication map (SCL)", 20),
        ("WVP", "Water vapour (WVP)", 10),
        ("visual", "True color image", 10),
    ] {
        let mut described = asset(title, cog, "data");
        described["gsd"] = json!(metres);
        item_assets.insert(key.to_owned(), described);
    }
    item_assets.insert("preview".to_owned(), asset("Thumbnail", cog, "thumbnail"));
    for (key, title) in [
        ("safe-manifest", "SAFE manifest"),
        ("granule-metadata", "Granule metadata"),
        ("inspire-metadata", "INSPIRE metadata"),
        ("product-metadata", "Product metadata"),
        ("datastrip-metadata", "Datastrip metadata"),
    ] {
        item_assets.insert(key.to_owned(), asset(title, "application/xml", "metadata"));
    }
    json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "sentinel-2-l2a",
        "title": "Sentinel-2 Level-2A (made up)",
        "description": "Made-up Items in the form of the Planetary Computer's Sentinel-2 Level-2A collection, for benches.",
        "license": "other",
        "keywords": ["Sentinel", "MSI", "bench"],
        "providers": [{"name": "ESA", "roles": ["producer", "licensor"], "url": "https://sentinel.esa.int/web/sentinel/missions/sentinel-2"}],
        "extent": {
            "spatial": {"bbox": [[-180.0, -80.0, 180.0, 84.0]]},
            "temporal": {"interval": [["2023-01-01T00:00:00Z", null]]}
        },
        "summaries": {
            "platform": ["Sentinel-2A", "Sentinel-2B", "Sentinel-2C"],
            "constellation": ["Sentinel 2"],
            "instruments": ["msi"],
            "gsd": [10, 20, 60],
            "eo:cloud_cover": {"minimum": 0, "maximum": 100}
        },
        "item_assets": item_assets,
        "links": [{"rel": "license", "href": "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice", "title": "Copernicus Sentinel data terms"}]
    })
}
