use crate::json::ToJson;

/// A rectangle of scan positions: columns `x0 .. x0 + width`, rows `y0 .. y0 + height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub x0: usize,
    pub y0: usize,
    pub width: usize,
    pub height: usize,
}

impl Region {
    /// The rectangle with its upper left corner at column `x0`, row `y0`.
    pub fn rectangle(x0: usize, y0: usize, width: usize, height: usize) -> Self {
        Region {
            x0,
            y0,
            width,
            height,
        }
    }
}

impl ToJson for Region {
    fn to_json(&self) -> String {
        format!(
            r#"{{"x0":{},"y0":{},"width":{},"height":{}}}"#,
            self.x0, self.y0, self.width, self.height
        )
    }
}
