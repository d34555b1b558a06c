//! Writing and removing the kernelspec (<https://jupyter-client.readthedocs.io/en/latest/kernels.html#kernel-specs>).

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::kernel::PROTOCOL_VERSION;

const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-svg.svg", include_bytes!("../logos/logo.svg")),
    ("logo-32x32.png", include_bytes!("../logos/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../logos/logo-64x64.png")),
];

/// Frames above this size are mapped, so that the system gets their memory back when they are freed.
/// With the C library's own, growing threshold they stay resident beyond the memory budget.
const DEFAULT_ENV: [(&str, &str); 1] = [("MALLOC_MMAP_THRESHOLD_", "262144")];

/// Where kernelspecs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The user's own Jupyter directory.
    User,
    /// `PREFIX/share/jupyter`.
    Prefix(PathBuf),
    /// The active Python environment.
    SysPrefix,
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("{action} {path}: {source}")]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("no {what} was found; give the place with --prefix")]
    NoPlace { what: &'static str },
    #[error(
        "kernel names hold letters, digits, '.', '_' and '-' only, but {name:?} was given; choose another --name"
    )]
    Name { name: String },
    #[error("no kernel named {name:?} in {path}; see `jupyter kernelspec list`")]
    NotInstalled { name: String, path: PathBuf },
    #[error("cannot find the path of this program: {0}; start it by its full path")]
    Program(io::Error),
}

/// What to install.
#[derive(Clone, Debug)]
pub struct Spec {
    pub name: String,
    pub display_name: String,
    /// Environment variables for the kernel.
    pub env: Vec<(String, String)>,
}

/// Writes the kernelspec and returns its directory. An older one of the same name is replaced.
///
/// # Errors
/// [`InstallError`] naming the path or the argument that is wrong.
pub fn install(place: &Place, spec: &Spec) -> Result<PathBuf, InstallError> {
    let directory = directory(place, &spec.name)?;
    let file_error = |action, path: &Path| {
        let path = path.to_owned();
        move |source| InstallError::File {
            action,
            path,
            source,
        }
    };
    fs::create_dir_all(&directory).map_err(file_error("cannot create", &directory))?;
    for (name, bytes) in LOGOS {
        let path = directory.join(name);
        fs::write(&path, bytes).map_err(file_error("cannot write", &path))?;
    }
    let path = directory.join("kernel.json");
    let text = format!("{:#}\n", kernel_json(&program()?, spec));
    fs::write(&path, text).map_err(file_error("cannot write", &path))?;
    Ok(directory)
}

/// Removes the kernelspec and returns the directory it was in.
///
/// # Errors
/// [`InstallError`] if there is none, or if it cannot be removed.
pub fn uninstall(place: &Place, name: &str) -> Result<PathBuf, InstallError> {
    let directory = directory(place, name)?;
    if !directory.join("kernel.json").is_file() {
        return Err(InstallError::NotInstalled {
            name: name.to_owned(),
            path: directory,
        });
    }
    fs::remove_dir_all(&directory).map_err(|source| InstallError::File {
        action: "cannot remove",
        path: directory.clone(),
        source,
    })?;
    Ok(directory)
}

fn kernel_json(program: &Path, spec: &Spec) -> Value {
    let env: Map<String, Value> = DEFAULT_ENV
        .into_iter()
        .chain(
            spec.env
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        )
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    json!({
        "argv": [program, "kernel", "-f", "{connection_file}"],
        "display_name": spec.display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "kernel_protocol_version": PROTOCOL_VERSION,
        "env": env,
        "metadata": { "debugger": false },
    })
}

fn directory(place: &Place, name: &str) -> Result<PathBuf, InstallError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(valid) {
        return Err(InstallError::Name {
            name: name.to_owned(),
        });
    }
    let jupyter = match place {
        Place::User => user_directory().ok_or(InstallError::NoPlace {
            what: "home directory",
        })?,
        Place::Prefix(prefix) => prefix.join("share/jupyter"),
        Place::SysPrefix => sys_prefix()
            .ok_or(InstallError::NoPlace {
                what: "active Python environment",
            })?
            .join("share/jupyter"),
    };
    Ok(std::path::absolute(&jupyter)
        .unwrap_or(jupyter)
        .join("kernels")
        // As Jupyter's own installation does: it looks for names in lower case.
        .join(name.to_lowercase()))
}

/// The user's data directory of Jupyter.
pub fn user_directory() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(directory) = set("JUPYTER_DATA_DIR") {
        return Some(directory);
    }
    let home = set("HOME")?;
    if cfg!(target_os = "macos") {
        return Some(home.join("Library/Jupyter"));
    }
    Some(
        set("XDG_DATA_HOME")
            .unwrap_or_else(|| home.join(".local/share"))
            .join("jupyter"),
    )
}

/// Where the inputs of kernels are kept, beside what else Jupyter keeps for this user. `None` when that
/// is not wanted (`SIGNALTREE_HISTORY=off`), or no folder of the user's is known.
pub fn history_folder() -> Option<PathBuf> {
    if env::var("SIGNALTREE_HISTORY").is_ok_and(|value| value == "off") {
        return None;
    }
    Some(user_directory()?.join("signaltree/history"))
}

/// The prefix of the active environment: as its activation says, else as Python says.
fn sys_prefix() -> Option<PathBuf> {
    let activated = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .find_map(env::var_os);
    activated.map(PathBuf::from).or_else(|| {
        let output = Command::new("python3")
            .args(["-c", "import sys; print(sys.prefix)"])
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout)
            .ok()
            .filter(|_| output.status.success())?;
        Some(PathBuf::from(text.trim()))
    })
}

/// The path the user started this program by: absolute, but with its links kept, so that an
/// upgrade behind a link does not break the kernel.
fn program() -> Result<PathBuf, InstallError> {
    let resolved = env::current_exe().map_err(InstallError::Program)?;
    let started = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let candidates: Vec<PathBuf> = if started.components().count() > 1 {
        std::path::absolute(&started).into_iter().collect()
    } else {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .map(|directory| directory.join(&started))
            .filter(|path| path.is_absolute())
            .collect()
    };
    let same = |path: &PathBuf| {
        let target = fs::canonicalize(path).ok();
        target.is_some() && target == fs::canonicalize(&resolved).ok()
    };
    Ok(candidates.into_iter().find(same).unwrap_or(resolved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec {
            name: "signaltree-test".into(),
            display_name: "SignalTree (Rust)".into(),
            env: vec![("SIGNALTREE_TEST_COMM".into(), "1".into())],
        }
    }

    #[test]
    fn a_spec_is_written_and_removed() {
        let prefix = tempfile::tempdir().unwrap();
        let place = Place::Prefix(prefix.path().to_owned());
        let directory = install(&place, &spec()).unwrap();
        assert_eq!(
            directory,
            prefix.path().join("share/jupyter/kernels/signaltree-test")
        );
        let text = fs::read_to_string(directory.join("kernel.json")).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["interrupt_mode"], "message");
        assert_eq!(json["env"]["SIGNALTREE_TEST_COMM"], "1");
        assert_eq!(json["env"]["MALLOC_MMAP_THRESHOLD_"], "262144");
        assert!(Path::new(json["argv"][0].as_str().unwrap()).is_absolute());
        assert!(json["metadata"].get("supported_encryption").is_none());
        for (name, _) in LOGOS {
            assert!(directory.join(name).is_file(), "{name}");
        }
        install(&place, &spec()).unwrap();
        uninstall(&place, "signaltree-test").unwrap();
        assert!(!directory.exists());
        assert!(matches!(
            uninstall(&place, "signaltree-test"),
            Err(InstallError::NotInstalled { .. })
        ));
    }

    #[test]
    fn a_name_cannot_leave_the_directory() {
        let place = Place::Prefix("/nowhere".into());
        assert!(directory(&place, "Lab-2.x").unwrap().ends_with("lab-2.x"));
        for name in ["", "..", "a/b", ".hidden", "a b"] {
            assert!(
                matches!(directory(&place, name), Err(InstallError::Name { .. })),
                "{name:?}"
            );
        }
    }
}
