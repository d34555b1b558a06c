use super::*;

#[test]
fn strips_make_up_the_difference() {
    let a = Region::rectangle(3, 4, 10, 6);
    for b in [
        Region::rectangle(4, 4, 10, 6),
        Region::rectangle(1, 2, 10, 6),
        Region::rectangle(5, 5, 2, 2),
        Region::rectangle(0, 0, 40, 40),
        Region::rectangle(30, 30, 2, 2),
        a,
    ] {
        let parts = difference(a, b);
        for y in 0..40 {
            for x in 0..40 {
                let at = NavigationIndex::new(&[y, x]);
                let times = parts.iter().filter(|part| part.contains(at)).count();
                let expected = usize::from(a.contains(at) && !b.contains(at));
                assert_eq!(times, expected, "{b:?} at {at}");
            }
        }
    }
}

#[test]
fn blocks_cover_a_region_once() {
    let asked = Asked {
        node: 1,
        revision: 1,
        outer: Vec::new(),
        region: Region::rectangle(2, 3, 30, 101),
    };
    let blocks = asked.blocks();
    let mut positions: Vec<_> = (blocks.iter())
        .flat_map(|block| asked.positions(2, *block))
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, asked.positions(2, asked.region));
    assert!(blocks[1].y0 > 40, "the second block is far from the first");
}

#[test]
fn a_walk_visits_all_places() {
    for count in 1..300 {
        let stride = largest_stride(count);
        let mut seen: Vec<_> = (0..count).map(|number| number * stride % count).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..count).collect::<Vec<_>>());
    }
}
