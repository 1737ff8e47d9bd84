//! What does requiretls.conf(5) say?

use std::fs;

use serde::Deserialize;

use super::page::Page;
use crate::{Result, tree};

/// The list of keys that the configuration keeps beside its code.
#[derive(Deserialize)]
struct Keys {
    table: Vec<Table>,
    key: Vec<Key>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    about: String,
}

#[derive(Deserialize)]
struct Key {
    table: String,
    name: String,
    kind: String,
    default: String,
    about: String,
    #[serde(default)]
    words: Vec<(String, String)>,
}

const LEAD: &str = "The file has the form of TOML. Each setting has a default, so a file may be empty or missing, as long as \
                    no other one was named. Whatever in it is not understood is an error, with file and line: a setting \
                    that is read over is a protection that the site believes to have. Names of further files start at the \
                    directory of the file that names them; all of them are read once, when a program starts. The \
                    environment is never read.";

pub(super) fn page() -> Result<(String, String)> {
    let directory = tree::root().join("crates/requiretls-engine/src/config");
    let keys: Keys = toml::from_str(&fs::read_to_string(directory.join("keys.toml"))?)?;
    let example = fs::read_to_string(directory.join("example.toml"))?;
    let title = "requiretls.conf";
    let mut page = Page::new(title, 5, &[title], "configuration of librequiretls");
    page.section("DESCRIPTION");
    page.paragraph(LEAD);
    for Table { name, about } in &keys.table {
        page.section(&format!("[{name}]"));
        page.paragraph(about);
        let table = name.split('.').next().unwrap_or_default();
        for key in keys.key.iter().filter(|key| key.table == table) {
            key.tell(&mut page);
        }
    }
    page.section("FILES");
    page.entry(
        "/etc/requiretls/requiretls.conf",
        "Read where no other file is named; another path may have been set when the library was built.",
    );
    page.entry("/var/lib/requiretls", "MTA-STS policies that are kept.");
    page.section("EXAMPLES");
    page.verbatim(&example);
    page.see_also(["librequiretls(3)", "rtls_open(3)", "resolv.conf(5)"]);
    Ok((format!("{title}.5"), page.render()))
}

impl Key {
    fn tell(&self, page: &mut Page) {
        let kind = match self.kind.as_str() {
            "words" => "List of words",
            "texts" => "List of texts",
            "word" => "Word",
            "text" => "Text",
            "boolean" => "Boolean",
            _ => "Number",
        };
        let Self { about, default, .. } = self;
        let about = format!("{about} {kind}, by default {default}.");
        page.entry(&self.name, &about);
        if !self.words.is_empty() {
            page.inner(|page| {
                for (word, about) in &self.words {
                    page.entry(&format!("{word:?}"), &format!("{about}."));
                }
            });
        }
    }
}
