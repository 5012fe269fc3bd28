//! What is asked: 100,000 different questions of each kind, about places and times where there are Items.

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::sentinel2::Generator;
use crate::server::Server;

/// Different questions of a kind.
const QUESTIONS: usize = 100_000;
/// Items that places and times are taken from.
const PLACES: u64 = 5000;
/// Places of questions whose answers a server can keep at hand.
const HOT_PLACES: usize = 40;
/// Pages that begin somewhere in the catalogue.
const TOKENS: usize = 10_000;
/// From this number of Items on a city's box fills a page; a smaller catalogue is asked about a larger box.
const FULL: f64 = 1e6;
/// Degrees of a city and a country.
const CITY: f64 = 0.3;
const COUNTRY: f64 = 7.0;

/// Questions alike.
#[derive(Debug)]
pub(crate) struct Kind {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// Items that are asked for.
    pub(crate) limit: usize,
    /// Path and query of each.
    pub(crate) paths: Vec<String>,
}

#[derive(Debug)]
struct Place {
    lon: f64,
    lat: f64,
    time: DateTime<Utc>,
}

/// What questions are made of.
#[derive(Debug)]
pub(crate) struct Questions {
    places: Vec<Place>,
    city: f64,
    window: TimeDelta,
}

impl Questions {
    /// Questions about a catalogue of the first `count` Items.
    pub(crate) fn new(generator: &Generator, count: u64) -> anyhow::Result<Self> {
        let mut places = Vec::new();
        for nth in 0..PLACES.min(count) {
            let mut out = Vec::new();
            generator.write_item(nth * count / PLACES.min(count), &mut out);
            places.extend(place(&serde_json::from_slice(&out)?));
        }
        let first = places.iter().map(|place| place.time).min().context("no places")?;
        let last = places.iter().map(|place| place.time).max().context("no places")?;
        let city = CITY * (FULL / count as f64).sqrt().max(1.0);
        Ok(Self { places, city, window: TimeDelta::days(30).min((last - first) / 3) })
    }

    /// All kinds; `cairn` is asked for page tokens.
    pub(crate) fn kinds(&self, cairn: &Server) -> anyhow::Result<Vec<Kind>> {
        let kind = |name, limit, paths| Kind { name, limit, paths };
        let month = |draw: &mut Draw| {
            let from = self.place(draw).time;
            format!("{}&datetime={}/{}", self.bbox(draw, self.city, 10), text(from), text(from + self.window))
        };
        let hot: Vec<String> =
            self.many(|draw| self.bbox(draw, self.city, 10)).into_iter().take(HOT_PLACES).collect();
        Ok(vec![
            kind("first page", 10, vec!["/search?limit=10".to_owned()]),
            kind("first page before a time", 10, self.many(|draw| self.before(draw, 10))),
            kind("city", 10, self.many(|draw| self.bbox(draw, self.city, 10))),
            kind("city, 40 hot places", 10, hot),
            kind("city, month", 10, self.many(month)),
            kind("page by token", 10, self.pages(cairn)?),
            kind("country, limit 100", 100, self.many(|draw| self.bbox(draw, COUNTRY, 100))),
        ])
    }

    fn many(&self, ask: impl Fn(&mut Draw) -> String) -> Vec<String> {
        let mut draw = Draw(self.places.len() as u64);
        (0..QUESTIONS).map(|_| ask(&mut draw)).collect()
    }

    fn place(&self, draw: &mut Draw) -> &Place {
        &self.places[draw.next() as usize % self.places.len()]
    }

    fn bbox(&self, draw: &mut Draw, degrees: f64, limit: usize) -> String {
        let Place { lon, lat, .. } = *self.place(draw);
        let (width, height) = (degrees / lat.to_radians().cos().max(0.2), degrees);
        let west = (lon - width * draw.fraction()).clamp(-180.0, 180.0 - width);
        let south = (lat - height * draw.fraction()).clamp(-90.0, 90.0 - height);
        let (east, north) = (west + width, south + height);
        format!("/search?limit={limit}&bbox={west:.5},{south:.5},{east:.5},{north:.5}")
    }

    fn before(&self, draw: &mut Draw, limit: usize) -> String {
        let time = self.place(draw).time + TimeDelta::milliseconds((draw.next() % 3_600_000) as i64);
        format!("/search?limit={limit}&datetime=../{}", text(time))
    }

    /// Pages that begin at tokens as the server gives them.
    fn pages(&self, cairn: &Server) -> anyhow::Result<Vec<String>> {
        let mut draw = Draw(3);
        let mut paths = Vec::new();
        for _ in 0..TOKENS {
            let page = cairn.ask(&self.before(&mut draw, 1))?;
            let links = page["links"].as_array().context("a page without links")?;
            let next = links.iter().find(|link| link["rel"] == "next").and_then(|link| link["href"].as_str());
            let token = next.and_then(|href| href.split(['?', '&']).find(|part| part.starts_with("token=")));
            paths.extend(token.map(|token| format!("/search?limit=10&{token}")));
        }
        anyhow::ensure!(paths.len() > TOKENS / 2, "only {} of {TOKENS} pages have a next one", paths.len());
        Ok(paths)
    }
}

/// Middle and time of an Item that does not cross the antimeridian.
fn place(item: &Value) -> Option<Place> {
    let bbox: Vec<f64> = item["bbox"].as_array()?.iter().filter_map(Value::as_f64).collect();
    let &[west, south, east, north] = bbox.as_slice() else { return None };
    let time = DateTime::parse_from_rfc3339(item["properties"]["datetime"].as_str()?).ok()?;
    let place =
        Place { lon: f64::midpoint(west, east), lat: f64::midpoint(south, north), time: time.to_utc() };
    (west < east).then_some(place)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same draws every time.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn fraction(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 31) as f64
    }
}
