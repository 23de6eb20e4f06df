/* What follows is not CPython's. `oxidize-prebuilt regenerate` puts it at the end of PC/pyconfig.h.in, whose part for
 * compilers other than Microsoft's is, in its own words, likely incomplete. */

/* Goes into sys.version, and code looks at it: sysconfig.get_platform() wants "AMD64" to answer win-amd64, and
 * ctypes.util.find_library("c") takes "MSC v.19xx" for the Universal C Runtime, which this program uses, and
 * everything else for msvcrt.dll, which it does not. */
#undef COMPILER
#define COMPILER "[Clang 20.1.2 64 bit (AMD64) with MSC v.1943 CRT]"
#define PY_SUPPORT_TIER 0
/* importlib.machinery.EXTENSION_SUFFIXES: the tag of wheels for this machine. */
#define PYD_PLATFORM_TAG "win_amd64"
/* As for Microsoft's compiler: Windows 8.1 is the least that Python 3.13 promises to know. */
#define Py_WINVER 0x0603
#define Py_NTDDI 0x06030000
/* The compiler and the Universal C Runtime have these; the header knows so of Microsoft's compiler only. */
#define HAVE_UINTPTR_T 1
#define HAVE_INTPTR_T 1
#define HAVE_WCSFTIME 1
#define HAVE_COMPUTED_GOTOS 1
