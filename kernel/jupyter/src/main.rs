//! `signaltree`: the kernel and its installation.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use jupyter::install::{self, Place, Spec};

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

#[derive(Subcommand)]
enum Command {
    /// Run the kernel; Jupyter calls this.
    Kernel {
        /// Connection file written by the client.
        #[arg(short = 'f', long = "connection-file")]
        connection_file: PathBuf,
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
    },
    /// Remove the kernel from Jupyter.
    Uninstall {
        #[command(flatten)]
        place: PlaceArguments,
        #[arg(long, default_value = "signaltree")]
        name: String,
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

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Kernel { connection_file } => {
            let text = std::fs::read_to_string(&connection_file).with_context(|| {
                format!(
                    "cannot read the connection file {}",
                    connection_file.display()
                )
            })?;
            let _ = text;
        }
        Command::Install {
            place,
            name,
            display_name,
            env,
        } => {
            let directory = install::install(
                &place.into(),
                &Spec {
                    name,
                    display_name,
                    env,
                },
            )?;
            println!("installed in {}", directory.display());
        }
        Command::Uninstall { place, name } => {
            let directory = install::uninstall(&place.into(), &name)?;
            println!("removed {}", directory.display());
        }
    }
    Ok(())
}
