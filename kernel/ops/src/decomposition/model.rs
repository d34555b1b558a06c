//! What a decomposition has found.

use signal::serde_json::{Map, Value, json};
use signal::{Caveat, HeapBytes, NotApplicable, SignalMeta};

/// Wire name of the operation that makes such models.
pub(super) const SVD: &str = "svd";
/// Components are said to be known when their angle is less, in degrees.
const KNOWN: f64 = 0.1;
/// Shares that are written out.
const WRITTEN: usize = 6;

/// How components were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the matrix of all pairs of pixels, which is exact but for rounding.
    Scatter,
    /// From products with a few vectors, in so many passes.
    Sketch { passes: usize },
}

/// Components of a scan: frames are `mean + Σ score · loading`.
pub struct Decomposition {
    /// Of the scan, slowest axis first.
    pub shape: Vec<usize>,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Components that were asked for; those from `rank` on have no variance.
    pub asked: usize,
    pub rank: usize,
    /// `rank` frames, NaN at pixels that are left out.
    pub loadings: Vec<f32>,
    /// `rank` numbers for each position in C order, NaN where it is left out.
    pub scores: Vec<f32>,
    /// What is subtracted from each frame: a frame, one number for each position, or nothing.
    pub mean: Mean,
    /// Squares of singular values, divided by the number of positions.
    pub variances: Vec<f64>,
    /// Share of each in the variance of all.
    pub shares: Vec<f64>,
    /// How far each loading may be from that of exact arithmetic, in degrees.
    pub errors: Vec<f64>,
    pub method: Method,
    pub pixels_left_out: usize,
    pub positions_left_out: usize,
}

pub enum Mean {
    None,
    Frame(Vec<f32>),
    Levels(Vec<f32>),
}

impl HeapBytes for Decomposition {
    fn heap_bytes(&self) -> usize {
        let mean = match &self.mean {
            Mean::None => 0,
            Mean::Frame(values) | Mean::Levels(values) => values.heap_bytes(),
        };
        let numbers = [&self.variances, &self.shares, &self.errors];
        self.loadings.heap_bytes()
            + self.scores.heap_bytes()
            + mean
            + numbers.map(HeapBytes::heap_bytes).iter().sum::<usize>()
    }
}

impl Decomposition {
    pub fn loading(&self, component: usize) -> Option<&[f32]> {
        let start = component.checked_mul(self.pixels)?;
        self.loadings.get(start..start + self.pixels)
    }

    /// Scores of a position.
    pub fn scores_at(&self, flat: usize) -> Option<&[f32]> {
        self.scores.get(flat * self.rank..(flat + 1) * self.rank)
    }

    /// The record of how it was made.
    pub fn notes(&self) -> Value {
        let method = match self.method {
            Method::Scatter => {
                "eigenvectors of the scatter matrix of all pixels, in one pass".to_owned()
            }
            Method::Sketch { passes } => format!("randomised range finder, {passes} passes"),
        };
        let mut notes = Map::new();
        notes.insert("method".into(), method.into());
        notes.insert("rank".into(), self.rank.into());
        notes.insert("explained_variance".into(), json!(self.variances));
        notes.insert("explained_variance_ratio".into(), json!(self.shares));
        notes.insert("angle_error_degrees".into(), json!(self.errors));
        notes.insert("pixels_left_out".into(), self.pixels_left_out.into());
        notes.insert("positions_left_out".into(), self.positions_left_out.into());
        notes.insert("components".into(), self.in_words().into());
        notes.into()
    }

    /// `components 0 to 5 have 71.2, 12.0, … % of the variance, all 20 have 93.1 %; angles within 0.0002°`.
    fn in_words(&self) -> String {
        if self.rank == 0 {
            return "no component: nothing varies".into();
        }
        let written = self.rank.min(WRITTEN);
        let percent = |share: &f64| three_digits(100.0 * share);
        let shares: Vec<String> = self.shares[..written].iter().map(percent).collect();
        let shares = shares.join(", ");
        let first = match written {
            1 => format!("component 0 has {shares} % of the variance"),
            several => format!(
                "components 0 to {} have {shares} % of the variance",
                several - 1
            ),
        };
        let all = match self.rank > written {
            true => format!(
                ", all {} have {} %",
                self.rank,
                percent(&self.shares.iter().sum())
            ),
            false => String::new(),
        };
        let known = self.known();
        let worst = |errors: &[f64]| two_digits(errors.iter().copied().fold(0.0, f64::max));
        let angles = match known {
            0 => format!("angles within {}°", worst(&self.errors)),
            known if known == self.rank => format!("angles within {}°", worst(&self.errors)),
            known => format!(
                "angles of the first {known} within {}°",
                worst(&self.errors[..known])
            ),
        };
        let method = match self.method {
            Method::Scatter => "from all pairs of pixels".to_owned(),
            Method::Sketch { passes } => format!("from {passes} passes with random vectors"),
        };
        format!("{first}{all}; {angles}, {method}")
    }

    /// How many of the first components are known.
    fn known(&self) -> usize {
        self.errors
            .iter()
            .take_while(|error| **error <= KNOWN)
            .count()
    }

    pub fn caveats(&self) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        let mut say = |code: &str, text: String| caveats.push(Caveat::new(code, text));
        if self.rank < self.asked {
            let (rank, last) = (self.rank, self.asked - 1);
            let has = match rank {
                0 => "nothing varies over the scan: it has no component".to_owned(),
                1 => "the scan has 1 component".to_owned(),
                several => format!("the scan has {several} components"),
            };
            let those = match last == rank {
                true => format!("component {rank} has"),
                false => format!("those from {rank} to {last} have"),
            };
            say(
                "fewer_components",
                format!("{has}; {those} no variance, and no value"),
            );
        }
        let known = self.known();
        if known < self.rank {
            let worst = self.errors[known..].iter().copied().fold(0.0, f64::max);
            let remedy = match self.method {
                Method::Scatter => "use what they have in common, or fewer components",
                Method::Sketch { .. } => "more `passes` come nearer, unless it is noise",
            };
            let those = match known + 1 == self.rank {
                true => format!("component {known} has a variance"),
                false => format!("components {known} to {} have variances", self.rank - 1),
            };
            say(
                "directions_unsure",
                format!(
                    "{those} so near to others' that directions may be off by up to {}°: {remedy}",
                    two_digits(worst)
                ),
            );
        }
        if self.pixels_left_out > 0 {
            say(
                "pixels_left_out",
                format!(
                    "left out of all components: {} without a value at some position, or without counts",
                    counted(self.pixels_left_out, "pixel")
                ),
            );
        }
        if self.positions_left_out > 0 {
            say(
                "positions_left_out",
                format!(
                    "left out: {} without any value, or without counts",
                    counted(self.positions_left_out, "position")
                ),
            );
        }
        caveats
    }
}

/// The signal that a model of components was fitted to, and how many components it has.
pub(super) fn decomposed<'a>(
    inputs: &[&'a SignalMeta],
) -> Result<(&'a SignalMeta, usize), NotApplicable> {
    let takes = "a model of components, the result of decompose";
    let [input] = inputs else {
        let reason = format!("{} inputs were given, not 1", inputs.len());
        return Err(NotApplicable::new(reason, takes));
    };
    match &input.model {
        Some(model) if model.operation == SVD => Ok((&model.of, input.axes.frame_len())),
        _ => {
            let reason = format!("the signal has {}, and is no model", input.kind.noun());
            Err(NotApplicable::new(reason, takes))
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn three_digits(value: f64) -> String {
    let digits = (2.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

fn two_digits(value: f64) -> String {
    match value.abs() < 1e-4 {
        true if value == 0.0 => "0".into(),
        true => format!("{value:.0e}"),
        false => {
            let digits = (1.0 - value.abs().log10().floor()).clamp(0.0, 5.0) as usize;
            format!("{value:.digits$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(shares: &[f64], errors: &[f64], asked: usize) -> Decomposition {
        Decomposition {
            shape: vec![2, 2],
            pixels: 3,
            asked,
            rank: shares.len(),
            loadings: vec![0.0; 3 * shares.len()],
            scores: vec![0.0; 4 * shares.len()],
            mean: Mean::None,
            variances: shares.to_vec(),
            shares: shares.to_vec(),
            errors: errors.to_vec(),
            method: Method::Sketch { passes: 2 },
            pixels_left_out: 1,
            positions_left_out: 0,
        }
    }

    #[test]
    fn what_was_found_is_said_in_words() {
        let model = found(&[0.7124, 0.2, 0.01], &[1e-6, 0.02, 31.0], 4);
        assert_eq!(
            model.notes()["components"],
            "components 0 to 2 have 71.2, 20.0, 1.00 % of the variance; angles of the first 2 within 0.020°, \
             from 2 passes with random vectors"
        );
        let said: Vec<_> = model
            .caveats()
            .into_iter()
            .map(|caveat| caveat.text)
            .collect();
        assert_eq!(
            said,
            [
                "the scan has 3 components; component 3 has no variance, and no value",
                "component 2 has a variance so near to others' that directions may be off by up to 31°: more `passes` come \
                 nearer, unless it is noise",
                "left out of all components: 1 pixel without a value at some position, or without counts",
            ]
        );
        assert!(model.heap_bytes() > 4 * (9 + 12));
    }
}
