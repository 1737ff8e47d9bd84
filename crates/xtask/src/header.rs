//! Does `include/requiretls.h` say what the source of the C ABI says?
//!
//! The header is generated and committed. cbindgen drops what it cannot read without an error, so the functions that
//! arrived are compared with `symbols-in-versions`, which names every symbol of the library.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::{Result, man, tree};

/// Writes the header.
pub(crate) fn write() -> Result<()> {
    let text = generate()?;
    check_functions(&text)?;
    man::check_words(&text)?;
    let path = path();
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(&path, text)?;
    println!("{} is written", path.display());
    Ok(())
}

/// Fails when the header is not what [`write()`] would write.
pub(crate) fn check() -> Result<()> {
    let text = generate()?;
    check_functions(&text)?;
    man::check_words(&text)?;
    let committed = fs::read_to_string(path()).unwrap_or_default();
    match first_difference(&committed, &text) {
        None => Ok(()),
        Some(line) => Err(format!(
            "include/requiretls.h is stale from line {line} on: cargo xtask header"
        )
        .into()),
    }
}

/// The header.
pub(crate) fn path() -> PathBuf {
    tree::root().join("include/requiretls.h")
}

/// The symbols of the library, from `symbols-in-versions`: one on a line, with the version that brought it.
pub(crate) fn symbols() -> Result<BTreeSet<String>> {
    let path = tree::capi().join("symbols-in-versions");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut symbols = BTreeSet::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (symbol, version) = line
            .split_once(' ')
            .ok_or_else(|| format!("{}: {line:?} is not \"SYMBOL VERSION\"", path.display()))?;
        if number(version).is_none() || !symbols.insert(symbol.to_owned()) {
            return Err(format!(
                "{}: {line:?} is given twice, or has no version",
                path.display()
            )
            .into());
        }
    }
    Ok(symbols)
}

fn generate() -> Result<String> {
    let capi = tree::capi();
    let mut config = cbindgen::Config::from_file(capi.join("cbindgen.toml"))?;
    let number = number(tree::VERSION).ok_or("the workspace version is not three numbers")?;
    config.header = config.header.map(|header| {
        header
            .replace("@VERSION@", tree::VERSION)
            .replace("@VERSION_NUMBER@", &number.to_string())
    });
    let bindings = cbindgen::Builder::new()
        .with_crate(capi)
        .with_config(config)
        .generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}

/// "1.2.3" is 10203.
fn number(version: &str) -> Option<u32> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let (major, minor, patch) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    parts
        .next()
        .is_none()
        .then_some(major * 10000 + minor * 100 + patch)
}

fn check_functions(header: &str) -> Result<()> {
    let (declared, listed) = (functions(header), symbols()?);
    if declared == listed {
        return Ok(());
    }
    let missing: Vec<_> = listed.difference(&declared).collect();
    let new: Vec<_> = declared.difference(&listed).collect();
    Err(format!("symbols-in-versions has {missing:?}, which the header lacks; the header has {new:?} besides").into())
}

/// The functions that a header declares: names of ours with a parenthesis behind them, outside comments.
fn functions(header: &str) -> BTreeSet<String> {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices('(')
        .filter_map(|(at, _)| code.get(..at))
        .map(|before| before.rsplit(|c| !name(c)).next().unwrap_or_default())
        .filter(|word| word.starts_with("rtls_"))
        .map(str::to_owned)
        .collect()
}

fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_outside_comments_and_apart_from_types() {
        let header = "/* rtls_not_this(x) */ int rtls_open(rtls_ctx **out);\n\
                      typedef void (*rtls_log_fn)(void *arg);\nconst char *rtls_version(void);";
        let found: Vec<_> = functions(header).into_iter().collect();
        assert_eq!(found, ["rtls_open", "rtls_version"]);
    }

    #[test]
    fn version_numbers() {
        for (version, expected) in [
            ("0.1.0", Some(100)),
            ("1.2.3", Some(10203)),
            ("1.2", None),
            ("1.2.3.4", None),
            ("1.x.3", None),
        ] {
            assert_eq!(number(version), expected, "{version}");
        }
    }

    #[test]
    fn the_first_line_that_differs() {
        for (label, a, b, expected) in [
            ("same", "a\nb\n", "a\nb\n", None),
            ("second line", "a\nb\n", "a\nc\n", Some(2)),
            ("shorter", "a\n", "a\nb\n", Some(2)),
            ("only the end", "a", "a\n", Some(2)),
        ] {
            assert_eq!(first_difference(a, b), expected, "{label}");
        }
    }
}
