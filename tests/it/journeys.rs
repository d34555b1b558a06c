//! The journeys of a person, through the session.

use crate::drag::{add, drag, open};
use anyhow::{Context, Result, ensure};
use protocol::Command;
use serde_json::json;
use session::sample::StrainedGrain;
use session::{Config, Session};

/// The four cells, a save, and the saved maps against the truth.
#[test]
fn background_peaks_strain_on_the_sample() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let grain = StrainedGrain::default();
    let path = folder.path().join("strained_grain.zspy");
    session::sample::write_strained_grain(&path, &grain)?;
    let session = Session::new(Config::default());
    let scan = open(&session, &path)?;
    let flat = add(&session, scan, "radial_median", json!({}))?;
    let peaks = add(&session, flat, "normalized_correlation", json!({}))?;
    let region = json!({"reference": {"x0": 0, "y0": 0, "width": 16, "height": 16}});
    let strain = add(&session, peaks, "strain_map", region)?;
    ensure!(session.reads().chunks == 0);
    for node in [scan, flat, peaks, strain] {
        drag(&session, node, &[[20, 30], [21, 31]])?;
    }
    let saved = folder.path().join("strain.zspy");
    let mut told = 0;
    session.command(
        Command::Save {
            node: strain,
            path: saved.display().to_string(),
            options: Default::default(),
        },
        &|| false,
        &mut |_| told += 1,
    )?;
    ensure!(told >= 2);
    // Its images, which otherwise are a map again.
    let images = Command::Open {
        path: saved.display().to_string(),
        options: protocol::OpenOptions {
            signal_axes: Some(2),
            ..Default::default()
        },
    };
    let again = (session.command(images, &|| false, &mut |_| {})?.node).context("no node")?;
    let components: Vec<Vec<f32>> = (0..4)
        .map(|component| Ok(session.frame(again, &[component])?.to_f32().into_owned()))
        .collect::<Result<_>>()?;
    let mut squares = [0.0f64; 4];
    let mut count = 0.0;
    for y in 0..grain.scan.0 {
        for x in 0..grain.scan.1 {
            let truth = grain.truth(y, x);
            if truth.grain < 0.5 {
                continue;
            }
            count += 1.0;
            let expected = [truth.e_xx, truth.e_yy, truth.e_xy, truth.rotation];
            for (component, expected) in expected.iter().enumerate() {
                let found = f64::from(components[component][y * grain.scan.1 + x]);
                squares[component] += (found - expected).powi(2);
            }
        }
    }
    let rms = squares.map(|sum| (sum / count).sqrt());
    println!(
        "RMS error inside the grain ({count} positions): e_xx {:.5}, e_yy {:.5}, e_xy {:.5}, theta {:.4} deg",
        rms[0],
        rms[1],
        rms[2],
        rms[3].to_degrees()
    );
    ensure!(rms[..3].iter().all(|rms| *rms <= 0.0010), "{rms:?}");
    ensure!(rms[3].to_degrees() <= 0.06, "{rms:?}");
    Ok(())
}
