//! Searches over HTTP, against a bare server that only copies Items: how near the answer's own bytes is a search?
//!
//! Three servers answer pages of the same number of Items, on the same threads and allocator: `cairn`, the release binary
//! (`CAIRN_BENCH_BINARY`, else the one beside this bench), over an ndjson file of made-up Sentinel-2 Items
//! (`CAIRN_BENCH_ITEMS`, 100,000 by default); `spliced`, the named baseline, which copies pseudo-random Items from memory
//! into a `FeatureCollection`; `serialised`, which writes them from `serde_json` values. `wrk` asks each in turn for
//! `CAIRN_BENCH_SECONDS` (8). It shares the machine's cores with them. One answer that is not 200 fails the bench.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a bench"
)]

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

mod baseline;
mod load;
mod questions;
#[expect(unused_imports, dead_code, reason = "the generator's tests run as those of the example")]
#[path = "../sentinel2/mod.rs"]
mod sentinel2;
mod server;

use load::{Figures, Wrk};
use questions::{Kind, Questions};
use sentinel2::{Generator, collection};
use server::Server;

// As `cairn` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 7;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(baseline::ARGUMENT) {
        let count = arguments.next().context("expected a number of Items")?.parse()?;
        return baseline::serve(&Generator::new(SEED)?, count);
    }
    let count: u64 = from_environment("CAIRN_BENCH_ITEMS", 100_000)?;
    let seconds: u64 = from_environment("CAIRN_BENCH_SECONDS", 8)?;
    let folder = tempfile::tempdir()?;
    let wrk = Wrk::new(folder.path(), seconds)?;
    let generator = Generator::new(SEED)?;
    let catalogs = write_catalogue(&generator, folder.path(), count)?;

    let start = std::time::Instant::now();
    let cairn = Server::cairn(&cairn_binary()?, &catalogs)?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    eprintln!("loaded {count} Items: {rate:.0} Items/s, {} MiB resident", cairn.resident_mib()?);
    let baseline = Server::baseline(count)?;

    println!("{count} Items, {seconds} s each; p50 and p99 in ms");
    println!("{:26}{:>6}{}{:>12}{:>15}", "", "Items", heads(), "of spliced", "of serialised");
    let questions = Questions::new(&generator, count)?;
    for kind in questions.kinds(&cairn)? {
        let row = measure(&wrk, &cairn, &baseline, &kind)?;
        println!("{row}");
    }
    println!("after all: {} MiB resident", cairn.resident_mib()?);
    Ok(())
}

fn heads() -> String {
    ["cairn", "spliced", "serialised"].iter().fold(String::new(), |line, name| {
        format!("{line}{:>14}{:>8}{:>8}", format!("{name}/s"), "p50", "p99")
    })
}

/// A row of the table: one kind of question, put to all three.
fn measure(wrk: &Wrk, cairn: &Server, baseline: &Server, kind: &Kind) -> anyhow::Result<String> {
    let page = cairn.items_on_pages(&kind.paths, kind.limit).context(kind.name)?;
    let same = (page.round() as usize).max(1);
    let mut row = format!("{:26}{page:>6.1}", kind.name);
    let mut rates = Vec::new();
    let spliced = vec![format!("/spliced/{same}")];
    let serialised = vec![format!("/serialised/{same}")];
    for (server, paths) in [(cairn, &kind.paths), (baseline, &spliced), (baseline, &serialised)] {
        if !std::ptr::eq(server, cairn) {
            let found = server.items_on_pages(paths, same)?;
            anyhow::ensure!(found == same as f64, "{}: {found} Items, expected {same}", paths[0]);
        }
        let Figures { rate, p50_ms, p99_ms } = wrk.run(&server.url, paths).context(kind.name)?;
        write!(row, "{rate:>14.0}{p50_ms:>8.2}{p99_ms:>8.2}")?;
        rates.push(rate);
    }
    write!(row, "{:>12.2}{:>15.2}", rates[0] / rates[1], rates[0] / rates[2])?;
    Ok(row)
}

fn write_catalogue(generator: &Generator, folder: &Path, count: u64) -> anyhow::Result<[PathBuf; 2]> {
    let catalogs = [folder.join("collection.json"), folder.join("items.ndjson")];
    std::fs::write(&catalogs[0], serde_json::to_vec(&collection())?)?;
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&catalogs[1])?);
    let mut line = Vec::new();
    for index in 0..count {
        line.clear();
        generator.write_item(index, &mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()?;
    Ok(catalogs)
}

/// `target/release/cairn`, seen from `target/release/deps/search_http-…`.
fn cairn_binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CAIRN_BENCH_BINARY") {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().nth(2).map(|folder| folder.join("cairn")).filter(|path| path.is_file());
    found.context("no release binary; run `cargo build --release`, or name one in CAIRN_BENCH_BINARY")
}

fn from_environment(name: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}: expected a whole number, not '{text}'")),
        Err(_absent) => Ok(default),
    }
}
