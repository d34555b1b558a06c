//! What requests and commands do, by what they touch.

pub(crate) mod change;
pub(crate) mod composites;
pub(crate) mod files;
pub(crate) mod inputs;
pub(crate) mod lineage;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod menu;
pub(crate) mod paths;
pub(crate) mod pictures;
pub(crate) mod values;
