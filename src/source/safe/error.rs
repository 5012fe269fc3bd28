//! Why a product cannot be read.

use std::path::PathBuf;

/// Why a product cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SafeError {
    /// A part is not there.
    #[error("{} is incomplete: it has no {part}; download the product again", product.display())]
    Missing {
        /// The product.
        product: PathBuf,
        /// Path of the part within the product.
        part: String,
    },
    /// A part cannot be read.
    #[error("{}: cannot read {part}", product.display())]
    Read {
        /// The product.
        product: PathBuf,
        /// Path of the part within the product.
        part: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The zip is damaged, or none.
    #[error("{} is no zip that can be read; download it again", product.display())]
    Zip {
        /// The file.
        product: PathBuf,
        /// What the reader says.
        source: zip::result::ZipError,
    },
    /// Metadata that are no XML.
    #[error("{}: {part} is no well-formed XML", product.display())]
    Xml {
        /// The product.
        product: PathBuf,
        /// Path of the part within the product.
        part: String,
        /// What the parser says.
        source: roxmltree::Error,
    },
    /// A field is missing, or is no value of its kind.
    #[error("{}: {part} has no {field} that is {expected}", product.display())]
    Field {
        /// The product.
        product: PathBuf,
        /// Path of the part within the product.
        part: String,
        /// The element.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Metadata of unlikely size.
    #[error("{}: {part} has more than {limit} bytes, which no metadata of Sentinel-2 have", product.display())]
    TooLarge {
        /// The product.
        product: PathBuf,
        /// Path of the part within the product.
        part: String,
        /// The bound.
        limit: u64,
    },
    /// Something else than a product.
    #[error(
        "{} is no Sentinel-2 product that can be read: it has neither MTD_MSIL1C.xml nor MTD_MSIL2A.xml (products older than December 2016 must be reprocessed)",
        product.display()
    )]
    NoProduct {
        /// As given.
        product: PathBuf,
    },
}
