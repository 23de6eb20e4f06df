"""The program's own resources as Windows hands them out. With a file as the argument: is the blob what is in that file? With
`edit FILE`: gives another program one resource more, by the functions that resource editors use."""

import ctypes
import hashlib
import json
import sys
from ctypes import POINTER, WINFUNCTYPE, byref, c_int, c_uint, c_uint16, c_uint32, c_void_p, c_wchar_p

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
user32 = ctypes.WinDLL("user32", use_last_error=True)
version = ctypes.WinDLL("version", use_last_error=True)

RCDATA, ICON, GROUP_ICON = 10, 3, 14


def function(library, name, result, *arguments):
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


on_type = WINFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)
on_name = WINFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p)
on_language = WINFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_uint16, c_void_p)
types = function(kernel32, "EnumResourceTypesW", c_int, c_void_p, on_type, c_void_p)
names = function(kernel32, "EnumResourceNamesW", c_int, c_void_p, c_void_p, on_name, c_void_p)
languages = function(kernel32, "EnumResourceLanguagesW", c_int, c_void_p, c_void_p, c_void_p, on_language, c_void_p)
find = function(kernel32, "FindResourceExW", c_void_p, c_void_p, c_void_p, c_void_p, c_uint16)
find_by_name = function(kernel32, "FindResourceW", c_void_p, c_void_p, c_wchar_p, c_void_p)
load = function(kernel32, "LoadResource", c_void_p, c_void_p, c_void_p)
lock = function(kernel32, "LockResource", c_void_p, c_void_p)
size_of = function(kernel32, "SizeofResource", c_uint32, c_void_p, c_void_p)
module = function(kernel32, "GetModuleHandleW", c_void_p, c_wchar_p)(None)


def plain(word):
    """A name or a number: pointers below 64 KiB are numbers."""
    return word if word < 0x10000 else ctypes.wstring_at(word)


def collect(enumerate_them, kind, *arguments):
    found = []

    def one(*parameters):
        found.append(plain(parameters[len(arguments) + 1]))
        return 1

    if not enumerate_them(module, *arguments, kind(one), None):
        raise ctypes.WinError(ctypes.get_last_error())
    return found


def word(value, kept):
    """What the functions take for a name or a number."""
    if isinstance(value, int):
        return value
    kept.append(ctypes.create_unicode_buffer(value))
    return ctypes.addressof(kept[-1])


def mapped(resource):
    """Where a resource lies and its length. It lies in the program's image: nothing was read or copied."""
    address, size = lock(load(module, resource)), size_of(module, resource)
    headers = module + c_uint32.from_address(module + 0x3C).value
    image = c_uint32.from_address(headers + 24 + 56).value
    if not module < address <= address + size <= module + image:
        sys.exit(f"{address:#x} + {size:#x} is outside of the image at {module:#x} + {image:#x}")
    return address, size


def tree():
    kept, lines = [], []
    for kind in collect(types, on_type):
        kind_word = word(kind, kept)
        for name in collect(names, on_name, kind_word):
            name_word = word(name, kept)
            for language in collect(languages, on_language, kind_word, name_word):
                address, size = mapped(find(module, kind_word, name_word, language))
                digest = hashlib.sha256(ctypes.string_at(address, size)).hexdigest()
                lines.append([str(kind), str(name), language, address - module, size, digest])
    return lines


def version_info():
    path = ctypes.create_unicode_buffer(1000)
    function(kernel32, "GetModuleFileNameW", c_uint32, c_void_p, c_wchar_p, c_uint32)(None, path, len(path))
    size = function(version, "GetFileVersionInfoSizeW", c_uint32, c_wchar_p, c_void_p)(path, None)
    info = ctypes.create_string_buffer(size)
    if not function(version, "GetFileVersionInfoW", c_int, c_wchar_p, c_uint32, c_uint32, c_void_p)(path, 0, size, info):
        raise ctypes.WinError(ctypes.get_last_error())
    query = function(version, "VerQueryValueW", c_int, c_void_p, c_wchar_p, POINTER(c_void_p), POINTER(c_uint))
    value, length = c_void_p(), c_uint()
    if not query(info, "\\", byref(value), byref(length)):
        raise ctypes.WinError(ctypes.get_last_error())
    high, low = (c_uint32 * 4).from_address(value.value)[2:]
    if not query(info, "\\StringFileInfo\\040904b0\\ProductName", byref(value), byref(length)):
        raise ctypes.WinError(ctypes.get_last_error())
    return [high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF], ctypes.wstring_at(value.value)


def icon_sizes():
    """The sizes for which the group has an image of just that size, and from whose bytes an icon can be made."""
    choose = function(user32, "LookupIconIdFromDirectoryEx", c_int, c_void_p, c_int, c_int, c_int, c_uint)
    make = function(user32, "CreateIconFromResourceEx", c_void_p, c_void_p, c_uint32, c_int, c_uint32, c_int, c_int, c_uint)
    group = mapped(find(module, GROUP_ICON, 1, 0))[0]
    sizes = []
    for size in (16, 24, 32, 48, 64, 128, 256):
        address, length = mapped(find(module, ICON, choose(group, 1, size, size, 0), 0))
        if make(address, length, 1, 0x30000, size, size, 0):
            sizes.append(size)
    return sizes


def edit(path):
    begin = function(kernel32, "BeginUpdateResourceW", c_void_p, c_wchar_p, c_int)
    update = function(kernel32, "UpdateResourceW", c_int, c_void_p, c_void_p, c_wchar_p, c_uint16, c_void_p, c_uint32)
    end = function(kernel32, "EndUpdateResourceW", c_int, c_void_p, c_int)
    handle = begin(path, False)
    text = b"put in by another tool"
    if not (handle and update(handle, RCDATA, "ANOTHER", 0, text, len(text)) and end(handle, False)):
        raise ctypes.WinError(ctypes.get_last_error())


if sys.argv[1:2] == ["edit"]:
    edit(sys.argv[2])
    sys.exit()
# Names are found whatever their case.
address, size = mapped(find_by_name(module, "oxidize", RCDATA))
with open(sys.argv[1], "rb") as file:
    same = file.read() == ctypes.string_at(address, size)
number, product = version_info()
json.dump(
    {"same": same, "offset": address - module, "tree": tree(), "version": number, "product": product, "icons": icon_sizes()},
    sys.stdout,
)
