"""importlib.metadata for distributions that live in the executable."""

import os
from importlib.metadata import DistributionFinder, PathDistribution, Prepared

import _oxidize
from _oxidize_resources import VirtualPath


def find_distributions(context=None):
    """Distributions whose metadata lies in a directory of ``context.path``; all of these, or those of one name."""
    if context is None:
        context = DistributionFinder.Context()
    wanted = None if context.name is None else Prepared(context.name).normalized
    directories = {os.path.normpath(str(entry)) for entry in context.path}
    for normalised, _name, _version, path in _oxidize.distributions():
        if wanted is not None and normalised.replace("-", "_") != wanted:
            continue
        location = VirtualPath(path)
        if str(location.parent) in directories:
            yield PathDistribution(location)
