"""An executable for macOS, read by someone who did not write it.

    python3 structure.py FILE

Checks what the kernel, the dynamic loader and `codesign` insist on, and prints what was found as JSON. It shares no code and no
tables with the packager: offsets and numbers are those of Apple's headers (mach-o/loader.h, mach-o/fixup-chains.h,
kern/cs_blobs.h). Exit status 1 and one line for each problem if something is wrong. Needs nothing but Python 3.
"""

import hashlib
import json
import struct
import sys

LC_REQ_DYLD = 0x80000000
SEGMENT, SYMTAB, DYSYMTAB, DYLIB, WEAK_DYLIB, REEXPORT_DYLIB, LAZY_DYLIB, UPWARD_DYLIB = (
    0x19, 0x2, 0xB, 0xC, 0x18 | LC_REQ_DYLD, 0x1F | LC_REQ_DYLD, 0x20, 0x23 | LC_REQ_DYLD,
)  # fmt: skip
LIBRARIES = {DYLIB, WEAK_DYLIB, REEXPORT_DYLIB, LAZY_DYLIB, UPWARD_DYLIB}
MAIN, UUID, BUILD_VERSION, SIGNATURE = 0x28 | LC_REQ_DYLD, 0x1B, 0x32, 0x1D
FIXUPS, EXPORTS, FUNCTION_STARTS, DATA_IN_CODE = 0x34 | LC_REQ_DYLD, 0x33 | LC_REQ_DYLD, 0x26, 0x29
# What `codesign` wants inside __LINKEDIT, in this order (codesign_allocate refuses anything else).
ORDER = [
    "chained fixups", "exports", "function starts", "data in code", "symbols", "indirect symbols", "strings", "signature",
]  # fmt: skip

problems = []


def expect(condition, problem):
    if not condition:
        problems.append(problem)


def text(raw):
    return raw.split(b"\0", 1)[0].decode()


def commands(data):
    magic, cputype, _, filetype, count, size, flags, _ = struct.unpack_from("<8I", data)
    expect(magic == 0xFEEDFACF and filetype == 2, "not a 64-bit executable")
    expect(flags & 0x200000, "it is not position independent (MH_PIE)")
    expect(flags & 0x80, "names are not looked up in two levels (MH_TWOLEVEL)")
    at, found = 32, []
    for _ in range(count):
        command, length = struct.unpack_from("<2I", data, at)
        expect(length % 8 == 0, f"load command at {at} has an odd size")
        found.append((command, at, length))
        at += length
    expect(at == 32 + size, "the sizes of the load commands do not add up")
    return cputype, found, at


def segment(data, at):
    fields = struct.unpack_from("<16s4Q4I", data, at + 8)
    names = ("name", "address", "memory", "offset", "size", "max", "init", "sections", "flags")
    found = dict(zip(names, fields))
    found["name"] = text(found["name"])
    found["sections"] = [
        {"name": text(s[0]), "address": s[2], "size": s[3], "offset": s[4]}
        for s in (struct.unpack_from("<16s16s2QI", data, at + 72 + 80 * i) for i in range(found["sections"]))
    ]
    return found


def check_segments(segments, page, first_free, length):
    names = [s["name"] for s in segments]
    expect(names[0] == "__PAGEZERO" and segments[0]["memory"] == 1 << 32, "no page zero of 4 GiB")
    expect(names[1] == "__TEXT" and segments[1]["offset"] == 0, "__TEXT does not begin the file")
    expect(names[-2:] == ["__OXI", "__LINKEDIT"], f"the last segments are {names[-2:]}")
    first_section = min(s["offset"] for s in segments[1]["sections"])
    expect(first_free <= first_section, "load commands run into the code")
    address, offset = 0, 0
    for s in segments:
        name = s["name"]
        expect(s["address"] % page == 0 and s["offset"] % page == 0, f"{name} is not aligned to {page}")
        # The linker leaves the end of the last one to the kernel.
        even = s["memory"] % page == 0 or name == "__LINKEDIT"
        expect(even, f"the size of {name} in memory is not a multiple of {page}")
        expect(s["memory"] >= s["size"], f"{name} has more in the file than in memory")
        expect(name == "__LINKEDIT" or s["size"] % page == 0, f"{name} has {s['size']} bytes in the file")
        expect(s["address"] >= address and s["offset"] >= offset or not s["size"], f"{name} overlaps")
        expect(s["init"] & ~s["max"] == 0, f"{name} is given more than it may have")
        expect(s["init"] & 6 != 6, f"{name} is writable and executable")
        address, offset = s["address"] + s["memory"], max(offset, s["offset"] + s["size"])
        for section in s["sections"]:
            end = section["address"] + section["size"]
            inside = s["address"] <= section["address"] and end <= s["address"] + s["memory"]
            expect(inside, f"section {section['name']} lies outside {name}")
    slot = segments[-2]
    expect(slot["init"] == slot["max"] == 1, "the slot is not only read")
    expect(slot["offset"] % 0x4000 == 0 or page != 0x4000, "the slot is not aligned to 16 KiB")
    expect(slot["size"] == slot["memory"] and slot["size"] % 0x4000 == 0, "the slot does not grow by 16 KiB")
    expect(offset == length, "the file does not end with __LINKEDIT")


def check_linkedit(chunks, linkedit, length):
    """Chunks are (name, offset, size)."""
    there = sorted((c for c in chunks if c[2]), key=lambda c: c[1])
    names = [c[0] for c in there]
    expect(names == [n for n in ORDER if n in names], f"the order in __LINKEDIT is {names}")
    end = linkedit["offset"]
    for name, offset, size in there:
        expect(offset >= end, f"{name} overlap what is before")
        expect(offset - end < 16, f"{offset - end} bytes before {name} belong to nobody")
        end = offset + size
    expect(end == length, f"the last chunk ends at {end}, the file at {length}")


def uleb(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def exports(data, offset, size):
    """Names in the trie, with their offsets from the header."""
    found, stack = {}, [(0, b"")]
    while stack:
        node, prefix = stack.pop()
        expect(node < size, "a node of the exports lies outside")
        length, at = uleb(data, offset + node)
        if length:
            flags, place = uleb(data, at)
            expect(flags & ~4 == 0, f"{prefix.decode()} is exported in an unusual way ({flags:#x})")
            found[prefix.decode()] = uleb(data, place)[0]
        at += length
        children, at = data[at], at + 1
        for _ in range(children):
            end = data.index(0, at)
            child, after = uleb(data, end + 1)
            stack.append((child, prefix + data[at:end]))
            at = after
    return found


def fixups(data, offset, segments):
    """Imports, and how many pointers are bound and rebased. Every chain is walked to its end."""
    _, starts, imports, symbols, count, form, _ = struct.unpack_from("<7I", data, offset)
    expect(form == 1, f"imports of an unexpected form ({form})")
    imported = []
    for i in range(count):
        (word,) = struct.unpack_from("<I", data, offset + imports + 4 * i)
        at = offset + symbols + (word >> 9)
        ordinal = word & 0xFF
        imported.append((data[at : data.index(0, at)].decode(), ordinal - 256 if ordinal > 240 else ordinal, word >> 8 & 1))
    base = segments[1]["address"]
    limit = segments[-1]["address"] + segments[-1]["memory"] - base
    (segment_count,) = struct.unpack_from("<I", data, offset + starts)
    expect(segment_count == len(segments), f"fixups for {segment_count} segments, there are {len(segments)}")
    bound = rebased = 0
    for number in range(segment_count):
        (at,) = struct.unpack_from("<I", data, offset + starts + 4 + 4 * number)
        if not at:
            continue
        at += offset + starts
        _, page, pointer, where, _, pages = struct.unpack_from("<IHHQIH", data, at)
        owner = segments[number]
        expect(where == owner["address"] - base, f"fixups of {owner['name']} are for another place")
        expect(pointer in (2, 6), f"pointers of an unexpected form ({pointer})")
        expect(owner["init"] & 2, f"{owner['name']} has fixups and is not writable")
        for index in range(pages):
            (start,) = struct.unpack_from("<H", data, at + 22 + 2 * index)
            if start == 0xFFFF:
                continue
            place = index * page + start
            while True:
                expect(place + 8 <= owner["size"], f"a chain leaves {owner['name']}")
                (word,) = struct.unpack_from("<Q", data, owner["offset"] + place)
                if word >> 63:
                    bound += 1
                    expect(word & 0xFFFFFF < count, "a pointer is bound to no import")
                else:
                    rebased += 1
                    goal = word & (1 << 36) - 1
                    goal -= base if pointer == 2 else 0
                    expect(0 <= goal < limit, f"a pointer in {owner['name']} points outside")
                step = word >> 51 & 0xFFF
                if not step:
                    break
                place += 4 * step
    return imported, bound, rebased


def signature(data, offset, size, segments):
    """The code directory; every hash in it is computed again."""
    magic, length, count = struct.unpack_from(">3I", data, offset)
    expect(magic == 0xFADE0CC0, "no superblob")
    expect(length <= size and not any(data[offset + length : offset + size]), "something follows the superblob")
    blobs = dict(struct.unpack_from(">2I", data, offset + 12 + 8 * i) for i in range(count))
    at = offset + blobs[0]
    (magic, _, version, flags, hashes, identifier, special, slots, limit, width, kind, _, page, _, _, team) = (
        struct.unpack_from(">9I4B3I", data, at)
    )
    expect(magic == 0xFADE0C02 and version >= 0x20400, f"code directory of version {version:#x}")
    expect((width, kind) == (32, 2), "hashes are not SHA-256")
    expect(limit == offset, "the signature does not cover everything before it")
    page = 1 << page
    expect(slots == -(-limit // page), f"{slots} hashes for {limit} bytes")
    wrong = 0
    for slot in range(slots):
        # The last page at its true length.
        content = data[slot * page : min((slot + 1) * page, limit)]
        stored = data[at + hashes + width * slot :][:width]
        wrong += hashlib.sha256(content).digest() != stored
    expect(not wrong, f"{wrong} of {slots} page hashes are wrong")
    for slot in range(1, special + 1):
        stored = data[at + hashes - width * slot :][:width]
        if any(stored):
            blob = offset + blobs[slot]
            (blob_length,) = struct.unpack_from(">I", data, blob + 4)
            good = hashlib.sha256(data[blob : blob + blob_length]).digest() == stored
            expect(good, f"special slot {slot} has another hash")
        else:
            expect(slot not in blobs, f"special slot {slot} is not hashed")
    base, code, main = struct.unpack_from(">3Q", data, at + 64)
    expect((base, code) == (0, segments[1]["size"]), "the executable segment is not __TEXT")
    expect(main & 1, "it is not signed as a main executable")
    return {
        "identifier": text(data[at + identifier : at + identifier + 256]),
        "flags": flags,
        "pages": slots,
        "team": text(data[at + team : at + team + 64]) if team else None,
    }


def read(data):
    cputype, found, first_free = commands(data)
    intel = cputype == 0x01000007
    page = 0x1000 if intel else 0x4000
    segments = [segment(data, at) for command, at, _ in found if command == SEGMENT]
    check_segments(segments, page, first_free, len(data))
    kinds = [command for command, _, _ in found]
    for kind, what in [(MAIN, "entry point"), (UUID, "UUID"), (BUILD_VERSION, "version"), (SIGNATURE, "signature"), (FIXUPS, "fixups")]:
        expect(kinds.count(kind) == 1, f"{kinds.count(kind)} load commands for {what}")
    expect(not {0x22, 0x22 | LC_REQ_DYLD} & set(kinds), "fixups of the old form")
    chunks, at_of = [], {}
    for command, at, _ in found:
        at_of[command] = at
        pair = struct.unpack_from("<2I", data, at + 8)
        name = {FIXUPS: 0, EXPORTS: 1, FUNCTION_STARTS: 2, DATA_IN_CODE: 3, SIGNATURE: 7}.get(command)
        if name is not None:
            chunks.append((ORDER[name], *pair))
        elif command == SYMTAB:
            symbols, count, strings, size = struct.unpack_from("<4I", data, at + 8)
            chunks += [("symbols", symbols, 16 * count), ("strings", strings, size)]
        elif command == DYSYMTAB:
            indirect, count = struct.unpack_from("<2I", data, at + 56)
            chunks.append(("indirect symbols", indirect, 4 * count))
    check_linkedit(chunks, segments[-1], len(data))
    libraries = [
        text(data[at + struct.unpack_from("<I", data, at + 8)[0] : at + length])
        for command, at, length in found
        if command in LIBRARIES
    ]
    where = {name: (offset, size) for name, offset, size in chunks}
    # First, so that a changed byte is told as such, whatever else it breaks.
    signed = signature(data, *where["signature"], segments)
    imported, bound, rebased = fixups(data, where["chained fixups"][0], segments)
    for name, ordinal, _ in imported:
        expect(ordinal <= len(libraries), f"{name} comes from library {ordinal}")
    platform, oldest, sdk = struct.unpack_from("<3I", data, at_of[BUILD_VERSION] + 8)
    expect(platform == 1, f"it is for platform {platform}, not macOS")
    (stack,) = struct.unpack_from("<Q", data, at_of[MAIN] + 16)
    facts = {
        "arch": "x86_64" if intel else "aarch64",
        "segments": [{k: s[k] for k in ("name", "address", "memory", "offset", "size", "init")} for s in segments],
        "sections": {f"{s['name']},{x['name']}": x for s in segments for x in s["sections"]},
        "libraries": libraries,
        "imports": [
            {"name": name, "library": libraries[ordinal - 1] if ordinal > 0 else None, "weak": bool(weak)}
            for name, ordinal, weak in imported
        ],
        "exports": sorted(exports(data, *where["exports"])),
        "fixups": {"bound": bound, "rebased": rebased},
        "oldest": f"{oldest >> 16}.{oldest >> 8 & 255}",
        "sdk": f"{sdk >> 16}.{sdk >> 8 & 255}",
        "stack": stack,
        "uuid": data[at_of[UUID] + 8 : at_of[UUID] + 24].hex(),
        "signature": signed,
    }
    return facts


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    try:
        facts = read(data)
    except (IndexError, KeyError, ValueError, struct.error) as error:
        expect(False, f"it cannot be read to the end: {type(error).__name__}: {error}")
    for problem in problems[:20]:
        print(f"{path}: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    json.dump(facts, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
