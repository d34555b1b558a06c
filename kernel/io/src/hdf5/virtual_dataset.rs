//! Virtual HDF5 arrays, and series of arrays in numbered files: boxes of one array that lie in others.
//!
//! Specification: HDF5 File Format 3.0, III.E "Virtual Dataset Global Heap Block" and the encodings of selections.
//! Read are mappings of boxes and of frames that take turns between files; both must have the same shape.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use hdf5_reader::error::{Error, Result as Hdf5Result};
use hdf5_reader::global_heap::GlobalHeapCollection;
use hdf5_reader::io::Cursor;
use signal::SourceError;

use crate::hdf5::array::{Description, Pixels, Stored, stored};
use crate::hdf5::links::{ArrayAt, Files, Found, Opened, Place};
use crate::hdf5::selection::{Along, Selection, Wanted, selection};
use crate::storage::chunk::copy_box;
use crate::storage::pixel::Pixel;

/// Virtual arrays inside virtual arrays.
const MAX_LEVELS: usize = 4;
/// Mappings of one array; each names a file.
const MAX_MAPPINGS: u64 = 1 << 16;

/// An array of which boxes lie in other arrays; where none does, it has its fill value.
pub struct Virtual {
    shape: Vec<usize>,
    pieces: Vec<Piece>,
    /// One pixel in the form of frames.
    fill: Vec<u8>,
}

/// A box of an array, one range per axis.
type Ranges = Vec<Range<usize>>;

struct Piece {
    from: Arc<Stored>,
    here: Selection,
    there: Selection,
}

/// Where the name of a mapping leads.
struct Mapping {
    file: String,
    array: String,
    there: Wanted,
    here: Wanted,
}

/// Opens an array whatever it is made of.
///
/// # Errors
/// [`SourceError`] naming what is not there or not read.
pub fn open(
    files: &Files,
    array: &ArrayAt,
    description: &Description,
) -> Result<Stored, SourceError> {
    open_level(files, array, description, 0)
}

fn open_level(
    files: &Files,
    array: &ArrayAt,
    description: &Description,
    level: usize,
) -> Result<Stored, SourceError> {
    let Some(place) = description.virtual_at else {
        return stored(array, description);
    };
    let opened = array.opened();
    let refused = |what: String, remedy: &str| {
        let reason = format!("the virtual array `{}` {what}", array.name);
        SourceError::unsupported(&opened.path, reason, remedy)
    };
    let by_name = "open the files that hold its frames one by one";
    if level >= MAX_LEVELS {
        return Err(refused(
            "is made of virtual arrays, which lead in a circle or too deep".into(),
            by_name,
        ));
    }
    let mappings = mappings(opened, place).map_err(|error| match error {
        Error::UnsupportedEncoding(what) => refused(what, by_name),
        error => SourceError::damaged(
            &opened.path,
            format!("the virtual array `{}`", array.name),
            error.to_string(),
        ),
    })?;
    let pixel = match &description.pixel {
        Ok(pixel) => *pixel,
        Err(found) => return Err(found.refused(&opened.path, crate::storage::pixel::Tool::NumPy)),
    };
    let root = opened
        .root()
        .map_err(|error| SourceError::damaged(&opened.path, "the root group", error.to_string()))?;
    let mut pieces = Vec::new();
    for mapping in mappings {
        let name = match mapping.file.as_str() {
            "." => format!("`{}` of the same file", mapping.array),
            file => format!("`{}` in {file}", mapping.array),
        };
        let missing = |fault: String| {
            SourceError::Invalid {
            what: format!(
                "{}: the virtual array `{}` needs {name}, {fault}",
                opened.path.display(),
                array.name
            ),
            remedy: "copy the files that belong together into one folder, or open those that are there one by one".into(),
        }
        };
        let source = find(files, &root, &mapping).map_err(missing)?;
        let found = Description::of(&source).map_err(missing)?;
        let (Some(here), Some(there)) = (
            mapping.here.in_shape(&description.shape),
            mapping.there.in_shape(&found.shape),
        ) else {
            return Err(refused(
                format!(
                    "takes pixels from {name} by a selection that is not read or does not fit its shape {:?}",
                    found.shape
                ),
                by_name,
            ));
        };
        if here.sizes() != there.sizes() {
            return Err(refused(
                format!("gives pixels of {name} another shape"),
                by_name,
            ));
        }
        if found.pixel.as_ref().map(|other| other.element) != Ok(pixel.element) {
            return Err(refused(
                format!("has another pixel type than {name}"),
                by_name,
            ));
        }
        let from = Arc::new(open_level(files, &source, &found, level + 1)?);
        pieces.push(Piece { from, here, there });
    }
    let one = (description.fill.clone()).filter(|fill| fill.len() == pixel.bytes());
    let fill = pixel.decoded(one.unwrap_or_else(|| vec![0; pixel.bytes()]));
    Ok(Stored::Many(Virtual {
        shape: description.shape.clone(),
        pieces,
        fill,
    }))
}

fn find(files: &Files, root: &Place, mapping: &Mapping) -> Result<ArrayAt, String> {
    let linked;
    let root = match mapping.file.as_str() {
        "." => root,
        file => {
            linked = files.linked(&root.opened, file)?.root();
            linked.as_ref().map_err(|error| error.to_string())?
        }
    };
    match files.at(root, &format!("/{}", mapping.array.trim_start_matches('/'))) {
        Ok(Found::Array(array)) => Ok(array),
        Ok(Found::Group(_)) => Err("which is a group".into()),
        Err(_) => Err("which is not there".into()),
    }
}

/// The mappings of a virtual array.
fn mappings(opened: &Opened, (address, index): (u64, u32)) -> Hdf5Result<Vec<Mapping>> {
    let file = &opened.file;
    let superblock = file.superblock();
    if Cursor::is_undefined_offset(address, superblock.offset_size) {
        return Ok(Vec::new());
    }
    let heap = GlobalHeapCollection::parse_at_storage(
        file.storage(),
        address,
        superblock.offset_size,
        superblock.length_size,
    )?;
    let index =
        u16::try_from(index).map_err(|_| Error::InvalidData("no such heap object".into()))?;
    let object = heap.get_object(index);
    let object = object.ok_or_else(|| Error::InvalidData("no such heap object".into()))?;
    let mut cursor = Cursor::new(&object.data);
    let version = cursor.read_u8()?;
    if version != 0 {
        return Err(Error::UnsupportedEncoding(format!(
            "has mappings of version {version}, which are not read"
        )));
    }
    let count = cursor.read_length(superblock.length_size)?;
    if count > MAX_MAPPINGS {
        return Err(Error::InvalidData(format!("{count} mappings")));
    }
    let mut found = Vec::new();
    for _ in 0..count {
        let file = cursor.read_null_terminated_string()?;
        let array = cursor.read_null_terminated_string()?;
        if file.contains('%') || array.contains('%') {
            let what = "goes on over any number of files (`%b`), which is not read";
            return Err(Error::UnsupportedEncoding(what.into()));
        }
        found.push(Mapping {
            file,
            array,
            there: selection(&mut cursor)?,
            here: selection(&mut cursor)?,
        });
    }
    Ok(found)
}

impl Virtual {
    /// Arrays one after the other along their first axis.
    pub fn series(parts: Vec<(Stored, Vec<usize>)>) -> Option<Self> {
        let mut shape = parts.first()?.1.clone();
        shape[0] = 0;
        let mut pieces = Vec::new();
        for (from, own) in parts {
            if own.contains(&0) {
                return None;
            }
            let there = Selection::whole(&own)?;
            let mut along: Vec<Along> = own.iter().map(|size| Along::run(0, *size)).collect();
            along[0] = Along::run(shape[0], own[0]);
            shape[0] = shape[0].checked_add(own[0])?;
            pieces.push(Piece {
                from: Arc::new(from),
                here: Selection::of(&along)?,
                there,
            });
        }
        Some(Virtual {
            shape,
            pieces,
            fill: Vec::new(),
        })
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Pixels that lie in none of the other arrays, and all pixels.
    pub fn uncovered(&self) -> (usize, usize) {
        let all = self.shape.iter().product::<usize>();
        let covered = self
            .pieces
            .iter()
            .map(|piece| piece.here.pixels())
            .sum::<usize>();
        (all.saturating_sub(covered), all)
    }

    /// Chunks of the first piece, as far as its axes are those of the whole.
    pub fn chunk(&self) -> Option<Vec<usize>> {
        let piece = self.pieces.first()?;
        let chunk = piece.from.chunk()?;
        (chunk.len() == self.shape.len() && piece.here.is_box()).then_some(chunk)
    }

    /// As [`Stored::files`], each once.
    pub fn files(&self) -> Vec<&Arc<Opened>> {
        let mut seen = HashSet::new();
        (self.pieces.iter().flat_map(|piece| piece.from.files()))
            .filter(|file| seen.insert(Arc::as_ptr(file)))
            .collect()
    }

    /// As [`Stored::read`].
    pub fn read(&self, pixel: &Pixel, ranges: &[Range<usize>]) -> Result<Pixels, SourceError> {
        let sizes: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let width = pixel.element.size_bytes();
        let count = sizes.iter().product::<usize>();
        let mut target = match self.fill.iter().any(|byte| *byte != 0) {
            true => self.fill.repeat(count),
            false => vec![0; count * width],
        };
        for piece in &self.pieces {
            for (here, there) in piece.boxes(ranges) {
                let pixels = piece.from.read(pixel, &there)?;
                let sizes_here: Vec<usize> = here.iter().map(ExactSizeIterator::len).collect();
                let origin: Vec<usize> = (here.iter().zip(ranges))
                    .map(|(box_, all)| box_.start - all.start)
                    .collect();
                copy_box(
                    pixels.as_ref(),
                    &sizes_here,
                    &mut target,
                    &sizes,
                    &origin,
                    width,
                );
            }
        }
        Ok(Pixels::new(target))
    }
}

impl Piece {
    /// The boxes of this piece inside `wanted`, each with the box of the other array that holds its pixels.
    fn boxes(&self, wanted: &[Range<usize>]) -> Vec<(Ranges, Ranges)> {
        let cut = |range: &Range<usize>, by: &Range<usize>| {
            range.start.max(by.start)..range.end.min(by.end)
        };
        let mut here = self.here.ranges.clone();
        let mut there = self.there.ranges.clone();
        // Axes of the box other than the counted one, in both arrays, in order, those of one left out.
        let inner = |selection: &Selection| -> Vec<usize> {
            (0..selection.ranges.len())
                .filter(|at| *at != selection.axis && selection.ranges[*at].len() != 1)
                .collect()
        };
        for at in 0..here.len() {
            if at == self.here.axis {
                continue;
            }
            let all = here[at].clone();
            here[at] = cut(&all, &wanted[at]);
            if here[at].is_empty() {
                return Vec::new();
            }
        }
        for (ours, theirs) in inner(&self.here).into_iter().zip(inner(&self.there)) {
            let skipped = here[ours].start - self.here.ranges[ours].start;
            let start = there[theirs].start + skipped;
            there[theirs] = start..start + here[ours].len();
        }
        let mut boxes = Vec::new();
        for run in self.here.runs(&wanted[self.here.axis]) {
            // In the other array the same lines may lie apart.
            let mut first = run.start;
            while first < run.end {
                let left = self.there.block - first % self.there.block;
                let lines = left.min(run.end - first);
                let (begin, source) = (self.here.line(first), self.there.line(first));
                here[self.here.axis] = begin..begin + lines;
                there[self.there.axis] = source..source + lines;
                boxes.push((here.clone(), there.clone()));
                first += lines;
            }
        }
        boxes
    }
}
