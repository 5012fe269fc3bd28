//! The engine against the plain scan, over catalogues and questions made from seeds.

mod agreement;
mod items;
mod large;
mod parsers;
mod questions;
mod random;
mod reloads;
mod stored;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::aggregation::{Aggregation, Aggregations, Every};
use super::backend::Backend;
use super::memory::Memory;
use super::naive::{self, Naive};
use super::params::Params;
use super::query::Search;
use super::tallied;
use crate::catalog::{Catalog, LoadError, LoadReport, Snapshot, Source};
use crate::pool::Pool;
use crate::storage::Storage;
use random::Random;

/// Pages that are followed of one question.
const MOST_PAGES: usize = 40;

/// Matches up to which all are read, one document after the other.
const MOST_EXPORTED: usize = 3_000;

/// How often a random test runs: as given, or a hundred times as often in `make soak`.
fn times(usual: u32) -> u32 {
    if std::env::var_os("CAIRN_SOAK").is_some() { usual * 100 } else { usual }
}

/// Figures for the log of a soak.
fn figure(what: &str, figure: &str) {
    println!("soak: {what} | {figure}");
}

/// A catalogue in a folder of its own.
struct World {
    folder: tempfile::TempDir,
    runtime: Runtime,
    pool: Pool,
    catalog: Arc<Catalog>,
    memory: Memory,
}

impl World {
    /// Loads what `write` puts into a folder; it gives the name of the source.
    fn new(write: impl FnOnce(&Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = write(folder.path());
        let runtime = Runtime::new().expect("a runtime");
        let pool = Pool::new().expect("threads");
        let (catalog, _) = load(&runtime, &pool, &source).expect("a catalogue");
        let catalog = Arc::new(catalog);
        let memory = Memory::new(Arc::clone(&catalog), pool.clone());
        Self { folder, runtime, pool, catalog, memory }
    }

    /// A catalogue of these Items, one a line.
    fn of_items(items: &[Value]) -> Self {
        Self::new(|folder| {
            let path = folder.join("items.ndjson");
            write_lines(&path, items);
            path
        })
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.catalog.snapshot()
    }

    fn reload(&self) -> Result<LoadReport, LoadError> {
        self.runtime.block_on(self.catalog.reload())
    }
}

fn load(runtime: &Runtime, pool: &Pool, source: &Path) -> Result<(Catalog, LoadReport), LoadError> {
    runtime.block_on(Catalog::load(vec![parsed(source)], Storage::default(), pool.clone()))
}

fn parsed(source: &Path) -> Source {
    Source::parse(&source.display().to_string()).expect("a source")
}

fn write_lines(path: &Path, items: &[Value]) {
    let lines: String = items.iter().flat_map(|item| [item.to_string(), "\n".to_owned()]).collect();
    std::fs::write(path, lines).expect("a file");
}

/// The checked form of a body.
fn asked(body: &Value) -> Search {
    Search::read(Params::from_body(body.to_string().as_bytes()).expect("a body"))
        .unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn everything(random: &mut Random) -> Aggregations {
    let every = random.pick(&[Every::Day, Every::Week, Every::Month, Every::Quarter, Every::Year]);
    Aggregations { wanted: Aggregation::ALL.to_vec(), every, precision: 1 + random.below(6) }
}

/// A page as tests compare it.
fn page(
    memory: &Memory,
    snapshot: &Snapshot,
    search: &Search,
) -> (Vec<(String, String)>, u64, Option<super::Token>) {
    let page = memory.page_of(snapshot, search).expect("a page");
    let ids = page.items.into_iter().map(|item| (item.collection, item.id)).collect();
    (ids, page.matched, page.next)
}

/// What the engine says otherwise than the plain scan, if anything: of this page, of the pages that follow, and of counts.
fn difference(world: &World, naive: &Naive, body: &Value, random: &mut Random) -> Option<String> {
    let snapshot = world.snapshot();
    let mut search = asked(body);
    let ranked = naive.ranked(&search);
    let expected: Vec<_> = ranked.iter().map(|rank| (rank.collection.clone(), rank.id.clone())).collect();
    let mut walked = Vec::new();
    for number in 0..MOST_PAGES {
        let own = page(&world.memory, &snapshot, &search);
        let plain = naive::page(&ranked, &search);
        if own != plain {
            return Some(format!("page {number} is {own:?}, not {plain:?}"));
        }
        let through_backend = world.runtime.block_on(world.memory.page(&search)).expect("a page");
        if (through_backend.matched, through_backend.items.len()) != (own.1, own.0.len()) {
            return Some(format!("page {number} is another through the backend"));
        }
        walked.extend(own.0);
        let Some(next) = own.2 else { break };
        search.token = Some(next);
    }
    let is_whole = search.token.is_none() || walked.len() < MOST_PAGES * search.limit;
    if is_whole && walked != expected {
        return Some(format!("pages give {walked:?}, not {expected:?}"));
    }
    if let Some(mut token) = search.token.take() {
        // Of an Item that is gone: before, after or beside one that is there.
        match random.below(3) {
            0 => token.id.push('!'),
            1 => drop(token.id.pop()),
            _ => token.start += chrono::Duration::nanoseconds(1),
        }
        search.token = Some(token);
        let (own, plain) = (page(&world.memory, &snapshot, &search), naive::page(&ranked, &search));
        if own != plain {
            return Some(format!("after an Item that is gone: {own:?}, not {plain:?}"));
        }
        search.token = None;
    }
    if expected.len() <= MOST_EXPORTED {
        let streamed = world.memory.export(search.clone()).items();
        let streamed = streamed.map(|item| item.map(|i| (i.collection, i.id)).expect("an Item"));
        let streamed: Vec<_> = world.runtime.block_on(streamed.collect());
        let selected = world.memory.select(search.clone());
        let selected =
            selected.map(|item| item.map(|i| (i.collection.clone(), i.id.clone())).expect("an Item"));
        let selected: Vec<_> = world.runtime.block_on(selected.collect());
        if streamed != expected || selected != expected {
            return Some(format!("all are {streamed:?} and {selected:?}, not {expected:?}"));
        }
    }
    let wanted = everything(random);
    let counted = tallied::aggregate(&snapshot, &search, &wanted).expect("counts");
    let plain = naive.aggregate(&search, &wanted);
    (counted != plain).then(|| {
        let differing: Vec<_> = counted.iter().zip(&plain).filter(|(a, b)| a != b).collect();
        format!("counts differ: {differing:?}")
    })
}

/// Panics with the smallest part of a question that is answered otherwise than by the plain scan.
fn agree(world: &World, naive: &Naive, body: &Value, random: &mut Random) {
    if difference(world, naive, body, random).is_none() {
        return;
    }
    let mut least = body.clone();
    loop {
        let names: Vec<String> =
            least.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let smaller = names.iter().find_map(|name| {
            let mut without = least.clone();
            without.as_object_mut()?.remove(name);
            difference(world, naive, &without, random).map(|_| without)
        });
        match smaller {
            Some(smaller) => least = smaller,
            None => break,
        }
    }
    let said = difference(world, naive, &least, random).unwrap_or_default();
    panic!("{least}: {}", said.chars().take(4_000).collect::<String>());
}
