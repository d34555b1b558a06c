//! A map that we have saved, opened as the map it was: its images lie one after the other in the file, hyperspy's way. So does the
//! one number at each position of a file without signal axes.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal::{
    Access, Axes, CancelToken, Caveat, Chunk, ChunkId, Component, Composite, Display, ElementType,
    NavigationIndex, SignalKind, SignalMeta, Source, SourceError,
};

use crate::metadata::axes::NAVIGATION_ONLY;
use crate::metadata::tree::COMPONENT;
use crate::options::OpenOptions;
use crate::result::tree::names;
use crate::storage::binary::no_such_chunk;

/// The images of a map as frames of one number per image. A chunk is all images over one plane of the scan.
struct MapFile {
    path: PathBuf,
    images: Arc<dyn Source>,
    meta: SignalMeta,
    /// Whether the images lie along an axis of their own.
    stacked: bool,
}

/// The file as a map, if it is one that we have saved and nobody has cut since; else as it is. Who says how its axes are to
/// be read gets its images as frames.
pub fn as_map(path: &Path, source: Arc<dyn Source>, options: &OpenOptions) -> Arc<dyn Source> {
    let told = options.signal_axes.is_some() || options.scan.is_some();
    match map_meta(source.meta()).filter(|_| !told) {
        None => source,
        Some((meta, stacked)) => Arc::new(MapFile {
            path: path.into(),
            images: source,
            meta,
            stacked,
        }),
    }
}

fn map_meta(file: &SignalMeta) -> Option<(SignalMeta, bool)> {
    let own = &file.original["metadata"]["SignalTree"];
    if file.element.is_colour() {
        // Colours along navigation axes are an image.
        return None;
    }
    if own["kind"].is_null() && !file.element.is_complex() {
        return numbers_meta(file);
    }
    if own["kind"] != "map" || file.element != ElementType::F32 {
        return None;
    }
    let components: Vec<Component> = serde_json::from_value(own["components"].clone()).ok()?;
    let mut scan: Vec<_> = [&file.axes.navigation[..], &file.axes.signal[..]].concat();
    let stacked = scan.first().is_some_and(|axis| axis.name == COMPONENT);
    let images = if stacked { scan.remove(0).size } else { 1 };
    if components.is_empty() || images != components.len() {
        return None;
    }
    // Of a later release there may be some that this one cannot draw: their components can be seen.
    let composites = own["composites"].as_array().into_iter().flatten();
    let composites = composites
        .filter_map(|one| serde_json::from_value::<Composite>(one.clone()).ok())
        .filter(|one| one.planes(&components).is_some())
        .collect();
    let mut caveats = file.caveats.clone();
    if scan.is_empty() {
        // The numbers of a map without a scan lie along no axis of a frame.
        caveats.retain(|caveat| caveat.code != NAVIGATION_ONLY);
    }
    let named = format!(" ({})", names(&components));
    let title = file.title.strip_suffix(&named).unwrap_or(&file.title);
    Some((
        SignalMeta {
            title: title.to_owned(),
            kind: SignalKind::Map,
            axes: Axes::new(scan, Vec::new()),
            components,
            composites,
            caveats,
            ..file.clone()
        },
        stacked,
    ))
}

/// A file with navigation axes only has one number at each position.
fn numbers_meta(file: &SignalMeta) -> Option<(SignalMeta, bool)> {
    let is_told = |caveat: &Caveat| caveat.code == NAVIGATION_ONLY;
    file.caveats.iter().find(|caveat| is_told(caveat))?;
    let scan = [&file.axes.navigation[..], &file.axes.signal[..]].concat();
    if scan.len() > signal::MAX_NAVIGATION_RANK {
        return None;
    }
    let value = Component::new("value", &file.title, &file.value_units, Display::Sequential);
    let mut meta = SignalMeta {
        kind: SignalKind::Map,
        axes: Axes::new(scan, Vec::new()),
        element: ElementType::F32,
        components: vec![value],
        ..file.clone()
    };
    meta.caveats.retain(|caveat| !is_told(caveat));
    if file.element.as_float() != ElementType::F32 {
        let text = format!(
            "its {} are kept as f32, to seven digits; `Open {{ signal_axes: 2, ..default() }}` reads an image of them as it is",
            file.element
        );
        meta.add_caveat(Caveat::new("single_precision", text));
    }
    Some((meta, false))
}

impl MapFile {
    fn shape(&self) -> Vec<usize> {
        self.meta.axes.navigation_shape()
    }

    /// Axes of the scan that are not in an image.
    fn outer(&self) -> usize {
        self.shape().len().saturating_sub(2)
    }

    /// Position of the file's frames that holds an image over a plane of the scan.
    fn image_at(&self, component: usize, outer: &NavigationIndex) -> NavigationIndex {
        let stack = self.stacked.then_some(component);
        let index: Vec<usize> = (stack.into_iter())
            .chain(outer.as_slice().iter().copied())
            .take(self.images.meta().axes.navigation.len())
            .collect();
        NavigationIndex::new(&index)
    }
}

impl Source for MapFile {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let outer = self.outer();
        let index = at.as_slice().get(..outer).unwrap_or(&[]);
        ChunkId(NavigationIndex::new(index).flat(&self.shape()[..outer]) as u64)
    }

    fn chunks(&self) -> u64 {
        self.shape()[..self.outer()].iter().product::<usize>() as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        let (shape, outer) = (self.shape(), self.outer());
        let at = NavigationIndex::from_flat(chunk.0 as usize, &shape[..outer]);
        let plane = shape[outer..].iter().map(|size| 0..*size);
        (at.as_slice().iter().map(|index| *index..*index + 1))
            .chain(plane)
            .collect()
    }

    fn access(&self) -> Access {
        let frame_bytes = self.meta.components.len() * ElementType::F32.size_bytes();
        let frames_per_chunk = self.shape()[self.outer()..].iter().product();
        Access {
            frame_bytes,
            frames_per_chunk,
            chunk_bytes: frame_bytes * frames_per_chunk,
            mapped: false,
        }
    }

    fn files_beside(&self) -> Vec<PathBuf> {
        self.images.files_beside()
    }

    fn caveats(&self) -> Vec<Caveat> {
        self.images.caveats()
    }

    fn check(&self) -> Result<(), SourceError> {
        self.images.check()
    }

    fn is_as_opened(&self) -> bool {
        self.images.is_as_opened()
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.path, chunk, self.chunks()));
        }
        let (shape, outer, count) = (self.shape(), self.outer(), self.meta.components.len());
        let at = NavigationIndex::from_flat(chunk.0 as usize, &shape[..outer]);
        let positions: usize = shape[outer..].iter().product();
        let mut values = vec![f32::NAN; positions * count];
        // Of a map without a scan the file has all numbers in one frame.
        let in_frame = match self.images.meta().axes.navigation.is_empty() {
            true => count,
            false => 1,
        };
        let mut component = 0;
        while component < count {
            let place = self.image_at(component, &at);
            let inner = (self.images).read_chunk(self.images.chunk_at(place), cancel)?;
            let frame = inner.frame(place)?;
            for (flat, value) in frame.to_f32().iter().enumerate() {
                let (position, image) = (flat % positions, component + flat / positions);
                if let Some(place) = values.get_mut(position * count + image) {
                    *place = *value;
                }
            }
            component += in_frame;
        }
        let bytes: Vec<u8> = (values.iter().flat_map(|value| value.to_ne_bytes())).collect();
        Chunk::new(
            self.chunk_navigation(chunk),
            vec![count],
            ElementType::F32,
            signal::Block::new(bytes),
            0,
        )
    }
}
