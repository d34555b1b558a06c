//! Which array of a container is read: one rule for HDF5 and Zarr.
//!
//! Of all arrays, in all groups and behind all links, the only one with frames (two axes at least, pixels of a
//! type that is read) is taken, and a caveat names it if there are others. Otherwise `dataset` must name one,
//! or a group with one, and the error lists what there is.

use std::path::Path;

use signal::{Caveat, SourceError, edits};

use crate::storage::pixel::{NoPixel, Pixel, Tool};

/// Arrays named in an error; a name that was nearly written and those with frames come first.
const MAX_NAMES: usize = 20;

/// Edits between a name and what is taken for a slip in writing it.
const SLIP: usize = 2;

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
        self.can_be_shown() && self.shape.len() >= 2
    }

    /// Frames, or one row of numbers.
    fn can_be_shown(&self) -> bool {
        self.fault.is_none() && self.pixel.is_ok() && self.nothing_to_show().is_none()
    }

    /// Why an array of this shape shows nothing.
    fn nothing_to_show(&self) -> Option<&'static str> {
        match self.shape.as_slice() {
            [] => Some("is a single number, not frames"),
            shape if shape.contains(&0) => Some("has an axis of size 0, so that it holds no pixel"),
            _ => None,
        }
    }

    /// Number of axes of an array with frames: a scan has more than a mask. 0 without frames.
    fn rank_of_frames(&self) -> usize {
        match self.has_frames() {
            true => self.shape.len(),
            false => 0,
        }
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

/// What there is instead of what was named: a slip in writing it, then arrays with frames, scans before masks.
pub fn none_such(path: &Path, wanted: &str, listed: &[Listed]) -> SourceError {
    let mut order: Vec<&Listed> = listed.iter().collect();
    order.sort_by_cached_key(|array| {
        let edits = edits(&wanted.to_lowercase(), &array.name.to_lowercase());
        let (is_slip, nearness) = (edits <= SLIP, std::cmp::Reverse(edits));
        std::cmp::Reverse((is_slip, array.rank_of_frames(), nearness))
    });
    let has = match listed.is_empty() {
        true => "it has none at all".to_owned(),
        false => format!("it has {}", texts(&order)),
    };
    SourceError::Invalid {
        what: format!("{} has no array or group `{wanted}`; {has}", path.display()),
        remedy: remedy(path, &order),
    }
}

/// Why an array that was meant shows nothing, if it does, and what of `listed` would.
pub fn refuse_without_pixels(
    path: &Path,
    meant: &Listed,
    listed: impl FnOnce() -> Vec<Listed>,
) -> Result<(), SourceError> {
    let (None, Ok(_), Some(why)) = (&meant.fault, &meant.pixel, meant.nothing_to_show()) else {
        return Ok(());
    };
    let listed = listed();
    let mut others: Vec<&Listed> = (listed.iter())
        .filter(|other| other.name != meant.name && other.can_be_shown())
        .collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.rank_of_frames()));
    let also = match others.is_empty() {
        true => String::new(),
        false => format!("; there is {}", texts(&others)),
    };
    let remedy = match others.is_empty() {
        true => nothing_shown(&[meant]).into(),
        false => remedy(path, &others),
    };
    let reason = format!("{} {why}{also}", meant.text());
    Err(SourceError::unsupported(path, reason, remedy))
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
    let mut order: Vec<&Listed> = meant.iter().map(|at| &listed[*at]).collect();
    // A scan before a mask.
    order.sort_by_key(|array| std::cmp::Reverse(array.rank_of_frames()));
    if order.is_empty() {
        return Err(SourceError::Invalid {
            what: format!("{place} holds no array"),
            remedy:
                "check that it was copied as a whole; if so, open the file that holds the frames"
                    .into(),
        });
    }
    // One array that has no frames is refused for its own reason.
    if let ([at], []) = (meant.as_slice(), with_frames.as_slice()) {
        if let (None, Err(found)) = (&listed[*at].fault, &listed[*at].pixel) {
            return Err(found.refused(path, Tool::NumPy));
        }
        refuse_without_pixels(path, &listed[*at], || listed.to_vec())?;
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
        .take(MAX_NAMES)
        .map(|array| array.text())
        .collect();
    let more = match listed.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

fn remedy(path: &Path, order: &[&Listed]) -> String {
    match order.iter().find(|array| array.can_be_shown()) {
        Some(array) => format!(
            "name the array to read: `open_with({:?}, Open {{ dataset: {:?}.into(), ..default() }})?`",
            path.file_name().unwrap_or_default().to_string_lossy(),
            array.name
        ),
        None => nothing_shown(order).into(),
    }
}

/// What to do about a container of which nothing can be shown.
fn nothing_shown(order: &[&Listed]) -> &'static str {
    match order.iter().any(|array| array.shape.contains(&0)) {
        true => {
            "open the file that holds the frames: an acquisition that was stopped before its first frame leaves one like this"
        }
        false => "nothing in it can be shown; open the file that holds the frames",
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

    #[test]
    fn a_remedy_names_an_array_that_opens() {
        let path = Path::new("run.h5");
        let listed = [
            array("detector/data_mask", &[6, 8]),
            array("detector/gain", &[]),
            array("detector/early", &[0, 6, 8]),
            array("entry/scan/frames", &[3, 4, 6, 8]),
        ];
        let offers = |error: SourceError, name: &str| {
            let remedy = error.remedy();
            assert!(remedy.contains(&format!("dataset: {name:?}")), "{remedy}");
        };
        // A scan rather than the mask of a similar name; a slip is what was meant.
        let named_wrongly = |wanted: &str| named(path, wanted, &listed).err().unwrap();
        offers(named_wrongly("detector/data"), "entry/scan/frames");
        offers(named_wrongly("Detector/data_msk"), "detector/data_mask");
        offers(named_wrongly("detector/gian"), "entry/scan/frames");
        let without = |at: usize| {
            refuse_without_pixels(path, &listed[at], || listed.to_vec())
                .err()
                .unwrap()
        };
        assert!(without(1).to_string().contains("is a single number"));
        assert!(without(2).to_string().contains("axis of size 0"));
        offers(without(1), "entry/scan/frames");
        offers(without(2), "entry/scan/frames");
        assert!(refuse_without_pixels(path, &listed[0], Vec::new).is_ok());
        // Alone, or with others of its kind, nothing is offered that would fail in its turn.
        for few in [&listed[1..2], &listed[2..3], &listed[1..3]] {
            let remedy = only(path, few).err().unwrap().remedy();
            assert!(
                !remedy.contains("dataset") && remedy.contains("open the file"),
                "{remedy}"
            );
        }
        // One row of numbers opens.
        let row = [array("detector/gain", &[]), array("energies", &[5])];
        offers(only(path, &row).err().unwrap(), "energies");
    }
}
