//! A folder tree → a store, so that it can be trusted.
//!
//! In: a source and a destination ([`Options`]), each a folder of the disk or of a store. Out: the same relative paths at the
//! destination, with media types and checksums, and a [`Report`] of what could not be sent.
//!
//! The way ([`run`]): [`sides`] lists both; [`stage`] orders the files, so that what a document names is there before it and
//! the root comes last; [`file`] compares one file by its [`checksum`] with what is there and sends it at once or in parts.
//! What is there is all the state there is: an upload that was killed is resumed by running it again. [`retry`] remembers the
//! paths that failed.
//!
//! [`set`] publishes sets of images, with their STAC documents.
//!
//! Memory: 96 MiB of files under way, and some 500 bytes for each file of both sides.

mod bandwidth;
mod checksum;
mod file;
mod filter;
mod options;
mod report;
mod retry;
mod run;
pub mod set;
mod sides;
mod stage;

pub use filter::{Filter, FilterError};
pub use options::{CONCURRENCY, Options, Overwrite};
pub use report::{Failure, Report};
pub use retry::{Retry, RetryError};
pub use run::{Progress, UploadError, run};
