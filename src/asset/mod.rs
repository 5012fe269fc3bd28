//! One asset's bytes for clients that cannot reach its place, and signatures for those who can but hold no credentials.
//!
//! In: the ids of a Collection and an Item, an asset's key, and what a request says of ranges and of what the client has.
//! Out: what to answer ([`Opened`]), with a stream of the bytes that is read as the client takes it ([`Proxy`]).
//!
//! In: an href, a container, or the Items of an answer. Out: hrefs with signatures, or the token of the container
//! ([`Signer`]), at the pace that [`Rate`] allows.
//!
//! Only what lies under the allowed places is read or signed.

mod disposition;
mod error;
mod multipart;
mod precondition;
mod proxy;
mod range;
mod rate;
mod reading;
mod signatures;
mod signer;

pub use disposition::inline;
pub use error::{AssetError, SignError};
pub use precondition::Conditions;
pub use proxy::{Answer, Asked, Found, Opened, Proxy};
pub use range::{ByteRange, RangeError};
pub use rate::{Rate, TooFast};
pub use reading::{Body, HELD_BYTES, http_date};
pub use signatures::{Shown, Signatures};
pub use signer::{Signed, Signer, Token};
