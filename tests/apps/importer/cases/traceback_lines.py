"""traceback: file, line and the source line."""

import traceback

import sample.sub
from where import virtual


def run():
    try:
        sample.sub.fail()
    except ValueError:
        text = traceback.format_exc()
    assert f'File "{virtual("/~oxidize/app/sample/sub.py")}", line 13, in fail\n    raise ValueError("on purpose")\n' in text, text
    assert text.count("File ") == 2, text

    # No frame of the importer shows between `import` and the failing module.
    try:
        import broken
    except ZeroDivisionError:
        text = traceback.format_exc()
    assert f'File "{virtual("/~oxidize/app/broken.py")}", line 3, in <module>\n    1 / 0\n' in text, text
    assert text.count("File ") == 2, text
