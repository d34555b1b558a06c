//! The colormaps of the viewer, and how a value becomes a share of one. The control points stand in one file, which the
//! page reads too.

use std::sync::OnceLock;

use signal::serde_json::{Value, from_str};

pub(crate) type Rgb = [u8; 3];

const TABLE: &str = include_str!("../../../widget/src/render/colormaps.json");
/// Strength of the logarithm, as in the page: the share of the range shown linearly is about its inverse.
const LOG_STRENGTH: f64 = 1000.0;

/// A colormap: control points at equal steps, interpolated linearly in sRGB; of categories one colour each.
#[derive(Debug, PartialEq, Eq)]
pub struct Colormap {
    pub name: String,
    points: Vec<Rgb>,
    pub kind: ColormapKind,
}

/// The values that a colormap is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColormapKind {
    Sequential,
    /// On both sides of zero.
    Diverging,
    /// That come back: the last colour is the first.
    Cyclic,
    /// That stand for something.
    Categorical,
}

impl Colormap {
    /// The map of this name; the first one, grey, for a name that is not known.
    pub fn named(name: &str) -> &'static Colormap {
        let all = Colormap::all();
        let found = all.iter().find(|map| map.name == name);
        found.unwrap_or(&all[0])
    }

    /// In the order of the menu; never empty.
    pub fn all() -> &'static [Colormap] {
        static ALL: OnceLock<Vec<Colormap>> = OnceLock::new();
        ALL.get_or_init(|| {
            let table: Value = from_str(TABLE).unwrap_or_default();
            let read = table.as_array().into_iter().flatten().map(Colormap::read);
            let mut all: Vec<Colormap> = read.collect();
            if all.is_empty() {
                all.push(Colormap {
                    name: "gray".into(),
                    points: vec![[0; 3], [255; 3]],
                    kind: ColormapKind::Sequential,
                });
            }
            all
        })
    }

    fn read(entry: &Value) -> Colormap {
        let points = entry["points"].as_array().into_iter().flatten();
        let mut points: Vec<Rgb> = points.filter_map(|point| rgb(point.as_str()?)).collect();
        while points.len() < 2 {
            points.push([255; 3]);
        }
        Colormap {
            name: entry["name"].as_str().unwrap_or_default().to_owned(),
            points,
            kind: match entry["kind"].as_str() {
                Some("diverging") => ColormapKind::Diverging,
                Some("cyclic") => ColormapKind::Cyclic,
                Some("categorical") => ColormapKind::Categorical,
                _ => ColormapKind::Sequential,
            },
        }
    }

    pub(crate) fn color(&self, share: f64) -> Rgb {
        let place = share.clamp(0.0, 1.0) * (self.points.len() - 1) as f64;
        let left = (place as usize).min(self.points.len() - 2);
        let part = place - left as f64;
        std::array::from_fn(|channel| {
            let (a, b) = (
                f64::from(self.points[left][channel]),
                f64::from(self.points[left + 1][channel]),
            );
            (a + (b - a) * part).round() as u8
        })
    }

    /// The colour of a turn in the direction `atan2(y, x)` whose brightness is `share`.
    pub(crate) fn toward(&self, y: f64, x: f64, share: f64) -> Rgb {
        let turn = (y.atan2(x) / std::f64::consts::TAU).rem_euclid(1.0);
        (self.color(turn)).map(|channel| (f64::from(channel) * share).round() as u8)
    }

    /// The colour of a category; beyond the last they begin anew.
    pub(crate) fn category(&self, number: usize) -> Rgb {
        self.points[number % self.points.len()]
    }
}

/// `#rrggbb`
fn rgb(text: &str) -> Option<Rgb> {
    let value = u32::from_str_radix(text.strip_prefix('#')?, 16).ok()?;
    Some([(value >> 16) as u8, (value >> 8) as u8, value as u8])
}

/// How values inside the levels are coloured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    pub colormap: &'static Colormap,
    /// Exponent of the normalised value: below 1 lifts the dark parts.
    pub gamma: f64,
    pub log: bool,
}

impl Contrast {
    pub fn of(colormap: &str) -> Self {
        Contrast {
            colormap: Colormap::named(colormap),
            gamma: 1.0,
            log: false,
        }
    }

    /// Share of the colormap of a share of the range between the levels; the page's rule.
    pub(crate) fn transfer(&self, share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        match self.colormap.kind {
            ColormapKind::Sequential => self.brightness(share),
            ColormapKind::Diverging => {
                let side = share * 2.0 - 1.0;
                0.5 + 0.5 * side.signum() * side.abs().powf(self.gamma)
            }
            ColormapKind::Cyclic | ColormapKind::Categorical => share,
        }
    }

    /// Gamma and logarithm of a share of the range between the levels.
    pub(crate) fn brightness(&self, share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        let compressed = match self.log {
            true => (LOG_STRENGTH * share).ln_1p() / LOG_STRENGTH.ln_1p(),
            false => share,
        };
        compressed.powf(self.gamma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_of_the_page_are_read_whole() {
        let names: Vec<&str> = Colormap::all()
            .iter()
            .map(|map| map.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "gray",
                "gray_inverted",
                "viridis",
                "magma",
                "inferno",
                "diverging",
                "diverging_dark",
                "twilight",
                "hues",
                "hsv",
                "categories"
            ]
        );
        let kind = |name| Colormap::named(name).kind;
        assert_eq!(kind("magma"), ColormapKind::Sequential);
        assert_eq!(kind("diverging"), ColormapKind::Diverging);
        assert_eq!(kind("hues"), ColormapKind::Cyclic);
        assert_eq!(kind("categories"), ColormapKind::Categorical);
        assert_eq!(Colormap::named("nothing of the kind").name, "gray");
    }

    #[test]
    fn ends_and_middle() {
        assert_eq!(Colormap::named("gray").color(-1.0), [0, 0, 0]);
        assert_eq!(Colormap::named("viridis").color(2.0), [253, 231, 37]);
        assert_eq!(Colormap::named("diverging").color(0.5), [245, 244, 241]);
    }

    #[test]
    fn gamma_and_logarithm_keep_both_ends_and_the_middle_of_a_diverging_map() {
        for (colormap, gamma, log) in [("magma", 0.4, false), ("gray", 2.0, true)] {
            let contrast = Contrast {
                gamma,
                log,
                ..Contrast::of(colormap)
            };
            assert_eq!(
                (contrast.transfer(-3.0), contrast.transfer(1.0)),
                (0.0, 1.0)
            );
        }
        let diverging = Contrast {
            gamma: 0.5,
            ..Contrast::of("diverging")
        };
        assert_eq!(diverging.transfer(0.5), 0.5);
        assert_eq!(diverging.transfer(0.625), 0.75);
        assert_eq!(diverging.transfer(0.375), 0.25);
    }
}
