//! The command line: one file per subcommand. Standard output carries results, standard error everything else.

mod bench;
mod by_hand;
mod check;
mod daemon;
mod demo;
mod export;
mod follower;
mod health;
mod import;
mod line;
mod manual;
mod matching;
mod model;
mod reindex;
mod run;
mod score;
mod search;
mod terminal;

use crate::config::{self, Config, Kinds, Overrides};
use crate::query::names::Names;
use crate::settings::{Problem, Severity};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Listens to what is said in public about a brand, judges it on this machine, and alerts with reasons.
#[derive(Parser)]
#[command(
    name = "reputed",
    version,
    max_term_width = 100,
    after_help = "\
Start here:
  reputed demo                              an invented week of a small brand, nothing to set up
  reputed run --watch 'acme OR \"acme corp\"'   listen on Bluesky right now
  reputed check -c reputed.toml             what is wrong with a configuration, all of it at once

Exit codes: 0 done, 1 the work failed, 2 wrong usage or a bad file."
)]
pub struct Cli {
    #[command(flatten)]
    log: Log,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Log {
    /// How log lines on standard error look
    #[arg(long = "log", value_enum, global = true, default_value = "human", value_name = "FORM")]
    form: LogForm,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `reputed::source=debug,info`
    #[arg(long, global = true, env = "REPUTED_LOG", default_value = "info", value_name = "FILTER")]
    log_level: String,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogForm {
    Human,
    Json,
}

/// Where the configuration is.
#[derive(Args, Clone, Default)]
struct Configured {
    /// The configuration; without it, the embedded defaults (`reputed manual config` prints them)
    #[arg(short = 'c', long = "config", env = "REPUTED_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// In place of the file's `data_dir`
    #[arg(long, env = "REPUTED_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Configured {
    /// Where the data is, for commands that need nothing else of the configuration.
    fn find_data(&self) -> Result<PathBuf, Failure> {
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => config::data_dir(self.config.as_deref()).map_err(Failure::BadFile),
        }
    }

    /// The lists and named queries that a query may refer to, and the kinds of the sources.
    fn names(&self) -> Result<(Names, Kinds), Failure> {
        config::names(self.config.as_deref()).map_err(Failure::BadFile)
    }

    /// Reads the configuration, printing its warnings.
    fn read(&self, mut overrides: Overrides) -> Result<Config, Failure> {
        overrides.data_dir = self.data_dir.clone();
        let (config, warnings) = config::read(self.config.as_deref(), &overrides).map_err(Failure::BadFile)?;
        for warning in warnings {
            terminal::note(&warning.to_string());
        }
        Ok(config)
    }
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Demo(demo::Demo),
    Check(check::Check),
    Match(matching::Match),
    Score(score::Score),
    Import(import::Import),
    Export(export::Export),
    Search(search::Search),
    #[command(subcommand)]
    Alerts(by_hand::Alerts),
    #[command(subcommand)]
    Deliveries(by_hand::Deliveries),
    #[command(subcommand)]
    Hook(by_hand::Hook),
    #[command(subcommand)]
    Follower(follower::Follower),
    #[command(subcommand)]
    Model(model::Model),
    Health(health::Health),
    Bench(bench::Bench),
    Reindex(reindex::Reindex),
    #[command(subcommand)]
    Manual(manual::Manual),
}

/// Why a command did not do its work.
enum Failure {
    /// Exit 1.
    Work(anyhow::Error),
    /// Exit 2: a file, with everything that is wrong with it.
    BadFile(Vec<Problem>),
    /// Exit 2: how the command was called.
    Usage(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

/// Parses the command line, does what it says, tells what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::start_log(cli.log.form, &cli.log.log_level);
    let done = match cli.command {
        Command::Run(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Match(command) => command.run(),
        Command::Score(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Search(command) => command.run(),
        Command::Alerts(command) => command.run(),
        Command::Deliveries(command) => command.run(),
        Command::Hook(command) => command.run(),
        Command::Follower(command) => command.run(),
        Command::Model(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Reindex(command) => command.run(),
        Command::Manual(command) => command.run(Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output (`head`, say) has seen enough.
        Err(Failure::Work(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Work(error)) => {
            terminal::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
        Err(Failure::Usage(message)) => {
            terminal::error(&message);
            ExitCode::from(2)
        }
        Err(Failure::BadFile(problems)) => {
            for problem in &problems {
                terminal::note(&problem.to_string());
            }
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            terminal::error(&format!("{errors} error{}", if errors == 1 { "" } else { "s" }));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}

/// The runtime of every command that waits for something.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
