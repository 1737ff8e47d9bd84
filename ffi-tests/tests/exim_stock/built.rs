//! Which functions does Exim load? Ours, or some that a test puts in their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Failure, Installed, Linking, Result, bounded, target, workspace};

use crate::scene::Scene;

const GLUE: &str = "crates/requiretls-capi/hosts/exim/glue";
const LIMIT: Duration = Duration::from_secs(120);

impl Scene<'_> {
    /// Puts ours there.
    pub(crate) fn install_functions(&self) -> Result<()> {
        let new = self.shared("new.so");
        fs::copy(build(&Installed::find()?)?, &new)?;
        Ok(fs::rename(new, self.shared("requiretls-exim.so"))?)
    }

    /// Puts functions in the place of ours that know nothing but their name.
    pub(crate) fn build_old_functions(&self) -> Result<()> {
        let source = self.path("old.c");
        fs::write(
            &source,
            "int requiretls_here(const char **yield, int argc, char **argv);\n\
             int requiretls_here(const char **yield, int argc, char **argv)\n\
             { (void) argc; (void) argv; *yield = \"no\"; return 0; }\n",
        )?;
        let flags = ["-fPIC", "-shared"];
        let to = self.path("old.so");
        Installed::find()?.link(&[source], &to, &flags, &["requiretls"], Linking::Shared)?;
        Ok(fs::rename(to, self.shared("requiretls-exim.so"))?)
    }

    /// Puts a library in the place of ours that knows the first call alone, by the name and the version of ours.
    pub(crate) fn build_old_library(&self) -> Result<()> {
        let (source, map) = (self.path("old-library.c"), self.path("old-library.map"));
        fs::write(
            &source,
            "int rtls_open(void);\nint rtls_open(void) { return 0; }\n",
        )?;
        fs::write(&map, "REQUIRETLS_0 { global: rtls_open; local: *; };\n")?;
        let to = self.path("old-library.so");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-fPIC", "-shared", "-Wl,-soname,librequiretls.so.0"])
            .arg(format!("-Wl,--version-script={}", map.display()))
            .arg(source)
            .arg("-o")
            .arg(&to);
        bounded::output(&mut compiler, LIMIT)?;
        Ok(fs::rename(to, self.shared("librequiretls.so.0"))?)
    }

    /// Puts functions in the place of ours that have one line changed.
    pub(crate) fn install_altered_functions(
        &self,
        installed: &Installed,
        file: &str,
        line: &str,
        planted: &str,
    ) -> Result<()> {
        let sources = self.path("altered");
        copy_tree(&workspace().join(GLUE), &sources)?;
        let text = fs::read_to_string(sources.join(file))?;
        let altered = text.replacen(line, planted, 1);
        if altered == text {
            return Err(Failure::new(format!("{file} has no line {line}")));
        }
        fs::write(sources.join(file), altered)?;
        let built = make(installed, &sources, &self.path("altered/built"))?;
        let new = self.shared("altered.so");
        fs::copy(built, &new)?;
        Ok(fs::rename(new, self.shared("requiretls-exim.so"))?)
    }
}

/// Builds the functions as any customer of the library would, where they are older than their sources.
pub(crate) fn build(installed: &Installed) -> Result<PathBuf> {
    make(installed, &workspace().join(GLUE), &target().join("exim"))
}

fn make(installed: &Installed, sources: &Path, to: &Path) -> Result<PathBuf> {
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(sources)
        .arg(format!("BUILD={}", to.display()))
        .env("PKG_CONFIG_PATH", installed.libdir().join("pkgconfig"))
        .env("PKG_CONFIG_SYSROOT_DIR", target().join("installed"));
    bounded::output(&mut make, LIMIT)?;
    Ok(to.join("requiretls-exim.so"))
}

/// A directory with all that is below it.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
