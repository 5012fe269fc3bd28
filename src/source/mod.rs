//! Where data comes from besides folders: [`api`], other STAC APIs.
//!
//! In: what a user asks for. Out: Items and files on this disk.

pub mod api;
