/* Modules/_ctypes/ctypes.h spells the header of the Windows SDK with a capital; mingw-w64 does not. */
#include <unknwn.h>
