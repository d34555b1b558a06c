//! One spelling per unit.

/// The project's spelling of a unit found in a file: `nm^-1`, `1 / nm` and `nm⁻¹` are `1/nm`;
/// nothing, `_None_` and `<undefined>` are `px`. Units are never converted.
pub fn normalised(units: &str) -> String {
    let plain: String = units
        .trim()
        .trim_matches('$')
        .chars()
        .filter(|character| !matches!(character, '{' | '}') && !character.is_whitespace())
        .map(|character| match character {
            'μ' => 'µ',
            '\u{212B}' => 'Å',
            other => other,
        })
        .collect();
    match plain.as_str() {
        "" | "_None_" | "None" | "<undefined>" | "undefined" | "pixel" | "pixels" => "px".into(),
        "A" | "angstrom" | "Angstrom" => "Å".into(),
        "um" | "micrometer" => "µm".into(),
        "nanometer" => "nm".into(),
        "sec" | "second" => "s".into(),
        "1/A" | "A^-1" | "1/angstrom" => "1/Å".into(),
        plain => match plain
            .strip_suffix("^-1")
            .or_else(|| plain.strip_suffix("⁻¹"))
        {
            Some(base) if !base.is_empty() => format!("1/{base}"),
            _ => plain.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn spellings_of_one_unit_agree() {
        for spelling in ["1/nm", "nm^-1", "1 / nm", "$nm^{-1}$", "nm⁻¹"] {
            assert_eq!(normalised(spelling), "1/nm");
        }
        assert_eq!(normalised("$A^{-1}$"), "1/Å");
        assert_eq!(normalised("_None_"), "px");
        assert_eq!(normalised("eV"), "eV");
        assert_eq!(normalised("um"), "µm");
    }
}
