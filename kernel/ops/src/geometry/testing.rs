//! What the tests of these operations share.

use std::sync::Arc;

use signal::{Bound, Frame, Operation, Registered, SignalMeta, serde_json::Value};

/// The result of an operation on one frame, which must be as the operation describes it.
pub(super) fn result_of<O: Operation<Prepared = ()>>(
    meta: &Arc<SignalMeta>,
    frame: Frame,
    params: &Value,
) -> Frame {
    let bound = Bound::<O>::entry().bind(params).unwrap();
    crate::testing::result_of(&*bound, meta, frame)
}
