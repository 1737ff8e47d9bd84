//! Is pkg-config all that a build needs to know?

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, bounded, compiler, hooked, workspace};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(120);
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn source() -> std::path::PathBuf {
    workspace().join("ffi-tests/c/version.c")
}

fn needs_librequiretls(program: &Path) -> Result<bool> {
    let dynamic = bounded::output(Command::new("readelf").arg("--dynamic").arg(program), LIMIT)?;
    Ok(dynamic.contains("librequiretls.so.0"))
}

#[test]
fn a_program_links_the_shared_object() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let program = dir.path().join("version");
    installed.compile(
        &source(),
        &program,
        &["-std=c89", "-Wall", "-Werror"],
        &["requiretls"],
    )?;
    assert!(needs_librequiretls(&program)?);
    assert_eq!(
        bounded::output(&mut Command::new(&program), LIMIT)?.trim(),
        VERSION
    );
    Ok(())
}

#[test]
fn a_program_links_the_static_library() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let program = dir.path().join("version");
    let mut command = compiler()?;
    command
        .args(["-std=c89", "-Wall", "-Werror"])
        .arg(source())
        .arg("-o")
        .arg(&program);
    for word in installed.pkg_config(&["--static", "--cflags", "--libs", "requiretls"])? {
        // With both libraries in one directory the linker would take the shared one.
        command.arg(if word == "-lrequiretls" {
            "-l:librequiretls.a".to_owned()
        } else {
            word
        });
    }
    bounded::output(&mut command, LIMIT)?;
    assert!(!needs_librequiretls(&program)?);
    assert_eq!(
        bounded::output(&mut Command::new(&program), LIMIT)?.trim(),
        VERSION
    );
    Ok(())
}

#[test]
fn the_staging_directory_is_in_no_installed_file() -> Result<()> {
    let installed = Installed::find()?;
    let file = fs::read_to_string(installed.libdir().join("pkgconfig/requiretls.pc"))?;
    assert!(file.contains("prefix=/opt/requiretls\n"), "{file}");
    assert!(!file.contains("installed"), "{file}");
    assert!(!file.contains('@'), "{file}");
    assert_eq!(
        installed.pkg_config(&["--modversion", "requiretls"])?,
        [VERSION]
    );
    Ok(())
}

/// Without a configuration of its own a program reads the one below the directory that `--sysconfdir` named.
#[test]
fn the_shared_object_knows_where_its_configuration_is() -> Result<()> {
    let contains = |library: &Path, sysconfdir: &str| -> Result<bool> {
        let path = format!("{sysconfdir}/requiretls/requiretls.conf");
        let library = fs::read(library)?;
        Ok(library.windows(path.len()).any(|w| w == path.as_bytes()))
    };
    // The library, and what it was built with.
    let rows = [
        (Installed::find()?.shared_object(), "/etc"),
        (hooked()?, "/nonexistent"),
    ];
    for (library, built_with) in &rows {
        for (_, sysconfdir) in &rows {
            let found = contains(library, sysconfdir)?;
            let label = library.display();
            assert_eq!(found, sysconfdir == built_with, "{label}: {sysconfdir}");
        }
    }
    Ok(())
}
