//! Judging finished artifacts: an archive or a stub, against what its target's recipe promises.

use anyhow::{Result, bail};
use object::{Object, ObjectSection};

/// What the slot of a stub says about it.
#[derive(Debug)]
pub struct Slot {
    /// 32 hex digits.
    pub stub_id: String,
    pub abi: u32,
}

/// Reads the descriptor in a stub's slot (docs/format.md): magic, 16 bytes of stub id, …, the ABI at offset 44.
pub fn slot(bytes: &[u8]) -> Result<Slot> {
    let file = object::File::parse(bytes)?;
    let Some(section) = file.section_by_name(".note.oxidize") else {
        bail!("the stub has no slot (.note.oxidize)");
    };
    let data = section.data()?;
    let Some(at) = data.windows(8).position(|w| w == b"OXIDESC1") else {
        bail!("the stub's slot holds no descriptor");
    };
    let descriptor = &data[at..];
    if descriptor.len() < 64 {
        bail!("the stub's descriptor is cut off");
    }
    let stub_id = descriptor[8..24]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let abi = u32::from_le_bytes([
        descriptor[44],
        descriptor[45],
        descriptor[46],
        descriptor[47],
    ]);
    Ok(Slot { stub_id, abi })
}
