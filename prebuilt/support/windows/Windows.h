/* PC/_wmimodule.cpp spells the header of the Windows SDK with a capital; mingw-w64 does not. */
#include <windows.h>
