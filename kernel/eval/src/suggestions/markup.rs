//! Texts that a notebook shows formatted.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;

/// `display(scan)`: what is not made to be shown is lent.
pub(super) fn lent(diagnostic: &Diagnostic) -> Option<Advice> {
    let by_value = diagnostic.message.ends_with("is not shown by value");
    by_value.then(|| {
        Advice::new("lend it with `&`: it is shown and stays where it is")
            .write(diagnostic.with(&format!("&{}", diagnostic.text)))
    })
}

/// `Html("<b>bold</b>".into())`: any text makes one, so that nothing says what `into` is to make.
pub(super) fn converted(diagnostic: &Diagnostic) -> Option<Advice> {
    const CONVERSION: &str = ".into()";
    if !matches!(diagnostic.code, "E0282" | "E0283" | "E0284") {
        return None;
    }
    let line = diagnostic.line();
    let at = line.find(CONVERSION)?;
    let made = ["Html", "Markdown", "Svg"];
    let made = made
        .iter()
        .find(|made| line[..at].contains(&format!("{made}(")))?;
    Some(
        Advice::new(format!(
            "`{made}` takes any text as it is: leave `{CONVERSION}` out"
        ))
        .write(diagnostic.with_range(at, at + CONVERSION.len(), "")),
    )
}
