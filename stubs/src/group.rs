//! Shared objects without code, whose needed list makes the dynamic linker load others.
//!
//! The linker maps breadth first: everything one object needs is mapped before it looks at what
//! those need in turn, and a name that is the `DT_SONAME` of a mapped object is satisfied by it.
//! So an object that needs every image of a group by path gets all of them mapped at once, and
//! whatever they need of each other is there, in circles too. Relocation, symbol scope and order
//! of initialisation are then the linker's own affair, as they are for files on disk.
//!
//! Layout: ELF header, program headers, dynamic section, symbol table with its null entry, hash
//! table, strings. All offsets are addresses too.

/// `e_machine` of this target.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") {
    183
} else {
    62
};

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const PROGRAM_HEADERS: usize = 3;
const DYNAMIC_ENTRY: usize = 16;
const SYMBOL: usize = 24;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
/// Without this header the linker makes all stacks of the process executable.
const PT_GNU_STACK: u32 = 0x6474_e551;

const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_SYMENT: u64 = 11;
const DT_SONAME: u64 = 14;

/// The bytes of a shared object that needs these libraries in this order, and answers to `soname`.
#[must_use]
pub fn object(soname: Option<&str>, needed: &[&str]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut add = |text: &str| {
        let at = strings.len() as u64;
        strings.extend_from_slice(text.as_bytes());
        strings.push(0);
        at
    };
    let mut dynamic: Vec<(u64, u64)> = Vec::new();
    dynamic.extend(soname.map(|name| (DT_SONAME, add(name))));
    dynamic.extend(needed.iter().map(|name| (DT_NEEDED, add(name))));

    let dynamic_at = HEADER + PROGRAM_HEADERS * PROGRAM_HEADER;
    let dynamic_size = (dynamic.len() + 6) * DYNAMIC_ENTRY;
    let symbols_at = dynamic_at + dynamic_size;
    let hash_at = symbols_at + SYMBOL;
    let hash: [u32; 4] = [1, 1, 0, 0]; // One bucket, one symbol: the null one.
    let strings_at = hash_at + size_of_val(&hash);
    let size = (strings_at + strings.len()) as u64;
    dynamic.extend([
        (DT_STRTAB, strings_at as u64),
        (DT_STRSZ, strings.len() as u64),
        (DT_SYMTAB, symbols_at as u64),
        (DT_SYMENT, SYMBOL as u64),
        (DT_HASH, hash_at as u64),
        (DT_NULL, 0),
    ]);

    let mut out = Vec::new();
    // 64 bits, little endian, version 1; ET_DYN.
    out.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    out.extend_from_slice(&3u16.to_le_bytes());
    out.extend_from_slice(&MACHINE.to_le_bytes());
    out.extend_from_slice(&1u32.to_le_bytes());
    for word in [0, HEADER as u64, 0] {
        out.extend_from_slice(&word.to_le_bytes()); // entry, program headers, section headers
    }
    out.extend_from_slice(&0u32.to_le_bytes());
    for half in [HEADER, PROGRAM_HEADER, PROGRAM_HEADERS, 64, 0, 0] {
        out.extend_from_slice(&(half as u16).to_le_bytes());
    }
    // Readable and writable, because the linker writes into the dynamic section.
    let (dynamic_at, dynamic_size) = (dynamic_at as u64, dynamic_size as u64);
    for (kind, at, size, align) in [
        (PT_LOAD, 0, size, 0x1_0000),
        (PT_DYNAMIC, dynamic_at, dynamic_size, 8),
        (PT_GNU_STACK, 0, 0, 16),
    ] {
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&6u32.to_le_bytes());
        for word in [at, at, at, size, size, align] {
            out.extend_from_slice(&u64::to_le_bytes(word));
        }
    }
    for (tag, value) in dynamic {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&[0; SYMBOL]);
    hash.iter()
        .for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    out.extend_from_slice(&strings);
    out
}

/// Whether a shared object has a `DT_SONAME`; one without is found by the name of its file alone.
#[must_use]
pub fn has_soname(bytes: &[u8]) -> bool {
    has_soname_checked(bytes).unwrap_or(false)
}

fn has_soname_checked(bytes: &[u8]) -> Option<bool> {
    let half = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at: usize| {
        let value = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        usize::try_from(value).ok()
    };
    let headers = long(32)?;
    for index in 0..usize::from(half(56)?) {
        let header = headers.checked_add(index * usize::from(half(54)?))?;
        if word(header)? != PT_DYNAMIC {
            continue;
        }
        let (at, size) = (
            long(header.checked_add(8)?)?,
            long(header.checked_add(32)?)?,
        );
        let section = bytes.get(at..at.checked_add(size)?)?;
        let tags = section
            .chunks_exact(DYNAMIC_ENTRY)
            .filter_map(|entry| entry.first_chunk().map(|tag| u64::from_le_bytes(*tag)))
            .take_while(|tag| *tag != DT_NULL);
        return Some(tags.into_iter().any(|tag| tag == DT_SONAME));
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_whether_it_has_a_name() {
        assert!(has_soname(&object(Some("libx.so"), &["/proc/self/fd/3"])));
        assert!(!has_soname(&object(None, &["libx.so"])));
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let whole = object(Some("libx.so"), &[]);
        for end in 0..whole.len() {
            let _ = has_soname(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] = 0xff;
            let _ = has_soname(&bytes);
        }
    }
}
