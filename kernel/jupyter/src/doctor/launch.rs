//! Trying a kernel as Jupyter would start it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{PATIENCE, milliseconds};

/// Starts the kernel as Jupyter would, and waits until it listens. Milliseconds.
pub(super) fn launch(argv: &[String], env: &BTreeMap<String, String>) -> Result<u128, String> {
    let [program, arguments @ ..] = argv else {
        return Err("its argv is empty".into());
    };
    let failed = |error: std::io::Error| format!("it cannot be tried: {error}");
    let folder = Scratch::new().map_err(failed)?;
    let file = folder.0.join("connection.json");
    let listeners: Vec<TcpListener> = (0..5)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let ports: Vec<u16> = listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    drop(listeners);
    let connection = json!({
        "transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256", "key": "doctor",
        "shell_port": ports[0], "iopub_port": ports[1], "stdin_port": ports[2], "control_port": ports[3], "hb_port": ports[4],
    });
    std::fs::write(&file, connection.to_string()).map_err(failed)?;
    let arguments = arguments.iter().map(|argument| {
        argument
            .replace("{connection_file}", &file.display().to_string())
            .replace("{resource_dir}", "")
    });
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .envs(env)
        // Nothing of this try is kept.
        .envs([
            ("SIGNALTREE_PREWARM", "off"),
            ("SIGNALTREE_JOURNAL", "off"),
            ("SIGNALTREE_HISTORY", "off"),
        ])
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it does not start: {error}"))?;
    let shell = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0]));
    let took = loop {
        if let Ok(Some(status)) = child.try_wait() {
            break Err(format!(
                "it ended at once ({status}); run `{program} kernel -f FILE` to see why"
            ));
        }
        if TcpStream::connect_timeout(&shell, Duration::from_millis(200)).is_ok() {
            break Ok(milliseconds(began));
        }
        if began.elapsed() > PATIENCE {
            break Err("it does not listen".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let _ = child.kill();
    let _ = child.wait();
    took
}

/// A folder of this process alone, removed with the value.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!(
            "signaltree-doctor-{}",
            uuid::Uuid::new_v4().simple()
        ));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
