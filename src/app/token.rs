//! The admin's token, kept in a file of the data folder.

use crate::secret::Secret;
use anyhow::Context;
use std::path::Path;

/// The token that is kept at `path`, made at the first start: readable by its owner only.
pub(super) fn admin(path: &Path) -> anyhow::Result<Secret> {
    match std::fs::read_to_string(path) {
        Ok(token) if !token.trim().is_empty() => return Ok(Secret::new(token.trim())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).context("the system gives no randomness for the admin token")?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(path, &token).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Secret::new(token))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
