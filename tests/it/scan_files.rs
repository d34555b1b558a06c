//! Small scans on disk, non-square, whose pixels tell their position.

#![allow(dead_code)] // each test target uses its part

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Result;

/// Pixel of the written scans.
pub fn pixel(y: usize, x: usize, ky: usize, kx: usize) -> u16 {
    (y * 4000 + x * 300 + ky * 20 + kx) as u16
}

fn header(shape: &[usize; 4]) -> Vec<u8> {
    let [ny, nx, ky, kx] = shape;
    let mut text =
        format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({ny}, {nx}, {ky}, {kx}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes
}

/// A `.npy` of u16 `(ny, nx | ky, kx)` with [`pixel`] values.
pub fn write_npy(path: &Path, shape: [usize; 4]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&header(&shape))?;
    let [ny, nx, rows, columns] = shape;
    for y in 0..ny {
        for x in 0..nx {
            for ky in 0..rows {
                for kx in 0..columns {
                    file.write_all(&pixel(y, x, ky, kx).to_le_bytes())?;
                }
            }
        }
    }
    Ok(file.flush()?)
}

/// A `.npy` of u16 `(ny, nx | ky, kx)` with these pixels.
pub fn write_counts(path: &Path, shape: [usize; 4], counts: &[u16]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&header(&shape))?;
    for count in counts {
        file.write_all(&count.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

/// A `.npy` of u16 made of holes, but for some counts in the middle of the frames at `written`.
pub fn write_sparse_npy(path: &Path, shape: [usize; 4], written: &[[usize; 2]]) -> Result<u64> {
    let mut file = File::create(path)?;
    let header = header(&shape);
    file.write_all(&header)?;
    let [ny, nx, rows, columns] = shape.map(|size| size as u64);
    let frame = rows * columns * 2;
    let length = header.len() as u64 + ny * nx * frame;
    file.set_len(length)?;
    for [y, x] in written {
        let flat = *y as u64 * nx + *x as u64;
        let middle = (rows / 2 * columns + columns / 2) * 2;
        file.seek(SeekFrom::Start(header.len() as u64 + flat * frame + middle))?;
        file.write_all(&[7, 0, 9, 0, 11, 0])?;
    }
    Ok(length)
}
