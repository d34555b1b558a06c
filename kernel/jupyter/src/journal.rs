//! Where the journal of this kernel lies: by notebook, in the user's own folder.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use session::journal::Place;

const VARIABLE: &str = "SIGNALTREE_JOURNAL";

/// `None` when no journal is wanted, or no folder of the user's is known.
pub fn place() -> Option<Place> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = folder(&set)?;
    // Jupyter names the notebook; a kernel without one belongs to the folder it works in.
    let notebook = match set("JPY_SESSION_NAME") {
        Some(name) => std::path::absolute(name).ok()?,
        None => env::current_dir().ok()?,
    };
    Some(Place { folder, notebook })
}

fn folder(set: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    match set(VARIABLE) {
        Some(word) if word == "off" => return None,
        Some(folder) => return Some(folder.into()),
        None => {}
    }
    let below = |folder: OsString| PathBuf::from(folder).join("signaltree/journal");
    if let Some(folder) = set("JUPYTER_RUNTIME_DIR").or_else(|| set("XDG_STATE_HOME")) {
        return Some(below(folder));
    }
    let home = PathBuf::from(set("HOME")?);
    let state = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else {
        home.join(".local/state")
    };
    Some(below(state.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_users_own() {
        let with = |pairs: &'static [(&str, &str)]| {
            folder(&move |name: &str| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("SIGNALTREE_JOURNAL", "off"), ("HOME", "/h")]), None);
        let expected = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            with(&[("SIGNALTREE_JOURNAL", "/j"), ("HOME", "/h")]),
            expected("/j")
        );
        assert_eq!(
            with(&[("JUPYTER_RUNTIME_DIR", "/r"), ("HOME", "/h")]),
            expected("/r/signaltree/journal")
        );
        assert_eq!(
            with(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]),
            expected("/s/signaltree/journal")
        );
    }
}
