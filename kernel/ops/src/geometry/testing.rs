//! What the tests of these operations share.

use std::sync::Arc;

use signal::{
    Bound, CancelToken, Frame, Inputs, NavigationIndex, Operation, Output, Registered, SignalMeta,
    serde_json::Value,
};

/// The result of an operation on one frame, which must be as the operation describes it.
pub(super) fn result_of<O: Operation<Prepared = ()>>(
    meta: &Arc<SignalMeta>,
    frame: Frame,
    params: &Value,
) -> Frame {
    let bound = Bound::<O>::entry().bind(params).unwrap();
    let described = bound.describe(&[meta]).unwrap();
    let inputs = Inputs {
        metas: std::slice::from_ref(meta),
        outputs: &[Output::Frame(frame)],
    };
    let at = NavigationIndex::new(&[0]);
    match bound
        .compute(&inputs, at, None, &CancelToken::new())
        .unwrap()
    {
        Output::Frame(frame) => {
            assert_eq!(frame.shape(), described.axes.signal_shape());
            assert_eq!(frame.element(), described.element);
            frame
        }
        other => panic!("{other:?}"),
    }
}
