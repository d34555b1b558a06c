//! What sums a part of each frame, to be seen as an image of the scan.

operations! {
    pub mod virtual_image: MeasureDisk, MeasureAnnulus, MeasureRectangle;
    pub mod polygon: MeasurePolygon;
    pub mod energy_window: MeasureWindow;
    pub mod center_of_mass: MeasureCenterOfMass;
}
