//! HDF5: datasets, links, filters, virtual datasets.

pub mod absent;
pub mod array;
pub mod encode;
pub mod error;
pub mod filters;
pub mod frames;
pub mod links;
pub mod objects;
pub mod open;
pub mod selection;
pub mod virtual_dataset;
