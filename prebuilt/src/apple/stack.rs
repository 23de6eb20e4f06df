//! The size of the main thread's stack, which the toolchain's linker cannot be told (`-stack_size`
//! is Apple's alone).
//!
//! It is a field of the load command `LC_MAIN`. The linker has signed the file already, so the hash
//! of the page with that field is computed again; nothing else of the signature depends on it.

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::macho::{LC_CODE_SIGNATURE, LC_MAIN, LinkeditDataCommand, MachHeader64};
use object::read::macho::MachHeader;
use sha2::{Digest, Sha256};
use std::mem::size_of;

/// Where `stacksize` is in `entry_point_command` (mach-o/loader.h).
const STACK: usize = 16;
/// Magic of a superblob and of a code directory (cs_blobs.h); everything in a signature is big
/// endian.
const SUPERBLOB: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const SHA256_TYPE: u8 = 2;
const HASH: usize = 32;

/// Writes `size`, in bytes, into a signed program.
pub(crate) fn set(program: &mut [u8], size: u64) -> Result<()> {
    let (field, signature) = places(program)?;
    program
        .get_mut(field..field + 8)
        .context("LC_MAIN is cut off")?
        .copy_from_slice(&size.to_le_bytes());
    hash_again(program, signature, field)
}

/// File offsets of the field and of the signature.
fn places(program: &[u8]) -> Result<(usize, usize)> {
    let header =
        MachHeader64::<Endianness>::parse(program, 0).context("not a 64-bit Mach-O file")?;
    let endian = header.endian()?;
    let (mut field, mut signature) = (None, None);
    let mut at = size_of::<MachHeader64<Endianness>>();
    let mut commands = header.load_commands(endian, program, 0)?;
    while let Some(command) = commands.next()? {
        match command.cmd() {
            LC_MAIN => field = Some(at + STACK),
            LC_CODE_SIGNATURE => {
                let data: &LinkeditDataCommand<Endianness> = command.data()?;
                signature = Some(data.dataoff.get(endian) as usize);
            }
            _ => {}
        }
        at += command.cmdsize() as usize;
    }
    Ok((
        field.context("the program has no LC_MAIN")?,
        signature.context("the program is not signed")?,
    ))
}

/// Renews the hash of the page that holds the byte at `changed`.
fn hash_again(program: &mut [u8], signature: usize, changed: usize) -> Result<()> {
    let word = |at: usize| -> Result<usize> {
        let word = program.get(at..).and_then(|rest| rest.first_chunk::<4>());
        Ok(u32::from_be_bytes(*word.context("the signature is cut off")?) as usize)
    };
    let directory = signature + word(signature + 16)?;
    if (word(signature)?, word(directory)?) != (SUPERBLOB as usize, CODE_DIRECTORY as usize) {
        bail!("the signature does not begin with a code directory");
    }
    let (hashes, limit) = (directory + word(directory + 16)?, word(directory + 32)?);
    let kind = program
        .get(directory + 36..directory + 40)
        .context("the signature is cut off")?;
    let [length, algorithm, _, shift] = *kind else {
        bail!("the signature is cut off")
    };
    if usize::from(length) != HASH || algorithm != SHA256_TYPE || !(12..=16).contains(&shift) {
        bail!("the signature hashes otherwise than by SHA-256");
    }
    let page = changed >> shift;
    let end = limit.min((page + 1) << shift);
    let content = program
        .get(page << shift..end)
        .context("the signature covers more than there is")?;
    let hash = Sha256::digest(content);
    let slot = hashes + page * HASH;
    program
        .get_mut(slot..slot + HASH)
        .context("the signature is cut off")?
        .copy_from_slice(&hash);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two load commands, and a signature of the one page before it.
    fn program() -> Vec<u8> {
        const LIMIT: usize = 200;
        let mut file = Vec::new();
        let little = |file: &mut Vec<u8>, words: &[u32]| {
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        };
        little(&mut file, &[0xfeed_facf, 0x0100_000c, 0, 2, 2, 40, 0, 0]);
        little(&mut file, &[LC_MAIN.0, 24, 0x4000, 0, 0, 0]);
        little(&mut file, &[LC_CODE_SIGNATURE.0, 16, LIMIT as u32, 96]);
        file.resize(LIMIT, 7);
        let big = |file: &mut Vec<u8>, words: &[u32]| {
            file.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        };
        big(&mut file, &[SUPERBLOB, 96, 1, 0, 20]);
        big(&mut file, &[CODE_DIRECTORY, 76, 0x2_0400, 2, 44, 40]);
        big(&mut file, &[0, 1, LIMIT as u32]);
        file.extend([HASH as u8, SHA256_TYPE, 0, 12, 0, 0, 0, 0]);
        file.resize(LIMIT + 20 + 44 + HASH, 0);
        file
    }

    #[test]
    fn the_size_and_the_hash_of_its_page_are_written() {
        let mut changed = program();
        set(&mut changed, 16 << 20).unwrap();
        assert_eq!(changed[48..56], (16u64 << 20).to_le_bytes());
        assert_eq!(changed[264..], *Sha256::digest(&changed[..200]));
        let mut expected = program();
        expected[48..56].copy_from_slice(&changed[48..56]);
        expected[264..].copy_from_slice(&changed[264..]);
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let whole = program();
        for length in 0..whole.len() {
            assert!(set(&mut whole[..length].to_vec(), 1).is_err(), "{length}");
        }
    }
}
