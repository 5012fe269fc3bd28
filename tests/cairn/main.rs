//! The built binary as its users meet it: a process, a port, clients of other makers, trees of other makers.
//!
//! `server`, `demo`, `http`, `python`, `scenes`, `shelf`, `cogs`, `damage`, `allocations`, `soak` and `stores` are what the tests
//! stand on; every other module is tests of one promise.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, its support code too")]

mod allocations;
mod cogs;
mod damage;
mod demo;
mod http;
mod python;
mod scenes;
mod server;
mod shelf;
mod soak;
mod stores;

mod answers;
mod asset_faults;
mod assets_proxied;
mod attacks;
mod broken_trees;
mod builds;
mod changed_files;
mod clients;
mod cog_pixels;
mod cogs_served;
mod compose;
mod converted;
mod counts;
mod fetches;
mod first_time_user;
mod fuzzed;
mod headers_fetched;
mod hostile_cogs;
mod killed_writes;
mod mixed_load;
mod moved_trees;
mod mutated_cogs;
mod openapi;
mod operations;
mod patch_failures;
mod patch_load;
mod patch_memory;
mod products;
mod ranges_on_disk;
mod refusals;
mod rooms;
mod schemas;
mod schemas_hold;
mod searches;
mod served_from_stores;
mod signed;
mod static_trees;
mod store_access;
mod store_conformance;
mod store_faults;
mod stores_stand;
mod tables;
mod transactions;
mod transport;
mod uploads;
mod validates;
mod warps;
mod zarr_stores;
