//! Which array of a container is read: one rule for HDF5 and Zarr.
//!
//! Of all arrays, in all groups and behind all links, the only one with frames (two axes at least, pixels of a
//! type that is read) is taken, and a caveat names it if there are others. Otherwise `dataset` must name one,
//! or a group with one, and the error lists what there is.

use std::path::Path;

use signal::{Caveat, SourceError, nearest_names};

use crate::pixel::{NoPixel, Pixel, Tool};

/// Arrays named in an error; the nearest or those with frames come first.
const MOST_NAMES: usize = 20;

/// One array, as far as its description tells.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Path inside the container: `scan/raw`.
    pub name: String,
    pub shape: Vec<usize>,
    pub pixel: Result<Pixel, NoPixel>,
    /// Why it cannot be read: `external link to run_000001.h5, which is not there`.
    pub fault: Option<String>,
    /// What it is made of, if not of its own chunks: `virtual`.
    pub remark: Option<String>,
}

impl Listed {
    pub fn array(name: String, shape: Vec<usize>, pixel: Result<Pixel, NoPixel>) -> Self {
        Listed {
            name,
            shape,
            pixel,
            fault: None,
            remark: None,
        }
    }

    /// Something of which no array could be found.
    pub fn broken(name: String, fault: String) -> Self {
        Listed {
            fault: Some(fault),
            ..Listed::array(name, Vec::new(), Err(NoPixel::Text))
        }
    }

    fn has_frames(&self) -> bool {
        self.fault.is_none()
            && self.pixel.is_ok()
            && self.shape.len() >= 2
            && !self.shape.contains(&0)
    }

    /// `scan/raw (4, 6, 8, 10) u16`.
    fn text(&self) -> String {
        if let Some(fault) = &self.fault {
            return format!("{} ({fault})", self.name);
        }
        let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let pixel = match &self.pixel {
            Ok(pixel) => pixel.element.to_string(),
            Err(found) => found.name(),
        };
        let remark = self
            .remark
            .as_ref()
            .map_or_else(String::new, |remark| format!(", {remark}"));
        format!("{} ({}) {pixel}{remark}", self.name, sizes.join(", "))
    }
}

/// What is read, and what is said about the choice.
pub struct Chosen {
    /// Place in the list.
    pub at: usize,
    pub caveat: Option<Caveat>,
}

/// The only array with frames.
///
/// # Errors
/// [`SourceError::Invalid`] with the list when it is not one.
pub fn only(path: &Path, listed: &[Listed]) -> Result<Chosen, SourceError> {
    only_of(path, listed, |_| true, "")
}

/// The array that `dataset` names, or the only one with frames in the group that it names.
///
/// # Errors
/// [`SourceError::Invalid`] with the nearest names first.
pub fn named(path: &Path, wanted: &str, listed: &[Listed]) -> Result<Chosen, SourceError> {
    let wanted = wanted.trim().trim_matches('/');
    if let Some(at) = listed.iter().position(|array| array.name == wanted) {
        let array = &listed[at];
        if let Some(fault) = &array.fault {
            return Err(SourceError::Invalid {
                what: format!("{}: `{wanted}` cannot be read: {fault}", path.display()),
                remedy:
                    "copy what is missing beside this file, or name another array with `dataset`"
                        .into(),
            });
        }
        return Ok(Chosen { at, caveat: None });
    }
    let prefix = format!("{wanted}/");
    let is_below = |array: &Listed| wanted.is_empty() || array.name.starts_with(&prefix);
    if listed.iter().any(is_below) {
        return only_of(path, listed, is_below, wanted);
    }
    Err(none_such(path, wanted, listed))
}

/// What there is instead of what was named, the nearest names first.
pub fn none_such(path: &Path, wanted: &str, listed: &[Listed]) -> SourceError {
    let all = listed.iter().map(|array| array.name.as_str());
    let names = nearest_names(wanted, all, MOST_NAMES);
    let mut order: Vec<&Listed> = (names.iter())
        .filter_map(|name| listed.iter().find(|array| array.name == **name))
        .collect();
    order.extend(
        listed
            .iter()
            .filter(|array| !names.contains(&array.name.as_str())),
    );
    let has = match listed.is_empty() {
        true => "it has none at all".to_owned(),
        false => format!("it has {}", texts(&order)),
    };
    SourceError::Invalid {
        what: format!("{} has no array or group `{wanted}`; {has}", path.display()),
        remedy: remedy(path, &order),
    }
}

fn only_of(
    path: &Path,
    listed: &[Listed],
    is_meant: impl Fn(&Listed) -> bool,
    group: &str,
) -> Result<Chosen, SourceError> {
    let meant: Vec<usize> = (0..listed.len())
        .filter(|at| is_meant(&listed[*at]))
        .collect();
    let with_frames: Vec<usize> = (meant.iter().copied())
        .filter(|at| listed[*at].has_frames())
        .collect();
    if let [at] = with_frames.as_slice() {
        let others: Vec<&Listed> = (meant.iter().filter(|other| *other != at))
            .map(|other| &listed[*other])
            .collect();
        let caveat = (!others.is_empty()).then(|| {
            Caveat::new(
                "array_chosen",
                format!(
                    "the array {} was read, the only one with frames; there is also {}",
                    listed[*at].text(),
                    texts(&others)
                ),
            )
        });
        return Ok(Chosen { at: *at, caveat });
    }
    let place = match group {
        "" => path.display().to_string(),
        group => format!("{}: the group `{group}`", path.display()),
    };
    let mut order: Vec<&Listed> = with_frames.iter().map(|at| &listed[*at]).collect();
    // A scan before a mask.
    order.sort_by_key(|array| std::cmp::Reverse(array.shape.len()));
    order.extend(
        (meant.iter())
            .filter(|at| !with_frames.contains(at))
            .map(|at| &listed[*at]),
    );
    if order.is_empty() {
        return Err(SourceError::Invalid {
            what: format!("{place} holds no array"),
            remedy:
                "check that it was copied as a whole; if so, open the file that holds the frames"
                    .into(),
        });
    }
    // One array that has no frames is refused for its own reason.
    if let ([at], []) = (meant.as_slice(), with_frames.as_slice())
        && let (None, Err(found)) = (&listed[*at].fault, &listed[*at].pixel)
    {
        return Err(found.refused(path, Tool::NumPy));
    }
    let count = match with_frames.len() {
        0 => "no array with frames".to_owned(),
        count => format!("{count} arrays with frames"),
    };
    Err(SourceError::Invalid {
        what: format!("{place} holds {count}; it has {}", texts(&order)),
        remedy: remedy(path, &order),
    })
}

fn texts(listed: &[&Listed]) -> String {
    let shown: Vec<String> = listed
        .iter()
        .take(MOST_NAMES)
        .map(|array| array.text())
        .collect();
    let more = match listed.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

fn remedy(path: &Path, order: &[&Listed]) -> String {
    let readable = order
        .iter()
        .find(|array| array.fault.is_none() && array.pixel.is_ok());
    match readable {
        Some(array) => format!(
            "name the array to read: `open_with({:?}, Open {{ dataset: {:?}.into(), ..default() }})?`",
            path.file_name().unwrap_or_default().to_string_lossy(),
            array.name
        ),
        None => "nothing in it can be read; open the file that holds the frames".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize]) -> Listed {
        Listed::array(name.into(), shape.to_vec(), Ok(Pixel::of('u', 2).unwrap()))
    }

    #[test]
    fn the_only_array_with_frames_is_taken_and_named() {
        let path = Path::new("a.h5");
        let chosen = only(path, &[array("scan/raw", &[4, 6, 8, 10])]).unwrap();
        assert_eq!((chosen.at, chosen.caveat), (0, None));
        let listed = [
            array("small", &[3]),
            array("empty", &[0, 4]),
            array("scan/raw", &[4, 6, 8, 10]),
        ];
        let chosen = only(path, &listed).unwrap();
        assert_eq!(chosen.at, 2);
        let text = chosen.caveat.unwrap().text;
        assert!(
            text.contains("scan/raw (4, 6, 8, 10) u16") && text.contains("small (3) u16"),
            "{text}"
        );
    }

    #[test]
    fn several_are_listed_and_a_group_narrows_them() {
        let path = Path::new("a.h5");
        let listed = [
            array("mask", &[6, 8]),
            array("entry/data", &[12, 6, 8]),
            Listed::broken(
                "entry/more".into(),
                "external link to b.h5, which is not there".into(),
            ),
        ];
        let error = only(path, &listed).err().unwrap();
        for part in [
            "2 arrays with frames",
            "mask (6, 8) u16",
            "entry/more (external link to b.h5",
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(
            error.remedy().contains("dataset: \"entry/data\""),
            "{}",
            error.remedy()
        );
        assert_eq!(named(path, "/entry/", &listed).unwrap().at, 1);
        assert_eq!(named(path, "entry/data", &listed).unwrap().at, 1);
        let error = named(path, "entry/more", &listed).err().unwrap();
        assert!(
            error.to_string().contains("external link to b.h5"),
            "{error}"
        );
        let error = named(path, "entry/dta", &listed).err().unwrap();
        assert!(
            error.to_string().contains("it has entry/data (12, 6, 8)"),
            "{error}"
        );
        assert!(only(path, &[]).is_err());
    }
}
