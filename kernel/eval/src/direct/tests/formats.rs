//! `println!` writes what `format!` of the real values writes.

use super::*;

/// Holes with the real values; the same tokens become a cell.
macro_rules! same {
    ($($format:literal, $($value:expr),+;)*) => {
        [$((
            concat!("print!(", stringify!($format), $(", ", stringify!($value)),+, ");"),
            format!($format, $($value),+),
        )),*]
    };
}

#[test]
fn every_specification_writes_what_std_writes() {
    use signaltree::{Axis, Region};
    let mut session = Session::new();
    let mut all = Vec::new();
    all.extend(same! {
        "{}", 5;
        "{:5}|", 5;
        "{:<5}|", -5;
        "{:^7}|", 5;
        "{:>5}|", 5;
        "{:05}|", -5;
        "{:+}", 5;
        "{:+05}|", 5;
        "{:<+05}|", 5;
        "{:#}", 5;
        "{:?} {:#?}", 5, 6;
        "{:3?}|{:<4?}|", 5, 6;
        "{}", 18446744073709551615u64;
        "{}", -9223372036854775807i64;
        "{} {} {} {}", 1.0, 0.1, 1e21, 1e-7;
        "{:?} {:?} {:?} {:?}", 1.0, 0.1, 1e21, 1e-7;
        "{:.0} {:.2} {:.3}", 2.5, 1.005, -0.0004;
        "{:8.3}|{:<8.3}|{:^8.3}|{:>8.3}|{:08.3}|{:+.1}", 3.15, 3.15, 3.15, 3.15, -3.15, 3.15;
        "{:.2?} {:8.1?}|", 1.0, 2.55;
        "{} {:?} {}", 1.0f32, 0.1f32, 16777217.0f32;
        "{} {:?} {:>6}|{:<6}|", true, false, true, false;
        "{}|{:6}|{:>6}|{:^6}|{:<6}|{:.2}|{:6.2}|", "abc", "abc", "abc", "abc", "abc", "abc", "abc";
        "{:?} {:8?}|", "tab\t\"é\"", "ab";
        "{:?} {:#?}", (1, 2.5, "x"), (1, "y");
        "{:?} {:#?} {:?}", [1.0, 2.5], [1, 2], [true];
        "{:.1?} {:4?}", [1.0, 2.55], [1, 2];
        "{:?} {:#?}", Some(1), Some("x");
        "{:?}", (1,);
        "{:?} {:?}", 0..3, ();
        "{:?} {:#?}", Region::rectangle(1, 2, 3, 4), Region::rectangle(1, 2, 3, 4);
        "{:?}", Axis::calibrated("x", 0.5, 1.0, "nm");
        "{:#?}", Axis::calibrated("x", 0.5, 1.0, "nm");
        "{:?} {:?}", &5, &&"x";
        "{{{}}} {{}}", 1;
        "{1} {0} {1:?} {}", 7, "x";
        "é {:>3} 🦀{}", "é", "ü";
    });
    for (cell, expected) in all {
        assert_eq!(session.run(cell), [Event::Out(expected)], "{cell}");
    }
}

#[test]
fn captured_names_and_lines() {
    let mut session = Session::new();
    session.run("let n = 5; let text = \"t\".to_string();");
    assert_eq!(
        session.run("println!(\"{n:>3}{text}\"); println!(); eprint!(\"{n}\");"),
        [
            Event::Out("  5t\n".into()),
            Event::Out("\n".into()),
            Event::Err("5".into())
        ]
    );
    assert_eq!(
        session.run("format!(\"{text:?}-{}\", n)"),
        super::text("\"\\\"t\\\"-5\"")
    );
}
