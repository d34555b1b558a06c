//! Lists of peaks as hyperspy stores ragged signals.

use std::sync::Arc;

use signal::Peaks;

/// Two chunks in numcodecs' `vlen-array` encoding: a count, then length in bytes and values of each.
pub fn ragged_chunks(peaks: &[Option<Arc<Peaks>>]) -> (Vec<u8>, Vec<u8>) {
    let count = (peaks.len() as u32).to_le_bytes();
    let (mut lists, mut shapes) = (count.to_vec(), count.to_vec());
    let none = Peaks::default();
    for entry in peaks {
        let entry = entry.as_deref().unwrap_or(&none);
        let width = Peaks::COLUMNS.len();
        lists.extend(((entry.len() * width * size_of::<f32>()) as u32).to_le_bytes());
        for row in 0..entry.len() {
            for column in entry.columns() {
                lists.extend(column.get(row).copied().unwrap_or(f32::NAN).to_le_bytes());
            }
        }
        shapes.extend(((2 * size_of::<i64>()) as u32).to_le_bytes());
        for size in [entry.len(), width] {
            shapes.extend((size as i64).to_le_bytes());
        }
    }
    (lists, shapes)
}
