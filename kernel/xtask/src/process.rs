//! Running other programs: the outcome, the text, the time limit.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A command in the root of the project, without what `cargo run` adds to its environment:
/// those variables belong to xtask, not to the kernels and compilers it starts.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::project::root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || ["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"].contains(&text.as_ref())
                && std::env::var_os("CARGO_MANIFEST_DIR").is_some()
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs with output on the terminal.
///
/// # Errors
/// When the program cannot be started or ends with a failure.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs silently; what it printed is part of the error.
///
/// # Errors
/// When the program cannot be started or ends with a failure.
pub fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {}", line(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{} ended with {}\n{text}{}",
            line(command),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(text)
}

/// What a program printed and how it ended.
pub struct Watched {
    pub text: String,
    pub success: bool,
    /// The time limit was reached and the program was ended.
    pub timed_out: bool,
}

/// Runs with output on the terminal and in the result; the whole process group is ended at the limit.
///
/// # Errors
/// When the program cannot be started.
pub fn watch(command: &mut Command, limit: Duration) -> Result<Watched> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("could not start {}", line(command)))?;
    let text = Arc::new(Mutex::new(String::new()));
    let readers = [
        child.stdout.take().map(|pipe| echo(pipe, &text)),
        child.stderr.take().map(|pipe| echo(pipe, &text)),
    ];
    let (status, timed_out) = wait(&mut child, limit)?;
    if timed_out {
        // A grandchild outside the group may keep the pipes open: do not wait for it.
        thread::sleep(Duration::from_millis(300));
    } else {
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
    }
    let text = text.lock().map(|text| text.clone()).unwrap_or_default();
    Ok(Watched {
        text,
        success: status.success() && !timed_out,
        timed_out,
    })
}

fn echo(pipe: impl Read + Send + 'static, text: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let text = Arc::clone(text);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            let _ = std::io::stdout().flush();
            if let Ok(mut text) = text.lock() {
                text.push_str(&line);
                text.push('\n');
            }
        }
    })
}

fn wait(child: &mut Child, limit: Duration) -> Result<(ExitStatus, bool)> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        if start.elapsed() > limit {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            return Ok((child.wait()?, true));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// The first of `names` found on PATH.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    })
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

pub fn is_root() -> bool {
    run_quietly(command("id").arg("-u")).is_ok_and(|text| text.trim() == "0")
}
