//! Puts the built widget where `widget.rs` includes it, or a module that says how to build it.

use std::path::Path;
use std::{env, fs, io};

const MISSING_JS: &str = "export default { render({ el }) { el.textContent = 'The widget is not built: run cargo xtask lab'; } };\n";

fn main() -> io::Result<()> {
    let bundle = Path::new("../../widget/dist");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    for (name, fallback) in [("index.js", MISSING_JS), ("style.css", "")] {
        let source = bundle.join(name);
        println!("cargo:rerun-if-changed={}", source.display());
        let text = fs::read_to_string(&source).unwrap_or_else(|_| {
            println!(
                "cargo:warning={} is missing: the kernel will say that the widget is not built",
                source.display()
            );
            fallback.to_owned()
        });
        fs::write(Path::new(&out).join(name), text)?;
    }
    Ok(())
}
