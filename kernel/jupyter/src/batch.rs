//! The command line without a notebook: `signaltree compute`, `combine` and `show`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use protocol::{Progress, ProgressState, WireError};
use session::batch::{self, Batch, Finished, Listener, Part};
use session::{Config, Session};

use crate::progress::{Report, duration};

/// Something could not be computed, written or read.
const FAILED: u8 = 1;
/// The recipe or the command line cannot be carried out; as clap ends.
const REFUSED: u8 = 2;
/// Ended by Ctrl-C; the same command goes on where it was.
const INTERRUPTED: u8 = 130;

/// Shortest time between two states of the bar, and between two lines where there is no terminal.
const BAR_EVERY: Duration = Duration::from_millis(150);
const LINE_EVERY: Duration = Duration::from_secs(10);

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 the recipe or the command line cannot be carried out, 130 interrupted.
What was interrupted or killed goes on where it was when the same command is given again.

Several machines, one result (OUT on a disk they share):
  signaltree compute recipe.json --out OUT --part 1/3     on the first, 2/3 and 3/3 on the others
  signaltree combine OUT                                  when all have ended";

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct ComputeArguments {
    /// Recipe, as `node.recipe("recipe.json")?` writes it in a notebook.
    recipe: PathBuf,
    /// Folder of the results; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// File to compute instead of the one the recipe names; with several inputs NAME=PATH.
    #[arg(long, value_name = "[NAME=]PATH")]
    input: Vec<String>,
    /// Compute one share of the work: I of N, from 1/N to N/N; `signaltree combine DIR` puts them together.
    #[arg(long, value_name = "I/N", value_parser = part)]
    part: Option<Part>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory for cached pixels: "4 GiB", "500 MB" [default: 1 GiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<usize>,
    /// Compute again what is there already.
    #[arg(long)]
    fresh: bool,
}

#[derive(Args)]
pub struct CombineArguments {
    /// Folder that was the --out of the parts.
    folder: PathBuf,
}

#[derive(Args)]
pub struct ShowArguments {
    /// File or store of any format that can be opened.
    file: PathBuf,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

fn part(text: &str) -> Result<Part, String> {
    let whole = || format!("{text:?} is no share; give for example 2/5");
    let (number, of) = text.split_once('/').ok_or_else(whole)?;
    let count = |text: &str| text.trim().parse::<usize>().map_err(|_| whole());
    let part = Part {
        number: count(number)?,
        of: count(of)?,
    };
    if part.number == 0 || part.number > part.of {
        return Err(format!(
            "there is no part {} of {}; the parts of n are 1/n to n/n",
            part.number, part.of
        ));
    }
    Ok(part)
}

/// `4 GiB`, `500MB`, `1000000`.
fn bytes(text: &str) -> Result<usize, String> {
    let refused = || format!("{text:?} is no size; give for example \"4 GiB\" or \"500 MB\"");
    let text = text.trim();
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| refused())?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024.0 * 1024.0,
        "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        "tib" | "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(refused()),
    };
    let bytes = number * factor;
    if !(1.0..1e18).contains(&bytes) {
        return Err(refused());
    }
    // Within the range that was checked, nothing but the fraction of a byte is lost.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(bytes as usize)
}

/// `NAME=PATH`, or a path alone. A name is an identifier, so that `C=D/x.npy` with a folder before it is a path.
fn input(text: &str) -> (Option<String>, PathBuf) {
    match text.split_once('=') {
        Some((name, path)) if is_identifier(name) => (Some(name.to_owned()), path.into()),
        _ => (None, text.into()),
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Computes a recipe with a bar on stderr.
pub fn compute(arguments: ComputeArguments) -> ExitCode {
    let mut config = Config::from_environment();
    if let Some(threads) = arguments.threads {
        config.threads = usize::from(threads);
    }
    if let Some(memory) = arguments.memory {
        config.budget_bytes = memory;
    }
    let batch = Batch {
        recipe: arguments.recipe,
        out: arguments.out,
        inputs: arguments.input.iter().map(|text| input(text)).collect(),
        part: arguments.part,
        fresh: arguments.fresh,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    if let Err(error) = watch_interrupts(&interrupted) {
        eprintln!("Ctrl-C will end the program at once: {error}");
    }
    let session = Session::new(config);
    let mut bar = Bar::new();
    let result = {
        let bar = std::cell::RefCell::new(&mut bar);
        let mut listener = Listener {
            interrupted: &|| interrupted.load(Ordering::Relaxed),
            progress: &mut |progress| bar.borrow_mut().show(progress),
            warn: &mut |text| bar.borrow_mut().say(&format!("warning: {text}")),
        };
        batch::compute(&session, &batch, &mut listener)
    };
    bar.clear();
    match result {
        Ok(finished) => {
            for line in told(&finished, batch.part, bar.took()) {
                println!("{line}");
            }
            if batch.part.is_some() {
                println!(
                    "when all parts are done: signaltree combine {}",
                    batch.out.display()
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => end(&error),
    }
}

/// A line for each result, and under those of several their sum.
fn told(finished: &[Finished], part: Option<Part>, took: Duration) -> Vec<String> {
    let counts = |computed: usize, kept: usize| {
        let before = match kept {
            0 => String::new(),
            kept => format!(", {kept} kept from before"),
        };
        format!("{computed} scan positions computed{before}")
    };
    let mut lines: Vec<String> = (finished.iter())
        .map(|output| {
            let (file, summary) = (output.file.display(), &output.summary);
            if output.was_there {
                return format!("{file}: {summary} was there already");
            }
            let state = match part {
                Some(part) => format!("part {} of {} is done", part.number, part.of),
                None => "written".to_owned(),
            };
            let counted = counts(output.computed, output.kept);
            format!("{file}: {summary} {state}: {counted}")
        })
        .collect();
    let written: Vec<&Finished> = (finished.iter())
        .filter(|output| !output.was_there)
        .collect();
    let sum = |of: fn(&Finished) -> usize| written.iter().map(|output| of(output)).sum();
    let took = duration(took);
    match (written.len(), lines.last_mut()) {
        (0, _) => {}
        (1, Some(line)) if finished.len() == 1 => line.push_str(&format!(", in {took}")),
        (count, _) => {
            let all = counts(sum(|output| output.computed), sum(|output| output.kept));
            let results = match count {
                1 => "1 result".to_owned(),
                count => format!("{count} results together"),
            };
            lines.push(format!("{results}: {all}, in {took}"));
        }
    }
    lines
}

/// Puts the parts in a folder together.
pub fn combine(arguments: &CombineArguments) -> ExitCode {
    match batch::combine(&arguments.folder) {
        Ok(files) => {
            for file in files {
                println!("{}: complete", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => end(&error),
    }
}

/// Prints what is in a file and how it was made.
pub fn show(arguments: &ShowArguments) -> ExitCode {
    match session::provenance::describe(&arguments.file, arguments.json) {
        Ok(text) => {
            // A reader that closes early, such as `head`, is no failure.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => end(&error),
    }
}

fn end(error: &WireError) -> ExitCode {
    if error.code == "cancelled" {
        eprintln!("interrupted; the same command goes on where it was");
        return ExitCode::from(INTERRUPTED);
    }
    eprintln!("error: {error}");
    let refused = [
        "recipe",
        "part",
        "input",
        "parameter",
        "unknown_operation",
        "not_applicable",
    ];
    match refused.contains(&error.code.as_str()) {
        true => ExitCode::from(REFUSED),
        false => ExitCode::from(FAILED),
    }
}

/// The first Ctrl-C (or SIGTERM) asks for a clean end, the second ends at once.
fn watch_interrupts(interrupted: &Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let interrupted = interrupted.clone();
    std::thread::Builder::new()
        .name("interrupts".into())
        .spawn(move || runtime.block_on(listen(&interrupted)))
        .map(drop)
}

async fn listen(interrupted: &AtomicBool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("\nending; once more ends at once");
    }
}

/// The bar: one line that changes, or now and then a line where stderr is no terminal.
struct Bar {
    is_terminal: bool,
    /// When the first outputs were begun, and those that are written now.
    first: Option<Instant>,
    began: Instant,
    over: bool,
    label: String,
    told: Option<Instant>,
    /// Characters that stand in the line.
    width: usize,
}

impl Bar {
    fn new() -> Self {
        Bar {
            is_terminal: std::io::stderr().is_terminal(),
            first: None,
            began: Instant::now(),
            over: false,
            label: String::new(),
            told: None,
            width: 0,
        }
    }

    fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        let is_new = self.label != progress.label;
        self.label.clone_from(&progress.label);
        self.first.get_or_insert(now);
        // More outputs join under another label, and the time goes on; after an end others begin.
        if std::mem::replace(&mut self.over, false) {
            self.began = now;
        }
        let over = progress.state != ProgressState::Running;
        let every = if self.is_terminal {
            BAR_EVERY
        } else {
            LINE_EVERY
        };
        let due = is_new || over || self.told.is_none_or(|told| now >= told + every);
        if !due {
            return;
        }
        self.told = Some(now);
        self.over = over;
        if progress.state == ProgressState::Done {
            // Each result is about to be told, and their sum.
            return self.clear();
        }
        let text = Report::new(progress, self.began.elapsed()).text();
        if self.is_terminal && !over {
            let width = text.chars().count();
            let blank = " ".repeat(self.width.saturating_sub(width));
            eprint!("\r{text}{blank}");
            self.width = width;
        } else {
            self.say(&text);
        }
    }

    /// Since the first output was begun.
    fn took(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| first.elapsed())
    }

    /// A line that stays.
    fn say(&mut self, text: &str) {
        self.clear();
        eprintln!("{text}");
    }

    fn clear(&mut self) {
        if self.width > 0 {
            eprint!("\r{}\r", " ".repeat(self.width));
            self.width = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_all_outputs_that_are_written_together() {
        let mut bar = Bar::new();
        let began = bar.began;
        let mut told = Progress {
            node: 1,
            state: ProgressState::Running,
            done: 0.0,
            total: 8.0,
            label: "saving a.zspy".into(),
            message: String::new(),
            rate: None,
            seconds_left: None,
            kept: 0.0,
            can_resume: false,
            measuring: None,
        };
        for (label, state) in [
            ("saving a.zspy", ProgressState::Running),
            ("saving 2 results", ProgressState::Running),
            ("saving 2 results", ProgressState::Done),
        ] {
            (told.label, told.state) = (label.into(), state);
            bar.show(&told);
            assert_eq!(bar.began, began, "{label}");
        }
        told.state = ProgressState::Running;
        bar.show(&told);
        assert!(bar.began > began, "others begin");
    }

    #[test]
    fn the_sum_stands_under_the_lines_of_each() {
        let one = |name: &str, was_there, computed, kept| Finished {
            file: name.into(),
            summary: "(40, 56) map".into(),
            was_there,
            computed,
            kept,
        };
        let some = [
            one("a.zspy", true, 0, 2240),
            one("b.zspy", false, 560, 0),
            one("c.zspy", false, 500, 60),
        ];
        let told = |finished: &[Finished], part| told(finished, part, Duration::from_secs(2));
        let quarter = Some(Part { number: 1, of: 4 });
        assert_eq!(
            told(&some, quarter),
            [
                "a.zspy: (40, 56) map was there already",
                "b.zspy: (40, 56) map part 1 of 4 is done: 560 scan positions computed",
                "c.zspy: (40, 56) map part 1 of 4 is done: 500 scan positions computed, 60 kept from before",
                "2 results together: 1060 scan positions computed, 60 kept from before, in 2.0 s",
            ]
        );
        assert_eq!(told(&some[..1], None).len(), 1);
        assert_eq!(
            told(&some[..2], None)[2],
            "1 result: 560 scan positions computed, in 2.0 s"
        );
        assert_eq!(
            told(&some[1..2], None),
            ["b.zspy: (40, 56) map written: 560 scan positions computed, in 2.0 s"]
        );
    }

    #[test]
    fn sizes_parts_and_inputs_are_understood() {
        assert_eq!(bytes("4 GiB"), Ok(4 << 30));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("1.5 k"), Ok(1536));
        assert_eq!(bytes("1048576"), Ok(1 << 20));
        for wrong in ["", "GiB", "4 potatoes", "-1", "0", "1e99 TB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        let second = Part { number: 2, of: 5 };
        assert_eq!(part("2/5"), Ok(second));
        for wrong in ["0/5", "6/5", "2", "a/b", "1/0", "-1/3"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
        let named = (Some("scan".to_owned()), PathBuf::from("a=b.npy"));
        assert_eq!(input("scan=a=b.npy"), named);
        let plain = (None, PathBuf::from("folder/x=1.npy"));
        assert_eq!(input("folder/x=1.npy"), plain);
    }
}
