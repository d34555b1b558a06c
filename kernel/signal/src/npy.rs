//! Headers of NumPy arrays (`.npy`), versions 1 to 3: who opens such a file as a scan and who takes one as a parameter read them alike.
//!
//! Specification: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::ops::Range;

/// A header that is longer than this is not a header.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// What stands before the pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// As it is written: `'<u2'`, or the fields of a record `[('R', '|u1'), ('G', '|u1')]`.
    descr: String,
    pub fortran: bool,
    pub shape: Vec<usize>,
    /// First byte of the pixels.
    pub start: u64,
}

/// Why there is no header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NpyFault {
    /// It does not begin as such a file does.
    OtherFile,
    /// So many bytes at least would be there.
    CutOff { expected_bytes: u64 },
    /// A version of the format that is not known.
    Version(u8),
    /// What is wrong, in words.
    Damaged(String),
}

impl NpyHeader {
    pub const MAGIC: &[u8] = b"\x93NUMPY";
    /// Bytes at the beginning that say how long the header is.
    pub const PREFIX_BYTES: usize = 12;

    /// Where the text of the header lies, from the first bytes of a file.
    ///
    /// # Errors
    /// [`NpyFault`] when they do not begin a header.
    pub fn text_range(prefix: &[u8]) -> Result<Range<u64>, NpyFault> {
        let magic = prefix.len().min(NpyHeader::MAGIC.len());
        if prefix[..magic] != NpyHeader::MAGIC[..magic] {
            return Err(NpyFault::OtherFile);
        }
        let Some(prefix) = prefix.first_chunk::<{ NpyHeader::PREFIX_BYTES }>() else {
            let expected_bytes = NpyHeader::PREFIX_BYTES as u64;
            return Err(NpyFault::CutOff { expected_bytes });
        };
        let (start, bytes) = match prefix[6] {
            1 => (10, u64::from(u16::from_le_bytes([prefix[8], prefix[9]]))),
            2 | 3 => {
                let bytes = [prefix[8], prefix[9], prefix[10], prefix[11]];
                (12, u64::from(u32::from_le_bytes(bytes)))
            }
            version => return Err(NpyFault::Version(version)),
        };
        match bytes <= MAX_HEADER_BYTES {
            true => Ok(start..start + bytes),
            false => Err(NpyFault::Damaged(format!("a header of {bytes} bytes"))),
        }
    }

    /// The header of a file that is in memory.
    ///
    /// # Errors
    /// [`NpyFault`] when it does not begin with one.
    pub fn of(bytes: &[u8]) -> Result<Self, NpyFault> {
        let range = NpyHeader::text_range(&bytes[..bytes.len().min(NpyHeader::PREFIX_BYTES)])?;
        let text = bytes.get(range.start as usize..range.end as usize);
        let text = text.ok_or(NpyFault::CutOff {
            expected_bytes: range.end,
        })?;
        NpyHeader::parse(&String::from_utf8_lossy(text), range.end)
    }

    /// `{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4, 5), }`, behind which the pixels begin at byte `start`.
    ///
    /// # Errors
    /// [`NpyFault::Damaged`] naming what is missing or wrong.
    pub fn parse(text: &str, start: u64) -> Result<Self, NpyFault> {
        let damaged = |what: &str| NpyFault::Damaged(what.to_owned());
        let field = |name: &str| {
            let at = text
                .find(&format!("'{name}'"))
                .ok_or_else(|| damaged(&format!("the header has no '{name}'")))?;
            let value = &text[at + name.len() + 2..];
            Ok::<&str, NpyFault>(value.trim_start().trim_start_matches(':').trim_start())
        };
        let descr = field("descr")?;
        let descr = match descr.strip_prefix('[').and_then(|rest| rest.find(']')) {
            Some(end) => &descr[..end + 2],
            None => {
                let end = quoted(descr).map_or(descr.len(), |dtype| dtype.len() + 2);
                &descr[..end]
            }
        };
        let fortran = match field("fortran_order")? {
            value if value.starts_with("True") => true,
            value if value.starts_with("False") => false,
            _ => return Err(damaged("fortran_order is neither True nor False")),
        };
        let shape = field("shape")?
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(inside, _)| inside)
            .ok_or_else(|| damaged("the shape is not a tuple"))?
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            .map(|size| size.trim_end_matches('L').parse::<usize>().ok())
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| damaged("the shape has entries that are not sizes"))?;
        Ok(NpyHeader {
            descr: descr.to_owned(),
            // Of one axis both orders are the same.
            fortran: fortran && shape.len() > 1,
            shape,
            start,
        })
    }

    /// The type of the numbers: `<u2`. `None` for records.
    pub fn dtype(&self) -> Option<&str> {
        quoted(&self.descr)
    }

    /// Names and types of the fields of a record; `None` for other pixels.
    pub fn fields(&self) -> Option<Vec<(String, String)>> {
        let fields = self.descr.strip_prefix('[')?.strip_suffix(']')?;
        let fields = fields.split('(').skip(1).filter_map(|field| {
            let (name, dtype) = field.split_once(',')?;
            Some((quoted(name)?.to_owned(), quoted(dtype)?.to_owned()))
        });
        Some(fields.collect())
    }
}

fn quoted(text: &str) -> Option<&str> {
    Some(text.trim_start().strip_prefix('\'')?.split_once('\'')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, header: &str, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = [NpyHeader::MAGIC, &[version, 0]].concat();
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        [&bytes, header.as_bytes(), pixels].concat()
    }

    #[test]
    fn every_version_and_order_is_read() {
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4L), }\n";
        for version in 1..=3 {
            let found = NpyHeader::of(&file(version, header, &[1, 2])).unwrap();
            assert_eq!((found.dtype(), found.fields()), (Some("<f4"), None));
            assert_eq!((found.fortran, &*found.shape), (true, &[3, 4][..]));
            let prefix = if version == 1 { 10 } else { 12 };
            assert_eq!(found.start, prefix + header.len() as u64);
        }
        let line = NpyHeader::parse("{'shape': (7,), 'fortran_order': True, 'descr': '|b1'}", 9);
        let line = line.unwrap();
        assert!(!line.fortran && line.dtype() == Some("|b1"));
    }

    #[test]
    fn records_have_fields() {
        let text =
            "{'descr': [('R', '|u1'), ('G', '|u1')], 'fortran_order': False, 'shape': (2, 3)}";
        let found = NpyHeader::parse(text, 0).unwrap();
        let pair = |name: &str| (name.to_owned(), "|u1".to_owned());
        assert_eq!(found.fields(), Some(vec![pair("R"), pair("G")]));
        assert_eq!(found.dtype(), None);
    }

    #[test]
    fn what_is_no_header_is_named() {
        assert_eq!(NpyHeader::of(b"PNG and more"), Err(NpyFault::OtherFile));
        let cut = |expected_bytes| Err(NpyFault::CutOff { expected_bytes });
        assert_eq!(NpyHeader::of(b"\x93NUMPY\x01"), cut(12));
        assert_eq!(NpyHeader::of(b""), cut(12));
        let whole = file(1, "{'descr'", &[]);
        assert_eq!(NpyHeader::of(&[&whole[..14], &[]].concat()), cut(18));
        assert_eq!(
            NpyHeader::of(&file(9, "{}..", &[])),
            Err(NpyFault::Version(9))
        );
        for (text, what) in [
            ("{'fortran_order': False, 'shape': (1,)}", "no 'descr'"),
            (
                "{'descr': '<u2', 'fortran_order': 0, 'shape': (1,)}",
                "neither True",
            ),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': 3}",
                "tuple",
            ),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': (-1,)}",
                "not sizes",
            ),
        ] {
            let fault = NpyHeader::of(&file(2, text, &[])).unwrap_err();
            assert!(
                matches!(&fault, NpyFault::Damaged(why) if why.contains(what)),
                "{fault:?}"
            );
        }
        let long = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes()].concat();
        assert!(matches!(NpyHeader::of(&long), Err(NpyFault::Damaged(_))));
    }
}
