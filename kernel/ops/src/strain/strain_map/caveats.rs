//! What is doubtful of the reference region, or why a map has no value.

use signal::Caveat;

use super::StrainMap;
use crate::math::lattice::{Flaw, Reference};
use crate::math::variation::Variation;

/// Less is not worth its words beside the other, in strain or radians.
const LEAST_SAID: f64 = 0.0005;

pub(super) fn of(params: &StrainMap, reference: &Reference) -> Vec<Caveat> {
    let vectors = reference.points.len();
    let no_value = match reference.flaw.map(Flaw::text) {
        Some(why) => Some(why.to_owned()),
        None if params.min_matches > vectors => Some(format!(
            "the reference has {vectors} vectors, and min_matches asks for {} matched peaks: choose {vectors} or fewer",
            params.min_matches
        )),
        None => None,
    };
    let no_value = no_value.map(|why| format!("no position has a value: {why}"));
    (no_value.into_iter())
        .map(|text| Caveat::new(Caveat::NO_VALUE, text))
        .chain((reference.varies.iter()).map(|by| Caveat::new("reference_varies", varies(by))))
        .collect()
}

fn varies(by: &Variation) -> String {
    let amount = amount(by);
    let errors = match by.errors {
        few if few < 9.95 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    };
    let share = (100.0 * by.share).round();
    match by.is_two {
        true => format!(
            "the reference region lies over two lattices {amount} apart, {errors} standard errors of a position ({share} % \
             of its positions have the one, {} % the other): zero of this map is between them, which its errors do not \
             include; choose a region inside one grain",
            100.0 - share
        ),
        false => format!(
            "the lattice changes over the reference region, by {amount} from one half of its positions to the other, \
             {errors} standard errors of a position: zero of this map is their mean; choose a smaller region, inside one grain"
        ),
    }
}

/// `3.3 % of strain and 1.1° of rotation`.
fn amount(by: &Variation) -> String {
    let strain = format!("{:.2} % of strain", 100.0 * by.strain);
    let turn = format!("{:.2}° of rotation", by.turn.to_degrees());
    match (by.strain >= LEAST_SAID, by.turn >= LEAST_SAID) {
        (true, false) => strain,
        (false, true) => turn,
        _ => format!("{strain} and {turn}"),
    }
}
