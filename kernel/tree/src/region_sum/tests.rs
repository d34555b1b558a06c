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
fn tiles_cover_a_region_once() {
    let request = RegionRequest {
        node: 1,
        revision: 1,
        outer: Vec::new(),
        region: Region::rectangle(2, 3, 30, 101),
    };
    for chunk in [None, Some([16, 16]), Some([1, 4]), Some([200, 200])] {
        let tiles = request.tiles(chunk);
        let mut positions: Vec<_> = (tiles.iter())
            .flat_map(|tile| request.positions(2, *tile))
            .collect();
        positions.sort_unstable();
        assert_eq!(positions, request.positions(2, request.region), "{chunk:?}");
    }
    let bands = request.tiles(None);
    assert!(bands[1].y0 > 40, "the second band is far from the first");
    for tile in request.tiles(Some([16, 16])) {
        let last = (tile.y0 + tile.height - 1, tile.x0 + tile.width - 1);
        assert_eq!((tile.y0 / 16, tile.x0 / 16), (last.0 / 16, last.1 / 16));
    }
}

#[test]
fn a_walk_visits_all_places() {
    for count in 1..300 {
        let stride = far_step(count);
        let mut seen: Vec<_> = (0..count).map(|number| number * stride % count).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..count).collect::<Vec<_>>());
    }
}
