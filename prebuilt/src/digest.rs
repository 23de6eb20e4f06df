//! SHA-256 as lower-case hex.

use anyhow::{Context, Result};
use oxidize_format::Hex;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// Of a file's content.
///
/// # Errors
/// A file that cannot be read.
pub fn file(path: &Path) -> Result<String> {
    let mut file =
        std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(Hex(&hasher.finalize()).to_string())
}

/// Of bytes in memory.
pub fn bytes(data: &[u8]) -> String {
    Hex(&Sha256::digest(data)).to_string()
}
