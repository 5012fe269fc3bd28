//! The parameters as the OpenAPI document describes them. They are read and checked by [`crate::search`] and
//! [`crate::patch`]; here they are only described.
#![expect(dead_code, reason = "read by the OpenAPI generator only")]

use utoipa::IntoParams;

/// Which Items, wherever they are wanted for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// Ids of Items, comma-separated
    ids: Option<String>,
    /// RFC 3339 instant, or start/end with .. for an open end
    #[param(example = "2024-06-01T00:00:00Z/..")]
    datetime: Option<String>,
    /// Upper bound of `eo:cloud_cover` in percent; Items without it do not match
    #[param(minimum = 0, maximum = 100)]
    max_cloud_cover: Option<f64>,
    /// CQL2: only Items that it holds for
    #[param(example = "eo:cloud_cover < 20 AND platform = 'sentinel-2a'")]
    filter: Option<String>,
    /// cql2-text (default) or cql2-json
    #[param(rename = "filter-lang")]
    filter_lang: Option<String>,
    /// Reference system of the filter's shapes: longitude and latitude only
    #[param(rename = "filter-crs", example = "http://www.opengis.net/def/crs/OGC/1.3/CRS84")]
    filter_crs: Option<String>,
    /// Query extension, JSON: {PROPERTY: {OPERATOR: VALUE}}, with eq, neq, lt, lte, gt, gte, in, startsWith, endsWith, contains
    #[param(example = json!("{\"eo:cloud_cover\": {\"lt\": 20}}"))]
    query: Option<String>,
}

/// Where Items lie, and what they say.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Place {
    /// west,south,east,north in degrees; west > east crosses the antimeridian
    #[param(example = "23.3,61.2,23.4,61.3")]
    bbox: Option<String>,
    /// GeoJSON geometry; not together with bbox
    intersects: Option<String>,
    /// Items that have all of these bands, comma-separated
    #[param(example = "B04,B08")]
    bands: Option<String>,
    /// Terms joined by commas, any of which occurs in the id, title, description, keywords, platform, constellation,
    /// or mission
    #[param(example = "sentinel-2a,landsat")]
    q: Option<String>,
}

/// A page of Items.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Properties joined by commas, - before those that descend; Items without one come last
    #[param(example = "eo:cloud_cover,-datetime")]
    sortby: Option<String>,
    /// What to show of each Item besides what makes it valid, - before what to leave out; empty: only that
    #[param(example = "properties.eo:cloud_cover,-assets")]
    fields: Option<String>,
    /// Items on the page: 100 by default, 10,000 at most
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// From the next link of a page
    token: Option<String>,
}

/// Whether asset hrefs can be read without credentials.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Signature {
    /// true: hrefs of assets in stores come with a signature, and as they are under `alternate`
    sign: Option<bool>,
}

/// Collections to choose from.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AnyCollections {
    /// Ids of Collections, comma-separated
    #[param(example = "sentinel-2-l2a")]
    collections: Option<String>,
}

/// What to count.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Counting {
    /// Names joined by commas, from /aggregations
    #[param(example = "total_count,datetime_frequency")]
    aggregations: Option<String>,
    /// day, week, month (default), quarter or year
    datetime_frequency_interval: Option<String>,
    /// Characters of a geohash (1)
    #[param(minimum = 1, maximum = 12)]
    centroid_geohash_grid_frequency_precision: Option<u8>,
}

/// Which Collections.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CollectionChoice {
    /// west,south,east,north in degrees; west > east crosses the antimeridian
    bbox: Option<String>,
    /// RFC 3339 instant, or start/end with .. for an open end
    datetime: Option<String>,
    /// Terms joined by commas, any of which occurs in the id, title, description or keywords
    q: Option<String>,
    /// CQL2 over the members of the Collections
    filter: Option<String>,
    /// cql2-text (default) or cql2-json
    #[param(rename = "filter-lang")]
    filter_lang: Option<String>,
    /// Reference system of the filter's shapes: longitude and latitude only
    #[param(rename = "filter-crs")]
    filter_crs: Option<String>,
    /// Query extension, JSON: {MEMBER: {OPERATOR: VALUE}}
    query: Option<String>,
    /// Members joined by commas, - before those that descend
    sortby: Option<String>,
    /// What to show of each Collection besides what makes it valid, - before what to leave out
    fields: Option<String>,
    /// Collections on the page: 10,000 by default and at most
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// From the next link of a page
    token: Option<String>,
}

/// Where a patch lies.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PatchPlace {
    /// west,south,east,north: the smallest window on the grid that covers it
    bbox: Option<String>,
    /// lon,lat: the window of `size` whose middle lies nearest to it
    #[param(example = "23.37,61.25")]
    center: Option<String>,
    /// height,width in pixels, or one number for both; with bbox it sets the resolution
    #[param(example = "256")]
    size: Option<String>,
}

/// What a patch holds, wherever it lies.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Series {
    /// Ids of Collections, comma-separated
    #[param(example = "sentinel-2-l2a")]
    collections: String,
    /// Bands in the order of the array, comma-separated: names, common names, or keys of single-band assets; by default all
    /// of role data that share the finest resolution
    #[param(example = "B04,B08")]
    bands: Option<String>,
    /// EPSG:n; by default that of the Item nearest to the centre
    crs: Option<String>,
    /// Pixel size in units of crs; by default the finest native one among the bands. A grid other than the sources' has its
    /// edges at whole multiples of it
    #[param(exclusive_minimum = 0)]
    resolution: Option<f64>,
    /// nearest (default), bilinear, cubic or average, where pixels are not copied; bands of classes are always nearest
    resampling: Option<String>,
    /// `solar_day` (default) or `item`
    group_by: Option<String>,
    /// BAND:v1,v2,…: pixels whose BAND has one of these values become nodata
    #[param(example = "SCL:3,8,9,10")]
    mask: Option<String>,
    /// Drop time steps with a smaller share of valid pixels
    #[param(minimum = 0, maximum = 1)]
    min_valid: Option<f64>,
    /// Exactly so many time steps, evenly spread
    #[param(minimum = 1)]
    timestamps: Option<u32>,
    /// native (default), float32 (scale and offset applied, NaN for nodata), or another NumPy name
    dtype: Option<String>,
    /// npy (default), npz, safetensors, geotiff (one file of T·B bands), zarr (a zip), or json (the plan, no pixels)
    format: Option<String>,
    /// fail (default), or drop the time steps that cannot be read
    on_error: Option<String>,
}

/// Which random patches.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RandomPlaces {
    /// height,width in pixels, or one number for both
    #[param(example = "128")]
    size: String,
    /// Fixes the sequence of samples (0)
    seed: Option<u64>,
    /// First sample of the sequence (0)
    index: Option<u64>,
    /// Number of samples (1); more than one needs timestamps
    #[param(minimum = 1)]
    count: Option<u32>,
    /// west,south,east,north that bounds the middles
    within: Option<String>,
    /// none (default), or block: samples begin at blocks of the finest band, so that one of a block's size touches one block
    align: Option<String>,
}
