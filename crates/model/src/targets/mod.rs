//! What the fuzz targets run on any bytes: here, so that tests run it on the committed corpora too.

pub mod events;
pub mod operations;
pub mod replica;
