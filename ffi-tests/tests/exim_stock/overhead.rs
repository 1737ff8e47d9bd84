//! What does it cost a process of Exim to load the functions?

use ffi_tests::{Failure, Result};

use crate::scene::{Scene, Setting};

on_every_exim!(to_load_the_functions_costs_little);

/// Exim runs with and without the functions by turns, so that whatever else the machine does falls on both.
const TURNS: u32 = 5;
/// The shell's clock has ticks of 10 ms.
const RUNS: u32 = 25;
/// In seconds of the processor. The goal is a tenth of it, 2 ms: a test has to pass on a busy machine too.
const AT_MOST: f64 = 0.02;

/// What the process has mapped says whether it has loaded them; no clock does. Nothing but the functions needs the library.
const CALL: &str = "${dlfunc{/usr/lib/exim4/requiretls-exim.so}{requiretls_here}{2}}";
const NO_CALL: &str = "yes";
const MAPPED: &str =
    "${if match{${readfile{/proc/self/maps}}}{/librequiretls.so}{loaded}{not loaded}}";

fn to_load_the_functions_costs_little(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), Vec::new(), |scene| {
        for (expression, expected) in [(CALL, "yes loaded"), (NO_CALL, "yes not loaded")] {
            let said = scene.exim(&["-be", &format!("{expression} {MAPPED}")])?;
            assert_eq!(said.trim(), expected, "{expression}");
        }
        let (mut without, mut with) = (0.0, 0.0);
        for _ in 0..TURNS {
            without += seconds(scene, NO_CALL)? / f64::from(TURNS);
            with += seconds(scene, CALL)? / f64::from(TURNS);
        }
        println!(
            "exim -be: {without:.4} s; with the functions {with:.4} s, {:.4} s more",
            with - without
        );
        assert!(with - without <= AT_MOST, "{without}, {with}");
        Ok(())
    })
}

/// What one run of Exim takes, of user and system time.
fn seconds(scene: &Scene<'_>, text: &str) -> Result<f64> {
    let run = format!(
        "i=0; while [ $i -lt {RUNS} ]; do exim4 -be '{text}' >/dev/null; i=$((i+1)); done; times"
    );
    let said = scene.servers.inside("host", &["sh", "-c", &run])?;
    // The second line is about the children: user and system time, as in 0m1.250000s.
    let line = said.lines().nth(1).unwrap_or_default();
    let mut sum = 0.0;
    for time in line.split_whitespace() {
        let parts = time.strip_suffix('s').and_then(|time| time.split_once('m'));
        let (minutes, seconds) = parts.ok_or_else(|| Failure::new(format!("no time: {said}")))?;
        sum += 60.0 * minutes.parse::<f64>()? + seconds.parse::<f64>()?;
    }
    Ok(sum / f64::from(RUNS))
}
