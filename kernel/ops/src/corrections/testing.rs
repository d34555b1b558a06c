//! Files and frames of the tests of these operations.

use std::sync::Arc;

use signal::{
    Axes, Axis, Block, Bound, Computation, ElementType, File, Operation, Registered, SignalMeta,
    serde_json::Value,
};

/// A file as `np.save` writes it.
pub(super) fn npy(dtype: &str, fortran: bool, shape: &str, pixels: &[u8]) -> File {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(pixels);
    File::unread("masks/camera.npy").with_bytes(Block::new(bytes))
}

/// Frames of 2 rows and 3 columns, or a spectrum of so many channels.
pub(super) fn meta(element: ElementType, sizes: &[usize]) -> Arc<SignalMeta> {
    let axes = (sizes.iter().zip(["ky", "kx"]))
        .map(|(size, name)| Axis::new(name, *size, 0.5, 3.0, "mrad"))
        .collect();
    let axes = Axes::new(vec![Axis::pixels("x", 2)], axes);
    Arc::new(SignalMeta::frames("scan", axes, element))
}

pub(super) fn bound<O: Operation>(params: &Value, file: &File) -> Arc<dyn Computation> {
    let files = [("file".to_owned(), file.clone())];
    Bound::<O>::entry().bind_with(params, &files).unwrap()
}
