//! `2 ** 3`.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::foreign;

pub(super) fn stars(diagnostic: &Diagnostic) -> Option<Advice> {
    let stars = diagnostic.code == "E0614"
        && diagnostic.text.starts_with('*')
        && diagnostic.before.ends_with('*');
    if !stars {
        return None;
    }
    let code = foreign::statement(&diagnostic.line(), diagnostic.notebook);
    Some(
        Advice::new("a power is written `x.powi(3)`, or `x.powf(0.5)`, of a decimal number")
            .write(code.unwrap_or_default()),
    )
}
