/* dlopen(NULL) and dlsym for a program that is linked statically with musl.
 *
 * musl has no dynamic loader in static programs: its dlopen answers every call with "Dynamic loading not supported",
 * and `import ctypes` fails because it opens the program itself (`ctypes.pythonapi = PyDLL(None)`). The link line wraps
 * these four functions (`--wrap`), so every call in the program ends here. The program itself can be opened, and in it
 * the names of Python's C API are found, which is what pythonapi is for; everything else keeps failing with a message,
 * as dlerror reports it.
 *
 * api_names.h is written by the driver: one OXI_FUNCTION or OXI_DATA line for each exported name, in strcmp order. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define OXI_FUNCTION(name) extern void name(void);
#define OXI_DATA(name) extern char name[];
#include "api_names.h"
#undef OXI_FUNCTION
#undef OXI_DATA

struct entry {
    const char *name;
    const void *address;
};

static const struct entry entries[] = {
#define OXI_FUNCTION(name) {#name, (const void *)name},
#define OXI_DATA(name) {#name, (const void *)name},
#include "api_names.h"
};

/* What dlerror has to say, per thread; empty: nothing. */
static _Thread_local char message[256];
static _Thread_local int has_message;
static char program; /* its address is the handle */

void *__wrap_dlopen(const char *file, int mode)
{
    (void)mode;
    if (file == NULL) {
        return &program;
    }
    snprintf(message, sizeof message, "%s: this program is linked statically and cannot load shared libraries", file);
    has_message = 1;
    return NULL;
}

void *__wrap_dlsym(void *restrict handle, const char *restrict name)
{
    (void)handle;
    size_t low = 0, high = sizeof entries / sizeof entries[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, entries[middle].name);
        if (order == 0) {
            return (void *)entries[middle].address;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    snprintf(message, sizeof message, "%s: this program is linked statically and offers Python's C API only", name);
    has_message = 1;
    return NULL;
}

int __wrap_dlclose(void *handle)
{
    (void)handle;
    return 0;
}

char *__wrap_dlerror(void)
{
    if (!has_message) {
        return NULL;
    }
    has_message = 0;
    return message;
}
