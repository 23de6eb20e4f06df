/* For Modules/_ctypes/callproc.c, which turns a crash in a called function into an OSError on Windows, but not if
 * __MINGW32__ says that the compiler has no __try. This one has it. */
#include "msvc.h"
#undef __MINGW32__
