//! One kernel: its sockets, tasks and threads, from the connection file to the shutdown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jupyter_protocol::ConnectionInfo;
use tokio::sync::Notify;

use crate::analyse::Analyser;
use crate::cells::{Cells, Outlet};
use crate::comms::Comms;
use crate::control::Control;
use crate::execute::Executor;
use crate::history::History;
use crate::output::CellOutput;
use crate::shell::Shell;
use crate::sockets::{SocketError, Sockets};
use crate::stdin::Stdin;
use crate::widget_backend::{IdlePolicy, WidgetBackend};
pub use crate::wire::PROTOCOL_VERSION;

/// Longest wait for clients to take the last messages.
const FAREWELL: Duration = Duration::from_millis(500);
/// Longest wait for the disk that takes the last inputs.
const HISTORY_PATIENCE: Duration = Duration::from_millis(200);
/// How often the process that started the kernel is looked at.
const PARENT_POLL: Duration = Duration::from_secs(1);

/// What the messaging serves.
pub struct Parts {
    pub backend: Arc<dyn WidgetBackend>,
    pub idle: IdlePolicy,
    /// Offers the comm target `kbench.echo`.
    pub with_echo: bool,
    /// Folder for the inputs of this and later kernels; `None`: they are forgotten with the kernel.
    pub history: Option<PathBuf>,
    /// Makes the evaluator, given where its output goes. Must return at once.
    pub cells: Box<dyn FnOnce(Links) -> Arc<dyn Cells> + Send>,
}

/// The ways from the engine and the cells back to the front end.
#[derive(Clone)]
pub struct Links {
    pub output: Arc<CellOutput>,
    pub comms: Arc<Comms>,
}

impl Links {
    pub fn outlet(&self) -> Arc<dyn Outlet> {
        self.output.clone()
    }
}

/// Serves until a shutdown is asked for, a termination signal comes, or the parent process dies.
///
/// # Errors
/// [`SocketError`] if a socket cannot be bound or a thread cannot be started.
pub async fn run(connection: &ConnectionInfo, parts: Parts) -> Result<(), SocketError> {
    let sockets = Sockets::bind(connection).await?;
    let Sockets {
        iopub,
        shell,
        control,
        stdin,
        farewell,
    } = sockets;
    iopub.status(None, "starting");

    let (stdin_requests, stdin_replies) = stdin;
    let stdin = Arc::new(Stdin::new(stdin_replies, iopub.clone()));
    let comms = Comms::start(iopub.clone(), parts.backend, parts.idle, parts.with_echo)?;
    let output = Arc::new(CellOutput::new(iopub.clone(), stdin.clone(), comms.clone()));
    let cells = (parts.cells)(Links {
        output: output.clone(),
        comms: comms.clone(),
    });
    let history = Arc::new(History::new(parts.history));

    let (shell_requests, shell_replies) = shell;
    let executor = Executor::start(
        cells.clone(),
        output,
        comms.clone(),
        iopub.clone(),
        shell_replies.clone(),
        history.clone(),
    )?;
    let analyser = Analyser::start(cells.clone(), iopub.clone(), shell_replies.clone())?;
    let (control_requests, control_replies) = control;
    let shutdown = Arc::new(Notify::new());

    tokio::spawn(stdin.clone().run(stdin_requests));
    tokio::spawn(
        Control {
            iopub: iopub.clone(),
            replies: control_replies,
            cells: cells.clone(),
            executor: executor.clone(),
            comms: comms.clone(),
            stdin,
            shutdown: shutdown.clone(),
        }
        .run(control_requests),
    );
    let shell = Shell {
        iopub: iopub.clone(),
        replies: shell_replies,
        cells: cells.clone(),
        executor,
        analyser,
        comms,
        history: history.clone(),
    };
    tokio::spawn(shell.run(shell_requests));

    tokio::select! {
        () = shutdown.notified() => {}
        () = terminated() => {}
        () = parent_died() => tracing::info!("the process that started the kernel has ended"),
    }
    // Off this thread, because both wait for other threads.
    let last_words = tokio::task::spawn_blocking(move || {
        iopub.pay_idles();
        iopub.flush();
        history.flush(HISTORY_PATIENCE);
        cells.shut_down();
    });
    let _ = tokio::time::timeout(Duration::from_secs(1), last_words).await;
    farewell.wait(FAREWELL).await;
    Ok(())
}

/// SIGTERM ends the kernel; SIGINT, which a terminal sends to the whole process group, does not.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    // Listening replaces the default action, which would end the process.
    let interrupt = signal(SignalKind::interrupt());
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => {
            tracing::warn!("SIGTERM cannot be caught: {error}");
            std::future::pending::<()>().await;
        }
    }
    drop(interrupt);
}

/// Ends when the process named by `JPY_PARENT_PID` is gone; never without that variable.
async fn parent_died() {
    let Some(pid) = std::env::var("JPY_PARENT_PID")
        .ok()
        .and_then(|pid| pid.trim().parse::<u32>().ok())
        .filter(|pid| *pid > 1)
    else {
        return std::future::pending().await;
    };
    let is_own_parent = std::os::unix::process::parent_id() == pid;
    loop {
        tokio::time::sleep(PARENT_POLL).await;
        // An orphan gets another parent. A launcher between us and the client is looked up by its
        // number, where the system lists processes.
        let gone = if is_own_parent {
            std::os::unix::process::parent_id() != pid
        } else {
            std::path::Path::new("/proc/self").exists()
                && !std::path::Path::new(&format!("/proc/{pid}")).exists()
        };
        if gone {
            return;
        }
    }
}
