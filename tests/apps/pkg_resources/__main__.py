"""pkg_resources sees distributions, entry points and files of the application."""

import warnings

warnings.simplefilter("ignore")
import pkg_resources

print(pkg_resources.get_distribution("setuptools").version)
print(any(point.name == "egg_info" for point in pkg_resources.iter_entry_points("distutils.commands")))
print(pkg_resources.resource_exists("setuptools", "_vendor/jaraco"))
print("__init__.py" in pkg_resources.resource_listdir("setuptools", ""))
print(pkg_resources.resource_string("setuptools", "script.tmpl")[:1])
