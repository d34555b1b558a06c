//! A headless browser for the journey: the one of the system, or the distribution's package.

use std::path::PathBuf;

use crate::process;

const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
];

/// # Errors
/// Why there is none and how to get one.
pub fn find_or_install() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        return if path.exists() {
            Ok(path)
        } else {
            Err(format!(
                "CHROMIUM names {}, which does not exist",
                path.display()
            ))
        };
    }
    if let Some(path) = process::find(&NAMES) {
        return Ok(path);
    }
    let remedy = "install Chromium (apt install chromium) or set CHROMIUM to its path";
    if process::find(&["apt-get"]).is_none() || !process::is_root() {
        return Err(format!("no Chromium on PATH; {remedy}"));
    }
    println!("installing Chromium from the distribution");
    let apt = |arguments: &[&str]| {
        process::run_quietly(
            process::command("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update"])
        .and_then(|_| apt(&["install", "-y", "--no-install-recommends", "chromium"]))
        .map_err(|error| format!("apt-get could not install Chromium ({error:#}); {remedy}"))?;
    process::find(&NAMES).ok_or_else(|| format!("no Chromium after installing it; {remedy}"))
}
