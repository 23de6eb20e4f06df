//! How fast a large payload goes into an executable, against `cp` of a file of the same size.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::{self, median};

/// Medians.
pub(crate) struct Injection {
    pub(crate) mebibytes: u64,
    /// Kind of the file system.
    pub(crate) file_system: String,
    /// Injection where nothing was before.
    pub(crate) inject: Duration,
    pub(crate) copy: Duration,
    pub(crate) copy_hashed: Duration,
    /// Injection that replaces a program, which is synced.
    pub(crate) replace: Duration,
    pub(crate) copy_synced: Duration,
}

/// In the directory `scratch`, packages an application with one file of `mebibytes` MiB, in turns
/// with copying that file: into a new file against `cp`, alone and with `sha256sum` (the injector
/// computes a digest, too), and in place of another program against `cp` and `sync` of the copy,
/// which is what the injector does then.
pub(crate) fn measure(
    injector: &Path,
    scratch: &Path,
    mebibytes: u64,
    rounds: usize,
) -> Result<Injection, String> {
    let complain = |error: std::io::Error| error.to_string();
    let application = scratch.join("large");
    fs::create_dir_all(&application).map_err(complain)?;
    fs::write(application.join("__main__.py"), "print('large')\n").map_err(complain)?;
    let payload = application.join("payload.bin");
    fill(&payload, mebibytes).map_err(complain)?;
    let copy = scratch.join("copy.bin");
    let output = scratch.join("large.out");
    let output_directory = scratch.join("large.new");
    fs::create_dir_all(&output_directory).map_err(complain)?;
    let fresh = output_directory.join("large.out");
    let inject = |output: &Path| {
        let arguments = [
            output.as_os_str(),
            "--resources".as_ref(),
            application.as_os_str(),
            "-q".as_ref(),
        ];
        command(&injector.to_string_lossy(), &arguments)
    };
    let copy_to = |copy: &Path| command("cp", &[payload.as_os_str(), copy.as_os_str()]);
    let mut samples = [const { Vec::new() }; 5];
    for round in 0..=rounds {
        let bodies: [&dyn Fn() -> Result<(), String>; 5] = [
            &|| inject(&fresh),
            &|| copy_to(&copy),
            &|| {
                copy_to(&copy)?;
                command("sha256sum", &["--binary".as_ref(), copy.as_os_str()])
            },
            &|| inject(&output),
            &|| {
                copy_to(&copy)?;
                command("sync", &[copy.as_os_str()])
            },
        ];
        for turn in 0..bodies.len() {
            // In another order each time: what one leaves behind, such as memory that a virtual
            // machine need not get from its host again, shall not always help the same next one.
            let index = (round + turn * (1 + round % 4)) % bodies.len();
            let (body, sample) = (bodies[index], &mut samples[index]);
            fs::remove_file(&copy).ok();
            fs::remove_file(&fresh).ok();
            // What the run before left to the system to write must not be paid for by the next one.
            command("sync", &[])?;
            let start = Instant::now();
            body()?;
            if round > 0 {
                sample.push(start.elapsed());
            }
        }
    }
    let [inject, copy, copy_hashed, replace, copy_synced] = samples.map(median);
    Ok(Injection {
        mebibytes,
        file_system: measure::output("stat", &["-f", "-c", "%T", &scratch.to_string_lossy()]),
        inject,
        copy,
        copy_hashed,
        replace,
        copy_synced,
    })
}

fn command(name: &str, arguments: &[&std::ffi::OsStr]) -> Result<(), String> {
    let status = Command::new(name)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} ended with {status}"))
    }
}

/// Bytes that no file system folds away, from a linear congruential generator (Knuth's MMIX
/// constants).
fn fill(path: &Path, mebibytes: u64) -> std::io::Result<()> {
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
