"""apple-codesign 0.29 by way of apple-platform-py.

apple_codesign.py verify PROGRAM...: its problems with each, and its description.
apple_codesign.py sign FROM TO KEY,CERTIFICATE,... NAME VALUE...: signs with these settings.
"""

import json
import sys

import apple_platform

task, *arguments = sys.argv[1:]
if task == "verify":
    found = []
    for path in arguments:
        try:
            described = apple_platform.read_signature(path)
            problems = apple_platform.verify_macho(path)
        except apple_platform.ApplePlatformError as error:
            described, problems = [], [str(error)]
        found.append({"problems": problems, "described": described})
    print(json.dumps(found))
else:
    source, target, keys, *settings = arguments
    settings = dict(zip(settings[::2], settings[1::2]))
    if flags := settings.pop("code_signature_flags", None):
        settings["code_signature_flags"] = flags.split(",")
    sealed = {}
    for name in ("code_resources_file", "info_plist_file"):
        if name in settings:
            sealed[name] = settings.pop(name)
    if sealed:
        settings["paths"] = {"@main": apple_platform.PathSettings(**sealed)}
    pem = apple_platform.PemKey(files=keys.split(","))
    signer = apple_platform.Signer(pem=pem) if keys else None
    apple_platform.sign(source, target, signer=signer, **settings)
