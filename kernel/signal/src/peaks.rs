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
    /// Standard error of `ky` in detector pixels; NaN where the finder knows none.
    pub ky_error: Vec<f32>,
    /// Standard error of `kx` in detector pixels; NaN where the finder knows none.
    pub kx_error: Vec<f32>,
    /// How badly the finder's model fits: about 1 where it holds, larger where this is no such spot; NaN where the
    /// finder has no model.
    pub misfit: Vec<f32>,
    /// Variance in px² that the spot is spread by more than those of its scan, as two that nearly coincide are; NaN where the
    /// finder has no model.
    pub spread: Vec<f32>,
    /// Standard error of `spread`.
    pub spread_error: Vec<f32>,
    /// Half of what that variance is more along rows of pixels than along columns, in px²: spots that lie beside each other are
    /// spread along one line. NaN where the finder has no model.
    pub stretch: Vec<f32>,
    /// The same of the diagonals: more along +kx+ky than along +kx-ky.
    pub stretch_diagonal: Vec<f32>,
    /// Standard error of `stretch` and of `stretch_diagonal`.
    pub stretch_error: Vec<f32>,
}

/// One peak: a row of [`Peaks`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    pub ky: f32,
    pub kx: f32,
    pub intensity: f32,
    pub score: f32,
    pub ky_error: f32,
    pub kx_error: f32,
    pub misfit: f32,
    pub spread: f32,
    pub spread_error: f32,
    pub stretch: f32,
    pub stretch_diagonal: f32,
    pub stretch_error: f32,
}

impl Peak {
    /// One whose finder knows neither errors nor how its model fits.
    pub fn new(ky: f32, kx: f32, intensity: f32, score: f32) -> Self {
        Peak {
            ky,
            kx,
            intensity,
            score,
            ky_error: f32::NAN,
            kx_error: f32::NAN,
            misfit: f32::NAN,
            spread: f32::NAN,
            spread_error: f32::NAN,
            stretch: f32::NAN,
            stretch_diagonal: f32::NAN,
            stretch_error: f32::NAN,
        }
    }
}

impl Peaks {
    /// None yet, with room for so many.
    pub fn with_capacity(peaks: usize) -> Self {
        let column = || Vec::with_capacity(peaks);
        Peaks {
            ky: column(),
            kx: column(),
            intensity: column(),
            score: column(),
            ky_error: column(),
            kx_error: column(),
            misfit: column(),
            spread: column(),
            spread_error: column(),
            stretch: column(),
            stretch_diagonal: column(),
            stretch_error: column(),
        }
    }

    /// Of a finder that knows neither errors nor how its model fits; columns as long as each other.
    pub fn of(ky: Vec<f32>, kx: Vec<f32>, intensity: Vec<f32>, score: Vec<f32>) -> Self {
        let unknown = || vec![f32::NAN; ky.len()];
        Peaks {
            ky_error: unknown(),
            kx_error: unknown(),
            misfit: unknown(),
            spread: unknown(),
            spread_error: unknown(),
            stretch: unknown(),
            stretch_diagonal: unknown(),
            stretch_error: unknown(),
            ky,
            kx,
            intensity,
            score,
        }
    }

    pub fn len(&self) -> usize {
        self.ky.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ky.is_empty()
    }

    /// Names of the columns, in their order in files and messages.
    pub const COLUMNS: [&str; 12] = [
        "ky",
        "kx",
        "intensity",
        "score",
        "ky_error",
        "kx_error",
        "misfit",
        "spread",
        "spread_error",
        "stretch",
        "stretch_diagonal",
        "stretch_error",
    ];

    /// Unit of a column, where intensities are in `value_units`.
    pub fn unit<'a>(column: &str, value_units: &'a str) -> &'a str {
        match column {
            "ky" | "kx" | "ky_error" | "kx_error" => "px",
            "intensity" => value_units,
            "score" | "misfit" => "",
            // Variances.
            _ => "px²",
        }
    }

    /// In the order of [`Peaks::COLUMNS`].
    pub fn columns(&self) -> [&[f32]; 12] {
        [
            &self.ky,
            &self.kx,
            &self.intensity,
            &self.score,
            &self.ky_error,
            &self.kx_error,
            &self.misfit,
            &self.spread,
            &self.spread_error,
            &self.stretch,
            &self.stretch_diagonal,
            &self.stretch_error,
        ]
    }

    pub fn push(&mut self, peak: Peak) {
        self.ky.push(peak.ky);
        self.kx.push(peak.kx);
        self.intensity.push(peak.intensity);
        self.score.push(peak.score);
        self.ky_error.push(peak.ky_error);
        self.kx_error.push(peak.kx_error);
        self.misfit.push(peak.misfit);
        self.spread.push(peak.spread);
        self.spread_error.push(peak.spread_error);
        self.stretch.push(peak.stretch);
        self.stretch_diagonal.push(peak.stretch_diagonal);
        self.stretch_error.push(peak.stretch_error);
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        self.ky.capacity() * Self::COLUMNS.len() * size_of::<f32>()
    }
}
