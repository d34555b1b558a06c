//! A picture in the bytes of a file, for operations that take one number for each pixel of a frame.

use std::sync::OnceLock;

use signal::{File, NotApplicable, NpyFault, NpyHeader, SignalMeta};

use crate::inputs::refuse;

/// Numbers in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

const AGAIN: &str = "write it again in Python: `np.save(FILE, array)`";

impl Picture {
    /// What `np.save` writes.
    ///
    /// # Errors
    /// [`NotApplicable`] that names the file and what of it is not as it should be.
    pub fn of(file: &File) -> Result<Self, NotApplicable> {
        let name = file.name();
        let wrong = |what: &str| refuse(format!("`{name}`: {what}"), AGAIN);
        let bytes = file.bytes().ok_or_else(|| wrong("the file was not read"))?;
        let header = NpyHeader::of(bytes).map_err(|fault| match fault {
            NpyFault::OtherFile | NpyFault::CutOff { .. } => wrong(
                "it is no NumPy array, or it is cut off: it does not begin as `np.save` begins one",
            ),
            NpyFault::Version(version) => wrong(&format!(
                "it is of version {version} of NumPy's format; 1 to 3 are read"
            )),
            NpyFault::Damaged(what) => wrong(&format!("its header is damaged: {what}")),
        })?;
        let dtype = header.dtype().unwrap_or("a record");
        let read = reader(dtype).ok_or_else(|| {
            let what = format!(
                "its numbers are `{dtype}`; truth values, whole numbers up to 64 bit and floating point of 32 and 64 bit are read"
            );
            refuse(format!("`{name}`: {what}"), AGAIN)
        })?;
        let count = header
            .shape
            .iter()
            .try_fold(1usize, |all, size| all.checked_mul(*size));
        let wanted = count.and_then(|count| count.checked_mul(read.bytes));
        let pixels = bytes.get(header.start as usize..).unwrap_or_default();
        let Some(pixels) = wanted.and_then(|wanted| pixels.get(..wanted)) else {
            return Err(wrong(
                "it is cut off: its header tells of more numbers than there are",
            ));
        };
        let values = pixels.chunks_exact(read.bytes).map(read.number).collect();
        Ok(in_c_order(header, values))
    }
}

fn in_c_order(header: NpyHeader, values: Vec<f64>) -> Picture {
    let NpyHeader { shape, fortran, .. } = header;
    let values = match shape[..] {
        [rows, columns] if fortran => (0..rows * columns)
            .map(|at| values[at % columns * rows + at / columns])
            .collect(),
        _ => values,
    };
    Picture { shape, values }
}

struct Reader {
    bytes: usize,
    number: fn(&[u8]) -> f64,
}

/// How numbers of a type are read: `<f4`, `|u1`, `>i2`.
fn reader(dtype: &str) -> Option<Reader> {
    macro_rules! numbers {
        ($dtype:ident; $($code:literal: $rust:ty),*) => {
            match $dtype {
                "|b1" => Some(Reader { bytes: 1, number: |pixel| f64::from(u8::from(pixel[0] != 0)) }),
                $(
                    concat!("<", $code) => Some(Reader {
                        bytes: size_of::<$rust>(),
                        number: |pixel| <$rust>::from_le_bytes(pixel.try_into().unwrap_or_default()) as f64,
                    }),
                    concat!(">", $code) => Some(Reader {
                        bytes: size_of::<$rust>(),
                        number: |pixel| <$rust>::from_be_bytes(pixel.try_into().unwrap_or_default()) as f64,
                    }),
                )*
                _ => None,
            }
        };
    }
    let dtype = match dtype {
        "|u1" => "<u1",
        "|i1" => "<i1",
        other => other,
    };
    numbers!(
        dtype; "u1": u8, "i1": i8, "u2": u16, "i2": i16, "u4": u32, "i4": i32, "u8": u64, "i8": i64,
        "f4": f32, "f8": f64
    )
}

/// What is made of the picture in the one file of a binding, once.
pub struct MadeOnce<T>(OnceLock<Result<Made<T>, NotApplicable>>);

struct Made<T> {
    shape: Vec<usize>,
    made: T,
}

impl<T> Default for MadeOnce<T> {
    fn default() -> Self {
        MadeOnce(OnceLock::new())
    }
}

impl<T> MadeOnce<T> {
    /// What `make` makes of the numbers, when there is one for each pixel of the frames; `what` names the picture: `mask`.
    ///
    /// # Errors
    /// [`NotApplicable`] for a file that is no picture, or one of another shape, with both shapes.
    pub fn for_frames(
        &self,
        file: &File,
        input: &SignalMeta,
        what: &str,
        make: impl FnOnce(Vec<f64>) -> T,
    ) -> Result<&T, NotApplicable> {
        let read = self.0.get_or_init(|| {
            let Picture { shape, values } = Picture::of(file)?;
            let made = make(values);
            Ok(Made { shape, made })
        });
        let Made { shape, made } = read.as_ref().map_err(Clone::clone)?;
        let frames = input.axes.signal_shape();
        match *shape == frames {
            true => Ok(made),
            false => Err(other_shape(file, shape, &frames, what)),
        }
    }
}

fn other_shape(file: &File, has: &[usize], frames: &[usize], what: &str) -> NotApplicable {
    let wanted = shape_text(frames);
    let reason = format!(
        "the {what} `{}` has the shape {}, the frames have {wanted}",
        file.name(),
        shape_text(has)
    );
    match has.iter().rev().eq(frames) {
        true => refuse(
            format!("{reason}: rows and columns are exchanged"),
            "its transpose, in Python `np.save(FILE, array.T)`",
        ),
        false => refuse(reason, format!("a {what} of the shape {wanted}")),
    }
}

/// As NumPy writes it: `(48, 40)`, `(1024,)`.
fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        sizes => {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::npy;
    use super::*;

    fn read(dtype: &str, fortran: bool, shape: &str, pixels: &[u8]) -> Result<Picture, String> {
        let file = npy(dtype, fortran, shape, pixels);
        Picture::of(&file).map_err(|refused| refused.to_string())
    }

    #[test]
    fn every_type_and_both_orders_are_read() {
        let cases: [(&str, &[u8]); 6] = [
            ("|b1", &[1, 0]),
            ("|i1", &[255, 3]),
            ("<u2", &[1, 1, 0, 2]),
            (">i2", &[255, 254, 0, 2]),
            ("<f4", &[0, 0, 0x20, 0x41, 0, 0, 0xc0, 0x7f]),
            (">u4", &[0, 0, 1, 0, 0, 0, 0, 7]),
        ];
        let expected = [
            [1.0, 0.0],
            [-1.0, 3.0],
            [257.0, 512.0],
            [-2.0, 2.0],
            [10.0, f64::NAN],
            [256.0, 7.0],
        ];
        for ((dtype, pixels), expected) in cases.into_iter().zip(expected) {
            let found = read(dtype, false, "(1, 2)", pixels).unwrap();
            assert_eq!(found.shape, [1, 2]);
            let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
            assert!(
                found.values.iter().zip(&expected).all(same),
                "{dtype}: {found:?}"
            );
        }
        let c = read("|u1", false, "(2, 3)", &[1, 2, 3, 4, 5, 6]).unwrap();
        let fortran = read("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6]).unwrap();
        assert_eq!(c, fortran);
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let cut = read("<f8", false, "(2, 3)", &[0; 40]).unwrap_err();
        assert!(cut.contains("cut off"), "{cut}");
        let complex = read("<c8", false, "(1, 1)", &[0; 8]).unwrap_err();
        assert!(complex.contains("`<c8`"), "{complex}");
        let huge = read("<f8", false, "(18446744073709551615, 9)", &[0; 8]).unwrap_err();
        assert!(huge.contains("cut off"), "{huge}");
        let none = File::unread("a/mask.npy").with_bytes(signal::Block::new(*b"PNG"));
        let none = Picture::of(&none).unwrap_err().to_string();
        assert!(none.contains("`mask.npy`: it is no NumPy array"), "{none}");
    }
}
