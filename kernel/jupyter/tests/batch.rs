//! The command line without a notebook, as a batch system would run it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use protocol::OpenOptions;
use serde_json::{Value, json};
use session::{Config, Session};

fn signaltree(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signaltree"));
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    signaltree(folder, arguments).output().unwrap()
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The strained grain and a recipe with a map, frames and peaks of it.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["sample", "strained-grain", "grain.zspy"]);
    let recipe = json!({
        "signaltree_recipe": 1,
        "inputs": [{"name": "grain", "path": "grain.zspy"}],
        "nodes": [
            {"name": "flat", "parent": "grain", "operation": "difference_of_gaussians"},
            {"name": "disks", "parent": "flat", "operation": "normalized_correlation"},
            {"name": "strain", "parent": "disks", "operation": "strain_map"},
            {"name": "field", "parent": "grain", "operation": "virtual_annulus"},
        ],
        "outputs": [
            {"node": "strain", "file": "strain.zspy"},
            {"node": "field", "file": "field.npy"},
            {"node": "disks", "file": "disks.zspy"},
            {"node": "flat", "file": "flat.zarr", "options": {"chunk": [1, 7], "shard": [4, 56]}},
        ],
    });
    std::fs::write(folder.path().join("recipe.json"), recipe.to_string()).unwrap();
    folder
}

/// Every file below a folder but headers, which hold dates.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_header = name == ".zattrs" || name == "zarr.json" || name == "field.npy.json";
            if name == "flat.zarr" {
                // Chunks lie in a shard in the order in which they were done; see `frames`.
            } else if path.is_dir() {
                folders.push(path);
            } else if !is_header {
                let inside = path.strip_prefix(root).unwrap().to_owned();
                found.insert(inside, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Every frame of a store.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let session = Session::new(Config::default());
    let open = protocol::Command::Open {
        path: path.display().to_string(),
        options: OpenOptions::default(),
    };
    let reply = session.command(open, &|| false, &mut |_| {}).unwrap();
    let node = reply.node.unwrap();
    (0..40 * 56)
        .map(|flat| session.frame(node, &[flat / 56, flat % 56]).unwrap())
        .map(|frame| frame.as_bytes().to_vec())
        .collect()
}

fn assert_same(one: &Path, other: &Path) {
    let store = "flat.zarr";
    assert!(frames(&one.join(store)) == frames(&other.join(store)));
    let (one, other) = (contents(one), contents(other));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert!(!one.is_empty());
    for (name, bytes) in &one {
        assert!(bytes == &other[name], "{} differs", name.display());
    }
}

#[test]
fn parts_and_kills_give_the_bits_of_one_run() {
    let work = workplace();
    let folder = work.path();
    let printed = succeed(folder, &["compute", "recipe.json", "--out", "whole"]);
    assert_eq!(printed.lines().count(), 5, "{printed}");
    assert!(printed.contains("map of ε_xx"), "{printed}");
    let again = succeed(folder, &["compute", "recipe.json", "--out", "whole"]);
    assert_eq!(again.matches("was there already").count(), 4, "{again}");

    for part in ["2/3", "1/3"] {
        let memory = ["--memory", "64 MiB", "--threads", "1"];
        let arguments = ["compute", "recipe.json", "--out", "parts", "--part", part];
        succeed(folder, &[&arguments[..], &memory[..]].concat());
    }
    let early = run(folder, &["combine", "parts"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("compute the parts that are missing"));
    succeed(
        folder,
        &["compute", "recipe.json", "--out", "parts", "--part", "3/3"],
    );
    assert_eq!(succeed(folder, &["combine", "parts"]).lines().count(), 4);
    assert_same(&folder.join("whole"), &folder.join("parts"));

    // Killed again and again, each time a little later.
    for milliseconds in [60, 120, 240, 400, 700] {
        let mut child = signaltree(folder, &["compute", "recipe.json", "--out", "killed"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeed(folder, &["compute", "recipe.json", "--out", "killed"]);
    assert_same(&folder.join("whole"), &folder.join("killed"));
}

/// The numbers before each of these words, line by line.
fn figures(text: &str, words: &str) -> Vec<usize> {
    let before = text.rsplit(words).skip(1);
    let number = |part: &str| part.trim().rsplit([' ', ':']).next()?.parse().ok();
    before.filter_map(number).collect()
}

#[test]
fn what_was_kept_is_told_from_what_was_computed() {
    let work = workplace();
    let folder = work.path();
    let arguments = [
        "compute",
        "recipe.json",
        "--out",
        "out",
        "--part",
        "1/4",
        "--threads",
        "1",
    ];
    let mut kept_some = false;
    for milliseconds in [100, 200, 400, 800, 1600, 3200] {
        let mut child = signaltree(folder, &arguments)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut whole = None;
    for again in [false, true] {
        let output = run(folder, &arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, printed) = (text(&output.stderr), text(&output.stdout));
        assert!(output.status.success(), "{told}");
        // Each result has its line, and what stands under them is their sum.
        let (lines, sum) = printed.split_once("4 results together: ").unwrap();
        let [computed, kept]: [usize; 2] = [" scan positions computed", " kept from before"]
            .map(|words| figures(lines, words).iter().sum());
        let [all_computed] = figures(sum, " scan positions computed")[..] else {
            panic!("{printed}");
        };
        let all_kept = figures(sum, " kept from before").first().copied();
        let all_kept = all_kept.unwrap_or(0);
        kept_some |= kept > 0;
        assert_eq!((computed, kept), (all_computed, all_kept), "{printed}");
        // The positions of all parts are those of no run.
        assert!(
            !told.contains(" of 8960 ") && !told.contains(" of 2240 "),
            "{told}"
        );
        let part = all_computed + all_kept;
        assert!(
            part == *whole.get_or_insert(part) && part < 4 * 2240 / 3,
            "{printed}"
        );
        if again {
            assert_eq!((all_computed, all_kept), (0, part), "{printed}");
        }
    }
    assert!(kept_some);
}

#[test]
fn ctrl_c_ends_cleanly_and_the_same_command_goes_on() {
    let work = workplace();
    let folder = work.path();
    let mut child = signaltree(
        folder,
        &["compute", "recipe.json", "--out", "out", "--threads", "1"],
    )
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let asked = Instant::now();
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    // A quick machine may have been done.
    if !status.success() {
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.contains("goes on where it was"), "{said}");
    }
    succeed(folder, &["compute", "recipe.json", "--out", "out"]);
    let shown = succeed(folder, &["show", "out/strain.zspy"]);
    for part in [
        "(40, 56) map of ε_xx",
        "Strain map of disks",
        "reference = x0 0, y0 0, width 16, height 16",
        "found: reference_peaks_px",
        "e_sign = real-space expansion",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let shown = succeed(folder, &["show", "out/flat.zarr", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["provenance"]["signaltree_provenance"], 1);
    assert_eq!(
        shown["provenance"]["nodes"][0]["file"]["relative_path"],
        "../grain.zspy"
    );
    let peaks = succeed(folder, &["show", "out/disks.zspy"]);
    assert!(peaks.contains("(40, 56 | 128, 112) peaks"), "{peaks}");
}

#[test]
fn what_cannot_be_done_is_said_with_its_exit_code() {
    let work = workplace();
    let folder = work.path();
    let refused = |arguments: &[&str], code: i32, part: &str| {
        let output = run(folder, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    };
    let compute = |more: &[&'static str]| {
        let all = ["compute", "recipe.json", "--out", "out"];
        [&all[..], more].concat()
    };
    refused(
        &compute(&["--part", "4/3"]),
        2,
        "the parts of n are 1/n to n/n",
    );
    refused(&compute(&["--memory", "lots"]), 2, "give for example");
    refused(&compute(&["--input", "missing.npy"]), 1, "missing.npy");
    refused(
        &compute(&["--input", "other=grain.zspy"]),
        2,
        "no input `other`",
    );
    refused(&["compute", "grain.zspy", "--out", "out"], 2, "grain.zspy");
    refused(&["combine", "."], 1, "no part of a result lies there");
    refused(&["show", "missing.zspy"], 1, "missing.zspy");
    let text = std::fs::read_to_string(folder.join("recipe.json")).unwrap();
    let wrong = text.replace("strain_map", "strain_mop");
    std::fs::write(folder.join("wrong.json"), wrong).unwrap();
    refused(&["compute", "wrong.json", "--out", "out"], 2, "strain_map");
    assert!(!folder.join("out").exists());
}
