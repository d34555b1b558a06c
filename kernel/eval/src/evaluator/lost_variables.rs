//! Variables that are there, and those that are gone.

use super::{Evaluator, lock};
use crate::advice::Lost;
use crate::bridge::{Bridge, Variable};
use crate::names;

impl Evaluator {
    /// Keeps the names of variables that a disaster took, until they are made again.
    pub(super) fn note_lost(&self, disaster: bool, compiled: &[(String, String)]) {
        let mut lost = lock(&self.lost);
        if disaster {
            let had = lock(&self.compiled);
            lost.extend(had.iter().map(|(name, _)| Lost {
                name: name.clone(),
                taken: None,
            }));
        }
        lost.retain(|gone| !compiled.iter().any(|(known, _)| *known == gone.name));
    }

    /// Keeps the names of variables that a cell handed over, with the line that did.
    pub(super) fn note_taken(&self, code: &str, before: &[Variable]) {
        let now = self.known_variables();
        let known = |name: &str| now.iter().any(|variable| variable.name == name);
        let taken = before.iter().filter_map(|had| {
            let mut lines = code.lines().rev();
            let line = lines.find(|line| names::mentioned(line).contains(had.name.as_str()))?;
            Some(Lost {
                name: had.name.clone(),
                taken: Some(line.trim().to_owned()),
            })
        });
        let mut lost = lock(&self.lost);
        lost.extend(taken);
        lost.retain(|gone| !known(&gone.name));
    }

    pub(super) fn note_variables(&self, bridge: &Bridge) {
        let variables = bridge.variables(&lock(&self.compiled));
        *lock(&self.variables) = variables.into();
    }

    /// What survives when the variables of compiled cells are lost.
    pub(super) fn remaining(&self) -> String {
        const MAX: usize = 12;
        let bridge = lock(&self.bridge);
        let names = bridge.names();
        match names.len() {
            0 => String::new(),
            all if all <= MAX => format!("; these remain: {}", names.join(", ")),
            all => format!(
                "; these remain: {} and {} more",
                names[..MAX].join(", "),
                all - MAX
            ),
        }
    }
}
