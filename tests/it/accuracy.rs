//! Peaks and strain of the synthetic sample against its truth, with the parameters a notebook starts from.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use session::sample::StrainedGrain;
use signal::{
    CancelToken, Computation, Finished, Inputs, NavigationIndex, Output, Peaks, Prepared,
    SignalMeta,
};

/// A found peak belongs to a true disk within this distance.
const NEAR_PX: f64 = 2.0;

struct Step {
    computation: Arc<dyn Computation>,
    input: Arc<SignalMeta>,
}

impl Step {
    fn new(name: &str, params: &Value, input: &Arc<SignalMeta>) -> Result<(Self, Arc<SignalMeta>)> {
        let computation = ops::find(name)?.bind(params)?;
        let output = Arc::new(computation.describe(&[input])?);
        let input = input.clone();
        Ok((Step { computation, input }, output))
    }

    fn inputs<'a>(&'a self, output: &'a Output) -> Inputs<'a> {
        Inputs {
            metas: std::slice::from_ref(&self.input),
            outputs: std::slice::from_ref(output),
        }
    }

    fn compute(
        &self,
        at: NavigationIndex,
        output: &Output,
        prepared: Option<&Prepared>,
    ) -> Result<Output> {
        let inputs = self.inputs(output);
        Ok(self
            .computation
            .compute(&inputs, at, prepared, &CancelToken::new())?)
    }

    /// What the step measures first, from its inputs at the scan positions it asks for.
    fn prepare(
        &self,
        scan: [usize; 2],
        input: impl Fn(NavigationIndex) -> Result<Output>,
    ) -> Result<Prepared> {
        let Some(mut pass) = self.computation.preparation(&[&self.input]) else {
            bail!("nothing to measure first");
        };
        let never = CancelToken::new();
        for at in pass.positions.of(&scan) {
            let output = input(at)?;
            pass.prepare.add(at, &self.inputs(&output), &never)?;
        }
        match pass.prepare.finish(&never)? {
            Finished::Done(prepared) => Ok(prepared),
            Finished::Again(_) => bail!("one pass is enough"),
        }
    }
}

#[derive(Default)]
struct Score {
    visible: usize,
    found: usize,
    squared_px: f64,
    peaks: usize,
    invented: usize,
}

impl Score {
    fn add(&mut self, grain: &StrainedGrain, y: usize, x: usize, peaks: &Peaks) {
        let disks = grain.disks(y, x);
        let distance = |n: usize, ky: f64, kx: f64| {
            (f64::from(peaks.ky[n]) - ky).hypot(f64::from(peaks.kx[n]) - kx)
        };
        for disk in disks.iter().filter(|disk| disk.visible) {
            self.visible += 1;
            let nearest = (0..peaks.len())
                .map(|n| distance(n, disk.ky, disk.kx))
                .fold(f64::MAX, f64::min);
            if nearest < NEAR_PX {
                self.found += 1;
                self.squared_px += nearest * nearest;
            }
        }
        self.peaks += peaks.len();
        self.invented += (0..peaks.len())
            .filter(|n| {
                disks
                    .iter()
                    .all(|disk| distance(*n, disk.ky, disk.kx) >= NEAR_PX)
            })
            .count();
    }
}

#[test]
fn the_sample_is_measured_within_the_promised_errors() -> Result<()> {
    let grain = StrainedGrain::default();
    let (ny, nx) = grain.scan;
    let scan = Arc::new(grain.meta());
    let (finder, found) = Step::new("normalized_correlation", &json!({}), &scan)?;
    let (strain, _) = Step::new("strain_map", &json!({}), &found)?;
    let frame_at = |at| Ok(Output::Frame(grain.frame(at)));
    let measured = finder.prepare([ny, nx], frame_at)?;
    println!("{:?}", finder.computation.prepared_notes(&measured));
    let peaks_at = |at| finder.compute(at, &frame_at(at)?, Some(&measured));
    let lattice = strain.prepare([ny, nx], peaks_at)?;

    let mut score = Score::default();
    let mut all = Vec::new();
    for (y, x) in (0..ny).flat_map(|y| (0..nx).map(move |x| (y, x))) {
        if y % 3 != 1 || x % 2 != 1 {
            continue;
        }
        let output = peaks_at(NavigationIndex::new(&[y, x]))?;
        if let Output::Peaks(peaks) = &output {
            score.add(&grain, y, x, peaks);
        }
        all.push((y, x, output));
    }

    let recall = score.found as f64 / score.visible as f64;
    let invented = score.invented as f64 / score.peaks as f64;
    let rms_px = (score.squared_px / score.found as f64).sqrt();
    println!("disks found {recall:.4}, false {invented:.4}, rms {rms_px:.4} px");
    ensure!(
        recall >= 0.995,
        "only {recall:.4} of the visible disks were found"
    );
    ensure!(invented <= 0.001, "{invented:.4} of the peaks are false");
    ensure!(rms_px <= 0.10, "peaks are off by {rms_px:.3} px rms");

    let mut squares = [0.0; 4];
    let mut count = 0.0;
    for (y, x, output) in &all {
        let truth = grain.truth(*y, *x);
        if truth.grain == 0.0 {
            continue;
        }
        let at = NavigationIndex::new(&[*y, *x]);
        let Output::Values(values) = strain.compute(at, output, Some(&lattice))? else {
            bail!("a strain map gives numbers");
        };
        let expected = [truth.e_xx, truth.e_yy, truth.e_xy, truth.rotation];
        for ((square, value), expected) in squares.iter_mut().zip(values.iter()).zip(expected) {
            *square += (f64::from(*value) - expected).powi(2);
        }
        count += 1.0;
    }
    let [e_xx, e_yy, e_xy, rotation] = squares.map(|square| (square / count).sqrt());
    let degrees = rotation.to_degrees();
    println!("rms of e_xx {e_xx:.5}, e_yy {e_yy:.5}, e_xy {e_xy:.5}, rotation {degrees:.4} deg");
    ensure!(
        e_xx <= 0.0003 && e_yy <= 0.0003 && e_xy <= 0.0002,
        "{e_xx} {e_yy} {e_xy}"
    );
    ensure!(degrees <= 0.014, "rotation is off by {degrees:.3} deg rms");
    Ok(())
}
