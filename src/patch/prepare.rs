//! A checked request becomes a prepared series: the window on the answer's grid, the time steps, their rasters open.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use geo::{BoundingRect, Geometry, Intersects, LineString, Polygon, point};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::engine::{Engine, least_bytes};
use super::error::PatchError;
use super::grid::{GridError, Lattice};
use super::opening::OpenRasters;
use super::request::WindowRequest;
use super::series::{Mask, OnError, Series};
use super::source::BandSource;
use super::steps::{Step, group, spread};
use super::target::{self, Asked, is_finer};
use super::window::Window;
use crate::search::{Place, Search};
use crate::stac::{Bbox, ItemFacts};

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Items that are looked at for one with the bands, where none lies at the middle of a patch.
const SAMPLE_ITEMS: usize = 64;

/// A series that is ready to be read.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Where it lies.
    pub(super) window: Window,
    /// Names of the bands asked for, then that of the mask's band where it is not among them.
    pub(super) names: Vec<String>,
    /// How many of the names are bands of the answer.
    pub(super) bands: usize,
    /// Its time steps, time ascending.
    pub(super) steps: Vec<PreparedStep>,
    /// Items of steps that could not be opened, where the request says to drop them.
    pub(super) dropped: Vec<String>,
}

/// One time step.
#[derive(Debug)]
pub(super) struct PreparedStep {
    pub(super) step: Step,
    /// Its Items, earliest first, with their bands in the order of names.
    pub(super) items: Vec<(Arc<ItemFacts>, Vec<BandSource>)>,
}

impl Engine {
    /// Prepares the series of one window.
    pub(super) async fn prepare(
        &self,
        place: &WindowRequest,
        series: &Series,
    ) -> Result<Prepared, PatchError> {
        let mut rasters = OpenRasters::new(&self.headers, &self.places);
        let near = self.near(&mut rasters, place, series).await?;
        let (lon, lat) = place.center();
        let (names, bands) = names_of(&near, series, lon, lat)?;
        let usable = || near.iter().filter(|item| has_all(item, &names));
        // A CRS that is some Items' own has their grid, also where others are nearer.
        let asked = |item: &&Arc<ItemFacts>| {
            let described = |epsg| described_resolution(item, &names[..bands], epsg);
            series.crs.is_none_or(|epsg| described(epsg).is_some_and(f64::is_finite))
        };
        let reference = nearest(usable().filter(asked), lon, lat).or_else(|| nearest(usable(), lon, lat));
        let Some(reference) = reference else {
            let window = target::window_without_items(place, Asked::of(series))?;
            return Ok(Prepared { window, names, bands, steps: Vec::new(), dropped: Vec::new() });
        };
        let first = first_lattice(&mut rasters, reference, &near, &names[..bands], series.on_error).await?;
        let mut native = finest(&mut rasters, &first, &near, &names, bands).await?;
        let mut window = target::window(&native, place, Asked::of(series))?;
        let mut items = near;
        if let WindowRequest::Center { .. } = place {
            // What the window reaches beyond the point may be finer still, and then the window is smaller.
            loop {
                items = self.select(series, Some(place_of(&window)?)).await?;
                let finest = finest(&mut rasters, &native, &items, &names, bands).await?;
                if !is_finer(finest.resolution(), native.resolution()) {
                    break;
                }
                native = finest;
                window = target::window(&native, place, Asked::of(series))?;
            }
        }
        self.prepare_steps(rasters, window, items, names, bands, series).await
    }

    /// Groups the Items of a window into steps, and opens those that are wanted.
    async fn prepare_steps(
        &self,
        mut rasters: OpenRasters<'_>,
        window: Window,
        items: Vec<Arc<ItemFacts>>,
        names: Vec<String>,
        bands: usize,
        series: &Series,
    ) -> Result<Prepared, PatchError> {
        let items: Vec<Arc<ItemFacts>> = items.into_iter().filter(|item| has_all(item, &names)).collect();
        let (lon, _) = window.center()?;
        let refs: Vec<&ItemFacts> = items.iter().map(AsRef::as_ref).collect();
        let mut steps = group(&refs, series.group_by, lon);
        // Which steps have enough valid pixels is only known after reading.
        if let (Some(wanted), true) = (series.timestamps, series.min_valid <= 0.0) {
            steps = spread(steps.len(), wanted).into_iter().map(|at| steps[at].clone()).collect();
        }
        let count = series.timestamps.unwrap_or(steps.len());
        let sample_bytes = least_bytes(series.dtype, &items, &names[..bands]);
        self.check_size(1, count, bands, [window.height, window.width], sample_bytes)?;
        let wanted = steps.iter().flat_map(|step| &step.items).map(|at| items[*at].as_ref());
        rasters.open(wanted, &names).await;
        let mask = series.mask.as_ref();
        let steps = steps.into_iter().map(|step| open_step(step, &items, &rasters, &names, mask));
        let mut prepared =
            Prepared { window, names: names.clone(), bands, steps: Vec::new(), dropped: Vec::new() };
        for step in steps {
            match step {
                Ok(step) => prepared.steps.push(step),
                Err((name, error)) if series.on_error == OnError::Drop && is_source(&error) => {
                    tracing::warn!(step = name, cause = error.cause(), "dropped a time step: {error}");
                    prepared.dropped.push(name);
                }
                Err((_, error)) => return Err(*error),
            }
        }
        Ok(prepared)
    }

    /// Items at the place, as far as it is known before the grid is.
    async fn near(
        &self,
        rasters: &mut OpenRasters<'_>,
        place: &WindowRequest,
        series: &Series,
    ) -> Result<Vec<Arc<ItemFacts>>, PatchError> {
        let (lon, lat) = match place {
            WindowRequest::Bbox(bbox) | WindowRequest::Fitted { bbox, .. } => {
                return self.select(series, Some(Place::Bbox(*bbox))).await;
            }
            WindowRequest::Center { lon, lat, .. } => (*lon, *lat),
        };
        let point = Place::Shape(point!(x: lon, y: lat).into());
        let at_point = self.select(series, Some(point)).await?;
        if !at_point.is_empty() {
            return Ok(at_point);
        }
        // The middle may lie outside of Items that a corner reaches: how far it reaches, any Item's grid tells.
        let any: Vec<Arc<ItemFacts>> =
            self.backend.select(series.selection.clone()).take(SAMPLE_ITEMS).try_collect().await?;
        let (names, bands) = names_of(&any, series, lon, lat)?;
        let Some(item) = any.iter().find(|item| has_all(item, &names)) else { return Ok(Vec::new()) };
        let lattice = rasters.lattice_of(item, &names[..bands]).await?;
        match target::window(&lattice, place, Asked::of(series)).and_then(|window| place_of(&window)) {
            Ok(place) => self.select(series, Some(place)).await,
            // So far away that the grid does not reach there.
            Err(_) => Ok(Vec::new()),
        }
    }

    pub(super) async fn select(
        &self,
        series: &Series,
        place: Option<Place>,
    ) -> Result<Vec<Arc<ItemFacts>>, PatchError> {
        let search = Search { place, ..series.selection.clone() };
        Ok(self.backend.select(search).try_collect().await?)
    }
}

/// The grid of the reference, or of another Item where that cannot be read and the request says to drop such.
async fn first_lattice(
    rasters: &mut OpenRasters<'_>,
    reference: &ItemFacts,
    items: &[Arc<ItemFacts>],
    names: &[String],
    on_error: OnError,
) -> Result<Lattice, PatchError> {
    let mut first = rasters.lattice_of(reference, names).await;
    for item in items.iter().filter(|item| has_all(item, names)) {
        match &first {
            Err(error) if on_error == OnError::Drop && is_source(error) => {
                first = rasters.lattice_of(item, names).await;
            }
            _ => break,
        }
    }
    first
}

/// The finest grid of the bands among Items in the CRS of `known`, which stays when none is finer.
async fn finest(
    rasters: &mut OpenRasters<'_>,
    known: &Lattice,
    items: &[Arc<ItemFacts>],
    names: &[String],
    bands: usize,
) -> Result<Lattice, PatchError> {
    let mut best = *known;
    for item in items.iter().filter(|item| has_all(item, names)) {
        let described = described_resolution(item, &names[..bands], known.epsg);
        // Items of one kind share a grid: only what may be finer is opened.
        if described.is_none_or(|resolution| is_finer(resolution, best.resolution())) {
            let lattice = match rasters.lattice_of(item, &names[..bands]).await {
                Ok(lattice) => lattice,
                // Its own time step tells.
                Err(error) if is_source(&error) => continue,
                Err(error) => return Err(error),
            };
            if lattice.epsg == best.epsg && is_finer(lattice.resolution(), best.resolution()) {
                best = lattice;
            }
        }
    }
    Ok(best)
}

/// A step with its Items' bands; or its name and why it cannot be read.
fn open_step(
    step: Step,
    items: &[Arc<ItemFacts>],
    rasters: &OpenRasters<'_>,
    names: &[String],
    mask: Option<&Mask>,
) -> Result<PreparedStep, (String, Box<PatchError>)> {
    let members: Vec<Arc<ItemFacts>> = step.items.iter().map(|at| Arc::clone(&items[*at])).collect();
    let mut opened = Vec::with_capacity(members.len());
    for item in &members {
        let mut sources = rasters.bands(item, names).map_err(|error| (step_name(&members), error.into()))?;
        for (source, name) in sources.iter_mut().zip(names) {
            // The mask's values are looked for one by one.
            source.is_categorical |= mask.is_some_and(|mask| mask.band == *name);
        }
        opened.push((Arc::clone(item), sources));
    }
    Ok(PreparedStep { step, items: opened })
}

/// `collection/id` of a step's Items, as headers and plans name it.
pub(super) fn step_name(items: &[Arc<ItemFacts>]) -> String {
    items.iter().map(|item| encoded_name(item)).collect::<Vec<_>>().join(",")
}

/// `collection/id`, percent-encoded so that neither `/` nor `,` in an id is mistaken.
pub(super) fn encoded_name(item: &ItemFacts) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    format!("{}/{}", encode(&item.collection), encode(&item.id))
}

/// True for errors of a source, not of the request.
pub(super) fn is_source(error: &PatchError) -> bool {
    matches!(error, PatchError::Source { .. } | PatchError::Replaced { .. } | PatchError::Stalled { .. })
}

fn has_all(item: &ItemFacts, names: &[String]) -> bool {
    names.iter().all(|name| item.band(name).is_some())
}

/// The names of all planes, and how many of them are bands of the answer.
fn names_of(
    items: &[Arc<ItemFacts>],
    series: &Series,
    lon: f64,
    lat: f64,
) -> Result<(Vec<String>, usize), PatchError> {
    let bands = match &series.bands {
        Some(bands) => bands.clone(),
        None => nearest(items.iter().filter(|item| !item.default_bands().is_empty()), lon, lat)
            .map(ItemFacts::default_bands)
            .unwrap_or_default(),
    };
    let mut names = bands.clone();
    if let Some(mask) = &series.mask
        && !bands.contains(&mask.band)
    {
        names.push(mask.band.clone());
    }
    if let Some(item) = nearest(items.iter(), lon, lat)
        && !items.iter().any(|item| has_all(item, &names))
    {
        let missing = names.iter().find(|name| !items.iter().any(|item| item.band(name).is_some()));
        let band = missing.cloned().unwrap_or_else(|| names.join(","));
        let parameter = if bands.contains(&band) || missing.is_none() { "bands" } else { "mask" };
        return Err(PatchError::no_band(parameter, &band, item));
    }
    if let Some(item) = items.first().filter(|_| bands.is_empty()) {
        return Err(PatchError::no_band("bands", "of role data", item));
    }
    let count = bands.len();
    Ok((names, count))
}

/// The Item nearest to a point: one that holds it before one that does not, then the one whose middle is nearest, then
/// the newest.
fn nearest<'a>(items: impl Iterator<Item = &'a Arc<ItemFacts>>, lon: f64, lat: f64) -> Option<&'a ItemFacts> {
    let middle = point!(x: lon, y: lat);
    let key = |item: &ItemFacts| match &item.footprint {
        Some(footprint) => {
            let away = footprint.bounding_rect().map_or(f64::INFINITY, |rect| {
                let c = rect.center();
                let turn = (c.x - lon).abs();
                turn.min(360.0 - turn).hypot(c.y - lat)
            });
            (!footprint.intersects(&middle), away)
        }
        None => (true, f64::INFINITY),
    };
    items.map(AsRef::as_ref).min_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })
}

/// The finest resolution that an Item's document gives for the bands, infinite in another CRS; nothing where it is silent.
fn described_resolution(item: &ItemFacts, names: &[String], epsg: u32) -> Option<f64> {
    let mut finest = f64::INFINITY;
    for name in names {
        let grid = item.assets.get(item.band(name)?.asset)?.grid?;
        if grid.epsg == epsg {
            finest = finest.min(grid.transform[0].hypot(grid.transform[3]));
        }
    }
    Some(finest)
}

/// A window as a place to search in.
pub(super) fn place_of(window: &Window) -> Result<Place, GridError> {
    let outline = window.outline()?;
    let shape = Polygon::new(LineString::from(outline), Vec::new());
    match shape.bounding_rect() {
        // Longitudes jump by a turn where the outline crosses the antimeridian.
        Some(rect) if rect.width() > 180.0 => {
            let lons = || shape.exterior().coords().map(|c| c.x);
            let west = lons().filter(|x| *x > 0.0).fold(180.0, f64::min);
            let east = lons().filter(|x| *x <= 0.0).fold(-180.0, f64::max);
            Ok(Place::Bbox(Bbox { west, south: rect.min().y, east, north: rect.max().y }))
        }
        _ => Ok(Place::Shape(Geometry::Polygon(shape))),
    }
}
