//! Time to read and check a bundle of ten megabytes.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::Failure;
use crate::program::Pair;

const DOCUMENT_BYTES: usize = 10 << 20;
const RUNS: usize = 20;

/// Prints the fastest of some runs of `suture bundle verify`, beside those of `sha256sum` on the same file and of a
/// `suture` that does nothing.
pub(crate) fn measure(suture: &Path) -> Result<(), Failure> {
    let pair = Pair::build(suture)?;
    let here = pair.directory();
    let suture = suture.canonicalize()?;
    let run = |arguments: &[&str]| -> Result<(), Failure> {
        let output = Command::new(&suture).current_dir(here).args(arguments).output()?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
        }
    };
    run(&["dossier", "new", "delta"])?;
    answer(&here.join("dossier.toml"))?;
    std::fs::write(here.join("noise.bin"), noise())?;
    let create =
        ["bundle", "create", "delta", "--dossier", "dossier.toml", "--document", "noise.bin", "-o", "bundle"];
    run(&create)?;
    let bytes = std::fs::metadata(here.join("bundle"))?.len();
    let verified = fastest_ms(|| run(&["bundle", "verify", "bundle"]))?;
    let nothing = fastest_ms(|| run(&["--version"]))?;
    let digest =
        fastest_ms(|| Ok(Command::new("sha256sum").current_dir(here).arg("bundle").output().map(drop)?))?;
    println!(
        "verify a bundle of {bytes} bytes: {verified:.1} ms, of which {nothing:.1} ms to start; sha256sum alone {digest:.1} ms"
    );
    Ok(())
}

/// Milliseconds of the fastest of some runs.
pub(crate) fn fastest_ms(mut run: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut fastest = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(fastest)
}

/// Bytes without a pattern (xorshift, Marsaglia 2003), the same in each run.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(word).take(DOCUMENT_BYTES / 8).flat_map(u64::to_le_bytes).collect()
}

/// Puts an answer wherever one is open.
pub(crate) fn answer(path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)?;
    let answered = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("mixed_versions" | "forensics"), _)) => format!("{key} = \"yes\""),
        Some(("consensus_class", _)) => "consensus_class = \"local\"".to_owned(),
        Some((key, value)) if value.starts_with("\"??") => format!("{key} = \"urn:example:answer\""),
        Some((key, value)) if value.starts_with("[\"??") => format!("{key} = [\"answer\"]"),
        _ => line.to_owned(),
    });
    // Where the builds come from: the pause target is built without a record.
    let origin = "source_sha256 = \"00\"\npatch_sha256 = \"00\"\ncommand = \"gcc\"\n";
    std::fs::write(path, answered.collect::<Vec<_>>().join("\n") + "\n" + origin)?;
    Ok(())
}
