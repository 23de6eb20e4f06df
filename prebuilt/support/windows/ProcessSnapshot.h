/* Modules/posixmodule.c spells the header of the Windows SDK with capitals; mingw-w64 does not. */
#include <processsnapshot.h>
