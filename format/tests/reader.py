#!/usr/bin/env python3
"""A second reader of the packed-resources blob, written from docs/format.md alone and in its
order. Slow and plain on purpose: it shows that the document is enough.

    reader.py BLOB...    prints each blob as text, in the words of the Rust crate's `dump`

A blob that the document tells a reader to refuse gives the line "refused: ..." and, in the
end, status 1. Of several blobs each one's lines follow a line "blob NAME".
Only the standard library is used, so zstd frames and LZ4 blocks are listed, not decoded.
"""

import hashlib
import struct
import sys

NONE = 0xFFFFFFFF


class Refused(Exception):
    """The document tells a reader to refuse these bytes."""


def ensure(condition, what):
    if not condition:
        raise Refused(what)


# ---- 4. Header -----------------------------------------------------------------------------


class Blob:
    def __init__(self, data):
        ensure(len(data) >= 96, "header: fewer than 96 bytes")
        (
            magic,
            self.major,
            self.minor,
            required_flags,
            _ignorable_flags,
            self.python,
            self.bytecode,
            self.abi,
            self.length,
            target_at,
            target_len,
            self.snapshot,
            self.licenses,
            count,
            reserved,
            self.digest,
        ) = struct.unpack_from("<8sHHIIIIIQIIIIII32s", data)
        ensure(magic == b"\x89OXIBLOB", "header: magic")
        ensure(self.major == 1, "header: major version")
        ensure(required_flags == 0, "header: required flags")
        ensure(self.length <= len(data), "header: total length beyond the bytes")
        ensure(count <= 64, "header: more than 64 sections")
        ensure(reserved == 0, "header: reserved")
        ensure(self.length >= 96 + 32 * count, "header: total length too small")
        self.data = data[: self.length]
        self.read_sections(count)
        self.target = self.text(target_at, target_len)

    # ---- 5. Section table ------------------------------------------------------------------

    RECORD_SIZES = {1: 1, 2: 48, 3: 24, 4: 40, 5: 40, 6: 8, 7: 32, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1}

    def read_sections(self, count):
        self.sections = {kind: (0, 0) for kind in self.RECORD_SIZES}
        last_kind, last_end = 0, 96 + 32 * count
        for number in range(count):
            kind, flags, offset, length, size, reserved = struct.unpack_from(
                "<IIQQII", self.data, 96 + 32 * number
            )
            ensure(kind > last_kind, "section table: kinds do not ascend")
            ensure(flags & ~1 == 0, "section table: flags")
            ensure(reserved == 0, "section table: reserved")
            ensure(offset >= last_end, "section table: overlap")
            ensure(offset + length <= self.length, "section table: outside the blob")
            last_kind, last_end = kind, offset + length
            if kind not in self.RECORD_SIZES:
                ensure(flags & 1 == 0, "section table: unknown required section")
                continue
            ensure(size == self.RECORD_SIZES[kind], "section table: record size")
            ensure(length % size == 0, "section table: half a record")
            ensure(size == 1 or length // size < NONE, "section table: too many records")
            self.sections[kind] = (offset, length)

    def section(self, kind):
        offset, length = self.sections[kind]
        return self.data[offset : offset + length]

    def records(self, kind, layout):
        assert struct.calcsize(layout) == self.RECORD_SIZES[kind]
        return list(struct.iter_unpack(layout, self.section(kind)))

    # ---- 12. Strings -----------------------------------------------------------------------

    def text(self, offset, length):
        strings = self.section(8)
        ensure(offset + length <= len(strings), "a string outside the table")
        return utf8(strings[offset : offset + length])

    # ---- 13. Digest ------------------------------------------------------------------------

    def computed_digest(self):
        zeroed = self.data[:64] + bytes(32) + self.data[96:]
        chunk = 1 << 20
        inner = (
            hashlib.sha256(zeroed[at : at + chunk]).digest() for at in range(0, len(zeroed), chunk)
        )
        return hashlib.sha256(b"".join(inner)).digest()


def utf8(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("text that is not UTF-8") from None


# ---- 6. Run configuration ------------------------------------------------------------------

TEXTS = {1: "entry_module", 2: "entry_function", 3: "entry_script", 16: "program_name", 40: "files_directory"}
NUMBERS = {  # key: name, largest value
    17: ("optimize", 2),
    18: ("exit", 1),
    19: ("utf8_mode", 1),
    29: ("hash_seed", NONE),
    22: ("verbose", NONE),
    20: ("unbuffered", 1),
    21: ("inspect", 1),
    25: ("use_environment", 1),
    26: ("site", 1),
    27: ("user_site", 1),
    28: ("cwd_on_path", 1),
    30: ("faulthandler", 1),
    31: ("dev_mode", 1),
    32: ("install_signal_handlers", 1),
    35: ("ca_bundle_probe", 1),
    37: ("children", 2),
    38: ("check_at_start", 1),
    39: ("quiet_imports", 1),
}
LISTS = {
    23: "warn_options",
    24: "x_options",
    33: "sys_path",
    34: "environment",
    41: "placed",
    42: "named_entries",
    43: "environment_set",
    44: "environment_pass",
}
PAIRS = (34, 42, 43)


def passing(text):
    name = text.removesuffix("*")
    return text and not set(name) & set("=*")


def named_entry(text):
    name, found, entry = text.partition("=")
    module, colon, function = entry.partition(":")
    return bool(name and found and module and (function or not colon))


def read_config(section):
    """The keys that are there, one line for each."""
    there, lines = set(), []
    at, last = 0, 0
    while at < len(section):
        ensure(at + 8 <= len(section), "run configuration: half a record")
        key, flags, length = struct.unpack_from("<HHI", section, at)
        ensure(key > last or (key == last and key in LISTS), "run configuration: order of keys")
        ensure(flags & ~1 == 0, "run configuration: flags")
        start, end = at + 8, at + 8 + length
        padded = start + (length + 7) // 8 * 8
        ensure(padded <= len(section), "run configuration: value outside the section")
        value = section[start:end]
        ensure(not any(section[end:padded]), "run configuration: padding")
        at, last = padded, key
        if key in TEXTS or key in LISTS:
            text = utf8(value)
            ensure(text and "\0" not in text, "run configuration: text")
            plain = text not in (".", "..") and not set(text) & set("/\\:")
            ensure(key != 40 or plain, "run configuration: directory beside the executable")
            ensure(key != 42 or named_entry(text), "run configuration: named entry")
            ensure(key not in (34, 43) or text.find("=") > 0, "run configuration: environment")
            ensure(key != 44 or passing(text), "run configuration: environment pass")
            fields = text.split("=", 1) if key in PAIRS else [text]
            name = TEXTS.get(key) or LISTS[key]
        elif key in NUMBERS:
            name, largest = NUMBERS[key]
            ensure(length == 4, "run configuration: a number has four bytes")
            number = struct.unpack("<I", value)[0]
            ensure(number <= largest, "run configuration: number too large")
            if name == "exit":
                number = ("full", "fast")[number]
            if name == "children":
                number = ("interpreter", "application", "off")[number]
            fields = [str(number)]
        else:
            ensure(flags & 1 == 0, "run configuration: unknown required key")
            continue
        ensure(key != 2 or 1 in there, "run configuration: function without module")
        ensure(key != 3 or 1 not in there, "run configuration: module and script")
        there.add(key)
        lines.append(" ".join(["config", name, *map(field, fields)]))
    return lines


# ---- 7. Modules ----------------------------------------------------------------------------


def bounded(index, count, what):
    """An index, or "-" for none."""
    ensure(index == NONE or index < count, what)
    return "-" if index == NONE else index


def dump_modules(blob, nodes, data, natives):
    for record in blob.records(2, "<12I"):
        name = blob.text(record[0], record[1])
        path = blob.text(record[2], record[3])
        flags = record[4]
        ensure(flags & ~7 == 0, "module: flags")
        ensure(flags & 3 != 2, "module: a namespace package is a package")
        ensure(record[11] == 0, "module: reserved")
        node = bounded(record[5], nodes, "module: node")
        source = bounded(record[6], data, "module: source")
        codes = [bounded(index, data, "module: bytecode") for index in record[7:10]]
        native = bounded(record[10], natives, "module: native image")
        package, namespace, shown = flags & 1, flags & 2, flags & 4
        kind = "namespace" if namespace else "package" if package else "module"
        if namespace:
            file, directory = "", path
        else:
            file, directory = path, path.rpartition("/")[0] if package else ""
        yield (
            f"module {field(name)} {kind} file {field(file)} directory {field(directory)}"
            f" node {node} source {source} {'shown' if shown else 'hidden'}"
            f" bytecode {codes[0]} {codes[1]} {codes[2]} native {native}"
        )


# ---- 8. Tree -------------------------------------------------------------------------------


def dump_tree(blob, data):
    records = blob.records(3, "<6I")
    for number, (at, length, parent, flags, first, count) in enumerate(records):
        name = blob.text(at, length)
        ensure(flags & ~3 == 0 and flags != 3, "node: flags")
        if number == 0:
            ensure(parent == NONE, "node: the root has no parent")
            ensure(flags == 1, "node: the root is a directory")
        else:
            ensure(parent < number, "node: a parent comes first")
        if flags & 1:
            ensure(count == 0 or first > number, "node: children come after")
            ensure(count == 0 or first + count <= len(records), "node: children outside")
            what = f"directory {count}"
        else:
            ensure(count == 0, "node: a file has no children")
            ensure(first < data, "node: data")
            what = f"{'executable' if flags & 2 else 'file'} {first}"
        yield f"node {number} {field(name)} parent {'-' if number == 0 else parent} {what}"


# ---- 9. Data -------------------------------------------------------------------------------


def dump_data(blob):
    records = blob.records(4, "<QQQIIII")
    for number, (offset, stored, length, at, size, flags, reserved) in enumerate(records):
        ensure(flags in (0, 1, 2, 4), "data: flags")
        ensure(reserved == 0, "data: reserved")
        if flags & 2:
            yield f"data {number} external {length} {field(blob.text(at, size))}"
            continue
        ensure(offset + stored <= blob.length, "data: outside the blob")
        kept = blob.data[offset : offset + stored]
        if flags & 1:
            check_frame(kept, length)
        elif flags & 4:
            ensure(length <= 255 * stored, "lz4: ratio")
        else:
            ensure(stored == length, "data: length")
        yield (
            f"data {number} offset {offset} stored {stored} length {length}"
            f" {('none', 'zstd', '', '', 'lz4')[flags]} sha256 {hashlib.sha256(kept).hexdigest()}"
        )


def check_frame(frame, length):
    """What section 9.2 asks of a frame before it is decoded (RFC 8878, 3.1.1.1)."""
    ensure(len(frame) >= 6 and frame[:4] == b"\x28\xb5\x2f\xfd", "zstd: no frame")
    descriptor = frame[4]
    ensure(descriptor & 0b1011 == 0, "zstd: reserved bit or dictionary")
    single = descriptor & 0x20
    window, at = 0, 5
    if not single:
        base = 1 << (10 + (frame[5] >> 3))
        window, at = base + base // 8 * (frame[5] & 7), 6
    width = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    ensure(width > 0 and at + width <= len(frame), "zstd: no content size")
    size = int.from_bytes(frame[at : at + width], "little") + (256 if width == 2 else 0)
    ensure(size == length, "zstd: another content size")
    ensure(window <= max(length, 1024), "zstd: window")
    ensure(length <= 32768 * (len(frame) + 1), "zstd: ratio")


# ---- 10. Native images ---------------------------------------------------------------------


def dump_natives(blob, nodes, data):
    needed = [blob.text(*record) for record in blob.records(6, "<II")]
    for record in blob.records(5, "<10I"):
        name = blob.text(record[0], record[1])
        soname = blob.text(record[2], record[3])
        ensure(record[4] < data, "native image: data")
        node = bounded(record[5], nodes, "native image: node")
        ensure(record[6] & ~1 == 0, "native image: flags")
        ensure(record[7] + record[8] <= len(needed), "native image: needed names")
        ensure(record[9] == 0, "native image: reserved")
        names = "".join(f" {field(name)}" for name in needed[record[7] : record[7] + record[8]])
        yield (
            f"native {field(name)} {'extension' if record[6] & 1 else 'library'}"
            f" soname {field(soname)} data {record[4]} node {node} needed{names}"
        )


# ---- 11. Distributions ---------------------------------------------------------------------


def dump_distributions(blob, nodes):
    for record in blob.records(7, "<8I"):
        normalised, name, version = (blob.text(*record[at : at + 2]) for at in (0, 2, 4))
        ensure(record[6] < nodes, "distribution: node")
        ensure(record[7] == 0, "distribution: reserved")
        yield f"distribution {field(normalised)} {field(name)} {field(version)} node {record[6]}"


# ---- the whole blob as text ----------------------------------------------------------------


def field(text):
    """A name as one field: percent signs for all but printable ASCII, "-" for nothing."""
    if not text:
        return "-"
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}"
        for byte in text.encode("utf-8")
    )


def dump(blob):
    counts = {kind: length // blob.RECORD_SIZES[kind] for kind, (_, length) in blob.sections.items()}
    nodes, data, natives = counts[3], counts[4], counts[5]
    yield f"format {blob.major}.{blob.minor}"
    yield f"python {blob.python:#010x}"
    yield f"bytecode {blob.bytecode:#010x}"
    yield f"abi {blob.abi}"
    yield f"target {field(blob.target)}"
    yield f"length {blob.length}"
    yield f"digest {blob.digest.hex()}"
    yield f"snapshot {bounded(blob.snapshot, data, 'header: snapshot')}"
    yield f"licenses {bounded(blob.licenses, data, 'header: licences')}"
    for kind, (offset, length) in sorted(blob.sections.items()):
        yield f"section {kind} {offset} {length}"
    yield from read_config(blob.section(1))
    yield from dump_modules(blob, nodes, data, natives)
    yield from dump_tree(blob, data)
    yield from dump_data(blob)
    yield from dump_natives(blob, nodes, data)
    yield from dump_distributions(blob, nodes)


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    status = 0
    for path in sys.argv[1:]:
        if len(sys.argv) > 2:
            print(f"blob {path}")
        with open(path, "rb") as file:
            data = file.read()
        try:
            blob = Blob(data)
            lines = list(dump(blob))
            ensure(blob.computed_digest() == blob.digest, "header: digest")
            print("\n".join(lines))
        except Refused as why:
            print(f"refused: {why}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
