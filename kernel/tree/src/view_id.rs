//! Which view of which page: the one name that a view has in the kernel.

use std::sync::Arc;

/// One view of a page. Its region is followed while it moves, what it will show is read ahead, and the parameters that it
/// tries are its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewId {
    /// The model whose views these are: pages that show the same model are one.
    pub page: Arc<str>,
    pub view: u32,
}

impl ViewId {
    pub fn new(page: &str, view: u32) -> Self {
        ViewId {
            page: page.into(),
            view,
        }
    }
}
