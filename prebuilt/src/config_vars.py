"""Reads the `_sysconfigdata` module that a configured tree wrote and prints what may be published, as sorted JSON.

Usage: config_vars.py MODULE PREFIX...

Values that name one of the PREFIX folders belong to the machine that ran configure: tools are reduced to their
names, everything else with such a path is left out, and so is what only CPython's own Makefile uses.
"""

import json
import re
import runpy
import sys

MAKEFILE_ONLY = re.compile(
    r"^(MODULE_|MODOBJS|MODSHARED|MODBUILT|MODDISABLED|MODNAMES|FREEZE|DEEPFREEZE|COVERAGE|REGEN|LIBHACL|LIBEXPAT|LIBMPDEC"
    r"|TEST|UNITTEST|QUICKTEST|SUBDIRS|INSTALL|MAKESETUP|CONFIG_ARGS|LOCALMODLIBS|MODLIBS|STATIC_|BOOTSTRAP|GIT"
    r"|.*_OBJS$|.*_HEADERS$|.*_DEPS$|.*_SRCS$|.*_OUTPUT$|.*SUBDIRS$)"
)


def main():
    module, *prefixes = sys.argv[1:]
    variables = runpy.run_path(module)["build_time_vars"]
    published = {}
    for name, value in variables.items():
        if MAKEFILE_ONLY.match(name):
            continue
        if isinstance(value, str):
            if name in ("AR", "CC", "CXX", "BLDSHARED", "LDSHARED", "LDCXXSHARED", "LINKCC", "RANLIB"):
                value = re.sub(r"/\S*/(cc|c\+\+|ar|ranlib)\S*", r"\1", value)
            if "FLAGS" in name or "SHARED" in name:
                # Include, library and framework folders of the build.
                value = " ".join(word for word in value.split() if not re.match("-[FIL]", word))
            if any(prefix in value for prefix in prefixes):
                continue
        published[name] = value
    json.dump(published, sys.stdout, indent=1, sort_keys=True)
    print()


main()
