/* CPython's loader of extension modules, compiled from here. The file defines `_Py_CheckPython3` as static although
 * pylifecycle.h has declared it otherwise, which Microsoft's compiler lets pass and this one does not: the declaration
 * is read under another name. */
#define _Py_CheckPython3 oxidize_declared_check_python3
#include "Python.h"
#undef _Py_CheckPython3

#include "Python/dynload_win.c"
