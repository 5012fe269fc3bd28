//! Another STAC API → its Items that match a question, and the bytes of their assets.
//!
//! In: the URL of an API and a [`Query`]. Out: [`Client::window`], the Items of one stretch of time, all pages of it; and
//! [`download`], one asset as a file that is whole or not there. Every request has a timeout and is tried again a few times where
//! the server says that it may work later; answers are bounded; hrefs in errors are without their query, which may be a secret.

mod client;
mod download;
mod query;

pub use client::{ApiError, Client};
pub use download::{Checked, DownloadError, download};
pub use query::{Query, Window, days};
