"""Runs one module of CPython's test suite and writes how each test ended, as JSON.

    runner.py RESULTS MODULE [PATH]

PATH is a directory with the package `test`, where the interpreter has none of its own.
"""

import json
import pkgutil
import sys
import unittest

results_path, name = sys.argv[1:3]
sys.path[:0] = sys.argv[3:]

import test.support

# Not run, in either interpreter, with the reason.
LEFT_OUT = {
    "test.test_threading.ThreadingExceptionTests.test_print_exception_gh_102056":
        "may never end: the interruption it waits for can be lost while a recursion is unwound",
}

outcomes = {}


class Result(unittest.TestResult):
    """The worst outcome of each test; sub-tests count for their test."""

    def startTest(self, test):
        reason = LEFT_OUT.get(test.id())
        if reason is not None:
            outcomes[test.id()] = "skipped"
            setattr(test, test._testMethodName, lambda: test.skipTest(reason))
        super().startTest(test)

    def note(self, test, outcome):
        if outcomes.get(test.id()) not in ("failed", "error"):
            outcomes[test.id()] = outcome

    def addSuccess(self, test):
        outcomes.setdefault(test.id(), "passed")

    def addFailure(self, test, error):
        self.note(test, "failed")
        self.show(test, error)

    def addError(self, test, error):
        self.note(test, "error")
        self.show(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.note(test, "failed" if issubclass(error[0], test.failureException) else "error")
            self.show(subtest, error)

    def addSkip(self, test, reason):
        outcomes.setdefault(test.id(), "skipped")

    def addExpectedFailure(self, test, error):
        self.note(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.note(test, "failed")

    def show(self, test, error):
        print("==", test.id(), file=sys.stderr)
        print(self._exc_info_to_string(error, test), file=sys.stderr)


def load_package_tests(directory, loader, tests, pattern):
    """What test.support has under this name, without listing directories: a packaged one is not on disk."""
    package = sys.modules[sys._getframe(1).f_globals["__name__"]]
    for info in pkgutil.iter_modules(package.__path__):
        if info.ispkg or info.name.startswith("test"):
            name = f"{package.__name__}.{info.name}"
            try:
                tests.addTests(loader.loadTestsFromName(name))
            except unittest.SkipTest as reason:
                tests.addTests(unittest.loader._make_skipped_test(name, reason, loader.suiteClass))
    return tests


test.support.load_package_tests = load_package_tests
# Neither the network nor what takes long.
test.support.use_resources = ["subprocess"]
test.support.verbose = 0

suite = unittest.defaultTestLoader.loadTestsFromName("test." + name)
suite(Result())
unittest.case.doModuleCleanups()
with open(results_path, "w") as stream:
    json.dump(outcomes, stream)
