//! Two numbers with one unit and the same limits: the sector of a radial profile, and the handle of its centre.

use anyhow::{Context, Result, ensure};
use protocol::{Outline, ParameterControl};
use serde_json::{Value, json};

use crate::session_fixture::{SessionFixture, frame_of, frame_request};

#[test]
fn a_sector_is_a_pair_with_limits_and_rings_have_a_handle() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let operations = fixture.session.operations();
    let found = operations
        .iter()
        .find(|found| found.name == "azimuthal_integral");
    let found = found.context("no operation")?;
    ensure!(
        found.outline
            == Some(Outline::Point {
                at: "centre".into()
            })
    );
    let sector = found
        .parameters
        .iter()
        .find(|one| one.name == "sector")
        .context("no sector")?;
    let parts = ["from", "to"].map(str::to_owned);
    ensure!(
        sector.control
            == ParameterControl::Pair {
                parts,
                whole: false
            }
    );
    let add = |sector: Value| {
        let params = json!({"centre": [11.0, 9.0], "sector": sector, "statistic": "sum", "npt": 6});
        fixture.add(scan, "azimuthal_integral", params)
    };
    let node = add(json!([-30, 45.5]))?;
    let line = fixture.session.description(node).context("no node")?.code;
    ensure!(line.contains("sector: Some((-30.0, 45.5))"), "{line}");
    for (wrong, words) in [
        (json!([0, 400]), "(from, to), each -360 to 360 °"),
        (json!([30]), "(from, to), each -360 to 360 °"),
        (
            json!([45, -45]),
            "in the sector from 45 to -45 ° there is nothing",
        ),
    ] {
        let error = add(wrong).err().context("it was taken")?;
        let told = format!("{} {}", error.message, error.hint);
        ensure!(told.contains(words), "{told}");
    }
    let spectrum = |node: u32| -> Result<Vec<f32>> {
        let (_, buffers) = frame_of(&fixture.session, frame_request(node, [2, 3], [256, 256]))?;
        let values = buffers[0].chunks_exact(4);
        Ok(values
            .map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]))
            .collect())
    };
    let whole = spectrum(add(Value::Null)?)?;
    let parts = [json!([-30, 45.5]), json!([45.5, 180]), json!([180, 330])].map(add);
    let mut sums = vec![0.0; 6];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(spectrum(part?)?) {
            *sum += value;
        }
    }
    let near = |(sum, whole): (&f32, &f32)| (sum - whole).abs() <= 1e-4 * whole.abs();
    ensure!(sums.iter().zip(&whole).all(near), "{sums:?} {whole:?}");
    Ok(())
}
