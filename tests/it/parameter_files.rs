//! Files among parameters: by every door that parameters come in and come back by.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use protocol::{Command, NodeDescription, ParameterControl, Reply, Request, WireError};
use serde_json::{Value, json};
use session::journal::Place;
use session::{Config, Session};

use crate::scan_files;
use crate::session_fixture::{SHAPE, SessionFixture, ask, frame_of, frame_request, save};

const MASKED: [[usize; 2]; 3] = [[0, 0], [3, 17], [23, 4]];

/// A mask of bytes, in the order of NumPy, with a mark at some pixels (row, column).
fn write_mask(path: &Path, [rows, columns]: [usize; 2], marks: &[[usize; 2]]) -> Result<()> {
    let header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    let mut pixels = vec![0; rows * columns];
    for [row, column] in marks {
        pixels[row * columns + column] = 1;
    }
    bytes.extend(pixels);
    std::fs::write(path, bytes)?;
    Ok(())
}

fn mask_of(fixture: &SessionFixture) -> Result<PathBuf> {
    let path = fixture.path("dead.npy");
    let [_, _, rows, columns] = SHAPE;
    write_mask(&path, [rows, columns], &MASKED)?;
    Ok(path)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn description(session: &Arc<Session>, node: u32) -> Result<NodeDescription> {
    session.description(node).context("no node")
}

/// The frame at a scan position, NaN where there is no value.
fn frame(session: &Arc<Session>, node: u32) -> Result<Vec<f32>> {
    let (_, buffers) = frame_of(session, frame_request(node, [2, 3], [256, 256]))?;
    let values = buffers[0].chunks_exact(4);
    Ok(values
        .map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]))
        .collect())
}

fn is_masked(found: &[f32], marks: &[[usize; 2]]) -> bool {
    let columns = SHAPE[3];
    found.iter().enumerate().all(|(at, value)| {
        let (row, column) = (at / columns, at % columns);
        match marks.contains(&[row, column]) {
            true => value.is_nan(),
            false => *value == f32::from(scan_files::pixel(2, 3, row, column)),
        }
    })
}

fn masked(fixture: &SessionFixture) -> Result<u32> {
    let mask = text(&mask_of(fixture)?);
    Ok(fixture.add(fixture.open()?, "mask_pixels", json!({ "file": mask }))?)
}

#[test]
fn a_mask_takes_the_value_from_pixels_and_is_written_as_code() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = masked(&fixture)?;
    let found = frame(&fixture.session, node)?;
    ensure!(is_masked(&found, &MASKED), "{found:?}");
    let told = description(&fixture.session, node)?;
    let mask = text(&fixture.path("dead.npy"));
    let line = format!(".mask_pixels(MaskPixels {{ file: Some({mask:?}.into()), ..default() }})?;");
    ensure!(told.code.ends_with(&line), "{}", told.code);
    ensure!(told.params["file"]["path"] == json!(mask));
    let hash = told.params["file"]["sha256"].as_str().context("no hash")?;
    ensure!(hash.len() == 64);
    Ok(())
}

#[test]
fn what_is_in_a_file_counts_in_the_memory_budget_while_it_is_bound() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let mask = mask_of(&fixture)?;
    let bytes = std::fs::metadata(&mask)?.len() as usize;
    let pinned = || fixture.session.memory().pinned_bytes;
    let before = pinned();
    let node = fixture.add(scan, "mask_pixels", json!({ "file": text(&mask) }))?;
    ensure!(pinned() == before + bytes, "{} after {before}", pinned());
    // The same content is there once.
    let copy = fixture.path("copy.npy");
    std::fs::copy(&mask, &copy)?;
    let other = fixture.add(scan, "mask_pixels", json!({ "file": text(&copy) }))?;
    ensure!(pinned() == before + bytes);
    let mean = fixture.add(node, "mean_pattern", json!({}))?;
    for node in [mean, node, other] {
        fixture.run(Command::Remove { node })?;
    }
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while pinned() > before && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    ensure!(pinned() == before, "{} after {before}", pinned());
    let large = std::fs::File::create(fixture.path("large.npy"))?;
    large.set_len(17 << 20)?;
    fixture.run(Command::MemoryBudget {
        bytes: Some(16 << 20),
    })?;
    let (code, text) = refused(fixture.add(
        scan,
        "mask_pixels",
        json!({ "file": text(&fixture.path("large.npy")) }),
    ))?;
    ensure!(
        code == "memory" && text.contains("memory_budget("),
        "{code} {text}"
    );
    Ok(())
}

fn refused(result: Result<u32, WireError>) -> Result<(String, String)> {
    let error = result.err().context("it was taken")?;
    Ok((
        error.code.to_string(),
        format!("{} {}", error.message, error.hint),
    ))
}

#[test]
fn what_is_no_such_file_is_refused_with_what_to_do() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    mask_of(&fixture)?;
    let [_, _, rows, columns] = SHAPE;
    write_mask(&fixture.path("turned.npy"), [columns, rows], &[])?;
    write_mask(&fixture.path("small.npy"), [3, 4], &[])?;
    std::fs::write(fixture.path("notes.txt"), "dead")?;
    std::fs::create_dir(fixture.path("folder.npy"))?;
    let large = std::fs::File::create(fixture.path("large.npy"))?;
    large.set_len(300 << 20)?;
    let cases = [
        ("daed.npy", "not_found", "dead.npy"),
        ("notes.txt", "parameter", "does not end in .npy"),
        ("folder.npy", "parameter", "is a folder"),
        ("large.npy", "parameter", "300 MiB, at most 256 MiB"),
        (
            "small.npy",
            "not_applicable",
            "(3, 4), the frames have (24, 20)",
        ),
        (
            "turned.npy",
            "not_applicable",
            "rows and columns are exchanged",
        ),
    ];
    for (name, code, words) in cases {
        let params = json!({ "file": text(&fixture.path(name)) });
        let (found, told) = refused(fixture.add(scan, "mask_pixels", params))?;
        ensure!(
            found == code && told.contains(words),
            "{name}: {found}: {told}"
        );
    }
    let (_, told) = refused(fixture.add(scan, "mask_pixels", json!({"file": " "})))?;
    ensure!(told.contains("no path was given"), "{told}");
    let (_, told) = refused(fixture.add(scan, "mask_pixels", json!({"file": 3})))?;
    ensure!(told.contains("the path of a file ending in .npy"), "{told}");
    Ok(())
}

#[test]
fn a_page_is_told_of_the_file_and_changes_other_parameters_without_reading_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = masked(&fixture)?;
    let operations = fixture.session.operations();
    let found = operations.iter().find(|found| found.name == "mask_pixels");
    let control = &found.context("no operation")?.parameters[0].control;
    let endings = vec!["npy".to_owned()];
    ensure!(
        *control
            == ParameterControl::File {
                endings: endings.clone()
            }
    );
    let asked = Request::Paths {
        request_id: 4,
        written: text(&fixture.path("de")),
        endings,
    };
    let (reply, _) = ask(&fixture.session, asked)?;
    let paths = vec![text(&fixture.path("dead.npy"))];
    ensure!(
        reply
            == Reply::Paths {
                request_id: 4,
                paths
            }
    );

    // The file is gone; what was read of it stays.
    std::fs::remove_file(fixture.path("dead.npy"))?;
    let mut params = description(&fixture.session, node)?.params;
    params["marked"] = json!("good");
    let set = |params: Value| {
        let request_id = 5;
        ask(
            &fixture.session,
            Request::SetParams {
                request_id,
                node,
                params,
            },
        )
    };
    let (reply, _) = set(params.clone())?;
    ensure!(matches!(reply, Reply::Done { .. }), "{reply:?}");
    let left = frame(&fixture.session, node)?
        .iter()
        .filter(|value| !value.is_nan())
        .count();
    ensure!(left == MASKED.len());
    // Its path alone is the file as it is now.
    let (reply, _) = set(json!({ "file": text(&fixture.path("dead.npy")) }))?;
    ensure!(
        matches!(&reply, Reply::Refused { error, .. } if error.code == "not_found"),
        "{reply:?}"
    );
    ensure!(description(&fixture.session, node)?.params == params);
    // As it is now it may be another one.
    let [_, _, rows, columns] = SHAPE;
    write_mask(&fixture.path("dead.npy"), [rows, columns], &[[5, 6]])?;
    set(json!({"file": text(&fixture.path("dead.npy")), "marked": "bad"}))?;
    ensure!(is_masked(&frame(&fixture.session, node)?, &[[5, 6]]));
    fixture.run(Command::Undo { node })?;
    ensure!(description(&fixture.session, node)?.params == params);
    Ok(())
}

fn computed(recipe: &Path, out: &Path) -> Result<(), WireError> {
    let batch = session::batch::Batch {
        recipe: recipe.to_owned(),
        out: out.to_owned(),
        ..session::batch::Batch::default()
    };
    let session = Session::new(Config::default());
    let mut listener = session::batch::Listener {
        interrupted: &|| false,
        progress: &mut |_| {},
        warn: &mut |_| {},
    };
    session::batch::compute(&session, &batch, &mut listener).map(drop)
}

fn replayed(path: &Path) -> Result<(Arc<Session>, protocol::CommandReply)> {
    let session = Session::new(Config::default());
    let path = text(path);
    let reply = session.command(
        Command::Replay { path, input: None },
        &|| false,
        &mut |_| {},
    )?;
    Ok((session, reply))
}

#[test]
fn results_and_recipes_have_path_and_hash_and_refuse_another_content() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = masked(&fixture)?;
    let name = description(&fixture.session, node)?.name;
    let result = fixture.path("result.zspy");
    save(&fixture, node, &result)?;
    let recipe = fixture.path("recipe.json");
    fixture.run(Command::Recipe {
        nodes: vec![node],
        path: text(&recipe),
    })?;
    let told = io::provenance(&result)?.context("it does not say")?;
    let file = &told["nodes"][1]["parameters"]["file"];
    ensure!(
        file["relative_path"] == "dead.npy" && file["sha256"].is_string(),
        "{file}"
    );

    let (other, reply) = replayed(&result)?;
    ensure!(is_masked(
        &frame(&other, reply.node.context("nothing came back")?)?,
        &MASKED
    ));
    computed(&recipe, &fixture.path("out"))?;
    let saved = crate::session_fixture::open(
        &fixture.session,
        &fixture.path("out").join(format!("{name}.zspy")),
    )?;
    ensure!(is_masked(&frame(&fixture.session, saved)?, &MASKED));

    let [_, _, rows, columns] = SHAPE;
    write_mask(&fixture.path("dead.npy"), [rows, columns], &[[5, 6]])?;
    let error = computed(&recipe, &fixture.path("again"))
        .err()
        .context("another mask was taken")?;
    ensure!(
        error.code == "file_changed" && error.message.contains("dead.npy"),
        "{error}"
    );
    let (_, reply) = replayed(&result)?;
    let problems = reply.restored.context("nothing is told")?.problems;
    ensure!(
        problems
            .iter()
            .any(|problem| problem.lost && problem.message.contains("has changed"))
    );
    Ok(())
}

#[test]
fn files_go_with_a_folder_that_is_moved_and_a_recipe_by_hand_names_them_from_its_own() -> Result<()>
{
    let fixture = SessionFixture::new()?;
    let node = masked(&fixture)?;
    let name = description(&fixture.session, node)?.name;
    let recipe = fixture.path("recipe.json");
    fixture.run(Command::Recipe {
        nodes: vec![node],
        path: text(&recipe),
    })?;
    let other = tempfile::tempdir()?;
    for file in ["recipe.json", "scan.npy", "dead.npy"] {
        std::fs::rename(fixture.path(file), other.path().join(file))?;
    }
    let moved = other.path().join("recipe.json");
    let out = other.path().join("out");
    computed(&moved, &out)?;
    let opened = |path: &Path| -> Result<Vec<f32>> {
        let session = Session::new(Config::default());
        let node = crate::session_fixture::open(&session, path)?;
        frame(&session, node)
    };
    ensure!(is_masked(
        &opened(&out.join(format!("{name}.zspy")))?,
        &MASKED
    ));
    let mut written: Value = serde_json::from_str(&std::fs::read_to_string(&moved)?)?;
    written["nodes"][0]["parameters"] = json!({"file": "dead.npy"});
    std::fs::write(&moved, written.to_string())?;
    let out = other.path().join("by_hand");
    computed(&moved, &out)?;
    ensure!(is_masked(
        &opened(&out.join(format!("{name}.zspy")))?,
        &MASKED
    ));
    Ok(())
}

#[test]
fn files_and_pairs_come_back_with_a_session() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let place = Place {
        folder: fixture.path("journals"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    let node = masked(&fixture)?;
    let sector = json!({"centre": [11.0, 9.0], "sector": [-30.0, 45.5]});
    let profile = fixture.add(node, "azimuthal_integral", sector)?;
    let params = [node, profile].map(|node| description(&fixture.session, node));
    let [mask, profiled] = params;
    let (mask, profiled) = (mask?.params, profiled?.params);
    fixture.session.end_journal();
    let SessionFixture { session, folder } = fixture;
    drop(session);
    let restored = || {
        // The journal thread lets go of its lock a moment later.
        (0..100).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let next = Session::new(Config::default());
            next.keep_journal(&place);
            let restored = next.command(Command::Restore, &|| false, &mut |_| {});
            restored.is_ok().then_some(next)
        })
    };
    let next = restored().context("nothing was restored")?;
    ensure!(description(&next, node)?.params == mask);
    ensure!(description(&next, profile)?.params == profiled);
    ensure!(is_masked(&frame(&next, node)?, &MASKED));
    drop(folder);
    Ok(())
}
