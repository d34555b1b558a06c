//! The candidates of a frame, fitted one among the others, and what is kept of them.

use super::fit::Disk;
use super::model::Found;
use super::search::{Candidate, Search, TAKEN, square_apart};

/// Share of the threshold that a candidate must pass after its first fit.
const SURE_ENOUGH: f64 = 0.7;
/// How far outside the frame a disk's middle may be for its part inside to be told from background, in radii.
const OUTSIDE: f64 = 0.8;
/// Misfit of what is no such disk, and how many times as high it is as what it leaves over.
const NO_DISK: f64 = 2.0;
const LEFT_OVER: f64 = 2.5;
/// Standard deviations that a disk beside a brighter one needs more than others.
const BESIDE: f64 = 1.0;
/// Disks nearer than this to a brighter one, in radii, may be what that leaves over.
pub(super) const OVERLAP: f64 = 1.7;

impl Search<'_> {
    /// Fits every candidate that is not settled among the others.
    pub(super) fn sweep(&mut self, share: f64, steps: (usize, f64)) {
        let known = self.known(share);
        let model = self.model;
        let radius = f64::from(model.shape.radius);
        let mut n = 0;
        while n < self.scratch.candidates.len() {
            let mut candidate = self.scratch.candidates[n];
            if candidate.settled {
                n += 1;
                continue;
            }
            let Candidate {
                slot,
                row,
                column,
                loaded,
                ..
            } = candidate;
            if !loaded {
                self.load(slot, (row, column));
                candidate.loaded = true;
            }
            self.others(slot, (row, column));
            let improved = self.improve(slot, candidate.disk, known, steps);
            candidate.disk = improved.unwrap_or(candidate.disk);
            let [y, x] = candidate.at();
            // Part of a disk may be seen whose middle is not.
            let beyond = OUTSIDE * radius;
            let outside = |at: f64, size: usize| at < -beyond || at > size as f64 - 1.0 + beyond;
            let walked = square_apart([y, x], candidate.start);
            if improved.is_none()
                || outside(y, model.rows)
                || outside(x, model.columns)
                || walked > (1.5 * radius).max(2.0).powi(2)
                || self.is_taken(&self.scratch.candidates[..n], [y, x], TAKEN)
            {
                if candidate.painted {
                    self.repaint(slot, (row, column), None);
                }
                self.scratch.candidates.remove(n);
                continue;
            }
            // The window follows the disk.
            let new_row = (y.round().max(0.0) as usize).min(model.rows - 1);
            let new_column = (x.round().max(0.0) as usize).min(model.columns - 1);
            if (new_row, new_column) != (row, column) {
                if candidate.painted {
                    self.repaint(slot, (row, column), None);
                }
                candidate.row = new_row;
                candidate.column = new_column;
                candidate.disk.y = y - new_row as f64;
                candidate.disk.x = x - new_column as f64;
                self.load(slot, (new_row, new_column));
            }
            self.repaint(slot, (new_row, new_column), Some(candidate.disk));
            candidate.painted = true;
            self.scratch.candidates[n] = candidate;
            n += 1;
        }
    }

    /// Drops candidates from the `first` on that are no disks by most of the evidence that is asked for in the end.
    pub(super) fn drop_unlikely(&mut self, first: usize) {
        let known = self.known(self.model.level_share);
        let (area, threshold) = (self.model.area(), self.threshold);
        let mut n = first;
        while n < self.scratch.candidates.len() {
            let Candidate {
                slot,
                row,
                column,
                disk,
                ..
            } = self.scratch.candidates[n];
            // Nearly all are beyond doubt.
            let under = f64::from(self.ground.sum_at(row, column)) * disk.level;
            if disk.height * area > 3.0 * threshold * (under + disk.height * area).sqrt() {
                n += 1;
                continue;
            }
            self.others(slot, (row, column));
            let evidence = self.evidence(slot, disk, known);
            if evidence.deviations < SURE_ENOUGH * threshold {
                self.repaint(slot, (row, column), None);
                self.scratch.candidates.remove(n);
            } else {
                n += 1;
            }
        }
    }

    /// Candidates whose windows no other disk reaches stay as they are.
    pub(super) fn settle_apart(&mut self) {
        let far = self.model.reach + self.model.around.furthest;
        let all = &mut self.scratch.candidates;
        for n in 0..all.len() {
            let place = all[n].at();
            all[n].settled = (all.iter().enumerate()).all(|(other, candidate)| {
                other == n || square_apart(candidate.at(), place) > far * far
            });
        }
    }

    /// Candidates that new ones, from the `first` on, do not touch stay as they are.
    pub(super) fn settle_far_from(&mut self, first: usize) {
        let far = 2.0 * self.model.reach;
        let (old, new) = self.scratch.candidates.split_at_mut(first);
        for candidate in old {
            let place = candidate.at();
            candidate.settled =
                (new.iter()).all(|other| square_apart(other.at(), place) > far * far);
        }
    }

    pub(super) fn conclude(&mut self) -> Vec<Found> {
        let known = self.known(self.model.level_share);
        let pattern = self.model.pattern();
        let mut found = Vec::with_capacity(self.scratch.candidates.len());
        let mut passes = std::mem::take(&mut self.scratch.passes);
        for n in 0..self.scratch.candidates.len() {
            let candidate = self.scratch.candidates[n];
            self.others(candidate.slot, (candidate.row, candidate.column));
            let window = self.window(candidate.slot);
            let steps = (2, 0.1);
            let Some(step) = window.improve(&mut passes, pattern, candidate.disk, known, steps)
            else {
                continue;
            };
            let evidence = match step.settled {
                true => window.evidence_of_settled(&mut passes, step.disk, known),
                false => window.evidence(&mut passes, pattern, step.disk, known),
            };
            let Some([y_error, x_error]) = step.errors() else {
                continue;
            };
            if evidence.deviations < self.threshold {
                continue;
            }
            let spread = window.spread(&mut passes, pattern, &step);
            let Disk { height, level, .. } = step.disk;
            let [y, x] = Candidate {
                disk: step.disk,
                ..candidate
            }
            .at();
            let inside = |at: f64, size: usize| at >= -0.5 && at <= size as f64 - 0.5;
            if !inside(y, self.model.rows) || !inside(x, self.model.columns) {
                continue;
            }
            found.push(Found {
                y,
                x,
                height,
                level,
                y_error,
                x_error,
                evidence,
                spread,
            });
        }
        self.scratch.passes = passes;
        found.sort_by(|a, b| b.evidence.deviations.total_cmp(&a.evidence.deviations));
        // What a disk that is none leaves over is no other disk; nor is what barely stands out beside a brighter one, whose own
        // place and height are not known exactly.
        let near = OVERLAP * f64::from(self.model.shape.radius);
        let least = self.threshold + BESIDE;
        let left_over = |n: usize| {
            let peak = &found[n];
            let faint = peak.evidence.deviations < least;
            found[..n].iter().any(|other| {
                let apart = square_apart([peak.y, peak.x], [other.y, other.x]);
                let no_disk = other.evidence.misfit > NO_DISK;
                let brighter = other.height > LEFT_OVER * peak.height;
                apart < near * near && brighter && (no_disk || faint)
            })
        };
        let stay: Vec<bool> = (0..found.len()).map(|n| !left_over(n)).collect();
        let mut stay = stay.into_iter();
        found.retain(|_| stay.next().unwrap_or(true));
        found
    }
}
