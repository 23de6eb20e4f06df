//! PYTHON.json, the description of a distribution in the layout that python-build-standalone
//! defines (format 8).
//!
//! One thing differs from theirs: no object file is stored beside the library that holds it, so
//! `objs` is always empty and every extension is `in_core`; the library to link is
//! `core.static_lib`.

use crate::recipe::Target;
use crate::workspace::Workspace;
use crate::{cpython, kit, sysconfig};
use anyhow::Result;
use serde_json::{Map, Value, json};

/// Builds the document.
pub(crate) fn document(place: &Workspace<'_>) -> Result<Value> {
    let recipes = place.recipes;
    let target = place.target;
    let python = &recipes.cpython.python;
    let short = python.short();
    let licences = |keys: Vec<&str>| -> (Value, Value, Value) {
        let mut ids = Vec::new();
        let mut paths = Vec::new();
        for key in keys {
            if let Some(licence) = recipes.licences.get(key) {
                ids.push(licence.spdx.clone());
                paths.push(format!("licenses/{key}.txt"));
            }
        }
        let public_domain = !ids.is_empty() && ids.iter().all(|i| i == "blessing");
        (json!(ids), json!(paths), json!(public_domain))
    };
    let mut extensions = Map::new();
    for module in recipes.modules(target) {
        let mut links = Vec::new();
        let mut keys = Vec::new();
        for name in &module.links {
            links.push(json!({"name": name, "path_static": format!("build/lib/lib{name}.a")}));
            let bundled = recipes
                .cpython
                .bundled
                .iter()
                .find(|b| b.name == *name)
                .map(|b| b.licence.as_str());
            let library = recipes
                .libraries
                .iter()
                .find(|l| l.provided().contains(&name.as_str()))
                .map(|l| l.licence.as_str());
            keys.extend(
                bundled
                    .or(library)
                    .filter(|k| !keys.contains(k))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
        let mut entry = json!({
            "in_core": true,
            "init_fn": format!("PyInit_{}", module.name),
            "links": links,
            "objs": [],
            "required": module.core,
            "variant": "default",
        });
        if !keys.is_empty() {
            let (ids, paths, public_domain) = licences(keys);
            entry["licenses"] = ids;
            entry["license_paths"] = paths;
            entry["license_public_domain"] = public_domain;
        }
        extensions.insert(module.name.clone(), json!([entry]));
    }
    // Modules of the core that CPython's own table names (Modules/config.c.in).
    for (name, init) in [
        ("_ast", "PyInit__ast"),
        ("_imp", "PyInit__imp"),
        ("_string", "PyInit__string"),
        ("_tokenize", "PyInit__tokenize"),
        ("_warnings", "_PyWarnings_Init"),
        ("builtins", "NULL"),
        ("gc", "PyInit_gc"),
        ("marshal", "PyMarshal_Init"),
        ("sys", "NULL"),
    ] {
        let entry = json!([{"in_core": true, "init_fn": init, "links": [], "objs": [], "required": true, "variant": "default"}]);
        extensions.insert(name.to_owned(), entry);
    }
    extensions.sort_keys();
    let variables = sysconfig::variables(place)?;
    let (ids, paths, _) = licences(vec!["cpython", "mimalloc"]);
    let libraries: Vec<Value> = recipes
        .target_libraries(target)
        .map(|l| json!({"name": l.name, "version": l.version, "source": l.source, "licence": recipes.licences[&l.licence].spdx}))
        .collect();
    let link_libraries: Vec<Value> = kit::archives(place)
        .iter()
        .map(|n| json!({"name": n, "path_static": format!("build/lib/{n}")}))
        .collect();
    let optimization = match (target.flags.profile, !target.flags.lto.is_empty()) {
        (true, true) => "pgo+lto",
        (true, false) => "pgo",
        (false, true) => "lto",
        (false, false) => "noopt",
    };
    Ok(json!({
        "version": "8",
        "target_triple": target.triple,
        "build_options": optimization,
        "optimizations": optimization,
        "python_tag": python.tag,
        "python_version": python.version,
        "python_major_minor_version": short,
        "python_implementation_name": "cpython",
        "python_implementation_cache_tag": format!("cpython-{}", python.digits()),
        "python_implementation_hex_version": python.hexversion,
        "python_abi_tag": null,
        "python_platform_tag": target.python.sysconfig_platform,
        "python_bytecode_magic_number": format!("{:08x}", python.bytecode_magic.swap_bytes()),
        "python_paths": {
            "stdlib": format!("install/lib/python{short}"),
            "platstdlib": format!("install/lib/python{short}"),
            "include": format!("install/include/python{short}"),
            "platinclude": format!("install/include/python{short}"),
            "purelib": format!("install/lib/python{short}/site-packages"),
            "platlib": format!("install/lib/python{short}/site-packages"),
            "scripts": "install/bin",
            "data": "install",
        },
        "python_paths_abstract": {
            "stdlib": format!("{{installed_base}}/lib/python{short}"),
            "platstdlib": format!("{{platbase}}/lib/python{short}"),
            "include": format!("{{installed_base}}/include/python{short}"),
            "platinclude": format!("{{installed_platbase}}/include/python{short}"),
            "purelib": format!("{{base}}/lib/python{short}/site-packages"),
            "platlib": format!("{{platbase}}/lib/python{short}/site-packages"),
            "scripts": "{base}/bin",
            "data": "{base}",
        },
        "python_config_vars": variables.iter().map(|(k, v)| (k.clone(), match v { Value::String(s) => s.clone(), o => o.to_string() })).collect::<std::collections::BTreeMap<_, _>>(),
        "python_stdlib_platform_config": sysconfig::file_name(place).map(|name| format!("install/lib/python{short}/{name}")),
        "python_stdlib_test_packages": ["ctypes.test", "distutils.tests", "idlelib.idle_test", "test"],
        "python_suffixes": {
            "bytecode": [".pyc"],
            "debug_bytecode": [".pyc"],
            "optimized_bytecode": [".pyc"],
            "extension": if target.extension_loading.iter().any(|l| l == "shared-library") {
                extension_suffixes(target)
            } else { json!([]) },
            "source": [".py"],
        },
        "python_extension_module_loading": target.extension_loading,
        "python_symbol_visibility": "global-default",
        "libpython_link_mode": "static",
        "crt_features": target.crt_features,
        "run_tests": null,
        "licenses": ids,
        "license_path": "licenses/cpython.txt",
        "license_paths": paths,
        "build_info": {
            "core": {
                "objs": [],
                "links": link_libraries,
                "static_lib": format!("build/lib/{}", cpython::library_name(place)),
            },
            "extensions": extensions,
            "inittab_object": null,
            "inittab_source": "build/config.c",
            "inittab_cflags": ["-std=c11", "-DNDEBUG", "-DPy_BUILD_CORE"],
            "object_file_format": target.object_format,
        },
        "oxidize": {
            "libraries": libraries,
            "link_args": "build/link-kit/link.args",
            "stdlib": "in the archive that all targets share",
            "pointer_width": target.pointer_width,
        },
    }))
}

/// importlib.machinery.EXTENSION_SUFFIXES.
fn extension_suffixes(target: &Target) -> Value {
    if target.os == "windows" {
        json!([target.python.ext_suffix, ".pyd"])
    } else {
        json!([target.python.ext_suffix, ".abi3.so", ".so"])
    }
}
