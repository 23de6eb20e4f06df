"""Lock files, for the target: which of their packages it needs, and which of these it cannot have.

pip reads `pylock.toml`. This reads `uv.lock` too, by turning it into one, and remembers what wheels
there are, so that a package without one for the target is reported like any other.
"""

import os
import posixpath
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit


def read_locks(found):
    """Makes pip read both; `found` is told of wheels (`_oxidize_pip`)."""
    from pip._internal.cli import req_command
    try:
        from pip._internal.utils import pylock as reader
    except ImportError:  # a pip that knows no lock files, and says so if it gets one
        return
    from pip._vendor.packaging.pylock import Pylock

    is_pylock = req_command.is_valid_pylock_filename
    req_command.is_valid_pylock_filename = lambda name: is_pylock(name) or is_uv_lock(name)
    select = Pylock.select

    class Lock:
        @staticmethod
        def from_dict(content):
            if "lock-version" not in content and "package" in content:
                content = pylock_of(content)
            lock = Pylock.from_dict(content)
            remember_wheels(lock, found)
            return lock

    def select_or_tell(self, **named):
        try:
            yield from select(self, **named)
        except Exception as error:
            for package in self.packages:
                if f"package {str(package.name)!r}" in str(error):
                    found.problem = found.lacking(str(package.name))
            raise

    Pylock.select = select_or_tell
    reader.Pylock = Lock


def is_uv_lock(name):
    return os.path.basename(name) == "uv.lock"


def remember_wheels(lock, found):
    from pip._vendor.packaging import pylock
    from pip._vendor.packaging.utils import parse_wheel_filename

    supported = set(pylock.sys_tags())
    for package in lock.packages:
        for wheel in package.wheels or ():
            _, version, _, tags = parse_wheel_filename(wheel.filename)
            if tags & supported:
                found.fitting.setdefault(package.name, set()).add(str(version))
            elif not all(tag.platform == "any" for tag in tags):
                versions = found.foreign.setdefault(package.name, {})
                versions.setdefault(str(version), set()).update(map(str, tags))


def pylock_of(lock):
    """The packages that the projects of a `uv.lock` need on the target, as a `pylock.toml`."""
    if lock.get("version") != 1:
        raise ValueError(f"its format version is {lock.get('version')!r}, and only 1 is supported")
    by_name = {}
    for package in lock["package"]:
        by_name.setdefault(package["name"], []).append(package)
    members = set(lock.get("manifest", {}).get("members", ()))
    roots = [
        package
        for package in lock["package"]
        if package["name"] in members or package["source"].get("virtual", package["source"].get("editable")) == "."
    ]
    if not roots:
        raise ValueError("it locks no project")
    wanted, needed, seen = [(root, None) for root in roots], {}, set()
    while wanted:
        package, extra = wanted.pop()
        key = (package["name"], package.get("version"), extra)
        if key in seen:
            continue
        seen.add(key)
        if package not in roots:
            needed[key[:2]] = package
        if extra is None:
            requirements = package.get("dependencies", [])
        else:
            requirements = package.get("optional-dependencies", {}).get(extra, [])
        for requirement in requirements:
            if applies(requirement.get("marker")):
                one = chosen(requirement, by_name)
                wanted += [(one, None)] + [(one, name) for name in requirement.get("extra", [])]
    packages = [entry(package) for _, package in sorted(needed.items(), key=lambda item: item[0][0])]
    return {"lock-version": "1.0", "created-by": "uv", "packages": packages}


def applies(marker):
    from pip._vendor.packaging.markers import Marker

    return marker is None or Marker(marker).evaluate({"extra": ""})


def chosen(requirement, by_name):
    """The package that a dependency means. It says more than the name where there are several."""
    packages = by_name.get(requirement["name"], [])
    for key in ("version", "source"):
        if key in requirement:
            packages = [package for package in packages if package.get(key) == requirement[key]]
    if len(packages) > 1:
        forks = [package for package in packages if any(map(applies, package.get("resolution-markers", [None])))]
        packages = forks or packages
    if not packages:
        raise ValueError(f"it needs {requirement['name']}, which it does not lock")
    return packages[0]


def entry(package):
    source = package["source"]
    result = {"name": package["name"]}
    if "version" in package:
        result["version"] = package["version"]
    if "git" in source:
        address = urlsplit(source["git"])
        query = parse_qs(address.query)
        url = urlunsplit((address.scheme, address.netloc, address.path, "", ""))
        result["vcs"] = {"type": "git", "url": url, "commit-id": address.fragment}
        if "subdirectory" in query:
            result["vcs"]["subdirectory"] = query["subdirectory"][0]
    elif path := source.get("directory") or source.get("editable") or source.get("virtual"):
        result.pop("version", None)
        result["directory"] = {"path": path}
    elif "url" in source or "path" in source:
        files = package.get("wheels", []) + [package["sdist"]] * ("sdist" in package)
        place = {"url": source["url"]} if "url" in source else {"path": source["path"]}
        result["archive"] = {**place, "hashes": hashes(files[0])}
    else:
        if "sdist" in package:
            result["sdist"] = file(package["sdist"])
        if "wheels" in package:
            result["wheels"] = [file(wheel) for wheel in package["wheels"]]
    return result


def file(of):
    place = "url" if "url" in of else "path"
    name = of.get("filename") or unquote(posixpath.basename(urlsplit(of[place]).path))
    return {"name": name, place: of[place], "hashes": hashes(of)}


def hashes(of):
    algorithm, _, digest = of["hash"].partition(":")
    return {algorithm: digest}
