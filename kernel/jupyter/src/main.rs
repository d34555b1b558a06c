//! `signaltree`: the kernel and its installation.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use eval::{Evaluator, Options, Prewarm};
use jupyter::batch::{self, CombineArguments, ComputeArguments, ShowArguments};
use jupyter::doctor::{self, Verdict};
use jupyter::install::{self, Place, Spec};
use jupyter::kernel::{self, Parts};
use jupyter::session_backend::{Interpreter, SessionBackend};
use jupyter::widget_backend::IdlePolicy;
use jupyter_protocol::ConnectionInfo;
use session::{Config, Session, sample};
use tracing_subscriber::EnvFilter;

/// The kernel does not share an allocator with cells, whose std takes the system's: what a cell does to its
/// heap, and a lock that it holds there when it is lost, is not the engine's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "signaltree",
    version,
    about = "A Jupyter kernel in Rust to explore multidimensional microscopy data"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment (set for notebooks with `signaltree install --env NAME=VALUE`):
  SIGNALTREE_MEMORY_BUDGET  bytes of cached pixels, default 1 GiB
  SIGNALTREE_PREWARM        when the compiler starts: background (default, at once), first-cell (with the first
                            cell of any kind) or off (with the first cell that needs it)
  SIGNALTREE_COMM_IDLE      lazy (default): fast frames in JupyterLab; strict: idle after every widget message
  SIGNALTREE_JOURNAL        where the tree is written down for restore(); off: nowhere
  SIGNALTREE_HISTORY        off: inputs are forgotten with their kernel, not kept for the next one
  SIGNALTREE_LOG            what is logged to stderr, default warn
  SIGNALTREE_WIDGET_DIR     read index.js and style.css from here, for work on the widget";

#[derive(Subcommand)]
enum Command {
    /// Run the kernel; Jupyter calls this.
    #[command(after_help = ENVIRONMENT)]
    Kernel {
        /// Connection file written by the client.
        #[arg(short = 'f', long = "connection-file")]
        connection_file: PathBuf,
        /// What clients add to the command of a kernel, as `jupyter run` does; not looked at.
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        ignored: Vec<String>,
    },
    /// Make the kernel known to Jupyter.
    Install {
        #[command(flatten)]
        place: PlaceArguments,
        /// Name of the kernel on disk and in notebooks.
        #[arg(long, default_value = "signaltree")]
        name: String,
        /// Name people see.
        #[arg(long, default_value = "SignalTree (Rust)")]
        display_name: String,
        /// Environment variable for the kernel; may be given several times.
        #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
        env: Vec<(String, String)>,
        /// Leave it to the first kernel to compile what cells are built on.
        #[arg(long)]
        no_prepare: bool,
    },
    /// Compile what cells are built on ahead of the first kernel; `install` does it too.
    #[command(
        after_help = "Needed again after an update of Rust or of signaltree: otherwise the next kernel does it, \
                      and its first compiled cell waits for that."
    )]
    Prepare,
    /// Compute what a recipe says, without a notebook.
    Compute(ComputeArguments),
    /// Put together what `compute --part` has left in a folder.
    Combine(CombineArguments),
    /// Show what is in a file, and how it was made.
    Show(ShowArguments),
    /// Look at everything a notebook needs, and say what to do about what is missing.
    Doctor {
        /// The Python that Jupyter runs with [default: that of the `jupyter` on the path]
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
    },
    /// Write a scan with known truth to try things on.
    Sample {
        #[command(subcommand)]
        sample: Sample,
    },
    /// Remove the kernel from Jupyter.
    Uninstall {
        #[command(flatten)]
        place: PlaceArguments,
        #[arg(long, default_value = "signaltree")]
        name: String,
    },
}

#[derive(Subcommand)]
enum Sample {
    /// A 4D-STEM scan of a strained grain: 40 x 56 positions, patterns of 128 x 112 pixels.
    StrainedGrain {
        /// File to write, ending in .zspy; the truth is written beside it.
        path: PathBuf,
    },
}

#[derive(Args)]
#[group(multiple = false)]
struct PlaceArguments {
    /// For this user (the default).
    #[arg(long)]
    user: bool,
    /// Below PREFIX/share/jupyter.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<PathBuf>,
    /// In the active Python environment.
    #[arg(long)]
    sys_prefix: bool,
}

impl From<PlaceArguments> for Place {
    fn from(arguments: PlaceArguments) -> Self {
        match arguments {
            PlaceArguments {
                prefix: Some(prefix),
                ..
            } => Self::Prefix(prefix),
            PlaceArguments {
                sys_prefix: true, ..
            } => Self::SysPrefix,
            PlaceArguments { .. } => Self::User,
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no '='; give KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn main() -> anyhow::Result<ExitCode> {
    // The compiler starts this program again in other roles, which must not reach anything below.
    eval::runtime_hook_if_child();
    match Cli::parse().command {
        Command::Kernel {
            connection_file, ..
        } => run_kernel(&connection_file)?,
        Command::Install {
            place,
            name,
            display_name,
            env,
            no_prepare,
        } => {
            let spec = Spec {
                name,
                display_name,
                env,
            };
            let directory = install::install(&place.into(), &spec)?;
            println!("installed in {}", directory.display());
            println!("`signaltree doctor` says whether Jupyter finds it and has what it needs");
            if !no_prepare && let Err(reason) = prepare()? {
                // The kernel is installed, and direct cells need no compiler.
                writeln!(
                    eval::log_file()?,
                    "cells are not prepared: {reason}; `signaltree prepare` tries again"
                )?;
            }
        }
        Command::Prepare => {
            if let Err(reason) = prepare()? {
                anyhow::bail!(reason);
            }
        }
        Command::Compute(arguments) => return Ok(batch::compute(arguments)),
        Command::Combine(arguments) => return Ok(batch::combine(&arguments)),
        Command::Show(arguments) => return Ok(batch::show(&arguments)),
        Command::Doctor { python } => {
            let mut broken = false;
            let mut out = std::io::stdout();
            doctor::examine(python, &mut |finding| {
                broken |= finding.verdict == Verdict::Broken;
                // Who reads only the first lines (`| head`) has closed it.
                let _ = writeln!(out, "{finding}");
            });
            if broken {
                std::process::exit(1);
            }
        }
        Command::Sample {
            sample: Sample::StrainedGrain { path },
        } => write_sample(&path)?,
        Command::Uninstall { place, name } => {
            let directory = install::uninstall(&place.into(), &name)?;
            println!("removed {}", directory.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what it does. The inner error is a sentence for the person.
fn prepare() -> anyhow::Result<Result<(), String>> {
    // stdout is taken for the output of cells meanwhile.
    let mut out = eval::log_file().context("cannot keep stderr for messages")?;
    let mut report = |step: &str| drop(writeln!(out, "preparing cells: {step}"));
    let prepared = eval::prepare(None, &mut report);
    if let Ok(prepared) = &prepared {
        writeln!(out, "cells are prepared in {}", prepared.folder.display())?;
    }
    Ok(prepared.map(drop))
}

fn run_kernel(connection_file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(connection_file).with_context(|| {
        format!(
            "cannot read the connection file {}",
            connection_file.display()
        )
    })?;
    let connection: ConnectionInfo = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is not a connection file of Jupyter",
            connection_file.display()
        )
    })?;
    anyhow::ensure!(
        connection.key.is_empty() || connection.signature_scheme == "hmac-sha256",
        "{} asks for signatures of the kind {:?}; this kernel signs with hmac-sha256: set Session.signature_scheme back in Jupyter's configuration",
        connection_file.display(),
        connection.signature_scheme
    );
    start_log()?;
    // Requests are short and the work behind them has its own threads.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(kernel::run(&connection, parts()))?;
    // Threads that still run a cell or a computation, or were lost in one, end with the process.
    eval::leave(0)
}

/// The engine and the evaluator behind the messaging.
fn parts() -> Parts {
    let engine = SessionBackend::new(Session::new(Config::from_environment()));
    if let Some(place) = jupyter::journal::place() {
        engine.keep_journal(&place);
    }
    let backend = engine.clone();
    Parts {
        backend,
        idle: IdlePolicy::from_environment(),
        history: install::history_folder(),
        with_echo: std::env::var("SIGNALTREE_TEST_COMM").is_ok_and(|value| value == "1"),
        cells: Box::new(move |links| {
            let prewarm = match std::env::var("SIGNALTREE_PREWARM") {
                Ok(when) => Prewarm::from_name(&when).unwrap_or_else(|| {
                    tracing::warn!(when, "SIGNALTREE_PREWARM is background, first-cell or off");
                    Prewarm::default()
                }),
                Err(_) => Prewarm::default(),
            };
            let options = Options {
                prewarm,
                ..Options::default()
            };
            let evaluator = Evaluator::start(engine.clone(), links.outlet(), options);
            engine.connect(links);
            Arc::new(Interpreter { evaluator, engine })
        }),
    }
}

/// The log goes to the stderr the kernel was started with: descriptors 1 and 2 belong to the cells.
/// `SIGNALTREE_LOG` sets what is logged (default `warn`).
fn start_log() -> anyhow::Result<()> {
    let file = eval::log_file().context("cannot keep stderr for the log")?;
    let filter =
        EnvFilter::try_from_env("SIGNALTREE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
    Ok(())
}

fn write_sample(path: &Path) -> anyhow::Result<()> {
    sample::write_strained_grain(path, &sample::StrainedGrain::default())?;
    println!(
        "wrote {} and {}",
        path.display(),
        sample::truth_path(path).display()
    );
    Ok(())
}
