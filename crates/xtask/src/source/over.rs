//! How does a newer tree come over an older one, so that only what has changed is compiled again?
//!
//! Cargo goes by the times of files, and all files of a tarball have one time, which is older than what was built of the last
//! one. So what is the same stays as it is, and what is not is written anew.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::forget;
use crate::Result;

/// Makes `to` hold what `from` holds, and nothing else.
pub(crate) fn bring_over(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let wanted = names(from)?;
    for name in names(to)?.difference(&wanted) {
        remove(&to.join(name))?;
    }
    for name in &wanted {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            if !to.is_dir() {
                remove(&to)?;
            }
            bring_over(&from, &to)?;
        } else if !same(&from, &to)? {
            remove(&to)?;
            fs::copy(&from, &to)?; // its time is that of the copy
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<BTreeSet<OsString>> {
    let names = dir.read_dir()?.map(|entry| Ok(entry?.file_name()));
    names.collect()
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    let Ok(there) = other.symlink_metadata() else {
        return Ok(false);
    };
    let metadata = one.metadata()?;
    Ok(there.is_file()
        && there.len() == metadata.len()
        && there.permissions() == metadata.permissions()
        && fs::read(one)? == fs::read(other)?)
}

fn remove(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        return forget(path);
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_is_the_same_stays_and_what_is_not_is_new() {
        let dir = tree::target().join(format!("over-test-{}", std::process::id()));
        let outcome = try_in(&dir);
        drop(forget(&dir));
        assert_eq!(
            outcome.unwrap_or_else(|error| vec![error.to_string()]),
            [
                "changed: y, newer: true",
                "same: x, newer: false",
                "sub/was-a-directory: x, newer: true",
                "was-a-file/new: x, newer: true",
            ]
        );
    }

    fn try_in(dir: &Path) -> Result<Vec<String>> {
        let (from, to) = (dir.join("from"), dir.join("to"));
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let files = [
            (&from, "same", "x"),
            (&from, "changed", "y"),
            (&from, "sub/was-a-directory", "x"),
            (&from, "was-a-file/new", "x"),
            (&to, "same", "x"),
            (&to, "changed", "z"),
            (&to, "gone/too", "x"),
            (&to, "sub/was-a-directory/x", "x"),
            (&to, "was-a-file", "x"),
        ];
        for (tree, name, content) in files {
            let file = tree.join(name);
            fs::create_dir_all(file.parent().unwrap_or(tree))?;
            fs::write(&file, content)?;
            fs::File::open(&file)?.set_modified(long_ago)?;
        }
        bring_over(&from, &to)?;
        let mut found = Vec::new();
        list(&to, &to, &mut |name, file| {
            let newer = file.metadata()?.modified()? > long_ago;
            let content = fs::read_to_string(file)?;
            found.push(format!("{name}: {content}, newer: {newer}"));
            Ok(())
        })?;
        Ok(found)
    }

    fn list(top: &Path, dir: &Path, tell: &mut dyn FnMut(&str, &Path) -> Result<()>) -> Result<()> {
        for name in names(dir)? {
            let path = dir.join(name);
            if path.is_dir() {
                list(top, &path, tell)?;
            } else {
                tell(&path.strip_prefix(top)?.to_string_lossy(), &path)?;
            }
        }
        Ok(())
    }
}
