//! The few structures of HDF5 that a result needs, as bytes.
//!
//! Specification: <https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html> (file format 3.0):
//! superblock 2, object headers 2 with links and attributes in them, chunks in a version 1 B-tree, texts
//! and lists in global heaps. Every library since HDF5 1.8 reads them.

use signal::ElementType;

pub const UNDEFINED: u64 = u64::MAX;
pub const SUPERBLOCK_BYTES: u64 = 48;
/// Children of one node of a chunk B-tree: twice the `K` that a version 2 superblock stands for.
const NODE_CHILDREN: usize = 64;
/// The library makes no smaller heap.
const SMALLEST_HEAP: usize = 4096;
/// Length, heap and number of one entry of a heap.
pub const REFERENCE_BYTES: usize = 16;

/// Type of an array or attribute.
#[derive(Clone, Copy)]
pub enum Type {
    Element(ElementType),
    Bool,
    /// UTF-8 of any length, in a heap.
    Text,
    /// Lists of any length, in a heap.
    List(ElementType),
}

/// One message of an object header.
pub struct Message {
    kind: u8,
    body: Vec<u8>,
}

pub fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut out = b"\x89HDF\r\n\x1a\n".to_vec();
    // Version, bytes of an address, bytes of a length, flags.
    out.extend([2, 8, 8, 0]);
    for address in [0, UNDEFINED, end, root] {
        out.extend(address.to_le_bytes());
    }
    checksummed(out)
}

/// An object: a group or an array, told by its messages.
pub fn object_header(messages: &[Message]) -> Vec<u8> {
    let size: usize = messages.iter().map(|message| 4 + message.body.len()).sum();
    let mut out = b"OHDR".to_vec();
    // Version 2; the size that follows has four bytes.
    out.extend([2, 2]);
    out.extend((size as u32).to_le_bytes());
    for message in messages {
        out.push(message.kind);
        out.extend((message.body.len() as u16).to_le_bytes());
        out.push(0);
        out.extend(&message.body);
    }
    checksummed(out)
}

/// What makes an object a group, before its links.
pub fn group() -> Vec<Message> {
    let mut info = vec![0, 0];
    info.extend([0xff; 16]);
    vec![
        Message {
            kind: 0x02,
            body: info,
        },
        Message {
            kind: 0x0a,
            body: vec![0, 0],
        },
    ]
}

/// `name` in a group is the object at `address`. `None` when the name is too long.
pub fn link(name: &str, address: u64) -> Option<Message> {
    let length = u16::try_from(name.len()).ok()?;
    // Version; length of the name in two bytes, its character set present; UTF-8.
    let mut body = vec![1, 0x11, 1];
    body.extend(length.to_le_bytes());
    body.extend(name.as_bytes());
    body.extend(address.to_le_bytes());
    (body.len() < usize::from(u16::MAX)).then_some(Message { kind: 0x06, body })
}

/// A single value of an object; `value` is a number, a truth value or a reference into a heap.
pub fn attribute(name: &str, kind: Type, value: &[u8]) -> Option<Message> {
    let (datatype, dataspace) = (datatype(kind), dataspace(&[]));
    let length = u16::try_from(name.len() + 1).ok()?;
    let mut body = vec![3, 0];
    body.extend(length.to_le_bytes());
    body.extend((datatype.len() as u16).to_le_bytes());
    body.extend((dataspace.len() as u16).to_le_bytes());
    body.push(1);
    body.extend(name.as_bytes());
    body.push(0);
    body.extend(datatype);
    body.extend(dataspace);
    body.extend(value);
    (body.len() < usize::from(u16::MAX)).then_some(Message { kind: 0x0c, body })
}

/// What makes an object an array, before its layout.
pub fn array(kind: Type, shape: &[usize]) -> Vec<Message> {
    vec![
        Message {
            kind: 0x01,
            body: dataspace(shape),
        },
        Message {
            kind: 0x03,
            body: datatype(kind),
        },
        // Version 3; space as it is needed, filled if a value were given: zeros.
        Message {
            kind: 0x05,
            body: vec![3, 0x0b],
        },
    ]
}

pub fn contiguous(address: u64, bytes: u64) -> Message {
    let mut body = vec![3, 1];
    body.extend(address.to_le_bytes());
    body.extend(bytes.to_le_bytes());
    Message { kind: 0x08, body }
}

pub fn chunked(tree: u64, chunk: &[usize], width: usize) -> Message {
    let mut body = vec![3, 2, chunk.len() as u8 + 1];
    body.extend(tree.to_le_bytes());
    for size in chunk.iter().chain(&[width]) {
        body.extend((*size as u32).to_le_bytes());
    }
    Message { kind: 0x08, body }
}

/// Bytes are shuffled, then deflated.
pub fn shuffle_and_deflate(width: usize, level: u32) -> Message {
    let mut body = vec![2, 2];
    for (filter, value) in [(2u16, width as u32), (1, level)] {
        body.extend(filter.to_le_bytes());
        // Not optional; one value.
        body.extend([0, 0, 1, 0]);
        body.extend(value.to_le_bytes());
    }
    Message { kind: 0x0b, body }
}

/// Groups the bytes of equal place in their elements.
pub fn shuffled(bytes: &[u8], width: usize) -> Vec<u8> {
    let count = bytes.len() / width;
    let mut out = Vec::with_capacity(bytes.len());
    for place in 0..width {
        out.extend((0..count).map(|at| bytes[at * width + place]));
    }
    out
}

/// One chunk in a file.
#[derive(Clone, Debug)]
pub struct ChunkEntry {
    /// Index of its first element.
    pub origin: Vec<u64>,
    pub address: u64,
    pub bytes: u32,
}

/// The nodes of the tree that finds chunks, with the address of its root: `allocate` reserves bytes in the
/// file. Chunks must be in C order.
pub fn chunk_tree(
    chunks: &[ChunkEntry],
    chunk: &[usize],
    width: usize,
    allocate: &mut dyn FnMut(u64) -> u64,
) -> (u64, Vec<(u64, Vec<u8>)>) {
    let key_bytes = 8 + 8 * (chunk.len() + 1);
    let node_bytes = (24 + NODE_CHILDREN * (key_bytes + 8) + key_bytes) as u64;
    let key = |entry: &ChunkEntry| {
        let mut key = entry.bytes.to_le_bytes().to_vec();
        key.extend([0; 4]);
        key.extend(entry.origin.iter().flat_map(|index| index.to_le_bytes()));
        key.extend([0; 8]);
        key
    };
    let beyond = |entry: &ChunkEntry| {
        let mut key = vec![0; 8];
        for (index, size) in entry.origin.iter().zip(chunk) {
            key.extend((index + *size as u64).to_le_bytes());
        }
        key.extend((width as u64).to_le_bytes());
        key
    };
    let Some(last) = chunks.last() else {
        return (UNDEFINED, Vec::new());
    };
    let mut nodes = Vec::new();
    let mut children: Vec<(Vec<u8>, u64)> = (chunks.iter())
        .map(|entry| (key(entry), entry.address))
        .collect();
    for level in 0u8.. {
        let groups: Vec<&[(Vec<u8>, u64)]> = children.chunks(NODE_CHILDREN).collect();
        let addresses: Vec<u64> = groups.iter().map(|_| allocate(node_bytes)).collect();
        for (at, group) in groups.iter().enumerate() {
            let neighbour = |at: Option<usize>| {
                at.and_then(|at| addresses.get(at))
                    .copied()
                    .unwrap_or(UNDEFINED)
            };
            let mut node = b"TREE".to_vec();
            node.extend([1, level]);
            node.extend((group.len() as u16).to_le_bytes());
            node.extend(neighbour(at.checked_sub(1)).to_le_bytes());
            node.extend(neighbour(at.checked_add(1)).to_le_bytes());
            for (key, child) in *group {
                node.extend(key);
                node.extend(child.to_le_bytes());
            }
            match groups.get(at + 1).and_then(|next| next.first()) {
                Some((key, _)) => node.extend(key),
                None => node.extend(beyond(last)),
            }
            node.resize(node_bytes as usize, 0);
            nodes.push((addresses[at], node));
        }
        let above: Vec<(Vec<u8>, u64)> = (groups.iter().zip(&addresses))
            .filter_map(|(group, address)| Some((group.first()?.0.clone(), *address)))
            .collect();
        if let [(_, root)] = above.as_slice() {
            return (*root, nodes);
        }
        children = above;
    }
    (UNDEFINED, nodes)
}

/// Texts or lists beside each other.
#[derive(Default)]
pub struct Heap {
    bytes: Vec<u8>,
    count: u16,
}

impl Heap {
    /// Adds an entry; its number, from 1, goes into the reference. `None` when the heap is full.
    pub fn add(&mut self, entry: &[u8]) -> Option<u32> {
        self.count = self.count.checked_add(1)?;
        self.bytes.extend(self.count.to_le_bytes());
        self.bytes.extend([0; 6]);
        self.bytes.extend((entry.len() as u64).to_le_bytes());
        self.bytes.extend(entry);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        Some(u32::from(self.count))
    }

    pub fn encoded(&self) -> Vec<u8> {
        let used = 16 + self.bytes.len();
        let size = used.max(SMALLEST_HEAP);
        let mut out = b"GCOL\x01\0\0\0".to_vec();
        out.extend((size as u64).to_le_bytes());
        out.extend(&self.bytes);
        let free = size - used;
        if free >= 16 {
            out.extend([0; 8]);
            out.extend((free as u64).to_le_bytes());
        }
        out.resize(size, 0);
        out
    }
}

/// `length` elements at `number` of the heap at `address`.
pub fn reference(length: usize, address: u64, number: u32) -> [u8; REFERENCE_BYTES] {
    let mut out = [0; REFERENCE_BYTES];
    out[..4].copy_from_slice(&(length as u32).to_le_bytes());
    out[4..12].copy_from_slice(&address.to_le_bytes());
    out[12..].copy_from_slice(&number.to_le_bytes());
    out
}

fn dataspace(shape: &[usize]) -> Vec<u8> {
    let mut out = vec![2, shape.len() as u8, 0, u8::from(!shape.is_empty())];
    out.extend(shape.iter().flat_map(|size| (*size as u64).to_le_bytes()));
    out
}

fn datatype(kind: Type) -> Vec<u8> {
    match kind {
        Type::Element(element) => number(element),
        Type::Bool => {
            // h5py's: an enumeration of two.
            let mut out = vec![0x18, 2, 0, 0, 1, 0, 0, 0];
            out.extend(number(ElementType::I8));
            out.extend(b"FALSE\0\0\0TRUE\0\0\0\0\x00\x01");
            out
        }
        Type::Text => {
            let mut out = vec![0x19, 0x01, 0x01, 0, REFERENCE_BYTES as u8, 0, 0, 0];
            out.extend(number(ElementType::U8));
            out
        }
        Type::List(element) => {
            let mut out = vec![0x19, 0, 0, 0, REFERENCE_BYTES as u8, 0, 0, 0];
            out.extend(number(element));
            out
        }
    }
}

fn number(element: ElementType) -> Vec<u8> {
    if element.is_complex() || element.is_colour() {
        return compound(element);
    }
    let big = u8::from(cfg!(target_endian = "big"));
    let bytes = element.size_bytes();
    let mut out = if element.is_float() {
        vec![0x11, 0x20 | big, bytes as u8 * 8 - 1, 0]
    } else {
        let signed = u8::from(element.name().starts_with('i')) << 3;
        vec![0x10, signed | big, 0, 0]
    };
    out.extend((bytes as u32).to_le_bytes());
    out.extend([0, 0]);
    out.extend((bytes as u16 * 8).to_le_bytes());
    match element {
        ElementType::F32 => out.extend([23, 8, 0, 23, 127, 0, 0, 0]),
        ElementType::F64 => out.extend([52, 11, 0, 52, 0xff, 3, 0, 0]),
        _ => {}
    }
    out
}

/// As h5py stores complex numbers and colours: a compound of the parts, version 3.
fn compound(element: ElementType) -> Vec<u8> {
    let part = element.part();
    let names: &[u8] = match element.is_complex() {
        true => b"ri",
        false => &b"RGBA"[..element.channels()],
    };
    let mut out = vec![0x36, names.len() as u8, 0, 0];
    out.extend((element.size_bytes() as u32).to_le_bytes());
    for (at, name) in names.iter().enumerate() {
        out.extend([*name, 0, (at * part.size_bytes()) as u8]);
        out.extend(number(part));
    }
    out
}

fn checksummed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = lookup3(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// Bob Jenkins' `hashlittle` (<http://burtleburtle.net/bob/c/lookup3.c>) with seed 0.
fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |part: &[u8], at: usize| {
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(part.iter().skip(at)) {
            *to = *from;
        }
        u32::from_le_bytes(word)
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_the_values_of_its_author() {
        // From the comments of lookup3.c.
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn shuffling_groups_bytes_by_their_place() {
        assert_eq!(shuffled(&[1, 2, 3, 4, 5, 6], 2), [1, 3, 5, 2, 4, 6]);
    }
}
