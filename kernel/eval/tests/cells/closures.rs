//! Closures of the user on the frames of the kernel.

use signal::{ElementType, Frame, NavigationIndex, Output};

use crate::kernel::{Event, Kernel};

pub fn closure(kernel: &mut Kernel) {
    kernel.run("let grid = open(\"scan.zspy\")?;");
    kernel.run(
        "let offset = 10.0f32;\nlet mapped = grid.map(move |frame: Frame<f32>| frame.mapv(|pixel| pixel + offset))?;",
    );
    let function = kernel.engine.last_function();
    let input = kernel.engine.frame_at(1, 4);
    let at = NavigationIndex::new(&[1, 4]);
    let Ok(Output::Frame(output)) = function.call(&input, at) else {
        panic!("no frame")
    };
    assert_eq!(output.shape(), [4, 6]);
    let pairs = input
        .pixels::<f32>()
        .unwrap()
        .iter()
        .zip(output.pixels::<f32>().unwrap());
    assert!(pairs.clone().all(|(a, b)| a + 10.0 == *b));

    kernel.run("let where_ = grid.map(|frame: Frame<f32>| frame.as_slice().as_ptr() as usize as f64 % 16777216.0)?;");
    let function = kernel.engine.last_function();
    assert_eq!(function.output(), None);
    let Ok(Output::Values(value)) = function.call(&input, at) else {
        panic!("no value")
    };
    assert_eq!(
        value[0] as usize,
        input.as_bytes().as_ptr() as usize % 16_777_216
    );

    kernel.run("let row = grid.map(|frame: Frame<f64>| frame.position()[0] as f64 * 100.0 + frame[(0, 0)])?;");
    let integers = Frame::from_vec(&[4, 6], vec![7u16; 24]).unwrap();
    let Ok(Output::Values(value)) = kernel.engine.last_function().call(&integers, at) else {
        panic!("no value")
    };
    assert_eq!(value[0], 107.0);

    // Several threads at once.
    let function = kernel.engine.last_function();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(function.call(&integers, at).is_ok());
                }
            });
        }
    });
}

pub fn closure_of_complex_numbers(kernel: &mut Kernel) {
    kernel.run("let plain = open(\"scan.zspy\")?;");
    kernel.run("let turned = plain.map(|frame: Frame<Complex<f64>>| frame.mapv(|wave| wave * wave * Complex::I))?;");
    let function = kernel.engine.last_function();
    assert_eq!(
        (function.input(), function.output()),
        (ElementType::C128, Some(ElementType::C128))
    );
    let parts = vec![3.0f32, 4.0, 0.0, -2.0];
    let waves = Frame::from_parts(&[1, 2], ElementType::C64, parts).unwrap();
    let at = NavigationIndex::new(&[1, 4]);
    let Ok(Output::Frame(found)) = function.call(&waves, at) else {
        panic!("no frame")
    };
    let expected = vec![-24.0, -7.0, 0.0, -4.0];
    let expected = Frame::from_parts(&[1, 2], ElementType::C128, expected).unwrap();
    assert_eq!(found.as_bytes(), expected.as_bytes());

    kernel.run("let size = plain.map(|frame: Frame<Complex<f32>>| frame.total().norm())?;");
    let Ok(Output::Values(value)) = kernel.engine.last_function().call(&waves, at) else {
        panic!("no value")
    };
    assert_eq!(value[0], 13f32.sqrt());
    kernel.events();
    kernel.run("println!(\"{}\", plain.frame_as::<Complex<f64>>((1, 4))?.total());");
    assert_eq!(kernel.events(), [Event::out("21876 + 0i\n")]);
}

pub fn closure_panics(kernel: &mut Kernel) {
    kernel.run("let signal = open(\"scan.zspy\")?;");
    kernel.run("let broken = signal.map(|frame: Frame<f32>| {\n    let wide = frame.shape()[1];\n    frame[(wide, 0)] as f64\n})?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    for part in [
        "panicked",
        "outside a frame",
        "line 3",
        "frame[(wide, 0)] as f64",
    ] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    assert_eq!(kernel.events(), []);
    kernel.run("let refused = signal.map(|frame: Frame<f32>| if frame.mean() < 1e9 { Err(\"too dark\") } else { Ok(1.0) })?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    assert_eq!(error, "too dark");
}

pub fn closure_shape(kernel: &mut Kernel) {
    kernel.run("let wide = open(\"scan.zspy\")?;");
    kernel.run("let cut = wide.map(|frame: Frame<f32>| Frame::from_fn((2, 2), |_| 1.0f32))?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    assert!(
        error.contains("[2, 2]") && error.contains("[4, 6]"),
        "{error}"
    );
}
