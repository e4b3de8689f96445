//! `reputed manual`: what a package or a curious person needs: man pages, shell completion, the commented configuration
//! and rules.

use super::Failure;
use crate::config;
use clap::{Command, Subcommand};
use clap_complete::Shell;
use std::io::{Write, stdout};
use std::path::PathBuf;

/// Prose and the table of fields; a test holds the table to the one that the parser uses.
const QUERY: &str = include_str!("../../docs/query.md");

/// Prints the commented configuration, the rules, shell completion, or writes man pages
#[derive(Subcommand)]
pub enum Manual {
    /// The configuration with every key explained, to start from
    Config,
    /// The rules that hold without a file of one's own
    Rules,
    /// The query language
    Query,
    /// For `source <(reputed manual completion bash)` and the like
    Completion { shell: Shell },
    /// One page a command
    Man {
        /// Folder to write them to
        dir: PathBuf,
    },
}

impl Manual {
    pub(super) fn run(self, mut command: Command) -> Result<(), Failure> {
        match self {
            Manual::Config => stdout().write_all(config::EMBEDDED.as_bytes())?,
            Manual::Rules => stdout().write_all(config::EMBEDDED_RULES.as_bytes())?,
            Manual::Query => stdout().write_all(QUERY.as_bytes())?,
            Manual::Completion { shell } => clap_complete::generate(shell, &mut command, "reputed", &mut stdout()),
            Manual::Man { dir } => {
                std::fs::create_dir_all(&dir)?;
                clap_mangen::generate_to(command, &dir)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::QUERY;
    use crate::query::field;

    #[test]
    fn the_manual_lists_every_field() {
        let table = field::describe();
        assert!(QUERY.contains(&table), "docs/query.md must hold this, word for word:\n{table}");
    }
}
