//! Another STAC API → its Items that match a question, and the bytes of their assets.
//!
//! In: the URL of an API and a [`Query`]. Out: [`Client::window`], the Items of one stretch of time ([`Per`] cuts an interval),
//! all pages of it; and [`Download`], one asset as a file that is whole or not there, within the limit of a [`Disk`]. Every request
//! has a timeout and is tried again a few times where the server says that it may work later; answers are bounded; hrefs in errors
//! are without their query, which may be a secret.

mod client;
mod disk;
mod download;
mod multihash;
mod origin;
mod period;
mod query;
mod sign;

pub use client::{ApiError, Client};
pub use disk::{BLOCK_BYTES, Disk, Full, on_disk};
pub use download::{Checked, Download, DownloadError};
pub use origin::Origin;
pub use period::{Per, Period};
pub use query::{Query, Window};
pub use sign::Signer;
