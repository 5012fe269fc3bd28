//! `cairn demo`.

use std::path::PathBuf;

use clap::Args;

use super::config::ServeOptions;

/// Arguments of `cairn demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Folder for rasters and catalogue
    #[arg(default_value = "cairn-demo", value_name = "DIR")]
    dir: PathBuf,

    /// Make the catalogue and end, without serving it
    #[arg(long)]
    no_serve: bool,

    #[command(flatten)]
    options: ServeOptions,
}

/// Runs `cairn demo` in a version that cannot write rasters.
#[cfg(not(feature = "gdal"))]
pub(super) fn run(_args: DemoArgs) -> anyhow::Result<()> {
    anyhow::bail!("this build of cairn cannot write rasters: build it with the feature 'gdal' for the demo")
}

/// Runs `cairn demo`.
#[cfg(feature = "gdal")]
pub(super) fn run(args: DemoArgs) -> anyhow::Result<()> {
    use std::sync::Arc;

    use super::progress::{Progress, say};
    use super::{logs, serve};
    use crate::build::{Definition, Options, demo};
    use crate::storage::Location;

    let mut config = args.options.check()?;
    let progress = Arc::new(Progress::new("demo dates made", config.quiet));
    let runtime = super::runtime()?;
    let paths = runtime.block_on(async {
        let dir = args.dir.clone();
        let progress = Arc::clone(&progress);
        let making =
            tokio::task::spawn_blocking(move || demo::make(&dir, |done, total| progress.at(done, total)));
        tokio::select! {
            made = making => Ok(made??),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                Err(anyhow::anyhow!("interrupted; nothing was made"))
            }
        }
    });
    progress.finish();
    let paths = match paths {
        Ok(paths) => paths,
        Err(error) => {
            demo::clean_up(&args.dir);
            super::leave(&error);
        }
    };
    let options = Options {
        source: paths.cogs.clone(),
        dest: paths.tree.clone(),
        definition: Definition::parse(demo::DEFINITION)?,
        ..Options::default()
    };
    let report = runtime.block_on(super::build::build(&options, config.quiet))?;
    anyhow::ensure!(
        report.is_complete(),
        "some rasters of the demo could not be catalogued; they are named above"
    );
    let root = paths.tree.join("catalog.json");
    if args.no_serve {
        if !config.quiet {
            say(&format!("serve it with: cairn serve {} --allow {}", root.display(), paths.cogs.display()));
        }
        return Ok(());
    }
    config.allow.push(Location::from_path(&paths.cogs)?);
    logs::start(config.log_format, config.quiet);
    let quiet = config.quiet;
    let ended = runtime.block_on(serve::serve(&[root.display().to_string()], config, |address| {
        if !quiet {
            invite(address);
        }
    }));
    runtime.shutdown_background();
    ended
}

/// What to try next.
#[cfg(feature = "gdal")]
#[expect(clippy::print_stdout, reason = "the point of a demo")]
fn invite(address: &str) {
    println!(
        "
Try next:

  the API in a browser   {address}/api.html
  the newest clear Items curl '{address}/search?max_cloud_cover=20&limit=3'

  a search in Python     from pystac_client import Client
                         Client.open('{address}').search(max_items=5).item_collection()

  a patch in Python      import io, numpy, requests
                         body = {{'collections': ['{collection}'], 'bands': ['B04', 'B08'],
                                 'center': [{lon}, {lat}], 'size': 256, 'max_cloud_cover': 50}}
                         answer = requests.post('{address}/patch', json=body)
                         array = numpy.load(io.BytesIO(answer.content))   # time, band, row, column

Stop with Ctrl-C.",
        collection = crate::build::demo::COLLECTION,
        lon = crate::build::demo::CENTER.0,
        lat = crate::build::demo::CENTER.1,
    );
}
