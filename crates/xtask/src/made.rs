//! Is what was made before still of the sources that are here?
//!
//! Beside it lies what it was made of, as a text: each file that git knows with a digest of what it holds, and the compiler;
//! and what was made, with its size and time, since somebody may have put something else there.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::command::output;
use crate::{Result, source, tree};

/// Where it is written down, and the sources of now.
pub(crate) struct Made {
    note: PathBuf,
    sources: String,
}

impl Made {
    /// Looks at the sources.
    pub(crate) fn of_sources(note: PathBuf) -> Result<Self> {
        let sources = sources()?;
        Ok(Self { note, sources })
    }

    /// Whether nothing has changed since these were made. They are then as new as the sources, whatever the times of those.
    pub(crate) fn are_current(&self, products: &[PathBuf]) -> Result<bool> {
        let Ok(now) = self.describe(products) else {
            return Ok(false);
        };
        if fs::read_to_string(&self.note).ok().as_ref() != Some(&now) {
            return Ok(false);
        }
        for product in products {
            File::open(product)?.set_modified(SystemTime::now())?;
        }
        self.end(products)?;
        Ok(true)
    }

    /// To be called before they are made: who breaks off in the middle has made nothing.
    pub(crate) fn begin(&self) -> Result<()> {
        forget_file(&self.note)
    }

    /// To be called when they have been made.
    pub(crate) fn end(&self, products: &[PathBuf]) -> Result<()> {
        Ok(fs::write(&self.note, self.describe(products)?)?)
    }

    fn describe(&self, products: &[PathBuf]) -> Result<String> {
        let mut text = self.sources.clone();
        for product in products {
            let metadata = product.metadata()?;
            let since = metadata
                .modified()?
                .duration_since(SystemTime::UNIX_EPOCH)?;
            let product = product.display();
            writeln!(text, "{} {since:?} {product}", metadata.len())?;
        }
        Ok(text)
    }
}

fn forget_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn sources() -> Result<String> {
    let names = source::committed()?;
    let digests = output(source::git().args(["hash-object", "--"]).args(&names))?;
    let mut text = output(Command::new("rustc").arg("-vV"))?;
    for (name, digest) in names.iter().zip(digests.lines()) {
        let mode = tree::root().join(name).metadata()?.permissions().mode();
        writeln!(text, "{mode:o} {digest} {name}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_made_counts_until_something_changes() {
        let dir = tree::target().join(format!("made-test-{}", std::process::id()));
        let outcome = try_in(&dir);
        drop(source::forget(&dir));
        assert_eq!(
            outcome.unwrap_or_else(|error| vec![(error.to_string(), true)]),
            [
                ("never made", false),
                ("made", true),
                ("looked at before", true),
                ("of other sources", false),
                ("with one more beside it", false),
                ("another one put there", false),
                ("made again", true),
                ("gone", false),
                ("under way", false),
            ]
            .map(|(label, current)| (label.to_owned(), current))
        );
    }

    fn try_in(dir: &Path) -> Result<Vec<(String, bool)>> {
        fs::create_dir_all(dir)?;
        let (one, two) = (dir.join("one"), dir.join("two"));
        let product = [one.clone()];
        let made = Made::of_sources(dir.join("note"))?;
        let mut found = Vec::new();
        let mut look = |label: &str, made: &Made, products: &[PathBuf]| -> Result<()> {
            found.push((label.to_owned(), made.are_current(products)?));
            Ok(())
        };
        fs::write(&one, "1")?;
        look("never made", &made, &product)?;
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::open(&one)?.set_modified(long_ago)?;
        made.end(&product)?;
        look("made", &made, &product)?;
        if one.metadata()?.modified()? == long_ago {
            return Err("it is no newer than before".into());
        }
        look("looked at before", &made, &product)?;
        let sources = made.sources.replace("Cargo.toml", "Cargo.lock");
        let note = made.note.clone();
        look("of other sources", &Made { note, sources }, &product)?;
        fs::write(&two, "2")?;
        let both = [one.clone(), two];
        look("with one more beside it", &made, &both)?;
        fs::write(&one, "another")?;
        look("another one put there", &made, &product)?;
        made.end(&product)?;
        look("made again", &made, &product)?;
        fs::remove_file(&one)?;
        look("gone", &made, &product)?;
        fs::write(&one, "1")?;
        made.end(&product)?;
        made.begin()?;
        look("under way", &made, &product)?;
        Ok(found)
    }
}
