//! How fast a large payload goes into an executable, against `cp` of a file of the same size.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::measure::median;

/// Medians of both.
pub(crate) struct Injection {
    pub(crate) mebibytes: u64,
    pub(crate) inject: Duration,
    pub(crate) copy: Duration,
    pub(crate) copy_synced: Duration,
}

/// Packages an application with one file of `mebibytes` MiB, in turns with copying that file by `cp`, and with `cp`
/// followed by `sync` of the copy (the injector also makes sure of its output before it renames it).
pub(crate) fn measure(
    environment: &Environment,
    mebibytes: u64,
    rounds: usize,
) -> Result<Injection, String> {
    let complain = |error: std::io::Error| error.to_string();
    let scratch = environment.scratch.path();
    let application = scratch.join("large");
    fs::create_dir_all(&application).map_err(complain)?;
    fs::write(application.join("__main__.py"), "print('large')\n").map_err(complain)?;
    let payload = application.join("payload.bin");
    fill(&payload, mebibytes).map_err(complain)?;
    let copy = scratch.join("copy.bin");
    let (mut injections, mut copies, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let time = |body: &mut dyn FnMut() -> Result<(), String>| -> Result<Duration, String> {
            let start = Instant::now();
            body()?;
            Ok(start.elapsed())
        };
        let output = scratch.join("large.out");
        fs::remove_file(&copy).ok();
        let plain = time(&mut || command("cp", &[payload.as_os_str(), copy.as_os_str()]))?;
        fs::remove_file(&copy).ok();
        let flushed = time(&mut || {
            command("cp", &[payload.as_os_str(), copy.as_os_str()])?;
            command("sync", &[copy.as_os_str()])
        })?;
        fs::remove_file(&copy).ok();
        fs::remove_file(&output).ok();
        let injected = time(&mut || {
            command(
                &environment.injector.to_string_lossy(),
                &[
                    output.as_os_str(),
                    "--resources".as_ref(),
                    application.as_os_str(),
                    "-q".as_ref(),
                ],
            )
        })?;
        if round > 0 {
            copies.push(plain);
            synced.push(flushed);
            injections.push(injected);
        }
    }
    Ok(Injection {
        mebibytes,
        inject: median(injections),
        copy: median(copies),
        copy_synced: median(synced),
    })
}

fn command(name: &str, arguments: &[&std::ffi::OsStr]) -> Result<(), String> {
    let status = Command::new(name)
        .args(arguments)
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} ended with {status}"))
    }
}

/// Bytes that no file system folds away, from a linear congruential generator (Knuth's MMIX constants).
fn fill(path: &std::path::Path, mebibytes: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 1u64;
    let mut block = vec![0u8; 1 << 20];
    for _ in 0..mebibytes {
        for chunk in block.chunks_exact_mut(8) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    file.flush()
}
