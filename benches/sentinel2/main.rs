//! Writes made-up Sentinel-2 Items as ndjson to standard output: `sentinel2-items COUNT [--seed N] [--first N]`,
//! or their Collection: `sentinel2-items --collection-json`.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use clap::Parser;

#[path = "mod.rs"]
mod sentinel2;

use sentinel2::{Generator, collection};

/// Where a thread's blocks come from, and where their buffers go back to.
type Maker = (Receiver<Vec<u8>>, SyncSender<Vec<u8>>);

/// Items in a block: 4 MB.
const BLOCK: u64 = 256;

/// Made-up Sentinel-2 Items as ndjson.
#[derive(Debug, Parser)]
struct Arguments {
    /// Items to write.
    #[arg(required_unless_present = "collection_json", default_value_t = 0, hide_default_value = true)]
    count: u64,
    /// Another seed, another catalogue.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Index of the first Item.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Write the Collection's document instead.
    #[arg(long)]
    collection_json: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.collection_json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &collection())?;
        return Ok(writeln!(out)?);
    }
    let generator = Generator::new(arguments.seed)?;
    match write_items(&generator, arguments.first, arguments.count) {
        // Whoever reads has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => Ok(ended?),
    }
}

/// One thread a core makes blocks, this one writes them in order and hands the buffers back.
fn write_items(generator: &Generator, first: u64, count: u64) -> io::Result<()> {
    let threads = std::thread::available_parallelism()?.get();
    let blocks = count.div_ceil(BLOCK);
    std::thread::scope(|scope| {
        let makers: Vec<Maker> = (0..blocks.min(threads as u64))
            .map(|nth| {
                let (full, filled) = sync_channel(2);
                let (empty, emptied) = sync_channel::<Vec<u8>>(4);
                scope.spawn(move || {
                    for block in (nth..blocks).step_by(threads) {
                        let mut buffer = emptied.try_recv().unwrap_or_default();
                        buffer.clear();
                        for index in block * BLOCK..count.min((block + 1) * BLOCK) {
                            generator.write_item(first + index, &mut buffer);
                            buffer.push(b'\n');
                        }
                        if full.send(buffer).is_err() {
                            return;
                        }
                    }
                });
                (filled, empty)
            })
            .collect();
        let mut out = io::stdout().lock();
        for (_, (filled, empty)) in (0..blocks).zip(makers.iter().cycle()) {
            let buffer = filled.recv().map_err(io::Error::other)?;
            out.write_all(&buffer)?;
            // A maker that has ended needs no more buffers.
            let _ = empty.try_send(buffer);
        }
        out.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_the_one_that_items_name() {
        let mut out = Vec::new();
        Generator::new(7).expect("a generator").write_item(0, &mut out);
        let item: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(item["collection"], collection()["id"]);
    }
}
