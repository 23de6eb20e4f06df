/* Included before the first line of some of CPython's files (the recipe names them).
 *
 * Those files ask `#ifdef _MSC_VER` where they mean "Windows with its own C runtime": without it they lose os.getppid,
 * os.spawnv, os.pipe, os.fsync, the guard against invalid descriptors, ssl.enum_certificates and more. So the system's
 * headers are read first, as what the compiler really is, and after them the file itself sees the Visual C++ 2015
 * that introduced the Universal C Runtime. No file of CPython is changed for it. */
#ifndef OXIDIZE_MSVC_H
#define OXIDIZE_MSVC_H

#include "pyconfig.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <conio.h>
#include <direct.h>
#include <io.h>
#include <malloc.h>
#include <process.h>
#include <share.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/utime.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <aclapi.h>
#include <crtdbg.h>
#include <intrin.h>
#include <lmcons.h>
#include <mstcpip.h>
#include <sddl.h>
#include <shellapi.h>
#include <wincrypt.h>
#include <winioctl.h>

/* In the Universal C Runtime, absent from mingw-w64's headers. */
_invalid_parameter_handler __cdecl _set_thread_local_invalid_parameter_handler(_invalid_parameter_handler handler);

/* The compiler's intrin.h must not come a second time: it declares other things for _MSC_VER. */
#ifndef __INTRIN_H
#define __INTRIN_H
#endif
#ifndef __INTRIN0_H
#define __INTRIN0_H
#endif

#define _MSC_VER 1900

#endif
