//! The imports between the files of the workspace, as their `use` declarations and paths state them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemMod, UseTree, Visibility,
    visit::{self, Visit},
};

/// An import of one file by another, both relative to the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// The path in the source.
    path: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imports {} ({})", self.from, self.to, self.path)
    }
}

/// A module: the crate's name in `use` paths, and the modules' names.
type ModulePath = Vec<String>;

struct Module {
    file: String,
    /// Names that the module re-exports, and the paths that they stand for.
    exports: BTreeMap<String, ModulePath>,
    /// Absolute paths that the module uses, and whether in tests only.
    paths: Vec<(ModulePath, bool)>,
}

pub(crate) struct Workspace {
    modules: BTreeMap<ModulePath, Module>,
    imports: Vec<Import>,
}

impl Workspace {
    /// Reads all crates of the workspace, with their integration tests.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let mut modules = BTreeMap::new();
        for folder in ["functions", "shared", "tools", "testing"] {
            for manifest in manifests(&root.join(folder)) {
                read_crate(&root, manifest.parent().unwrap(), &mut modules);
            }
        }
        let mut workspace = Self { modules, imports: Vec::new() };
        workspace.imports = workspace.resolve_imports();
        workspace
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.modules.values().map(|module| module.file.as_str())
    }

    /// Paths of other crates that are used outside of tests, with the file that uses them.
    pub(crate) fn external_paths(&self) -> impl Iterator<Item = (&str, String)> {
        let crates: BTreeSet<&String> = self.modules.keys().map(|path| &path[0]).collect();
        self.modules.values().flat_map(move |module| {
            let crates = crates.clone();
            let external = module.paths.iter().filter(move |(path, is_test)| !is_test && !crates.contains(&path[0]));
            external.map(|(path, _)| (module.file.as_str(), path.join("::")))
        })
    }

    fn resolve_imports(&self) -> Vec<Import> {
        let mut imports = BTreeSet::new();
        for module in self.modules.values() {
            for (path, _) in &module.paths {
                if let Some(file) = self.defining_file(path, 0)
                    && file != module.file
                {
                    imports.insert(Import { from: module.file.clone(), to: file.to_owned(), path: path.join("::") });
                }
            }
        }
        imports.into_iter().collect()
    }

    /// The file that defines the item of a path. `None` for a path of another crate.
    fn defining_file(&self, path: &[String], depth: usize) -> Option<&str> {
        assert!(depth < 20, "re-exports lead in a circle: {path:?}");
        let known = (1..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        let module = &self.modules[&path[..known]];
        match path.get(known).and_then(|name| module.exports.get(name)) {
            Some(target) => {
                let target: ModulePath = target.iter().chain(&path[known + 1..]).cloned().collect();
                self.defining_file(&target, depth + 1).or(Some(&module.file))
            }
            None => Some(&module.file),
        }
    }
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "src" | "tests" | "target" | "fuzz" | "peers") {
            found.extend(manifests(&path));
        } else if name == "Cargo.toml" {
            found.push(path);
        }
    }
    found
}

fn read_crate(root: &Path, folder: &Path, modules: &mut BTreeMap<ModulePath, Module>) {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap().trim_end_matches('"');
    let name = name.replace('-', "_");
    let mut roots =
        vec![(folder.join("src/lib.rs"), name.clone()), (folder.join("src/main.rs"), format!("{name} bin"))];
    for (kind, folder) in [("test", folder.join("tests")), ("bin", folder.join("src/bin"))] {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let file = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let target = path.file_stem().unwrap().to_str().unwrap();
            roots.push((file, format!("{name} {kind} {target}")));
        }
    }
    for (file, name) in roots.into_iter().filter(|(file, _)| file.is_file()) {
        read_module(root, &file, vec![name], modules);
    }
}

/// Reads a module and the modules that it declares.
fn read_module(root: &Path, file: &Path, path: ModulePath, modules: &mut BTreeMap<ModulePath, Module>) {
    let source = fs::read_to_string(file).unwrap();
    let parsed = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reader = Reader { scope: path.clone(), in_test: false, exports: BTreeMap::new(), paths: Vec::new() };
    reader.visit_file(&parsed);
    let is_root = path.len() == 1 || file.ends_with("mod.rs");
    let folder = file.parent().unwrap();
    let folder = if is_root { folder.to_owned() } else { folder.join(file.file_stem().unwrap()) };
    for item in &parsed.items {
        let Item::Mod(ItemMod { ident, content: None, attrs, .. }) = item else { continue };
        if attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
            continue;
        }
        let child = [folder.join(format!("{ident}.rs")), folder.join(format!("{ident}/mod.rs"))];
        let child = child.into_iter().find(|file| file.is_file()).unwrap_or_else(|| panic!("module {ident}"));
        read_module(root, &child, [path.as_slice(), &[ident.to_string()]].concat(), modules);
    }
    let file = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    modules.insert(path, Module { file, exports: reader.exports, paths: reader.paths });
}

/// Collects the paths of a file. `scope` is the module at the current position, which may be inline.
struct Reader {
    scope: ModulePath,
    in_test: bool,
    exports: BTreeMap<String, ModulePath>,
    paths: Vec<(ModulePath, bool)>,
}

impl Reader {
    /// A path from the crate's root or another crate. Paths that begin with a local name are not followed.
    fn absolute(&self, segments: &[String]) -> Option<ModulePath> {
        let (first, rest) = segments.split_first()?;
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let start: ModulePath = match first.as_str() {
            "crate" => vec![self.scope[0].clone()],
            "self" => self.scope.clone(),
            "super" => {
                let scope = &self.scope[..self.scope.len().checked_sub(supers)?];
                return Some([scope, &segments[supers..]].concat());
            }
            _ => return Some(segments.to_vec()),
        };
        Some([start.as_slice(), rest].concat())
    }

    fn read_use(&mut self, prefix: &[String], tree: &UseTree, exported: bool) {
        let with = |name: &dyn ToString| [prefix, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.read_use(&with(&path.ident), &path.tree, exported),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.read_use(prefix, tree, exported));
            }
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned().unwrap_or_default())
            }
            UseTree::Name(name) => (with(&name.ident), name.ident.to_string()),
            UseTree::Rename(rename) => (with(&rename.ident), rename.rename.to_string()),
            UseTree::Glob(_) => (prefix.to_vec(), "*".to_owned()),
        };
        if let Some(path) = self.absolute(&path) {
            if exported {
                self.exports.insert(name, path.clone());
            }
            self.paths.push((path, self.in_test));
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, Visibility::Inherited);
        self.read_use(&[], &item.tree, exported);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let (before, outside) = (self.in_test, self.scope.clone());
        self.in_test |= is_test(&item.attrs);
        self.scope.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        (self.in_test, self.scope) = (before, outside);
    }

    /// `pub(in path)` is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let is_qualified =
            segments.len() > 1 && matches!(segments[0].as_str(), "crate" | "self" | "super" | "shared" | "std");
        if is_qualified && let Some(path) = self.absolute(&segments) {
            self.paths.push((path, self.in_test));
        }
        visit::visit_path(self, path);
    }
}
