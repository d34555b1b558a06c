//! From orders to points.

use signal::HeapBytes;

/// Which point has an order, in rows of `width` orders from `low` on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    low: [i64; 2],
    width: i64,
    points: Vec<Option<u32>>,
}

impl HeapBytes for Table {
    fn heap_bytes(&self) -> usize {
        self.points.heap_bytes()
    }
}

impl Table {
    pub(super) fn of(orders: &[Option<[i64; 2]>]) -> Self {
        let all = || orders.iter().flatten();
        let end = |axis: usize, sign: i64| all().map(|order| sign * order[axis]).min();
        let (Some(h), Some(k), Some(far_h), Some(far_k)) =
            (end(0, 1), end(1, 1), end(0, -1), end(1, -1))
        else {
            return Table::default();
        };
        let width = 1 - far_h - h;
        let mut table = Table {
            low: [h, k],
            width,
            points: vec![None; (width * (1 - far_k - k)) as usize],
        };
        for (n, order) in orders.iter().enumerate() {
            let place = order.and_then(|order| table.place(order));
            if let Some(place) = place {
                table.points[place].get_or_insert(n as u32);
            }
        }
        table
    }

    fn place(&self, [h, k]: [i64; 2]) -> Option<usize> {
        let (column, row) = (h - self.low[0], k - self.low[1]);
        ((0..self.width).contains(&column) && row >= 0)
            .then(|| (row * self.width + column) as usize)
            .filter(|place| *place < self.points.len())
    }

    pub(super) fn get(&self, order: [i64; 2]) -> Option<usize> {
        Some(self.points[self.place(order)?]? as usize)
    }
}
