//! Signatures that others wrote, and files that several have signed.

use std::fs;

use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::sign::state::State;

use super::identities::{mac_program, openssl, responder, sign, workshop};
use super::state_of;

#[test]
fn a_universal_file_names_all_who_signed_it() {
    let Some(dir) = workshop() else { return };
    let by = |key: &str, arm| {
        let arguments = format!("--sign-key {key}.key --sign-certificates {key}.pem");
        sign(dir, &mac_program(arm), &arguments).unwrap()
    };
    let both = |first: &str, second: &str| {
        let programs = [by(first, true), by(second, false)];
        match state_of(&fat::assemble(&[&programs[0], &programs[1]]).unwrap()) {
            State::Good(signer) => signer.problems,
            state => panic!("{state:?}"),
        }
    };
    let told = "the program for another processor is signed by `Test-ec`";
    assert!(both("rsa", "ec").contains(&told.to_owned()));
    let problems = both("rsa", "rsa");
    assert!(
        !problems.iter().any(|problem| problem.contains("another")),
        "{problems:?}"
    );
}

#[test]
fn signatures_in_ber_are_read_as_apple_writes_them() {
    let Some(dir) = workshop() else { return };
    // A time stamp leaves room for what openssl writes in its place.
    let arguments = format!(
        "--sign-p12 new.p12 --sign-password-file password --timestamp-url {}",
        responder(dir, 1)
    );
    let mut program = sign(dir, &mac_program(true), &arguments).unwrap();
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let word = |at: usize| {
        u32::from_be_bytes(program[start + at..start + at + 4].try_into().unwrap()) as usize
    };
    let count = word(8);
    let (directory, cms) = (word(16), word(12 + 8 * (count - 1) + 4));
    let directory = &program[start + directory..start + directory + word(directory + 4)];
    fs::write(dir.join("directory"), directory).unwrap();
    openssl(
        "cms -sign -binary -stream -in directory -signer rsa.pem -inkey rsa.key -certfile ca.pem \
         -md sha256 -outform DER -out signature.ber",
        dir,
    )
    .unwrap();
    let ber = fs::read(dir.join("signature.ber")).unwrap();
    assert_eq!(ber[..2], [0x30, 0x80]);
    let end = cms + 8 + ber.len();
    assert!(start + end <= program.len());
    program[start + cms..].fill(0);
    program[start + cms..start + cms + 4].copy_from_slice(&[0xfa, 0xde, 0x0b, 0x01]);
    let len = (8 + ber.len() as u32).to_be_bytes();
    program[start + cms + 4..start + cms + 8].copy_from_slice(&len);
    program[start + cms + 8..start + end].copy_from_slice(&ber);
    program[start + 4..start + 8].copy_from_slice(&(end as u32).to_be_bytes());
    let State::Good(signer) = state_of(&program) else {
        panic!("{:?}", state_of(&program));
    };
    assert_eq!(signer.name, "Test-rsa");
    program[start + end - 1 - 300] ^= 1;
    assert!(!matches!(state_of(&program), State::Good(_)));
}

/// A program whose signature is this superblob. The file's length stays.
fn with_superblob(program: &[u8], parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let header = 12 + 8 * parts.len();
    let total = header + parts.iter().map(|part| part.1.len()).sum::<usize>();
    let mut words = vec![0xfade_0cc0, total as u32, parts.len() as u32];
    let mut at = header;
    for (slot, part) in parts {
        words.extend([*slot, at as u32]);
        at += part.len();
    }
    let mut out = program.to_vec();
    out[start..].fill(0);
    let head = words.into_iter().flat_map(u32::to_be_bytes);
    let bytes: Vec<u8> = head
        .chain(parts.iter().flat_map(|part| part.1.clone()))
        .collect();
    out[start..start + bytes.len()].copy_from_slice(&bytes);
    out
}

/// The same code directory with SHA-1 instead of SHA-256.
fn with_sha1(program: &[u8], directory: &[u8], others: &[(u32, Vec<u8>)]) -> Vec<u8> {
    use sha1::{Digest, Sha1};
    let word = |at: usize| u32::from_be_bytes(directory[at..at + 4].try_into().unwrap()) as usize;
    let (hashes, special, limit) = (word(16), word(24), word(32));
    let mut out = directory[..hashes - 32 * special].to_vec();
    let start = out.len() + 20 * special;
    for slot in (1..=special as u32).rev() {
        match others.iter().find(|other| other.0 == slot) {
            Some((_, blob)) => out.extend(Sha1::digest(blob)),
            None => out.extend([0; 20]),
        }
    }
    program[..limit]
        .chunks(4096)
        .for_each(|page| out.extend(Sha1::digest(page)));
    out[36..38].copy_from_slice(&[20, 1]);
    out[16..20].copy_from_slice(&(start as u32).to_be_bytes());
    let len = out.len() as u32;
    out[4..8].copy_from_slice(&len.to_be_bytes());
    out
}

#[test]
fn both_directories_of_a_program_for_old_systems_are_checked() {
    let Some(dir) = workshop() else { return };
    let arguments = format!(
        "--sign-p12 new.p12 --sign-password-file password --timestamp-url {}",
        responder(dir, 1)
    );
    let program = sign(dir, &mac_program(true), &arguments).unwrap();
    let magic = [0xfa, 0xde, 0x0c, 0xc0];
    let start = program
        .windows(4)
        .rposition(|bytes| bytes == magic)
        .unwrap();
    let word = |at: usize| {
        u32::from_be_bytes(program[start + at..start + at + 4].try_into().unwrap()) as usize
    };
    let blob = |index: usize| {
        let at = word(16 + 8 * index);
        program[start + at..start + at + word(at + 4)].to_vec()
    };
    let (modern, requirements) = (blob(0), blob(1));
    let old = with_sha1(&program, &modern, &[(2, requirements.clone())]);
    let cms = |content: &[u8]| {
        let len = 8 + content.len() as u32;
        [&[0xfa, 0xde, 0x0b, 0x01][..], &len.to_be_bytes(), content].concat()
    };
    let parts = |content: &[u8]| {
        vec![
            (0, old.clone()),
            (2, requirements.clone()),
            (0x1000, modern.clone()),
            (0x1_0000, cms(content)),
        ]
    };
    let both = with_superblob(&program, &parts(&[]));
    assert_eq!(state_of(&both).word(), "ad hoc");
    let mut broken = both.clone();
    broken[0x4100] ^= 1;
    assert_eq!(state_of(&broken).word(), "broken");
    // The last hash of each directory.
    for directory in [&old, &modern] {
        let at = both
            .windows(directory.len())
            .position(|bytes| bytes == &directory[..]);
        let mut broken = both.clone();
        broken[at.unwrap() + directory.len() - 1] ^= 1;
        assert_eq!(state_of(&broken).word(), "broken");
    }
    // Signed is the old one. Nobody vouches for the other.
    fs::write(dir.join("old"), &old).unwrap();
    let signing = "cms -sign -binary -in old -signer rsa.pem -inkey rsa.key -md sha1 -outform DER -out old.cms";
    openssl(signing, dir).unwrap();
    let signature = fs::read(dir.join("old.cms")).unwrap();
    let alone = with_superblob(
        &program,
        &[
            (0, old.clone()),
            (2, requirements.clone()),
            (0x1_0000, cms(&signature)),
        ],
    );
    assert!(
        matches!(state_of(&alone), State::Good(_)),
        "{:?}",
        state_of(&alone)
    );
    let State::Broken(problem) = state_of(&with_superblob(&program, &parts(&signature))) else {
        panic!("a directory that nobody signed");
    };
    assert_eq!(problem, "one of its code directories is not the signer's");
}
