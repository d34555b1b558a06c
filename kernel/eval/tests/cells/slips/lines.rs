//! Slips in cells of several lines: the whole cell is offered, right in all of its lines.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    (
        "let a = 4;\nif (n_rows == 3) println!(\"yes\");",
        "no parentheses",
        "let a = 4;\nif n_rows == 3 { println!(\"yes\"); }",
    ),
    (
        "let again = open(\"scan.zspy\");\nlet sizes = again.shape()?;",
        "end of the line",
        "let again = open(\"scan.zspy\")?;\nlet sizes = again.shape()?;",
    ),
    (
        "let a = scan.frame((0, 0)?;\nprintln!(\"{}\", a.mean());",
        "close it",
        "let a = scan.frame((0, 0))?;\nprintln!(\"{}\", a.mean());",
    ),
    (
        "let s = hs.load(\"scan.zspy\");\ns.plot();",
        "opened with `open`",
        "let s = open(\"scan.zspy\")?;\ns",
    ),
    (
        "import hyperspy.api as hs\ns = hs.load('scan.zspy', lazy=True)\ns.plot()",
        "nothing to import",
        "let s = open(\"scan.zspy\")?;\ns",
    ),
    (
        "import numpy as np\nlet a = np.sqrt(2.0);",
        "nothing to import",
        "let a = 2.0_f64.sqrt();",
    ),
    (
        "let f = scan.frame((0, 0))?;\nf.plot();\nf.mean()",
        "last line of a cell",
        "let f = scan.frame((0, 0))?;\ndisplay(&f);\nf.mean()",
    ),
    (
        "import matplotlib.pyplot as plt\nlet f = scan.frame((0, 0))?;\nplt.imshow(f)\nplt.colorbar()",
        "nothing to import",
        "let f = scan.frame((0, 0))?;\nf",
    ),
    (
        "let a = scan.frame((0, 0))?;\nlet b = a.max() / 2;\nprintln!(\"{}\", b);",
        "may be missing",
        "let a = scan.frame((0, 0))?;\nlet b = a.max().unwrap_or(f64::NAN) / 2.0;\nprintln!(\"{}\", b);",
    ),
    (
        "let a = scan.frame((0, 0))?\nlet b = scan.frame((0, 1))?\na.mean() - b.mean()",
        "ends with `;`",
        "let a = scan.frame((0, 0))?;\nlet b = scan.frame((0, 1))?;\na.mean() - b.mean()",
    ),
    (
        "flat = scan.subtract_background(RadialMedian::default())?\nflat",
        "ends with `;`",
        "let flat = scan.subtract_background(RadialMedian::default())?;\nflat",
    ),
    (
        "// the bright field\nlet image = scan.virtual_image(Disk { radius: 10 })?;\nimage.shape()?",
        "..default() }`",
        "// the bright field\nlet image = scan.virtual_image(Disk { radius: 10.0, ..default() })?;\nimage.shape()?",
    ),
    (
        "let found = scan.find_peaks(DifferenceOfGaussiansPeaks {\n    sigma_narrow: 2,\n    treshold: 6.0,\n    ..default()\n})?;\nfound",
        "did you mean `threshold`",
        "let found = scan.find_peaks(DifferenceOfGaussiansPeaks {\n    sigma_narrow: 2.0,\n    threshold: 6.0,\n    ..default()\n})?;\nfound",
    ),
    (
        "let n = 5;\nn += 1;\nprintln!(\"{n}\");",
        "`let mut`",
        "let mut n = 5;\nn += 1;\nprintln!(\"{n}\");",
    ),
    (
        "let kept = scan;\nscan.shape()?",
        "`scan.clone()`",
        "let kept = scan.clone();\nscan.shape()?",
    ),
    (
        "for i in range(3):\n    f = scan.frame((0, i))\n    print(f.max())\nprint('done')",
        "a block stands in braces",
        "for i in 0..3 {\n    let f = scan.frame((0, i))?;\n    println!(\"{:?}\", f.max());\n}\nprintln!(\"done\");",
    ),
    (
        "let shape = scan.shape()?;\npeaks.shape()?",
        "there is no variable `peaks`",
        "let shape = scan.shape()?;\nlet peaks = scan.find_peaks(NormalizedCorrelation::default())?;\npeaks.shape()?",
    ),
    (
        "%matplotlib inline\nscan.shape()?",
        "pictures come by themselves",
        "scan.shape()?",
    ),
    (
        "let f = scan.frame((0, 0))?;\nprint(scan.shape)",
        "",
        "let f = scan.frame((0, 0))?;\nprintln!(\"{}\", scan.shape()?);",
    ),
];
