/* PC/msvcrtmodule.c makes msvcrt.CRT_ASSEMBLY_VERSION of the C runtime's version. mingw-w64 has no such header; the
 * Universal C Runtime that is part of Windows calls itself 14.0 in every release. */
#define _VC_CRT_MAJOR_VERSION 14
#define _VC_CRT_MINOR_VERSION 0
#define _VC_CRT_BUILD_VERSION 0
#define _VC_CRT_RBUILD_VERSION 0
