//! Values, variables and nodes.

use serde_json::Value;

use crate::kernel::{Event, Kernel};

pub fn values(kernel: &mut Kernel) {
    kernel.run("let a = 20; let mut words = vec![\"x\".to_string()];");
    assert_eq!(kernel.events(), []);
    kernel.run("words.push(format!(\"{a}\"));");
    kernel.run("words");
    assert_eq!(kernel.events(), [Event::result("[\"x\", \"20\"]")]);
    kernel.run("fn double(x: i32) -> i32 { 2 * x }");
    kernel.run("double(a)");
    kernel.run("()");
    kernel.run("Region::rectangle(0, 0, 16, 8)");
    let events = kernel.events();
    assert_eq!(events[0], Event::result("40"));
    assert_eq!(events.len(), 2, "{events:?}");
    let Event::Result(region) = &events[1] else {
        panic!("{events:?}")
    };
    assert!(
        region.bundle["text/html"]
            .as_str()
            .unwrap()
            .contains("<table>")
    );
}

/// `compute` gives the signal itself, so that a chain goes on with it.
pub fn computed(kernel: &mut Kernel) {
    const CELL: &str = "let flat1 = scan.subtract_background(RadialMedian::default())?.compute()?; \
                        let found = flat1.find_peaks(LocalMaximum::default())?;\nflat1.id()";
    kernel.run("let scan = open(\"scan.zspy\")?;");
    for way in [Kernel::direct, Kernel::compiled] {
        kernel.clear();
        way(kernel, CELL);
        let commands = kernel.engine.commands();
        let sent = |command: &str| -> Vec<&Value> {
            let of_kind = commands.iter().filter(|sent| sent["command"] == command);
            of_kind.collect()
        };
        let flat = kernel.engine.node_named("flat1");
        assert_eq!(kernel.events(), [Event::result(&flat.to_string())]);
        let computed = sent("compute");
        assert_eq!(computed.len(), 1, "{commands:#?}");
        assert_eq!(computed[0]["node"], flat);
        let added = sent("add_node");
        assert_eq!(added.len(), 2, "{commands:#?}");
        assert_eq!(added[1]["operation"], "local_maximum");
        assert_eq!(added[1]["parents"], serde_json::json!([flat]));
        // Either way the next cell has it.
        kernel.direct("flat1.find_peaks(LocalMaximum::default())?;");
        kernel.compiled("flat1.find_peaks(LocalMaximum::default())?;");
        assert!(!kernel.evaluator.needs_compiler("flat1.shape()?"));
    }
}

pub fn four_cells(kernel: &mut Kernel) {
    kernel.run("let scan   = open(\"strained_grain.zspy\")?;");
    kernel.run("let flat   = scan.subtract_background(RadialMedian::default())?;");
    kernel.run(
        "let peaks  = flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?;",
    );
    kernel.run(
        "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), \
         ..default() })?;   // scan positions\nstrain",
    );
    let strain = kernel.engine.node_named("strain");
    assert_eq!(kernel.events(), [Event::Show(strain)]);
    kernel.run("strain.save(\"strain.zspy\")?;");
    kernel.run("let sharper = flat.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;");
    kernel.run("let series = open_with(\"a.mrc\", Open { scan: (3, 5), ..default() })?;");
    let commands = kernel.engine.commands();
    let find = |command: &str, key: &str, value: &str| {
        commands
            .iter()
            .find(|sent| sent["command"] == command && sent[key] == value)
            .unwrap_or_else(|| panic!("{command} {value} is not in {commands:#?}"))
            .clone()
    };
    assert_eq!(
        find("add_node", "operation", "normalized_correlation")["params"]["radius"],
        4.0
    );
    assert_eq!(
        find("add_node", "operation", "strain_map")["params"]["reference"]["width"],
        16
    );
    assert_eq!(find("save", "path", "strain.zspy")["node"], strain);
    assert_eq!(
        find("open", "path", "a.mrc")["options"]["scan"],
        serde_json::json!([3, 5])
    );
    kernel.run("scan.shape()?");
    kernel.run("scan.axes()?[1].units.clone()");
    let texts: Vec<String> = kernel
        .events()
        .iter()
        .map(|event| match event {
            Event::Result(shown) => shown.bundle["text/plain"].as_str().unwrap().to_owned(),
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(texts, ["(3, 5 | 4, 6)", "\"nm\""]);
}

pub fn names(kernel: &mut Kernel) {
    kernel.run(
        "let first = open(\"a.zspy\")?; let mut second = first.clone();\nlet text = \"no signal\";",
    );
    kernel.run("fn prepare() -> Result<Signal> { open(\"b.zspy\") }\nlet third = prepare()?;");
    kernel.run("let moved = open(\"c.zspy\")?; let taken = moved;");
    for name in ["first", "second", "third", "moved", "taken"] {
        kernel.engine.node_named(name);
    }
    let named = |command: &&Value| command["command"] == "name" && command["name"] == "text";
    assert!(
        !kernel
            .engine
            .commands()
            .iter()
            .any(|command| named(&command))
    );
}

/// A variable holds its node twice: in the compiled cells and for the direct ones.
pub fn handles(kernel: &mut Kernel) {
    kernel.run("let counted = open(\"scan.zspy\")?;");
    let node = kernel.engine.node_named("counted");
    assert_eq!(kernel.engine.handles(node), 2);
    kernel.run("let other = counted.clone();");
    assert_eq!(kernel.engine.handles(node), 4);
    kernel.run("drop(other);");
    assert_eq!(kernel.engine.handles(node), 2);
    kernel.run("let counted = 1;");
    assert_eq!(kernel.engine.handles(node), 0);
}

pub fn zero_copy(kernel: &mut Kernel) {
    kernel.run("let source = open(\"scan.zspy\")?;");
    kernel.run("let frame = source.frame_as::<f32>((2, 3))?;");
    kernel.run("(frame.as_slice().as_ptr() as usize, frame.shape().to_vec(), frame[(1, 2)])");
    let expected = kernel.engine.frame_at(2, 3);
    let address = expected.as_bytes().as_ptr() as usize;
    let pixel = expected.pixels::<f32>().unwrap()[8];
    assert_eq!(
        kernel.events(),
        [Event::result(&format!("({address}, [4, 6], {pixel:?})"))]
    );
    kernel.run("source.frame((2, 3))?[(1, 2)]");
    assert_eq!(kernel.events(), [Event::result(&format!("{pixel:?}"))]);
    let error = kernel.fails("source.frame((3, 0))?;");
    assert!(error.value.contains("outside"), "{error}");
    let error = kernel.fails("let p = frame[(4, 0)];");
    assert_eq!(error.name, "Panic");
    assert!(error.value.contains("outside a frame of 4 rows"), "{error}");
}
