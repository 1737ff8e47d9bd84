//! What does the process of a server see of the library, besides its answers?
//!
//! C programs that make every call (`ffi-tests/c/story.c`), among them a lookup with DNS and a policy over HTTPS, between
//! processes, threads, users, root directories and other libraries.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use ffi_tests::{Built, Example, Installed, Result, Testbed, bounded, hooked, offences, workspace};
use tempfile::TempDir;

const DOMAIN: &str = "sts-enforce.test";
const NO_DNS: &str = "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n";
const LIMIT: Duration = Duration::from_secs(120);

/// A program that is to find nothing wrong, and says what it found.
fn finds_nothing(command: &mut Command) -> Result<()> {
    let output = bounded::run(command, b"", LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(0), ""),
        "{command:?}"
    );
    Ok(())
}

fn build(name: &str) -> Result<Built> {
    Example::named(name).build(&Installed::find()?)
}

/// The world's configuration, and a directory for what is kept.
fn keeping(world: &Testbed, dir: &TempDir) -> Result<PathBuf> {
    let rules = fs::read_to_string(world.configuration())?;
    let cache = dir.path().join("cache");
    fs::create_dir(&cache)?;
    let named = format!("directory = \"{}\"", cache.display());
    let kept = rules.replace("directory = \"\"", &named);
    assert_ne!(kept, rules, "the world names a directory");
    let path = world.configuration().with_file_name("keeping.conf");
    fs::write(&path, kept)?;
    Ok(path)
}

/// What a run of `process` wrote about differences, and its exit status.
fn differences(
    around: &[&str],
    process: &Built,
    config: &PathBuf,
    fault: &[&str],
) -> Result<(String, Option<i32>)> {
    let dir = TempDir::new()?;
    let mut words = around
        .iter()
        .copied()
        .map(std::ffi::OsStr::new)
        .chain([process.program().as_os_str()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).arg(config).arg(DOMAIN).args(fault);
    command
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(File::create(dir.path().join("stdout"))?)
        .stderr(File::create(dir.path().join("stderr"))?);
    let status = command.status()?;
    let said = fs::read_to_string(dir.path().join("stdout"))?
        + &fs::read_to_string(dir.path().join("stderr"))?;
    let found = fs::read_to_string(dir.path().join("differences"))?;
    Ok((found + &said, status.code()))
}

#[test]
fn no_call_changes_the_process() -> Result<()> {
    let (process, world, dir) = (build("process")?, Testbed::start()?, TempDir::new()?);
    let config = keeping(&world, &dir)?;
    let found = differences(&[], &process, &config, &[])?;
    assert_eq!(found, (String::new(), Some(0)));
    assert_ne!(
        dir.path().join("cache").read_dir()?.count(),
        0,
        "it keeps policies"
    );
    Ok(())
}

/// Each thing that is looked at, when it is different.
#[test]
fn a_change_of_the_process_is_found() -> Result<()> {
    let rows = [
        ("signal", "rtls_mail_begin: signals\n"),
        ("pipe", "rtls_mail_begin: signals\n"),
        ("descriptor", "rtls_mail_begin: descriptors\n"),
        ("environment", "rtls_mail_begin: environment\n"),
        ("locale", "rtls_mail_begin: locale\n"),
        ("directory", "rtls_mail_begin: working directory\n"),
        ("thread", "rtls_mail_begin: threads: 1, then 2\n"),
        ("umask", "rtls_mail_begin: umask: "),
        ("output", "rtls_mail_begin: written: 0, then 2\n"),
    ];
    let (process, world) = (build("process")?, Testbed::start()?);
    for (fault, expected) in rows {
        let (found, status) = differences(&[], &process, &world.configuration(), &[fault])?;
        assert!(found.contains(expected), "{fault}: {found}");
        assert_eq!(status, Some(1), "{fault}");
    }
    Ok(())
}

/// No descriptor that another program inherits, not for a moment; no handler, child, or output.
#[test]
fn no_system_call_breaks_a_rule() -> Result<()> {
    let (process, world, dir) = (build("process")?, Testbed::start()?, TempDir::new()?);
    let config = keeping(&world, &dir)?;
    let trace = dir.path().join("trace");
    let trace_to = trace.display().to_string();
    let strace = ["strace", "-f", "-o", &trace_to];
    // The fault, behind "silent", and what is found of it.
    let rows: [(&str, &[&str]); 6] = [
        ("silent", &[]),
        ("silentinherited", &["socket(AF_UNIX"]),
        ("silentsignal", &["rt_sigaction(SIGUSR1"]),
        ("silentdirectory", &["chdir("]),
        ("silentumask", &["umask("]),
        ("silentoutput", &["write(2"]),
    ];
    for (fault, expected) in rows {
        let (found, status) = differences(&strace, &process, &config, &[fault])?;
        assert_eq!(status, Some(0), "{fault}: {found}");
        let (found, calls) = offences(&fs::read_to_string(&trace)?);
        assert!(calls > 50, "{fault}: {calls} calls");
        assert_eq!(found.len(), expected.len(), "{fault}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{fault}: {found}");
        }
    }
    Ok(())
}

/// What would have to be undone when a library goes, and what belongs to the program alone: none of it is called.
#[test]
fn the_library_refers_to_no_function_that_changes_its_process() -> Result<()> {
    const NONE_OF: [&str; 18] = [
        "atexit",
        "__cxa_atexit",
        "on_exit",
        "at_quick_exit",
        "exit",
        "_exit",
        "quick_exit",
        "signal",
        "setlocale",
        "uselocale",
        "putenv",
        "setenv",
        "unsetenv",
        "clearenv",
        "umask",
        "chdir",
        "printf",
        "fork",
    ];
    let library = Installed::find()?.shared_object();
    let mut nm = Command::new("nm");
    let said = bounded::output(
        nm.args(["--dynamic", "--undefined-only"]).arg(library),
        LIMIT,
    )?;
    let names: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|symbol| symbol.split('@').next().unwrap_or(symbol))
        .collect();
    assert!(names.contains(&"socket"), "{said}");
    let found: Vec<&&str> = NONE_OF.iter().filter(|name| names.contains(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    Ok(())
}

#[test]
fn children_before_and_after_each_call_and_a_hundred_at_once() -> Result<()> {
    let (children, world) = (build("children")?, Testbed::start()?);
    let mut command = Command::new(children.program());
    finds_nothing(command.arg(world.configuration()).args([DOMAIN, "100"]))
}

#[test]
fn eight_threads_share_a_context() -> Result<()> {
    let (threads, world) = (build("threads")?, Testbed::start()?);
    let mut command = Command::new(threads.program());
    finds_nothing(command.arg(world.configuration()).args([DOMAIN, "8", "50"]))
}

/// Plans that are being looked up go on when their context is closed.
#[test]
fn eight_threads_go_on_while_the_configuration_is_read_anew() -> Result<()> {
    let (reloads, world) = (build("reloads")?, Testbed::start()?);
    let mut command = Command::new(reloads.program());
    finds_nothing(command.arg(world.configuration()).args([DOMAIN, "8", "20"]))
}

/// Everything was read by `rtls_open`: what follows needs no file, and no rights.
#[test]
fn a_policy_is_fetched_by_nobody_in_an_empty_root() -> Result<()> {
    const NOBODY: &str = "65534";
    let (jail, world, root) = (build("jail")?, Testbed::start()?, TempDir::new()?);
    let mut command = Command::new(jail.program());
    command.arg(world.configuration()).arg(DOMAIN);
    finds_nothing(command.arg(root.path()).arg(NOBODY))?;
    assert_eq!(root.path().read_dir()?.count(), 0);
    Ok(())
}

#[test]
fn a_plug_in_is_loaded_and_closed_fifty_times() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    fs::write(&config, NO_DNS)?;
    let program = Example::named("loads").build_unlinked(&installed)?;
    let mut command = Command::new(program.program());
    command
        .arg(installed.shared_object())
        .arg(&config)
        .arg("50");
    let said = bounded::output(&mut command, LIMIT)?;
    assert_eq!(said, "descriptors 0, threads 0, mappings 0\n");
    Ok(())
}

/// As Sendmail's `usrerr` does.
#[test]
fn a_server_jumps_away_between_calls() -> Result<()> {
    let (jumps, dir) = (build("jumps")?, TempDir::new()?);
    let config = dir.path().join("requiretls.conf");
    fs::write(&config, NO_DNS)?;
    finds_nothing(Command::new(jumps.program()).arg(&config).arg("7000"))?;
    finds_nothing(memcheck().arg(jumps.program()).arg(&config).arg("70"))
}

#[test]
fn a_server_uses_openssl_and_gnutls_besides() -> Result<()> {
    let (both, world) = (build("two_libraries")?, Testbed::start()?);
    let mut command = Command::new(both.program());
    finds_nothing(command.arg(world.configuration()).arg(DOMAIN))
}

fn memcheck() -> Command {
    let mut command = Command::new("valgrind");
    command.args([
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
    ]);
    let list = workspace().join("ffi-tests/valgrind.supp");
    command.arg(format!("--suppressions={}", list.display()));
    command
}

#[test]
fn every_call_leaves_memory_in_order() -> Result<()> {
    let world = Testbed::start()?;
    let threads = build("threads")?;
    finds_nothing(
        memcheck()
            .arg(threads.program())
            .arg(world.configuration())
            .args([DOMAIN, "2", "2"]),
    )
}

/// What the threads share of a context and a plan while nothing is looked up. A lookup hands on by atomic operations what it
/// has found, and valgrind, which does not know them, takes each reading of it for a race.
#[test]
fn threads_that_share_a_context_do_not_race() -> Result<()> {
    let threads = build("threads")?;
    let world = Testbed::start()?;
    for tool in ["helgrind", "drd"] {
        let mut command = Command::new("valgrind");
        command.args([&format!("--tool={tool}"), "--quiet", "--error-exitcode=99"]);
        command.arg(threads.program()).arg(world.configuration());
        finds_nothing(command.args(["-", "8", "10"]))?;
    }
    Ok(())
}

/// Each tool finds the fault that a hidden call makes, so that its silence elsewhere means something.
#[test]
fn valgrind_finds_faults_in_the_library() -> Result<()> {
    let planted = Example::named("planted").build_unlinked(&Installed::find()?)?;
    // What is called, the tool, what it says.
    let rows = [
        (
            "read",
            "memcheck",
            "Invalid read of size 1",
            "rtls_test_read_too_far",
        ),
        ("race", "helgrind", "Possible data race", "rtls_test_count"),
        ("race", "drd", "Conflicting", "rtls_test_count"),
    ];
    for (fault, tool, expected, place) in rows {
        let mut command = Command::new("valgrind");
        command.args([&format!("--tool={tool}"), "--quiet", "--error-exitcode=99"]);
        let list = workspace().join("ffi-tests/valgrind.supp");
        command.arg(format!("--suppressions={}", list.display()));
        command.arg(planted.program()).arg(hooked()?).arg(fault);
        let output = bounded::run(&mut command, b"", LIMIT)?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(99), "{tool}: {said}");
        assert!(
            said.contains(expected) && said.contains(place),
            "{tool}: {said}"
        );
    }
    Ok(())
}
