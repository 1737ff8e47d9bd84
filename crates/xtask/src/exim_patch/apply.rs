//! Where in a file is an edit's place?
//!
//! Where its anchor stands, and it must stand there once. Blanks and tabs do not count beyond where words end: Exim's
//! authors re-indent.

use std::ops::Range;

use super::edits::{Edit, Fate};

/// Makes all edits of one file.
pub(super) fn all(text: &str, edits: &[&Edit]) -> Result<String, String> {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for edit in edits {
        let place = find(&lines, edit).map_err(|what| {
            let anchor: Vec<&str> = anchor(edit).collect();
            format!(
                "the anchor of line {} {what}:\n{}",
                edit.line,
                anchor.join("\n")
            )
        })?;
        let mut old = lines
            .get(place.clone())
            .unwrap_or_default()
            .to_vec()
            .into_iter();
        let mut new = Vec::new();
        for (fate, line) in &edit.lines {
            match fate {
                Fate::Comes => new.push(line.clone()),
                // What stays stays as the file has it, blanks included.
                Fate::Stays => new.extend(old.next()),
                Fate::Goes => drop(old.next()),
            }
        }
        lines.splice(place, new);
    }
    Ok(lines.join("\n"))
}

fn anchor(edit: &Edit) -> impl Iterator<Item = &str> {
    let there = edit.lines.iter().filter(|(fate, _)| *fate != Fate::Comes);
    there.map(|(_, line)| line.as_str())
}

fn find(lines: &[String], edit: &Edit) -> Result<Range<usize>, String> {
    let range = match &edit.function {
        Some(name) => body(lines, name)?,
        None => 0..lines.len(),
    };
    let anchor: Vec<Vec<&str>> = anchor(edit).map(words).collect();
    let within = lines.get(range.clone()).unwrap_or_default();
    let mut found = (range.start..)
        .zip(within.windows(anchor.len()))
        .filter(|(_, window)| {
            window
                .iter()
                .map(|line| words(line))
                .eq(anchor.iter().cloned())
        })
        .map(|(start, _)| start..start + anchor.len());
    match (found.next(), found.count()) {
        (None, _) => Err("is missing".to_owned()),
        (Some(place), 0) => Ok(place),
        (Some(_), more) => Err(format!("is there {} times", more + 1)),
    }
}

/// The lines of a C function: from its name at the left edge to the brace there.
fn body(lines: &[String], name: &str) -> Result<Range<usize>, String> {
    let head = format!("{name}(");
    let mut starts = (0..)
        .zip(lines)
        .filter(|(start, line)| line.starts_with(&head) && is_definition(lines, *start));
    let (start, _) = starts
        .next()
        .ok_or_else(|| format!("is looked for in {name}, which is missing"))?;
    if starts.next().is_some() {
        return Err(format!("is looked for in {name}, which is there twice"));
    }
    let length = lines.iter().skip(start).position(|line| line == "}");
    let end = length.ok_or_else(|| format!("is looked for in {name}, which does not end"))?;
    Ok(start..start + end + 1)
}

/// Comments and declarations may begin with the name as well.
fn is_definition(lines: &[String], start: usize) -> bool {
    let head = lines.iter().skip(start).take_while(|line| !line.is_empty());
    head.take_while(|line| !line.ends_with(';'))
        .any(|line| line == "{")
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::super::edits::Edits;
    use super::*;

    const FILE: &str = "\
int g(void);

/* This calls
f() once,
and more. */

int
f(void)
{
  a();
\tb();
  c();
}

int
g(void)
{
  b();
}
";

    fn edited(edits: &str) -> Result<String, String> {
        let edits = Edits::parse(&format!("file x\n{edits}")).map_err(|error| error.to_string())?;
        let version = "4.98".parse()?;
        let edits = edits.of_files(&version);
        all(FILE, &edits["x"])
    }

    #[test]
    fn an_edit_is_made_at_its_anchor() {
        for (edits, old, new) in [
            ("@@\n   a();\n+  x();\n", "  a();\n", "  a();\n  x();\n"),
            ("@@\n+  x();\n   c();\n", "  c();\n", "  x();\n  c();\n"),
            // Tab or blanks; the file's line stays as it is.
            (
                "@@ in f\n+  x();\n   b();\n",
                "\tb();\n",
                "  x();\n\tb();\n",
            ),
            ("@@ in f\n-  b();\n+  x();\n", "\tb();\n", "  x();\n"),
            (
                "@@\n   b();\n+  x();\n   c();\n",
                "  c();\n",
                "  x();\n  c();\n",
            ),
            // The second edit sees what the first one made.
            (
                "@@\n   a();\n+  x();\n@@\n   x();\n+  y();\n",
                "  a();\n",
                "  a();\n  x();\n  y();\n",
            ),
        ] {
            assert_eq!(edited(edits), Ok(FILE.replacen(old, new, 1)), "{edits}");
        }
    }

    #[test]
    fn an_anchor_that_is_not_there_once_is_refused() {
        for (edits, expected) in [
            (
                "@@\n   b();\n+x\n",
                "the anchor of line 2 is there 2 times:\n  b();",
            ),
            (
                "@@\n   d();\n+x\n",
                "the anchor of line 2 is missing:\n  d();",
            ),
            (
                "@@\n   a();\n   c();\n+x\n",
                "the anchor of line 2 is missing:\n  a();\n  c();",
            ),
            (
                "@@ in g\n   a();\n+x\n",
                "the anchor of line 2 is missing:\n  a();",
            ),
            (
                "@@ in h\n   a();\n+x\n",
                "the anchor of line 2 is looked for in h, which is missing:\n  a();",
            ),
        ] {
            assert_eq!(edited(edits), Err(expected.to_owned()), "{edits}");
        }
    }
}
