//! What the tests of several kinds of operations share.

use std::sync::Arc;

use signal::{CancelToken, Computation, Frame, Inputs, NavigationIndex, Output, SignalMeta};

/// The result on one frame, which is as it is described.
pub(crate) fn result_of(
    computation: &dyn Computation,
    meta: &Arc<SignalMeta>,
    frame: Frame,
) -> Frame {
    let described = computation.describe(&[meta]).unwrap();
    let inputs = Inputs {
        metas: std::slice::from_ref(meta),
        outputs: &[Output::Frame(frame)],
    };
    let at = NavigationIndex::new(&[0]);
    match computation
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
