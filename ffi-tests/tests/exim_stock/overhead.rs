//! What does it cost a process of Exim to load the functions?

use ffi_tests::{Failure, Result};

use crate::scene::{Scene, Setting};

on_every_exim!(to_load_the_functions_costs_little);

const RUNS: u32 = 50;
/// In seconds of the processor. The goal is a tenth of it, 2 ms: a test has to pass on a busy machine too.
const AT_MOST: f64 = 0.02;

fn to_load_the_functions_costs_little(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), Vec::new(), |scene| {
        let call = "${dlfunc{/usr/lib/exim4/requiretls-exim.so}{requiretls_here}{1}}";
        let said = scene.exim(&["-be", call])?;
        assert_eq!(said.trim(), "yes");
        let (mut without, mut with) = (f64::MAX, f64::MAX);
        for _ in 0..3 {
            without = without.min(seconds(scene, "yes")?);
            with = with.min(seconds(scene, call)?);
        }
        println!("exim -be: {without:.4} s; with the functions {with:.4} s");
        assert!(with - without <= AT_MOST, "{without}, {with}");
        assert!(
            with > without,
            "what loads a library takes longer: {without}, {with}"
        );
        Ok(())
    })
}

/// What one run of Exim takes.
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
