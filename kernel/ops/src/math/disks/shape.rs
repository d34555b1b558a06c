//! A disk with a soft edge, and where the pixels around one are.

use super::lanes::exp;

/// `f(r) = 1 / (1 + exp((r - radius) / edge))`: 1 inside, 0 outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Distance in px at which it is half of what it is inside.
    pub radius: f32,
    /// Width of the edge in px: from 73 % to 27 % it is twice as far.
    pub edge: f32,
}

/// Distances from the middle are at least this, so that directions are numbers.
const LEAST: f32 = 1e-3;

/// A pixel's place against a disk.
#[derive(Clone, Copy)]
pub struct Cover {
    /// Distance from the middle in px.
    pub distance: f32,
    /// One over that.
    pub nearness: f32,
    /// `f` there.
    pub share: f32,
    /// `-df/dr` there.
    pub slope: f32,
}

impl Shape {
    #[inline(always)]
    pub fn at(&self, dy: f32, dx: f32) -> Cover {
        let per_edge = 1.0 / self.edge;
        let distance = (dy * dy + dx * dx + LEAST * LEAST).sqrt();
        let outside = 1.0 + exp((distance - self.radius) * per_edge);
        // One division for both: it takes as long as all the rest.
        let both = 1.0 / (outside * distance);
        let share = both * distance;
        Cover {
            distance,
            nearness: both * outside,
            share,
            slope: share * (1.0 - share) * per_edge,
        }
    }
}
