//! What corrects the camera, with a picture that somebody measured or drew: one number for each of its pixels.

mod picture;
#[cfg(test)]
mod testing;

operations! {
    pub mod mask_pixels: LeaveOutPixels;
    pub mod flat_field: DivideByField;
}
