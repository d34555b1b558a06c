//! Completion, inspection, completeness.

use eval::IsComplete;

use crate::kernel::Kernel;

pub fn assistance(kernel: &mut Kernel) {
    kernel.run("let guided = open(\"scan.zspy\")?; let numbers = vec![1.5f64];");
    let texts = |code: &str| -> Vec<String> {
        let completions = kernel.evaluator.complete(code, code.chars().count());
        completions
            .matches
            .into_iter()
            .map(|found| found.text)
            .collect()
    };
    assert!(texts("guided.subt").contains(&"subtract_background(".into()));
    assert!(texts("NormalizedCorrelation { ").contains(&"radius: ".into()));
    // rust-analyzer answers for everything else.
    let found = texts("numbers.is_e");
    assert!(
        found.iter().any(|text| text.starts_with("is_empty")),
        "{found:?}"
    );
    let code = "let é = std::collec";
    let completions = kernel.evaluator.complete(code, code.chars().count());
    assert_eq!((completions.start, completions.end), (13, 19));
    assert!(
        completions
            .matches
            .iter()
            .any(|found| found.text.starts_with("collections"))
    );
    assert!(kernel.evaluator.inspect("guided.map(", 10).is_some());
    let std = kernel.evaluator.inspect("numbers.len", 11);
    assert!(std.is_some_and(|found| found.plain.contains("len")));
    assert_eq!(
        kernel.evaluator.is_complete("let a = 1;"),
        IsComplete::Complete
    );
}
