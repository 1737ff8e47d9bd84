//! Whose work is in the packages, and on which terms?
//!
//! `debian/copyright` in Debian's machine-readable format, version 1.0, made from the crates in `vendor/`: one paragraph
//! a crate, and the text of each licence once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Result;

/// The file, for the unpacked tarball.
pub(crate) fn text(tree: &Path) -> Result<String> {
    let mut text = String::from(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: librequiretls\n\n\
         Files: *\nCopyright: 2026 The librequiretls developers\nLicense: MIT or Apache-2.0\n",
    );
    let mut licences = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]);
    for dir in crates(&tree.join("vendor"))? {
        let krate = Crate::read(&dir)?;
        let expression = spdx::Expression::parse(&krate.licence)
            .map_err(|error| format!("{}: licence {:?}: {error}", dir.display(), krate.licence))?;
        let ids = expression
            .requirements()
            .map(|requirement| requirement.req.license.to_string());
        licences.extend(ids);
        write!(
            text,
            "\nFiles: vendor/{}/*\nCopyright: {}\nLicense: {}\n",
            krate.dir,
            krate.holders.join("\n           "),
            debian_expression(&krate.licence),
        )?;
    }
    for id in licences {
        write!(text, "\nLicense: {id}\n{}", paragraph(&id)?)?;
    }
    Ok(text)
}

/// What is said of one crate.
struct Crate {
    dir: String,
    licence: String,
    holders: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
}

impl Crate {
    fn read(dir: &Path) -> Result<Self> {
        let manifest = dir.join("Cargo.toml");
        let Manifest { package } = toml::from_str(&fs::read_to_string(&manifest)?)
            .map_err(|error| format!("{}: {error}", manifest.display()))?;
        let licence = package
            .license
            .ok_or_else(|| format!("{} names no licence", manifest.display()))?;
        let mut holders = holders(dir)?;
        if holders.is_empty() {
            holders = package.authors;
        }
        if holders.is_empty() {
            holders.push(format!("The {} developers", package.name));
        }
        let dir = dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            dir,
            // An older way to write OR.
            licence: licence.replace('/', " OR "),
            holders,
        })
    }
}

/// Who says "Copyright" in the crate's licence files.
fn holders(dir: &Path) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        let counts = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
        if path.is_file() && counts.iter().any(|start| name.starts_with(start)) {
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            found.extend(text.lines().filter_map(holder));
        }
    }
    Ok(found.into_iter().collect())
}

/// "Copyright (c) 2014 Somebody": the year and the name. Of the licences' own words nothing.
fn holder(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches(['#', '/', '*', ' ']);
    let rest = line
        .strip_prefix("Copyright")
        .or_else(|| line.strip_prefix("COPYRIGHT"))?;
    let mut rest = rest.trim();
    for mark in ["(c)", "(C)", "©"] {
        rest = rest.strip_prefix(mark).unwrap_or(rest).trim();
    }
    let begins_with_year = rest.starts_with(|first: char| first.is_ascii_digit());
    let is_named = rest.starts_with("The ") || begins_with_year;
    is_named.then(|| rest.trim_end_matches([',', ';']).to_owned())
}

fn debian_expression(licence: &str) -> String {
    licence.replace(" OR ", " or ").replace(" AND ", " and ")
}

/// The text of a licence, as a paragraph's continuation. Debian has some of them on every machine.
fn paragraph(id: &str) -> Result<String> {
    let known: Option<PathBuf> = match id {
        "Apache-2.0" => Some("/usr/share/common-licenses/Apache-2.0".into()),
        "MPL-2.0" => Some("/usr/share/common-licenses/MPL-2.0".into()),
        _ => None,
    };
    if let Some(path) = known {
        let path = path.display();
        return Ok(format!(
            " On Debian systems the text of this licence is in {path}.\n"
        ));
    }
    let licence = spdx::license_id(id).ok_or_else(|| format!("{id}: no such licence"))?;
    let mut text = String::new();
    for line in licence.text().lines() {
        let line = line.trim_end();
        writeln!(text, " {}", if line.is_empty() { "." } else { line })?;
    }
    Ok(text)
}

fn crates(vendor: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(vendor)? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{debian_expression, holder};

    #[test]
    fn holders_are_found() {
        for (label, line, expected) in [
            (
                "a year",
                "Copyright (c) 2014 Ann Example",
                Some("2014 Ann Example"),
            ),
            ("a sign", "  © 2014", None),
            (
                "behind a sign",
                "Copyright © 2020-2024 Ann",
                Some("2020-2024 Ann"),
            ),
            (
                "a group",
                "Copyright (c) The Example Developers",
                Some("The Example Developers"),
            ),
            ("Apache's own words", "copyright license to reproduce", None),
            (
                "its form",
                "Copyright [yyyy] [name of copyright owner]",
                None,
            ),
            ("a heading", "Copyright notice", None),
        ] {
            assert_eq!(holder(line).as_deref(), expected, "{label}");
        }
    }

    #[test]
    fn expressions_are_debians() {
        assert_eq!(
            debian_expression("MIT OR (ISC AND MIT)"),
            "MIT or (ISC and MIT)"
        );
    }
}
