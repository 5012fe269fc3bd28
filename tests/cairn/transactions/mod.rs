//! Writes over HTTP: what a client is told, what GET and pystac find afterwards, and what several clients do to each other.

mod bulk;
mod collections;
mod items;
mod model;
mod replicas;
mod tokens;
mod tree;
mod validator;
