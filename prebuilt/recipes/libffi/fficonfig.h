/* What libffi's configure finds on 64-bit Linux with clang, x86_64 and aarch64 alike, on Windows with mingw-w64 and on macOS;
   written by hand because the packaged sources are compiled file by file. */
#define EH_FRAME_FLAGS "a"
#ifndef _WIN32
#define FFI_EXEC_STATIC_TRAMP 1
#define HAVE_ALLOCA_H 1
#define HAVE_AS_CFI_PSEUDO_OP 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_DLFCN_H 1
#endif
#define HAVE_INTTYPES_H 1
#define HAVE_LONG_DOUBLE 1
#define HAVE_MEMCPY 1
#define HAVE_RO_EH_FRAME 1
#define HAVE_STDINT_H 1
#define HAVE_STDIO_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_STRINGS_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define SIZEOF_DOUBLE 8
/* Compiled with -mlong-double-64 on Windows, which is what long double is to Microsoft's compiler. */
#ifdef _WIN32
#define SIZEOF_LONG_DOUBLE 8
#else
#define SIZEOF_LONG_DOUBLE 16
#endif
#define SIZEOF_SIZE_T 8
#define STDC_HEADERS 1
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#if defined(__x86_64__)
#define HAVE_AS_X86_PCREL 1
#ifndef _WIN32
#define HAVE_AS_X86_64_UNWIND_SECTION_TYPE 1
#endif
#endif
#if defined(_WIN32) && defined(LIBFFI_ASM)
#define FFI_HIDDEN(name)
#elif defined(_WIN32)
#define FFI_HIDDEN
#elif defined(LIBFFI_ASM)
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__ ((visibility ("hidden")))
#endif
/* macOS: on Apple silicon long double is a double, and closures are entered through a table of trampolines, because no
   memory is writable and executable; on Intel it may be. */
#if defined(__APPLE__)
#undef FFI_EXEC_STATIC_TRAMP
#undef HAVE_AS_X86_64_UNWIND_SECTION_TYPE
#if defined(__aarch64__)
#define FFI_EXEC_TRAMPOLINE_TABLE 1
#undef HAVE_LONG_DOUBLE
#undef SIZEOF_LONG_DOUBLE
#define SIZEOF_LONG_DOUBLE 8
#else
#define FFI_MMAP_EXEC_WRIT 1
#endif
#ifdef LIBFFI_ASM
#undef FFI_HIDDEN
#define FFI_HIDDEN(name) .private_extern name
#endif
#endif
