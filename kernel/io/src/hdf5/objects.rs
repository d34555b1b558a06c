//! Objects of an HDF5 file below what `hdf5-reader` gives: links as they are stored, and the messages of headers
//! that it refuses as a whole (virtual arrays).
//!
//! Specification: HDF5 File Format 3.0, sections III and IV.

use std::collections::HashSet;

use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::link::LinkTarget;
use hdf5_reader::messages::{
    self, MSG_ATTRIBUTE, MSG_CONTINUATION, MSG_DATA_LAYOUT, MSG_GROUP_INFO, MSG_LINK,
    MSG_LINK_INFO, MSG_SYMBOL_TABLE,
};
use hdf5_reader::symbol_table::SymbolTableNode;
use hdf5_reader::{Hdf5File, btree_v1, btree_v2, fractal_heap};

/// Header blocks of one object; more is a damaged chain.
const MAX_BLOCKS: usize = 256;
/// Bytes of the headers of one object.
const MAX_BYTES: usize = 16 << 20;
/// Links of one group that are looked at.
pub const MAX_LINKS: usize = 1 << 16;

/// A header message as it is stored.
pub struct Message {
    pub kind: u16,
    pub body: Vec<u8>,
    /// Whether the body says where the message is instead.
    pub is_shared: bool,
}

/// A name in a group.
#[derive(Clone, Debug)]
pub struct Link {
    pub name: String,
    pub target: LinkTarget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Group,
    Array,
    Other,
}

pub fn kind(messages: &[Message]) -> Kind {
    let has = |kinds: &[u16]| messages.iter().any(|message| kinds.contains(&message.kind));
    if has(&[MSG_DATA_LAYOUT]) {
        Kind::Array
    } else if has(&[MSG_SYMBOL_TABLE, MSG_LINK_INFO, MSG_LINK, MSG_GROUP_INFO]) {
        Kind::Group
    } else {
        Kind::Other
    }
}

/// All messages of the object header at an address, attributes left out.
///
/// # Errors
/// A header that is no header, or a chain of blocks without end.
pub fn header(file: &Hdf5File, address: u64) -> Result<Vec<Message>> {
    let storage = file.storage();
    let start = storage.read_range(address, 4)?;
    let mut reading = Reading {
        file,
        found: Vec::new(),
        blocks: Vec::new(),
        seen: HashSet::new(),
        bytes: 0,
        // Version 2: whether messages carry their order of creation.
        version2: None,
    };
    if start.as_ref() == b"OHDR" {
        reading.first_of_version_2(address)?;
    } else {
        let prefix = storage.read_range(address, 16)?;
        let mut cursor = Cursor::new(prefix.as_ref());
        let version = cursor.read_u8()?;
        if version != 1 {
            return Err(Error::UnsupportedObjectHeaderVersion(version));
        }
        cursor.skip(7)?;
        let size = u64::from(cursor.read_u32_le()?);
        reading.blocks.push((address.saturating_add(16), size));
    }
    reading.follow()?;
    Ok(reading.found)
}

struct Reading<'a> {
    file: &'a Hdf5File,
    found: Vec<Message>,
    /// Blocks that were announced and not read: first byte and length.
    blocks: Vec<(u64, u64)>,
    seen: HashSet<u64>,
    bytes: usize,
    version2: Option<bool>,
}

impl Reading<'_> {
    fn first_of_version_2(&mut self, address: u64) -> Result<()> {
        let prefix = self.file.storage().read_range(address, 6)?;
        let flags = prefix.as_ref()[5];
        let times = if flags & 0x20 != 0 { 16 } else { 0 };
        let phases = if flags & 0x10 != 0 { 4 } else { 0 };
        let width = 1 << (flags & 3);
        let at = address.saturating_add(6 + times + phases);
        let size = self.file.storage().read_range(at, width)?;
        let size = Cursor::new(size.as_ref()).read_uvar(width)?;
        self.version2 = Some(flags & 0x04 != 0);
        let first = at.saturating_add(width as u64);
        self.seen.insert(first);
        self.block(first, size)
    }

    fn follow(&mut self) -> Result<()> {
        while let Some((at, size)) = self.blocks.pop() {
            if !self.seen.insert(at) || self.seen.len() > MAX_BLOCKS {
                return Err(Error::InvalidData("header blocks without end".into()));
            }
            match self.version2 {
                None => self.block(at, size)?,
                // `OCHK`, messages, a checksum.
                Some(_) => {
                    let inside = size.checked_sub(8);
                    let inside =
                        inside.ok_or(Error::InvalidData("a header block of no size".into()))?;
                    self.block(at.saturating_add(4), inside)?;
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, at: u64, size: u64) -> Result<()> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > MAX_BYTES {
            return Err(Error::ResourceLimit(
                "headers of one object beyond 16 MiB".into(),
            ));
        }
        let block = self.file.storage().read_range(at, size)?;
        let mut cursor = Cursor::new(block.as_ref());
        let superblock = self.file.superblock();
        let head = match self.version2 {
            None => 8,
            Some(ordered) => 4 + if ordered { 2 } else { 0 },
        };
        while cursor.remaining() >= head {
            let (kind, length, flags) = match self.version2 {
                None => {
                    let (kind, length) = (cursor.read_u16_le()?, cursor.read_u16_le()?);
                    let flags = cursor.read_u8()?;
                    cursor.skip(3)?;
                    (kind, length, flags)
                }
                Some(ordered) => {
                    let (kind, length) = (u16::from(cursor.read_u8()?), cursor.read_u16_le()?);
                    let flags = cursor.read_u8()?;
                    cursor.skip(if ordered { 2 } else { 0 })?;
                    (kind, length, flags)
                }
            };
            if u64::from(length) > cursor.remaining() {
                break;
            }
            let body = cursor.read_bytes(usize::from(length))?;
            match kind {
                MSG_CONTINUATION => {
                    let mut inside = Cursor::new(body);
                    let first = inside.read_offset(superblock.offset_size)?;
                    let size = inside.read_length(superblock.length_size)?;
                    self.blocks.push((first, size));
                }
                MSG_ATTRIBUTE => {}
                kind => self.found.push(Message {
                    kind,
                    body: body.to_vec(),
                    is_shared: flags & 0x02 != 0,
                }),
            }
        }
        Ok(())
    }
}

/// The links of a group, in the order of their names.
///
/// # Errors
/// Damaged storage of links.
pub fn links(file: &Hdf5File, address: u64) -> Result<Vec<Link>> {
    let mut found = Vec::new();
    let superblock = file.superblock();
    for message in header(file, address)? {
        let mut cursor = Cursor::new(&message.body);
        let size = message.body.len();
        match message.kind {
            MSG_LINK => found.extend(link(file, &message.body)),
            MSG_LINK_INFO => {
                let info = messages::link_info::parse(
                    &mut cursor,
                    superblock.offset_size,
                    superblock.length_size,
                    size,
                )?;
                if !Cursor::is_undefined_offset(info.fractal_heap_address, superblock.offset_size) {
                    dense_links(file, &info, &mut found)?;
                }
            }
            MSG_SYMBOL_TABLE => {
                let btree = cursor.read_offset(superblock.offset_size)?;
                let heap = cursor.read_offset(superblock.offset_size)?;
                old_links(file, btree, heap, &mut found)?;
            }
            _ => {}
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.truncate(MAX_LINKS);
    Ok(found)
}

/// One stored link; links of kinds that other programs define are left out.
fn link(file: &Hdf5File, body: &[u8]) -> Option<Link> {
    let superblock = file.superblock();
    let mut cursor = Cursor::new(body);
    let (offset, length) = (superblock.offset_size, superblock.length_size);
    let link = messages::link::parse(&mut cursor, offset, length, body.len()).ok()?;
    Some(Link {
        name: link.name,
        target: link.target,
    })
}

/// Links of a large group: in a heap, indexed by their names.
fn dense_links(
    file: &Hdf5File,
    info: &messages::link_info::LinkInfoMessage,
    found: &mut Vec<Link>,
) -> Result<()> {
    let (storage, superblock) = (file.storage(), file.superblock());
    let (offset, length) = (superblock.offset_size, superblock.length_size);
    let heap = fractal_heap::FractalHeap::parse_at_storage(
        storage,
        info.fractal_heap_address,
        offset,
        length,
    )?;
    let index = info.btree_name_index_address;
    let index = btree_v2::BTreeV2Header::parse_at_storage(storage, index, offset, length)?;
    let records = btree_v2::collect_btree_v2_records_storage(
        storage,
        &index,
        offset,
        length,
        None,
        &[],
        None,
    )?;
    let mut cache = fractal_heap::FractalHeapDirectBlockCache::default();
    for record in records.iter().take(MAX_LINKS) {
        if let btree_v2::BTreeV2Record::LinkNameHash { heap_id, .. } = record {
            let body =
                heap.get_object_storage_cached(heap_id, storage, offset, length, &mut cache)?;
            found.extend(link(file, &body));
        }
    }
    Ok(())
}

/// Links of a group as files had them before HDF5 1.8, and as h5py still writes them.
fn old_links(file: &Hdf5File, btree: u64, heap: u64, found: &mut Vec<Link>) -> Result<()> {
    let (storage, superblock) = (file.storage(), file.superblock());
    let (offset, length) = (superblock.offset_size, superblock.length_size);
    let heap = LocalHeap::parse_at_storage(storage, heap, offset, length)?;
    let names = storage.read_range(
        heap.data_segment_address,
        usize::try_from(heap.data_segment_size).unwrap_or(usize::MAX),
    )?;
    let text = |at: u64| {
        let rest = usize::try_from(at)
            .ok()
            .and_then(|at| names.as_ref().get(at..))?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    };
    let leaves =
        btree_v1::collect_btree_v1_leaves_storage(storage, btree, offset, length, None, &[], None)?;
    for (_, address) in leaves {
        let head = storage.read_range(address, 8)?;
        let count = u16::from_le_bytes([head.as_ref()[6], head.as_ref()[7]]);
        let bytes = 8 + usize::from(count) * (2 * usize::from(offset) + 24);
        let node = storage.read_range(address, bytes)?;
        let node = SymbolTableNode::parse(&mut Cursor::new(node.as_ref()), offset, length)?;
        for entry in node.entries {
            if found.len() >= MAX_LINKS {
                return Ok(());
            }
            let Some(name) = text(entry.link_name_offset) else {
                continue;
            };
            // Of a soft link the address is undefined, and the scratch pad holds the place of its text.
            let target = match entry.cache_type {
                2 => {
                    let [a, b, c, d, ..] = entry.scratch;
                    let at = u64::from(u32::from_le_bytes([a, b, c, d]));
                    text(at).map(|path| LinkTarget::Soft { path })
                }
                _ => Some(LinkTarget::Hard {
                    address: entry.object_header_address,
                }),
            };
            found.extend(target.map(|target| Link { name, target }));
        }
    }
    Ok(())
}
