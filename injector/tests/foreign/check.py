"""Reads an injected file with LIEF and, for PE, pefile. Arguments: the file, the blob, and how the file was made."""

import hashlib
import struct
import sys

import lief

path = sys.argv[1]
image, blob = (open(name, "rb").read() for name in sys.argv[1:3])


def expect(what, condition):
    if not condition:
        sys.exit(f"{path}: {what}")


if image[:2] == b"MZ":
    import pefile

    pe = pefile.PE(path)
    expect(f"pefile warns: {pe.get_warnings()}", not pe.get_warnings())
    expect("pefile: checksum", pe.verify_checksum())
    found = {}
    for kind in pe.DIRECTORY_ENTRY_RESOURCE.entries:
        for name in kind.directory.entries:
            for language in name.directory.entries:
                entry = language.data.struct
                data = pe.get_data(entry.OffsetToData, entry.Size)
                found[kind.id or str(kind.name), name.id or str(name.name)] = data
                expect("pefile: an entry that cannot be read", len(data) == entry.Size)
    expect("pefile: no blob among the resources", found.get((10, "OXIDIZE")) == blob)
    fixed = pe.VS_FIXEDFILEINFO[0]
    numbers = fixed.FileVersionMS, fixed.FileVersionLS, fixed.ProductVersionMS, fixed.ProductVersionLS
    expect("pefile: version", numbers == (0x10002, 0x30004, 0x50006, 0x70008))
    strings = {}
    for info in pe.FileInfo[0]:
        for table in getattr(info, "StringTable", []):
            strings |= table.entries
    name = strings.get(b"ProductName", b"").decode()
    expect(f"pefile: strings {strings}", name == "gr\u00f6\u00dfer")
    print(sorted(found, key=str))

    pe = lief.PE.parse(path)
    expect("LIEF: layout", lief.PE.check_layout(pe) in (True, (True, "")))
    if "linked" in sys.argv[3:]:  # it computes from what it parsed, and a synthetic file has less than it expects
        expect("LIEF: checksum", pe.compute_checksum() == pe.optional_header.checksum)
    expect("LIEF: last section", pe.sections[-1].name == ".rsrc")
    expect("LIEF: subsystem", pe.optional_header.subsystem == lief.PE.OptionalHeader.SUBSYSTEM.WINDOWS_GUI)
    manager = pe.resources_manager
    for word in ("longPathAware", ">UTF-8<", "PerMonitorV2", "requireAdministrator"):
        expect(f"LIEF: {word} in the manifest", word in manager.manifest)
    sizes = [(icon.width % 256 or 256, icon.bit_count) for icon in manager.icons]
    expect(f"LIEF: icons {sizes}", sorted(sizes) == [(size, 32) for size in (16, 24, 32, 48, 64, 128, 256)])
else:
    programs = lief.MachO.parse(path)  # what it hands out lives no longer than it
    for macho in programs:
        ok, why = lief.MachO.check_layout(macho)
        expect(f"LIEF: {why}", ok)
        segment = macho.get_segment("__OXI")
        expect("LIEF: blob", bytes(segment.content)[: len(blob)] == blob)
        expect("LIEF: __LINKEDIT is not last", macho.segments[-1].name == "__LINKEDIT")
        expect("LIEF: no signature", macho.has_code_signature)
        start = macho.fat_offset
        place = macho.code_signature
        end = place.data_offset + place.data_size
        linkedit = macho.segments[-1]
        expect("the signature is not the end of __LINKEDIT", end == linkedit.file_offset + linkedit.file_size)
        program = image[start : start + end]
        signature = program[place.data_offset :]
        magic, length, count = struct.unpack_from(">3I", signature)
        expect("the superblob's length", magic == 0xFADE0CC0 and length <= len(signature))
        expect("zeros behind the superblob", not any(signature[length:]))
        slots = dict(struct.unpack_from(">2I", signature, 12 + 8 * index) for index in range(count))
        directory = signature[slots[0] :]
        size, _, _, hashes, name, special, pages, limit = struct.unpack_from(">8I", directory, 4)
        expect("the signed part ends where the signature begins", limit == place.data_offset)
        expect("SHA-256 of 4 KiB pages", directory[36:40] == b"\x20\x02\x00\x0c")
        for page in range(pages):
            part = program[page * 4096 : min(limit, (page + 1) * 4096)]
            at = hashes + 32 * page
            expect(f"hash of page {page}", hashlib.sha256(part).digest() == directory[at : at + 32])
        expect("number of pages", pages == -(-limit // 4096))
        for slot in range(1, special + 1):
            digest = directory[hashes - 32 * slot : hashes - 32 * slot + 32]
            if slot in slots:
                blob_at = slots[slot]
                (blob_len,) = struct.unpack_from(">I", signature, blob_at + 4)
                wanted = hashlib.sha256(signature[blob_at : blob_at + blob_len]).digest()
                expect(f"hash of blob {slot}", digest == wanted)
            else:
                expect(f"no hash of a missing blob {slot}", not any(digest))
        identifier = directory[name : directory.index(0, name)].decode()
        print(identifier, [segment.name for segment in macho.segments])
        expect(f"identifier {identifier}", identifier == "org.example.app")
    expect("nothing behind the last program", start + end == len(image))
