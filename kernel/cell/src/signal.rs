use std::path::Path;

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::frame::{Frame, Pixel};
use crate::host;
use crate::json::{Json, quoted};
use crate::map::{MapOutput, user_function};
use crate::operation::Operation;

/// A node of the tree: a file, or the result of an operation on another node.
///
/// Cloning gives a second handle on the same node. A node computes nothing until somebody looks. It leaves the tree, and
/// what was computed for it is given back, when no variable holds it, no view shows it and no node stands below it.
pub struct Signal {
    node: u32,
}

/// Opens a file: HyperSpy (`.zspy`, `.hspy`), other HDF5 (`.h5`, `.hdf5`), Zarr (`.zarr`), NumPy (`.npy`), MRC
/// (`.mrc`). Only its headers are read: `let scan = open("scan.zspy")?;`. Tab inside the quotes completes paths.
///
/// # Errors
/// The file does not exist (nearest names are given), is damaged, or is of an unknown format.
pub fn open(path: impl AsRef<Path>) -> Result<Signal> {
    open_with(path, Open::default())
}

/// Opens a file that does not say everything itself: `open_with("scan.mrc", Open { scan: (16, 24), ..default() })?`, or
/// the images of a saved map: `open_with("strain.zspy", Open { signal_axes: 2, ..default() })?`.
///
/// # Errors
/// As [`open`], and when the options do not fit the file.
pub fn open_with(path: impl AsRef<Path>, options: Open) -> Result<Signal> {
    if let Some(uneven) = options.axes.iter().find(|axis| !axis.values.is_empty()) {
        let error = Error::new(format!("the given axis `{}` is uneven", uneven.name));
        return Err(error.with_hint(
            "give Axis::calibrated(name, scale, offset, units), or leave `axes` out: uneven axes come from the file",
        ));
    }
    let reply = host::command(&format!(
        r#"{{"command":"open","path":{},"options":{}}}"#,
        quoted(&path.as_ref().to_string_lossy()),
        options.to_json()
    ))?;
    Signal::created(&reply)
}

/// The default value of whatever is expected: `NormalizedCorrelation { radius: 4.0, ..default() }`.
pub fn default<T: Default>() -> T {
    T::default()
}

/// Computes several signals and keeps them in memory; shows progress. The maps of one file are filled by one pass
/// over it, so that three detectors take hardly longer than one.
///
/// ```ignore
/// let bright = scan.virtual_image(Disk::default())?;
/// let shift = scan.center_of_mass(CenterOfMass::default())?;
/// compute_all(&[&bright, &shift])?;
/// ```
///
/// # Errors
/// As [`Signal::compute`], for the first that cannot be computed.
pub fn compute_all(signals: &[&Signal]) -> Result<()> {
    let nodes: Vec<String> = (signals.iter())
        .map(|signal| signal.node.to_string())
        .collect();
    let nodes = nodes.join(",");
    host::command(&format!(r#"{{"command":"compute_all","nodes":[{nodes}]}}"#)).map(drop)
}

/// The whole tree as indented text.
///
/// # Errors
/// When the code does not run inside a kernel.
pub fn tree() -> Result<String> {
    let reply = host::command(r#"{"command":"tree"}"#)?;
    Ok(reply.get("text").text().unwrap_or_default().to_owned())
}

/// What a file does not say itself; anything left at its default is taken from the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    /// Scan rows and columns `(ny, nx)` of a frame series; `(0, 0)`: as in the file.
    pub scan: (usize, usize),
    /// Number of signal axes (the last ones): 2 for frames, 1 for spectra, 3 for a stack of images at each position, also
    /// of an array without axes and of a saved map, whose images are frames then; 0: as in the file.
    pub signal_axes: usize,
    /// Calibration of every axis, slowest first (see [`Axis::calibrated`]), or what stands at its indices ([`Axis::named`]); empty:
    /// as in the file.
    pub axes: Vec<Axis>,
    /// Array, group or experiment inside a store with several: `scan/raw`; empty: the only one with frames.
    pub dataset: String,
}

impl Open {
    fn to_json(&self) -> String {
        let mut members = Vec::new();
        if self.scan != (0, 0) {
            members.push(format!(r#""scan":[{},{}]"#, self.scan.0, self.scan.1));
        }
        if self.signal_axes != 0 {
            members.push(format!(r#""signal_axes":{}"#, self.signal_axes));
        }
        if !self.axes.is_empty() {
            let axes: Vec<String> = self
                .axes
                .iter()
                .map(|axis| {
                    format!(
                        "[{},{:?},{:?},{}]",
                        quoted(&axis.name),
                        axis.scale,
                        axis.offset,
                        quoted(&axis.units)
                    )
                })
                .collect();
            members.push(format!(r#""axes":[{}]"#, axes.join(",")));
            if self.axes.iter().any(|axis| !axis.names.is_empty()) {
                let names = self.axes.iter().map(|axis| {
                    let names: Vec<String> = axis.names.iter().map(|name| quoted(name)).collect();
                    format!("[{}]", names.join(","))
                });
                let names: Vec<String> = names.collect();
                members.push(format!(r#""axis_names":[{}]"#, names.join(",")));
            }
        }
        if !self.dataset.is_empty() {
            members.push(format!(r#""dataset":{}"#, quoted(&self.dataset)));
        }
        format!("{{{}}}", members.join(","))
    }
}

/// Sizes of a signal's axes, slowest first; prints as `(40, 56 | 128, 112)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Shape {
    /// Scan axes: `[ny, nx]`.
    pub navigation: Vec<usize>,
    /// Axes of one frame: `[ky, kx]`.
    pub signal: Vec<usize>,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let join = |sizes: &[usize]| {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            sizes.join(", ")
        };
        let navigation = match self.navigation[..] {
            [] => String::new(),
            _ => join(&self.navigation) + " ",
        };
        write!(out, "({navigation}| {})", join(&self.signal))
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

/// One peak of a pattern, in pixels of the detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Sub-pixel row.
    pub ky: f64,
    /// Sub-pixel column.
    pub kx: f64,
    /// Mean counts over the disk.
    pub intensity: f64,
    /// The detector's own score.
    pub score: f64,
    /// Standard error of `ky` in pixels; NaN where the finder knows none.
    pub ky_error: f64,
    /// Standard error of `kx` in pixels; NaN where the finder knows none.
    pub kx_error: f64,
    /// How badly the finder's model fits: about 1 where it holds, larger where this is no such spot; NaN where the finder has
    /// no model.
    pub misfit: f64,
    /// Variance in px² that the spot is spread by more than those of its scan, as two that nearly coincide are; NaN where the
    /// finder has no model.
    pub spread: f64,
    /// Standard error of `spread`.
    pub spread_error: f64,
    /// Half of what that variance is more along rows of pixels than along columns, in px²: spots that lie beside each other are
    /// spread along one line. NaN where the finder has no model.
    pub stretch: f64,
    /// The same of the diagonals: more along +kx+ky than along +kx-ky.
    pub stretch_diagonal: f64,
    /// Standard error of `stretch` and of `stretch_diagonal`.
    pub stretch_error: f64,
}

/// A scan position, slowest axis first: `(row, column)`, or a single index for a line.
pub trait ScanPosition {
    #[doc(hidden)]
    fn to_index(&self) -> Vec<usize>;
}

impl ScanPosition for usize {
    fn to_index(&self) -> Vec<usize> {
        vec![*self]
    }
}

impl ScanPosition for (usize, usize) {
    fn to_index(&self) -> Vec<usize> {
        vec![self.0, self.1]
    }
}

impl ScanPosition for (usize, usize, usize) {
    fn to_index(&self) -> Vec<usize> {
        vec![self.0, self.1, self.2]
    }
}

impl ScanPosition for (usize, usize, usize, usize) {
    fn to_index(&self) -> Vec<usize> {
        vec![self.0, self.1, self.2, self.3]
    }
}

impl<const N: usize> ScanPosition for [usize; N] {
    fn to_index(&self) -> Vec<usize> {
        self.to_vec()
    }
}

impl ScanPosition for &[usize] {
    fn to_index(&self) -> Vec<usize> {
        self.to_vec()
    }
}

impl ScanPosition for () {
    fn to_index(&self) -> Vec<usize> {
        Vec::new()
    }
}

impl Signal {
    pub(crate) fn created(reply: &Json) -> Result<Self> {
        match reply.get("node").number() {
            Some(node) => Ok(Signal::holding(node as u32)),
            None => Err(Error::new("the kernel did not say which node it made")),
        }
    }

    pub(crate) fn holding(node: u32) -> Self {
        host::retain(node);
        Signal { node }
    }

    /// Number of the node in the tree.
    pub fn id(&self) -> u32 {
        self.node
    }

    fn describe(&self) -> Result<Json> {
        let reply = host::command(&format!(r#"{{"command":"describe","node":{}}}"#, self.node))?;
        Ok(reply.get("description").clone())
    }

    /// Sizes of the axes, slowest first, scan before frame: `(40, 56 | 128, 112)`.
    ///
    /// # Errors
    /// When the node was removed from the tree.
    pub fn shape(&self) -> Result<Shape> {
        let description = self.describe()?;
        let sizes = |name: &str| {
            description
                .get(name)
                .list()
                .iter()
                .map(|axis| axis.get("size").number().unwrap_or(0.0) as usize)
                .collect()
        };
        Ok(Shape {
            navigation: sizes("navigation_axes"),
            signal: sizes("signal_axes"),
        })
    }

    /// The axes with their spacing, first value and units, slowest first, scan axes before those of a frame.
    ///
    /// # Errors
    /// When the node was removed from the tree.
    pub fn axes(&self) -> Result<Vec<Axis>> {
        let description = self.describe()?;
        Ok(["navigation_axes", "signal_axes"]
            .iter()
            .flat_map(|name| description.get(name).list())
            .map(Axis::from_json)
            .collect())
    }

    /// The frame at a scan position, (row, column) counted from 0: `scan.frame((25, 36))?`. It is computed now if it
    /// has to be.
    ///
    /// # Errors
    /// The position is outside the scan, the signal has no frames, or the frame cannot be computed.
    pub fn frame(&self, at: impl ScanPosition) -> Result<Frame<'static, f64>> {
        self.frame_as(at)
    }

    /// The frame at a scan position with pixels of type `T`; no copy is made when that is the stored type. Complex numbers:
    /// `waves.frame_as::<Complex<f64>>((25, 36))?`.
    ///
    /// # Errors
    /// As [`Signal::frame`].
    pub fn frame_as<T: Pixel>(&self, at: impl ScanPosition) -> Result<Frame<'static, T>> {
        let at = at.to_index();
        let (view, guard) = host::frame(self.node, &at, T::CODE)?;
        Frame::guarded(view, guard, &at)
    }

    /// The peaks at a scan position, strongest first.
    ///
    /// # Errors
    /// The signal has no peaks (use `find_peaks`), or the position is outside the scan.
    pub fn peaks(&self, at: impl ScanPosition) -> Result<Vec<Peak>> {
        let numbers = self.numbers("peaks", &at.to_index())?;
        Ok(numbers
            .chunks_exact(12)
            .map(|row| Peak {
                ky: row[0],
                kx: row[1],
                intensity: row[2],
                score: row[3],
                ky_error: row[4],
                kx_error: row[5],
                misfit: row[6],
                spread: row[7],
                spread_error: row[8],
                stretch: row[9],
                stretch_diagonal: row[10],
                stretch_error: row[11],
            })
            .collect())
    }

    /// The values of a map at a scan position, one per component (`e_xx`, `e_yy`, …).
    ///
    /// # Errors
    /// The signal is not a map, or the position is outside the scan.
    pub fn values(&self, at: impl ScanPosition) -> Result<Vec<f64>> {
        self.numbers("values", &at.to_index())
    }

    fn numbers(&self, command: &str, at: &[usize]) -> Result<Vec<f64>> {
        let reply = host::command(&format!(
            r#"{{"command":{},"node":{},"index":{at:?}}}"#,
            quoted(command),
            self.node
        ))?;
        Ok(reply
            .get("numbers")
            .list()
            .iter()
            .map(|number| number.number().unwrap_or(f64::NAN))
            .collect())
    }

    /// Adds a node whose function is your own closure: it takes a frame and returns a frame of the same
    /// shape, or one number.
    ///
    /// The closure runs inside the kernel on several threads, borrows the kernel's pixels, and is called
    /// only for frames somebody looks at: `flat.map(|frame: Frame<f32>| frame.mapv(|count| count.max(0.0).sqrt()))?`; of complex
    /// numbers `waves.map(|frame: Frame<Complex<f32>>| frame.mapv(|wave| wave * wave.conj()))?`.
    ///
    /// # Errors
    /// When the signal has no frames. A panic or a wrong shape is an error of that frame alone.
    pub fn map<T, R, F>(&self, function: F) -> Result<Signal>
    where
        T: Pixel,
        R: MapOutput,
        F: Fn(Frame<'_, T>) -> R + Send + Sync + 'static,
    {
        let node = host::map_frames(self.node, user_function(function))?;
        Ok(Signal::holding(node))
    }

    /// Adds a node that applies an operation; the methods named after what they do call this one.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn apply<P: Operation>(&self, parameters: &P) -> Result<Signal> {
        self.apply_with(&[], parameters)
    }

    /// The same with what the operation takes beside this signal.
    #[doc(hidden)]
    pub fn apply_with<P: Operation>(&self, further: &[&Signal], parameters: &P) -> Result<Signal> {
        let mut parents = self.node.to_string();
        for signal in further {
            parents.push_str(&format!(",{}", signal.node));
        }
        let reply = host::command(&format!(
            r#"{{"command":"add_node","parents":[{parents}],"operation":{},"params":{}}}"#,
            quoted(P::NAME),
            parameters.to_json()
        ))?;
        Signal::created(&reply)
    }

    /// Computes the whole signal and keeps it in memory, if the memory budget has room for it; shows progress.
    /// Frames and peaks then come from memory, until parameters above change or memory gets short. Gives the signal
    /// itself: `let flat = scan.subtract_background(RadialMedian::default())?.compute()?;`.
    ///
    /// # Errors
    /// A frame cannot be computed, or the result is larger than the budget: then `save` it.
    pub fn compute(&self) -> Result<Signal> {
        host::command(&format!(r#"{{"command":"compute","node":{}}}"#, self.node))?;
        Ok(self.clone())
    }

    /// Names the node in the tree; a `let` does this by itself.
    ///
    /// # Errors
    /// When the node was removed from the tree.
    pub fn rename(&self, name: &str) -> Result<()> {
        host::command(&format!(
            r#"{{"command":"name","node":{},"name":{}}}"#,
            self.node,
            quoted(name)
        ))
        .map(drop)
    }

    /// Changes the parameters of this node's operation; views of it are computed again.
    ///
    /// # Errors
    /// A parameter is out of range, or the node belongs to another operation.
    pub fn set_parameters<P: Operation>(&self, parameters: &P) -> Result<()> {
        host::command(&format!(
            r#"{{"command":"set_params","node":{},"params":{}}}"#,
            self.node,
            parameters.to_json()
        ))
        .map(drop)
    }
}

impl Clone for Signal {
    fn clone(&self) -> Self {
        Signal::holding(self.node)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        host::release(self.node);
    }
}

impl std::fmt::Debug for Signal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.describe() {
            Ok(description) => {
                let text = |name: &str| description.get(name).text().unwrap_or_default().to_owned();
                write!(out, "Signal {} {}", text("name"), text("summary"))
            }
            Err(error) => write!(out, "Signal of node {} ({error})", self.node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_left_alone_are_not_sent() {
        assert_eq!(Open::default().to_json(), "{}");
        let options = Open {
            scan: (16, 24),
            axes: vec![Axis::calibrated("x", 0.5, 0.0, "nm")],
            ..default()
        };
        assert_eq!(
            options.to_json(),
            r#"{"scan":[16,24],"axes":[["x",0.5,0.0,"nm"]]}"#
        );
        let options = Open {
            axes: vec![Axis::named("element", vec!["Fe", "O"])],
            ..default()
        };
        assert_eq!(
            options.to_json(),
            r#"{"axes":[["element",1.0,0.0,""]],"axis_names":[["Fe","O"]]}"#
        );
    }

    #[test]
    fn outside_a_kernel_every_call_says_so() {
        let error = open("scan.zspy").unwrap_err();
        assert!(error.to_string().contains("notebook cell"), "{error}");
    }
}
