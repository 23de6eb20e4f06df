//! Small programs that must print the same packaged as under a plain interpreter on disk.
//!
//! Each is a few files and how to start them. What is compared is standard output, standard error
//! and the exit status, with the places of the two made equal.

use std::path::Path;

use oxidize_tests::package::Package;
use oxidize_tests::run::{Outcome, Run};
use oxidize_tests::targets::WINDOWS;
use oxidize_tests::tools::GNU;
use oxidize_tests::{Result, check, plain, tools, trial};

/// A program: its files, and the script to run instead of `__main__.py`.
struct Program {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    script: Option<&'static str>,
}

const fn program(name: &'static str, files: &'static [(&'static str, &'static str)]) -> Program {
    Program {
        name,
        files,
        script: None,
    }
}

const fn script(
    name: &'static str,
    script: &'static str,
    files: &'static [(&'static str, &'static str)],
) -> Program {
    Program {
        name,
        files,
        script: Some(script),
    }
}

/// Which module is found.
const SEARCH: &[Program] = &[
    program(
        "a_directory_put_first_wins",
        &[
            ("which.py", "name = 'top'"),
            ("old/which.py", "name = 'old'"),
            ("__main__.py", "import os, sys; sys.path.insert(0, os.path.join(sys.path[0], 'old')); import which; print(which.name)"),
        ],
    ),
    program(
        "a_directory_put_first_hides_the_standard_library",
        &[
            ("mine/colorsys.py", "name = 'mine'"),
            ("__main__.py", "import os, sys; sys.path.insert(0, os.path.join(sys.path[0], 'mine')); import colorsys; print(colorsys.name)"),
        ],
    ),
    program(
        "a_package_put_first_wins_over_a_module",
        &[
            ("which.py", "name = 'module'"),
            ("old/which/__init__.py", "from .part import name"),
            ("old/which/part.py", "name = __name__"),
            ("__main__.py", "import os, sys; sys.path.insert(0, os.path.join(sys.path[0], 'old')); import which; print(which.name)"),
        ],
    ),
    program(
        "files_are_spelled_as_the_search_path_is",
        &[
            ("src/x.txt", ""),
            ("lib/which.py", "def fail(): 1 / 0"),
            ("lib/pkg/__init__.py", "from . import part"),
            ("lib/pkg/part.py", "from .__init__ import part"),
            ("lib/pkg/data.txt", "data"),
            ("__main__.py", "
import importlib.resources, inspect, os, pickle, pkgutil, sys, traceback
entry = os.path.join(sys.path[0], 'src', '..', 'lib', '')
sys.path.insert(0, entry)
import which, pkg.part
for module in which, pkg, pkg.part, sys.modules['pkg.__init__']:
    spec = module.__spec__
    print(module.__file__, spec.origin, spec.submodule_search_locations, module.__loader__.path)
    print(repr(inspect.getsource(module)), pickle.loads(pickle.dumps(spec)).origin)
print(importlib.resources.files('pkg').joinpath('data.txt').read_text(), pkgutil.get_data('pkg', 'data.txt'))
print([module.name for module in pkgutil.walk_packages(pkg.__path__, 'pkg.')])
try: which.fail()
except ZeroDivisionError: print(traceback.format_exc())"),
        ],
    ),
    program(
        "separators_stay_as_the_search_path_has_them",
        &[
            ("v/which.py", ""),
            ("v/pkg/__init__.py", ""),
            ("v/pkg/part.py", ""),
            ("__main__.py", "
import os, sys
root = sys.path[0]
for entry in root + '/v/', root + '//v', root + '/./v', os.path.join(root, 'v', ''):
    sys.path.insert(0, entry)
    for name in 'which', 'pkg', 'pkg.part': sys.modules.pop(name, None)
    import which, pkg.part
    print(which.__file__, pkg.__path__, pkg.part.__file__, which.__spec__.origin)
    del sys.path[0]"),
        ],
    ),
    program(
        "a_path_hook_put_first_wins",
        &[
            ("which.py", "name = 'plain'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "name = 'plain'"),
            ("__main__.py", "
import importlib.machinery as machinery, sys
class Loader(machinery.SourceFileLoader):
    def get_data(self, path): return super().get_data(path).replace(b'plain', b'hooked')
    def path_stats(self, path): raise OSError
hook = machinery.FileFinder.path_hook((Loader, ['.py']))
sys.path_hooks.insert(0, hook)
sys.path_importer_cache.clear()
import which, pkg.part
print(which.name, pkg.part.name, type(which.__loader__).__name__)
sys.path_hooks.remove(hook)
sys.path_importer_cache.clear()
for name in 'which', 'pkg.part': del sys.modules[name]
import which, pkg.part
print(which.name, pkg.part.name, type(which.__loader__).__name__)"),
        ],
    ),
    program(
        "a_finder_put_into_the_cache_wins",
        &[
            ("which.py", "name = 'file'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "name = 'file'"),
            ("__main__.py", "
import importlib.util, sys
import pkg
class Finder:
    @staticmethod
    def find_spec(name, target=None):
        print('asked for', name)
        return importlib.util.spec_from_loader(name, Finder) if name.endswith('t') else None
    @staticmethod
    def create_module(spec): pass
    @staticmethod
    def exec_module(module): module.name = 'finder'
sys.path_importer_cache[sys.path[0]] = sys.path_importer_cache[pkg.__path__[0]] = Finder
import pkg.part
print(pkg.part.name)
try: import which
except ImportError as error: print(error)
sys.path_importer_cache[sys.path[0]] = None
try: import which
except ImportError as error: print(error)
sys.path_importer_cache.clear()
import which
print(which.name)"),
        ],
    ),
    program(
        "a_removed_directory_hides",
        &[
            ("which.py", ""),
            ("__main__.py", "import sys, importlib.util as u; del sys.path[0]; print(u.find_spec('which'), u.find_spec('colorsys') is None)"),
        ],
    ),
    program(
        "nothing_without_a_search_path",
        &[
            ("which.py", ""),
            ("__main__.py", "import sys, importlib.util as u; sys.path[:] = []; print(u.find_spec('which'), u.find_spec('colorsys'))"),
        ],
    ),
    program(
        "a_longer_package_path_counts_in_order",
        &[
            ("pkg/__init__.py", "import os; __path__.insert(0, os.path.join(__path__[0], 'extra'))"),
            ("pkg/part.py", "name = 'own'"),
            ("pkg/extra/part.py", "name = 'extra'"),
            ("__main__.py", "import pkg.part; print(pkg.part.name, pkg.part.__spec__.name)"),
        ],
    ),
    program(
        "directories_that_are_no_names",
        &[
            ("vendor-1.0/which.py", "name = __name__"),
            ("vendor-1.0/pkg/__init__.py", "from . import part"),
            ("vendor-1.0/pkg/part.py", "name = __name__"),
            ("__main__.py", "import os, sys; sys.path.append(os.path.join(sys.path[0], 'vendor-1.0')); import which, pkg; print(which.name, pkg.part.name)"),
        ],
    ),
    program(
        "the_file_of_a_package_as_a_module",
        &[
            ("pkg/__init__.py", "v = 1\nprint(__name__, __package__)"),
            ("pkg/m.py", "from .__init__ import v"),
            ("__main__.py", "import pkg.m, sys; print(pkg.m.v, sys.modules['pkg.__init__'].__spec__.submodule_search_locations)"),
        ],
    ),
    program(
        "names_with_empty_parts",
        &[
            ("pkg/__init__.py", ""),
            ("pkg/sub/x.txt", ""),
            ("__main__.py", "
import importlib, importlib.util
for name in ['pkg.', 'pkg..sub', 'json..decoder', 'json.', 'pkg/sub', 'pkg.sub/x', '.']:
    try: print(name, importlib.import_module(name))
    except Exception as error: print(name, type(error).__name__, error)
print(importlib.util.find_spec(''), importlib.util.find_spec('pkg/sub'))"),
        ],
    ),
    program(
        "a_directory_handed_to_runpy",
        &[
            ("tool/__main__.py", "print('the tool', __name__)"),
            ("__main__.py", "import os, runpy, sys; runpy.run_path(os.path.join(sys.path[0], 'tool'), run_name='__main__')"),
        ],
    ),
    program(
        "a_zip_handed_to_runpy",
        &[("__main__.py", "
import os, runpy, tempfile, zipfile
with tempfile.TemporaryDirectory() as place:
    path = os.path.join(place, 'tool.pyz')
    with zipfile.ZipFile(path, 'w') as archive: archive.writestr('__main__.py', 'print(\"the tool\", __name__)')
    runpy.run_path(path, run_name='__main__')")],
    ),
];

/// Loaders and specs.
const LOADERS: &[Program] = &[
    program(
        "surface_of_a_loader",
        &[
            ("pkg/__init__.py", ""),
            ("pkg/m.py", "x = 1"),
            ("__main__.py", "
import importlib.abc as abc, importlib.machinery as machinery, os, warnings
import pkg.m
warnings.simplefilter('ignore')
for module in (pkg, pkg.m):
    loader = module.__loader__
    print(type(loader).__name__, loader.name, os.path.basename(loader.path), sorted(vars(loader)))
    for name in sorted(set(dir(machinery.SourceFileLoader))):
        print(name, hasattr(loader, name), callable(getattr(loader, name, None)))
    for name in ('Loader', 'InspectLoader', 'ExecutionLoader', 'ResourceLoader', 'FileLoader', 'SourceLoader'):
        print(name, isinstance(loader, getattr(abc, name)))
    print(isinstance(loader, machinery.SourceFileLoader))
    print(os.path.basename(loader.get_filename()), loader.is_package(module.__name__))
    print(loader.source_to_code(b'1 + 1', 'here').co_filename, repr(loader.get_source(module.__name__)))
    print(loader.get_code(module.__name__).co_name, loader == type(loader)(loader.name, loader.path), hash(loader) == hash(loader))
    for call in (loader.get_code, loader.get_source, loader.get_filename, loader.load_module):
        try: call('another')
        except ImportError as error: print(error)
    print(loader.load_module(module.__name__) is module)
    try: loader.get_data(os.path.join(os.path.dirname(loader.path), 'missing'))
    except OSError as error: print(type(error).__name__, error.errno)"),
        ],
    ),
    program(
        "surface_of_a_finder",
        &[
            ("pkg/__init__.py", ""),
            ("__main__.py", "
import importlib.abc as abc, importlib.machinery as machinery, pkgutil, sys
import pkg
finder = pkgutil.get_importer(pkg.__path__[0])
print(type(finder).__name__, repr(finder).endswith(\"pkg')\"), isinstance(finder, machinery.FileFinder), isinstance(finder, abc.PathEntryFinder))
print([hasattr(finder, name) for name in ('find_spec', 'invalidate_caches', 'path')])
print(all(issubclass(finder if isinstance(finder, type) else type(finder), abc.MetaPathFinder) for finder in sys.meta_path))"),
        ],
    ),
    program(
        "specs_are_pickled",
        &[
            ("pkg/__init__.py", ""),
            ("__main__.py", "
import copy, pickle
import pkg
for spec in (pickle.loads(pickle.dumps(pkg.__spec__)), copy.deepcopy(pkg.__spec__)):
    print(spec == pkg.__spec__, spec.name, spec.loader_state, spec.has_location, spec.submodule_search_locations == pkg.__path__)"),
        ],
    ),
    program(
        "a_lazy_module_under_another_name",
        &[
            ("vendor/other.py", "print('executed', __name__)\nx = 5"),
            ("__main__.py", "
import importlib.util, os, sys
sys.path.append(os.path.join(sys.path[0], 'vendor'))
spec = importlib.util.find_spec('other')
spec.loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules['other'] = module
spec.loader.exec_module(module)
print('lazy')
print(module.x)"),
        ],
    ),
    program(
        "a_file_loaded_by_its_path",
        &[
            ("pkg/__init__.py", ""),
            ("pkg/m.py", "print(__name__, __spec__.name)"),
            ("__main__.py", "
import importlib.machinery, importlib.util, os, pkg
path = os.path.join(pkg.__path__[0], 'm.py')
for loader in (importlib.machinery.SourceFileLoader('alias', path), type(pkg.__loader__)('alias', path)):
    spec = importlib.util.spec_from_loader('alias', loader)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))"),
        ],
    ),
];

/// What `importlib.metadata` finds.
const METADATA: &[Program] = &[
    program(
        "every_kind_of_metadata",
        &[
            ("single-1.2.egg-info", "Metadata-Version: 1.1\nName: single\nVersion: 1.2\n"),
            ("by_directory-1.3.egg-info/PKG-INFO", "Metadata-Version: 1.1\nName: another-name\nVersion: 1.3\n"),
            ("nameless.dist-info/METADATA", "Version: 1.4\n"),
            ("dotted.name.egg-info/METADATA", "Name: dotted.name\nVersion: 1.5\n"),
            ("listed-1.6.egg-info/PKG-INFO", "Metadata-Version: 1.1\nName: listed\nVersion: 1.6\n"),
            ("listed-1.6.egg-info/installed-files.txt", "../listed.py\nPKG-INFO\n"),
            ("listed-1.6.egg-info/top_level.txt", "listed\n"),
            ("listed.py", ""),
            ("Upper_Case-1.7.dist-info/METADATA", "Metadata-Version: 2.1\nName: Upper_Case\nVersion: 1.7\nRequires-Dist: single\n"),
            ("Upper_Case-1.7.dist-info/RECORD", "listed.py,,\nUpper_Case-1.7.dist-info/METADATA,,\n"),
            ("Upper_Case-1.7.dist-info/entry_points.txt", "[group]\nname = listed:x\n"),
            ("empty-1.8.dist-info/RECORD", ""),
            ("deeper/below-1.9.dist-info/METADATA", "Name: below\nVersion: 1.9\n"),
            ("__main__.py", "
import importlib.metadata as m, os, sys
def attempt(call):
    try: return call()
    except Exception as error: return type(error).__name__
for name in ('single', 'by_directory', 'by-directory', 'another-name', 'nameless', 'dotted.name', 'listed', 'upper-case', 'empty', 'below', 'missing', ''):
    print(name, attempt(lambda: m.version(name)), attempt(lambda: m.requires(name)), attempt(lambda: [str(file) for file in m.files(name)]))
print(sorted(str(distribution.name) for distribution in m.distributions()))
print([(point.name, point.value) for point in m.entry_points(group='group')])
# A disk lists in an order of its own.
print(sorted((name, sorted(of)) for name, of in m.packages_distributions().items()))
sys.path.append(os.path.join(sys.path[0], 'deeper'))
print(m.version('below'), [distribution.version for distribution in m.distributions(name='below', path=sys.path[-1:])])"),
        ],
    ),
    program(
        "a_directory_taken_off_the_path",
        &[
            ("some-1.0.dist-info/METADATA", "Name: some\nVersion: 1.0\n"),
            ("__main__.py", "import importlib.metadata as m, sys\nprint(m.version('some'))\ndel sys.path[0]\ntry: m.version('some')\nexcept m.PackageNotFoundError as error: print(error)"),
        ],
    ),
];

/// Files of packages.
const RESOURCES: &[Program] = &[
    program(
        "resources_are_paths",
        &[
            ("pkg/__init__.py", ""),
            ("pkg/m.py", ""),
            ("pkg/a.txt", "x"),
            ("pkg/sub/b.txt", "yy"),
            ("space/c.txt", "z"),
            ("__main__.py", "
import importlib.resources as r, os, pathlib, pkgutil, pkg.m
root = r.files('pkg')
print(type(root).__name__, sorted(path.name for path in root.rglob('*.txt')), sorted(path.name for path in root.iterdir()))
print((root / 'sub').relative_to(root), (root / 'a.txt').with_suffix('.md').name, root.resolve().name, root.parts[-1], (root / 'a.txt').stat().st_size, (root / 'a.txt').match('*.txt'), 'x' / pathlib.PurePath('y'))
with r.as_file(root / 'a.txt') as path: print(path.name, sorted(os.listdir(path.parent)), path.read_text())
with r.as_file(root / 'sub') as path: print(path.name, os.listdir(path))
print(r.files(pkg.m) == root, r.files('pkg.m') == root, pkgutil.get_data('pkg', 'sub/b.txt'))
space = r.files('space')
print(type(space).__name__, (space / 'c.txt').read_text(), [path.name for path in space.iterdir()])
print(sorted(r.contents('pkg')), r.is_resource('pkg', 'a.txt'), r.is_resource('pkg', 'sub'))
try: r.read_text('pkg', 'missing')
except OSError as error: print(type(error).__name__)"),
        ],
    ),
];

/// Source lines without the globals of a module.
const LINES: &[Program] = &[
    program(
        "a_warning_shows_its_line",
        &[("m.py", "import warnings\nwarnings.warn('careful')"), ("__main__.py", "import m")],
    ),
    program(
        "an_exception_that_cannot_be_raised_shows_its_line",
        &[
            ("m.py", "class A:\n    def __repr__(self): return 'A'\n    def __del__(self):\n        raise ValueError(1)\n"),
            ("__main__.py", "import sys, m\nsys.unraisablehook = lambda args, hook=sys.unraisablehook: hook(type(args)((args.exc_type, args.exc_value, args.exc_traceback, args.err_msg, None)))\na = m.A()\ndel a"),
        ],
    ),
    program(
        "sources_by_path_and_of_frozen_modules",
        &[
            ("m.py", "x = 1\ndef f():\n    return 2\n"),
            ("__main__.py", "
import codeop, inspect, json, linecache, os
import m
print(repr(linecache.getline(m.__file__, 1)), inspect.getsource(m.f))
for module in (os, json, codeop): print(inspect.getsource(module) == open(module.__file__, encoding='utf-8').read(), os.path.basename(inspect.getsourcefile(module)))"),
        ],
    ),
];

/// Scripts, as under `python3 script.py`.
const SCRIPTS: &[Program] = &[
    script(
        "a_script_shows_its_own_lines",
        "tool.py",
        &[
            ("__main__.py", "# one\n# two\n# three\n"),
            ("tool.py", "def f():\n    raise ValueError(1)\nf()\n"),
        ],
    ),
    script(
        "the_loader_of_a_script",
        "tool.py",
        &[("tool.py", "
import __main__
loader = __main__.__loader__
print(type(loader).__name__, loader.name, repr(loader.get_source('__main__')), loader.get_code('__main__').co_name)
print(__spec__, __package__, __cached__, __name__)")],
    ),
    script(
        "modules_beside_a_script",
        "bin/tool.py",
        &[
            ("bin/helper.py", "where = 'beside'"),
            ("helper.py", "where = 'above'"),
            ("bin/tool.py", "import helper, os, sys; print(helper.where, os.path.basename(sys.path[0]), os.path.dirname(__file__) == sys.path[0])"),
        ],
    ),
];

fn main() -> std::process::ExitCode {
    let programs = [SEARCH, LOADERS, METADATA, RESOURCES, LINES, SCRIPTS]
        .into_iter()
        .flatten();
    let trials = programs.flat_map(|program| {
        [("gnu", GNU), ("windows", WINDOWS)].map(|(label, target)| {
            trial(format!("{label}::{}", program.name), move || {
                compare(program, target)
            })
        })
    });
    oxidize_tests::main(trials.collect())
}

fn compare(program: &Program, target: &str) -> Result {
    let place = tools::scratch()?;
    let root = place.path().join("root");
    for (path, text) in program.files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&root))?;
        std::fs::write(path, text)?;
    }
    let script = program.script.map(|script| ["--script", script]);
    let app = Package::new(&root)
        .target(target)
        .options(script.into_iter().flatten())
        .build()?;
    let packaged = Run::new(app.path()).outcome()?;
    let start = program
        .script
        .map_or(root.clone(), |script| root.join(script));
    // wine's drive Z is the root directory.
    let start = match target {
        WINDOWS => format!("Z:{}", start.display()).replace('/', "\\").into(),
        _ => start.into_os_string(),
    };
    let on_disk = Run::new(plain::python(target)?)
        .arguments(["-B".into(), start])
        .outcome()?;
    let text = |outcome: &Outcome, program: &Path| {
        let Outcome {
            ending,
            stdout,
            stderr,
            ..
        } = outcome;
        let text = format!("{ending:?}\n{stdout}\n{stderr}");
        plain::without_paths(&text, program, &root, target)
    };
    let packaged = text(&packaged, app.path())?;
    let on_disk = text(&on_disk, &plain::python(target)?)?;
    check(packaged == on_disk, || {
        format!("packaged:\n{packaged}\non disk:\n{on_disk}")
    })
}
