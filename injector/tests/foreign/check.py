"""Reads an injected file with LIEF and, for PE, pefile. Arguments: the file, the blob, and how the file was made."""

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
    manager = pe.resources_manager
    expect("LIEF: manifest", "<assembly/>" in manager.manifest)
else:
    macho = lief.MachO.parse(path).at(0)
    ok, why = lief.MachO.check_layout(macho)
    expect(f"LIEF: {why}", ok)
    segment = macho.get_segment("__OXI")
    expect("LIEF: blob", bytes(segment.content)[: len(blob)] == blob)
    expect("LIEF: __LINKEDIT is not last", macho.segments[-1].name == "__LINKEDIT")
    expect("LIEF: no signature", macho.has_code_signature)
    signature = macho.code_signature
    end = signature.data_offset + signature.data_size
    expect("LIEF: the signature is not the end", end == len(image))
    print([segment.name for segment in macho.segments])
