/* PC/_wmimodule.cpp wants two things of this header of the Windows SDK: what it includes in turn, and a string that
 * frees itself. mingw-w64's header needs a C++ standard library for that, which the program does not have. */
#include <ole2.h>

class bstr_t {
    BSTR text;

public:
    explicit bstr_t(const wchar_t *from) : text(SysAllocString(from)) {}
    /* ASCII. */
    explicit bstr_t(const char *from) : text(SysAllocStringLen(nullptr, lstrlenA(from)))
    {
        for (UINT i = 0; text != nullptr && i < SysStringLen(text); i++) {
            text[i] = from[i];
        }
    }
    bstr_t(const bstr_t &) = delete;
    bstr_t &operator=(const bstr_t &) = delete;
    ~bstr_t() { SysFreeString(text); }
    operator BSTR() const { return text; }
};
