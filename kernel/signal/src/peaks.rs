/// Diffraction peaks found in one pattern, one column per quantity, sorted by descending score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peaks {
    /// Sub-pixel row in detector pixels.
    pub ky: Vec<f32>,
    /// Sub-pixel column in detector pixels.
    pub kx: Vec<f32>,
    /// Mean counts over the disk of the detection radius.
    pub intensity: Vec<f32>,
    /// The detector's own score (correlation, signal to noise); never used as intensity.
    pub score: Vec<f32>,
}

impl Peaks {
    pub fn len(&self) -> usize {
        self.ky.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ky.is_empty()
    }

    pub fn push(&mut self, ky: f32, kx: f32, intensity: f32, score: f32) {
        self.ky.push(ky);
        self.kx.push(kx);
        self.intensity.push(intensity);
        self.score.push(score);
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        self.ky.capacity() * 4 * size_of::<f32>()
    }
}
