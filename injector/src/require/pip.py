"""Runs pip for a target that need not be this system.

Standard input is JSON:

    pip          directory of pip itself
    arguments    of the command `pip wheel`
    tags         that the target's interpreter takes, the best first
    environment  what the markers of requirements see, as far as it is the target's
    result       file to write

Standard output has a line for each distribution when its turn comes. The result is JSON: `wheels` says which there are and why, or `problem` why there are none.
"""

import json
import os
import re
import sys

from _oxidize_locks import read_locks


def main():
    settings = json.load(sys.stdin)
    # What pip and build back ends print is no report.
    reports = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, settings["pip"])
    found = Found(reports)
    put_target_in(settings)
    watch(found)
    read_locks(found)
    build_without_site()
    from pip._internal.cli.main import main as pip

    status = pip(settings["arguments"])
    with open(settings["result"], "w", encoding="utf-8") as file:
        json.dump({"wheels": found.wheels_asked_for(), "problem": found.problem}, file)
    sys.exit(status)


def put_target_in(settings):
    from pip._internal.cli import req_command
    from pip._internal.models.target_python import TargetPython
    from pip._internal.resolution.resolvelib import factory
    from pip._vendor.packaging import markers, tags

    try:
        from pip._vendor.packaging import pylock
    except ImportError:  # before pip 25.3
        pylock = None

    host = markers.default_environment
    markers.default_environment = lambda: {**host(), **settings["environment"]}
    supported = [tags.Tag(*tag.split("-", 2)) for tag in settings["tags"]]
    TargetPython.get_sorted_tags = lambda self: supported
    TargetPython.get_unsorted_tags = lambda self: set(supported)
    # For a script's `requires-python`; `pip wheel` has not the options that it asks for.
    req_command.make_target_python = lambda options: TargetPython()
    factory.get_supported = lambda *arguments, **named: supported
    if pylock:
        pylock.sys_tags = lambda *arguments, **named: iter(supported)


class Found:
    """What pip came across."""

    def __init__(self, reports):
        self.reports = reports
        self.foreign = {}  # project: {version: tags of wheels for other targets}
        self.fitting = {}  # project: versions that have a wheel for this one
        self.unreachable = []  # indexes, with the reason
        self.requirements = []  # what is to be installed
        self.built = set()  # those of them that come without a wheel
        self.failed_build = None  # the last step of a build that failed
        self.problem = None

    def report(self, text):
        os.write(self.reports, f"{text}\n".encode())

    def wheels_asked_for(self):
        def local(link):
            if link is None or not link.is_file:
                return None
            return os.fsencode(link.file_path).decode("utf-8", "replace")

        return [
            {
                "file": os.path.basename(requirement.local_file_path or requirement.link.filename),
                "local": local(requirement.link),
                "requested": bool(requirement.user_supplied),
                "built": id(requirement) in self.built,
            }
            for requirement in self.requirements
        ]

    def lacking(self, name, version=None):
        """The problem that a project has no wheel for the target."""
        from pip._vendor.packaging.version import Version

        foreign = self.foreign.get(name, {})
        if not foreign or (version is not None and version not in foreign):
            return None
        wanted = Version(version) if version else max(map(Version, foreign))
        key = next(text for text in foreign if Version(text) == wanted)
        fitting = [Version(one) for one in self.fitting.get(name, ())]
        older = [one for one in fitting if one < wanted]
        newer = [one for one in fitting if one > wanted]
        nearest = max(older) if older else min(newer, default=None)
        return {
            "kind": "no-wheel",
            "name": name,
            "version": key,
            "tags": sorted(foreign[key]),
            "nearest": nearest and str(nearest),
        }


def watch(found):
    watch_links(found)
    watch_resolution(found)
    watch_failures(found)


def watch_links(found):
    from pip._internal.exceptions import InstallationError, NetworkConnectionError
    from pip._internal.index import collector
    from pip._internal.index.package_finder import LinkEvaluator, LinkType
    from pip._internal.models.wheel import Wheel
    from pip._internal.operations.prepare import RequirementPreparer
    from pip._vendor.packaging.utils import (
        InvalidSdistFilename,
        canonicalize_name,
        parse_sdist_filename,
    )

    evaluate = LinkEvaluator.evaluate_link

    def evaluate_link(self, link):
        result, detail = evaluate(self, link)
        if link.is_wheel and result in (LinkType.platform_mismatch, LinkType.candidate):
            wheel = Wheel(link.filename)
            name, tags = canonicalize_name(wheel.name), wheel.get_formatted_file_tags()
            if result == LinkType.candidate:
                found.fitting.setdefault(name, set()).add(str(wheel.version))
            elif not all(tag.endswith("-any") for tag in tags):
                versions = found.foreign.setdefault(name, {})
                versions.setdefault(str(wheel.version), set()).update(tags)
        return result, detail

    LinkEvaluator.evaluate_link = evaluate_link
    prepare = RequirementPreparer.prepare_linked_requirement

    def prepare_linked_requirement(self, req, parallel_builds=False):
        # A project that has wheels for some systems and none for all has native code: there is
        # nothing here to build that with, and nothing to be learnt from the attempt.
        link = req.link
        found.report(link.filename if link is not None else req.name)
        if link is not None and not link.is_wheel and not link.is_existing_dir():
            try:
                name, version = parse_sdist_filename(link.filename)
            except InvalidSdistFilename:
                pass
            else:
                problem = found.lacking(canonicalize_name(name), str(version))
                if problem:
                    found.problem = problem
                    raise InstallationError(f"{name} {version} has no wheel for the target")
        return prepare(self, req, parallel_builds)

    RequirementPreparer.prepare_linked_requirement = prepare_linked_requirement
    fail = collector._handle_get_simple_fail

    def handle_get_simple_fail(link, reason, *arguments, **named):
        response = reason.response if isinstance(reason, NetworkConnectionError) else None
        if response is None or response.status_code != 404:
            found.unreachable.append({"url": link.redacted_url, "reason": first_cause(reason)})
        return fail(link, reason, *arguments, **named)

    collector._handle_get_simple_fail = handle_get_simple_fail


def watch_resolution(found):
    from pip._internal.resolution.resolvelib.factory import Factory
    from pip._internal.resolution.resolvelib.resolver import Resolver
    from pip._vendor.packaging.utils import canonicalize_name

    resolve = Resolver.resolve

    def resolve_all(self, root_reqs, check_supported_wheels):
        result = resolve(self, root_reqs, check_supported_wheels)
        # In pip's order of installation: of two that bring a file, the later one overwrites it.
        found.requirements = self.get_installation_order(result)
        found.built = {
            id(requirement)
            for requirement in found.requirements
            if not requirement.is_wheel or requirement.cached_wheel_source_link is not None
        }
        return result

    Resolver.resolve = resolve_all
    explain = Factory.get_installation_error

    def get_installation_error(self, e, constraints):
        error = explain(self, e, constraints)
        causes = list(e.causes)
        names = {cause.requirement.project_name for cause in causes}
        limits = [f"{name}{constraints[name].format_for_error()}" for name in names if name in constraints]
        if len(names) == 1:
            name = canonicalize_name(names.pop())
            wanted = [
                {
                    "what": cause.requirement.format_for_error(),
                    "by": cause.parent and f"{cause.parent.name} {cause.parent.version}",
                }
                for cause in causes
            ]
            wanted += [{"what": limit, "by": "a constraint"} for limit in limits]
            versions = {str(one.version) for one in self._finder.find_all_candidates(name)}
            if found.unreachable and not versions:
                found.problem = {"kind": "unreachable", "name": name, **found.unreachable[0]}
            elif len(wanted) > 1:
                found.problem = {"kind": "conflict", "name": name, "wanted": wanted}
            elif not versions and (problem := found.lacking(name)):
                found.problem = problem
            elif isinstance(getattr(e.causes[0].requirement, "project_name", None), str):
                found.problem = {
                    "kind": "not-found",
                    "name": name,
                    "wanted": wanted[0],
                    "versions": newest_first(versions),
                }
        return error

    Factory.get_installation_error = get_installation_error


def watch_failures(found):
    """Says what pip says, without what is for pip's own users only."""
    from pip._internal.commands.wheel import WheelCommand
    from pip._internal.exceptions import (
        DiagnosticPipError,
        HashErrors,
        InstallationSubprocessError,
    )

    start = InstallationSubprocessError.__init__

    def begin(self, *, output_lines, **named):
        start(self, output_lines=output_lines, **named)
        lines = [line.rstrip() for line in output_lines or ()]
        found.failed_build = {
            "kind": "build",
            "step": named["command_description"],
            "output": [line for line in lines if line][-12:],
        }

    InstallationSubprocessError.__init__ = begin
    run = WheelCommand.run

    def run_and_tell(self, options, arguments):
        try:
            return run(self, options, arguments)
        except HashErrors as error:
            found.problem = {"kind": "hash", "text": str(error)}
            raise
        except Exception as error:
            text = str(error)
            if isinstance(error, DiagnosticPipError):
                text = f"{error.message}: {error.context or ''}".rstrip(": ")
            other = {"kind": "other", "text": one_line(text)}
            found.problem = found.problem or found.failed_build or other
            raise

    WheelCommand.run = run_and_tell


# What `site` does under another interpreter: this one never imports it by itself.
AS_SITE = """
import os, runpy, sys
sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
try:
    import sitecustomize
except ModuleNotFoundError:
    pass
del sys.argv[0]
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def build_without_site():
    """Lets build back ends, which run as children, see what was installed for them."""
    from pip._internal.utils import subprocess

    call = subprocess.call_subprocess

    def call_subprocess(cmd, *arguments, **named):
        if cmd and cmd[0] == sys.executable:
            cmd = [sys.executable, "-c", AS_SITE, *cmd[1:]]
        return call(cmd, *arguments, **named)

    subprocess.call_subprocess = call_subprocess


def newest_first(versions):
    from pip._vendor.packaging.version import Version

    return [str(one) for one in sorted(map(Version, versions), reverse=True)]


def first_cause(error):
    """What went wrong below all that was wrapped around it."""
    seen = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return one_line(re.sub(r"^<[^>]*>: |^HTTPS?Connection[^:]*: ", "", str(error)))


def one_line(text):
    return " ".join(str(text).split())
