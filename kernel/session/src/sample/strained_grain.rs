//! A seeded 4D-STEM scan with known truth: a strained, rotated grain inside an unstrained rim.
//!
//! Shape `(ny, nx | ky, kx)`, counts in `u16`. Every pattern is the Poisson noise of a smooth
//! diffuse background, a bright direct-beam disk with a small descan shift, and a lattice of Bragg
//! disks with `g = F⁻ᵀ g_ref`, `F = R(θ) U`, `U = 1 + ε` (the convention of the strain map).

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Poisson};
use signal::{Axes, Axis, Component, Display, ElementType, Frame, NavigationIndex, SignalMeta};

/// Radius of every disk in pixels.
pub const DISK_RADIUS_PX: f64 = 4.0;
/// A disk counts as visible from this ratio of its counts to the noise of its pixels.
pub const VISIBLE_SNR: f64 = 10.0;

const STEP_NM: f64 = 2.5;
const RECIPROCAL_PER_PX: f64 = 0.29;
/// Reference lattice vectors, `(row, column)` in pixels.
const G1: [f64; 2] = [2.6, 17.3];
const G2: [f64; 2] = [15.1, -3.4];
const ORDERS: i32 = 4;

/// What a perfect analysis of one pattern would find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    pub e_xx: f64,
    pub e_yy: f64,
    pub e_xy: f64,
    /// Radians, positive from +x to +y.
    pub rotation: f64,
    /// Direct beam, `(row, column)` in pixels.
    pub beam: [f64; 2],
    /// 1 in the middle of the grain, 0 on the rim.
    pub grain: f64,
    /// Diffuse scattering relative to the mean: a wedge, and more of it in the grain.
    pub diffuse: f64,
}

impl Truth {
    /// The components of [`StrainedGrain::truth_meta`], in order.
    pub fn values(&self) -> [f32; 7] {
        [
            self.e_xx,
            self.e_yy,
            self.e_xy,
            self.rotation,
            self.beam[0],
            self.beam[1],
            self.grain,
        ]
        .map(|value| value as f32)
    }
}

/// A disk of one pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    pub ky: f64,
    pub kx: f64,
    /// Counts per pixel above the background.
    pub counts: f64,
    /// Whether it lies inside the frame and stands out of the noise.
    pub visible: bool,
}

/// The generator: pure, so that any frame can be made alone.
#[derive(Clone, Debug)]
pub struct StrainedGrain {
    pub scan: (usize, usize),
    pub detector: (usize, usize),
    pub seed: u64,
}

impl Default for StrainedGrain {
    fn default() -> Self {
        StrainedGrain {
            scan: (40, 56),
            detector: (128, 112),
            seed: 20_261,
        }
    }
}

impl StrainedGrain {
    /// Axes in nm and 1/nm; calibrated zero is the middle pixel of the detector.
    pub fn meta(&self) -> SignalMeta {
        let scan = |name: &str, size| Axis::new(name, size, STEP_NM, 0.0, "nm");
        let detector = |name: &str, size: usize| {
            let offset = -RECIPROCAL_PER_PX * (size / 2) as f64;
            Axis::new(name, size, RECIPROCAL_PER_PX, offset, "1/nm")
        };
        let axes = Axes::new(
            vec![scan("y", self.scan.0), scan("x", self.scan.1)],
            vec![
                detector("ky", self.detector.0),
                detector("kx", self.detector.1),
            ],
        );
        let mut meta = SignalMeta::frames("strained grain (synthetic)", axes, ElementType::U16);
        meta.signal_type = "electron_diffraction".into();
        meta.beam_energy_kev = Some(200.0);
        meta
    }

    /// The truth as a map over the scan: ε_xx, ε_yy, ε_xy, θ, beam row and column, grain. Numbers and the units they
    /// are written in are those of the strain map: fractions shown in %, radians shown in degrees.
    pub fn truth_meta(&self) -> SignalMeta {
        let mut meta = self.meta().to_map(vec![
            Component::new("e_xx", "ε_xx", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("e_yy", "ε_yy", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("e_xy", "ε_xy", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("rotation", "θ", "rad", Display::Diverging)
                .shown_in(1f64.to_degrees(), "°"),
            Component::new("beam_ky", "beam ky", "px", Display::Sequential),
            Component::new("beam_kx", "beam kx", "px", Display::Sequential),
            Component::new("grain", "grain", "", Display::Sequential),
        ]);
        meta.title = "strained grain, truth".into();
        meta
    }

    /// Truth at a scan position (row, column).
    pub fn truth(&self, y: usize, x: usize) -> Truth {
        let (ny, nx) = (self.scan.0 as f64, self.scan.1 as f64);
        let (v, u) = (y as f64 / ny, x as f64 / nx);
        let distance = ((v - 0.62) / 0.33).hypot((u - 0.65) / 0.31);
        let grain = smooth_step((1.0 - distance) / 0.3);
        let wave = (std::f64::consts::TAU * (0.6 * u + 0.4 * v)).sin();
        Truth {
            e_xx: grain * (0.020 + 0.008 * wave),
            e_yy: -grain * (0.014 + 0.004 * (7.0 * v).cos()),
            e_xy: grain * (0.011 - 0.004 * (5.0 * u).sin()),
            rotation: grain * (1.5 + 0.4 * wave).to_radians(),
            beam: [
                (self.detector.0 / 2) as f64 + 0.35 + 1.4 * (v - 0.5) - 0.3 * (u - 0.5),
                (self.detector.1 / 2) as f64 - 0.27 - 0.5 * (v - 0.5) + 1.1 * (u - 0.5),
            ],
            grain,
            diffuse: 0.85 + 0.2 * u + 0.1 * v + 0.3 * grain,
        }
    }

    /// Every disk of a pattern that touches the frame, the direct beam first.
    pub fn disks(&self, y: usize, x: usize) -> Vec<Disk> {
        let truth = self.truth(y, x);
        let vectors = [G1, G2].map(|reference| deformed(reference, &truth));
        let mut disks = vec![self.disk(&truth, [0.0, 0.0], 420.0)];
        for h in -ORDERS..=ORDERS {
            for k in -ORDERS..=ORDERS {
                if (h, k) == (0, 0) {
                    continue;
                }
                let along =
                    |axis: usize| f64::from(h) * vectors[0][axis] + f64::from(k) * vectors[1][axis];
                let g = [along(0), along(1)];
                // Unequal reflections, as a structure factor and a slight tilt would make them.
                let structure = 1.0 + 0.45 * (f64::from(3 * h - 2 * k)).sin();
                let tilt = 1.0 + 0.004 * g[0] - 0.003 * g[1];
                let counts = 95.0 * structure * tilt * (-(g[0].hypot(g[1]) / 42.0).powi(2)).exp();
                let disk = self.disk(&truth, g, counts.max(0.0));
                if self.touches_frame(&disk) {
                    disks.push(disk);
                }
            }
        }
        disks
    }

    fn disk(&self, truth: &Truth, g: [f64; 2], counts: f64) -> Disk {
        let (ky, kx) = (truth.beam[0] + g[0], truth.beam[1] + g[1]);
        let pixels = std::f64::consts::PI * DISK_RADIUS_PX * DISK_RADIUS_PX;
        let diffuse = truth.diffuse * background(g[0].hypot(g[1]));
        let noise = (pixels * (counts + diffuse)).sqrt();
        let inside = |place: f64, size: usize| {
            place >= DISK_RADIUS_PX && place <= size as f64 - 1.0 - DISK_RADIUS_PX
        };
        Disk {
            ky,
            kx,
            counts,
            visible: inside(ky, self.detector.0)
                && inside(kx, self.detector.1)
                && counts * pixels >= VISIBLE_SNR * noise,
        }
    }

    fn touches_frame(&self, disk: &Disk) -> bool {
        let margin = DISK_RADIUS_PX + 1.0;
        (-margin..self.detector.0 as f64 + margin).contains(&disk.ky)
            && (-margin..self.detector.1 as f64 + margin).contains(&disk.kx)
    }

    /// Expected counts of a pattern, C order.
    pub fn expected(&self, y: usize, x: usize) -> Vec<f64> {
        let (rows, columns) = self.detector;
        let Truth { beam, diffuse, .. } = self.truth(y, x);
        let mut expected: Vec<f64> = (0..rows * columns)
            .map(|flat| {
                let (ky, kx) = ((flat / columns) as f64, (flat % columns) as f64);
                diffuse * background((ky - beam[0]).hypot(kx - beam[1]))
            })
            .collect();
        for disk in self.disks(y, x) {
            add_disk(&mut expected, rows, columns, &disk);
        }
        expected
    }

    /// The pattern at a scan position: Poisson counts of [`StrainedGrain::expected`].
    pub fn frame(&self, at: NavigationIndex) -> Frame {
        let (y, x) = match at.as_slice() {
            [y, x] => (*y, *x),
            _ => (0, 0),
        };
        let position = (y * self.scan.1 + x) as u64;
        let mut random =
            StdRng::seed_from_u64(self.seed ^ position.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let counts: Vec<u16> = self
            .expected(y, x)
            .into_iter()
            .map(|mean| match Poisson::new(mean) {
                Ok(poisson) => {
                    let count: f64 = poisson.sample(&mut random);
                    count.min(f64::from(u16::MAX)) as u16
                }
                Err(_) => 0,
            })
            .collect();
        Frame::from_vec(&[self.detector.0, self.detector.1], counts)
            .unwrap_or_else(|_| Frame::empty())
    }
}

/// Diffuse counts per pixel at a distance from the direct beam.
fn background(distance_px: f64) -> f64 {
    2.2 + 55.0 * (-distance_px / 20.0).exp()
}

/// 0 below 0, 1 above 1, smooth between.
fn smooth_step(share: f64) -> f64 {
    let t = share.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `F⁻ᵀ g` for a vector given as (row, column); component 1 of the tensors is x, the column.
fn deformed(reference: [f64; 2], truth: &Truth) -> [f64; 2] {
    let (u11, u12, u22) = (1.0 + truth.e_xx, truth.e_xy, 1.0 + truth.e_yy);
    let (sin, cos) = truth.rotation.sin_cos();
    let f = [
        [cos * u11 - sin * u12, cos * u12 - sin * u22],
        [sin * u11 + cos * u12, sin * u12 + cos * u22],
    ];
    let determinant = f[0][0] * f[1][1] - f[0][1] * f[1][0];
    let [row, column] = reference;
    let x = (f[1][1] * column - f[1][0] * row) / determinant;
    let y = (-f[0][1] * column + f[0][0] * row) / determinant;
    [y, x]
}

/// Adds a flat disk whose edge pixels are covered in part.
fn add_disk(expected: &mut [f64], rows: usize, columns: usize, disk: &Disk) {
    let reach = DISK_RADIUS_PX + 1.0;
    let range = |place: f64, size: usize| {
        let low = (place - reach).floor().max(0.0) as usize;
        let high = (place + reach).ceil().clamp(-1.0, size as f64 - 1.0);
        low..(high + 1.0) as usize
    };
    for row in range(disk.ky, rows) {
        for column in range(disk.kx, columns) {
            let distance = (row as f64 - disk.ky).hypot(column as f64 - disk.kx);
            let cover = (DISK_RADIUS_PX + 0.5 - distance).clamp(0.0, 1.0);
            expected[row * columns + column] += disk.counts * cover;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_corner_is_unstrained_and_the_grain_is_not() {
        let grain = StrainedGrain::default();
        for y in 0..16 {
            for x in 0..16 {
                let truth = grain.truth(y, x);
                assert_eq!(
                    (truth.e_xx, truth.e_yy, truth.e_xy, truth.rotation),
                    (0.0, -0.0, 0.0, 0.0)
                );
            }
        }
        let middle = grain.truth(25, 36);
        assert_eq!(middle.grain, 1.0);
        assert!((0.01..0.03).contains(&middle.e_xx));
        assert!((1.0..2.0).contains(&middle.rotation.to_degrees()));
    }

    #[test]
    fn the_truth_is_written_in_the_units_of_the_strain_map() {
        let meta = StrainedGrain::default().truth_meta();
        let units: Vec<String> = (0..7).map(|number| meta.writing(number).units).collect();
        assert_eq!(units, ["%", "%", "%", "°", "px", "px", ""]);
        assert_eq!(meta.components[0].units, "");
        assert!((meta.writing(3).factor - 57.295_779_5).abs() < 1e-6);
    }

    #[test]
    fn disks_obey_the_strain_they_were_made_with() {
        let grain = StrainedGrain::default();
        let truth = grain.truth(25, 36);
        let g = deformed(G1, &truth);
        // F maps a real-space vector r_ref to r; phases stay: g · r = g_ref · r_ref.
        let (sin, cos) = truth.rotation.sin_cos();
        for r_ref in [[1.0, 0.0], [0.0, 1.0]] {
            let stretched = [
                (1.0 + truth.e_xx) * r_ref[0] + truth.e_xy * r_ref[1],
                truth.e_xy * r_ref[0] + (1.0 + truth.e_yy) * r_ref[1],
            ];
            let r = [
                cos * stretched[0] - sin * stretched[1],
                sin * stretched[0] + cos * stretched[1],
            ];
            let phase = g[1] * r[0] + g[0] * r[1];
            assert!((phase - (G1[1] * r_ref[0] + G1[0] * r_ref[1])).abs() < 1e-12);
        }
    }

    #[test]
    fn a_frame_is_the_same_every_time_and_has_many_visible_disks() {
        let grain = StrainedGrain::default();
        let at = NavigationIndex::new(&[7, 31]);
        assert_eq!(grain.frame(at).as_bytes(), grain.frame(at).as_bytes());
        let visible = grain.disks(7, 31).iter().filter(|d| d.visible).count();
        assert!(visible >= 20, "{visible} visible disks");
    }
}
