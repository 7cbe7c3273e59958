//! Which file uses which, and where that goes round in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::source::{Mention, Source, read};

/// The program's name among its own library's users.
const LIBRARY: &str = "strongroom";

/// The files of a source tree, with an arrow from each to every file that it uses.
pub struct Graph {
    files: BTreeMap<String, Source>,
    arrows: BTreeMap<(String, String), Arrow>,
}

/// One use of a file by another.
#[derive(Debug, Clone)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    /// Where it is written first, and how.
    pub line: usize,
    pub path: String,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} -> {} (line {}: {})", self.from, self.to, self.line, self.path)
    }
}

impl Graph {
    /// Draws the graph of files, each given by its path below `src/` and its text.
    pub fn of(tree: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: BTreeMap<String, Source> = tree.into_iter().map(|(file, text)| (file, read(&text))).collect();
        let hidden: Vec<Vec<String>> = files
            .iter()
            .flat_map(|(file, source)| source.test_modules.iter().map(|path| below(&module_of(file), path)))
            .collect();
        files.retain(|file, _| !hidden.iter().any(|hidden| module_of(file).starts_with(hidden)));
        let mut modules: BTreeMap<Vec<String>, &str> = BTreeMap::new();
        for (file, source) in &files {
            let module = module_of(file);
            modules.extend(source.modules.iter().map(|path| (below(&module, path), file.as_str())));
        }
        // After those that are only declared: a module with a file of its own is that file.
        modules.extend(files.keys().map(|file| (module_of(file), file.as_str())));
        let mut arrows: BTreeMap<(String, String), Arrow> = BTreeMap::new();
        for (file, source) in &files {
            for path in &source.paths {
                let Some(target) = resolve(&modules, file, source, path, 0) else { continue };
                let Some(to) = leads_to(&modules, &target).filter(|to| to != file) else { continue };
                let arrow =
                    Arrow { from: file.clone(), to: to.to_owned(), line: path.line, path: path.words.join("::") };
                arrows.entry((file.clone(), to.to_owned())).or_insert(arrow);
            }
        }
        Self { files, arrows }
    }

    pub fn arrows(&self) -> impl Iterator<Item = &Arrow> {
        self.arrows.values()
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().map(|(file, source)| (file.as_str(), source))
    }

    /// Returns the groups of files of which each uses every other, at last.
    pub fn circles(&self) -> Vec<BTreeSet<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.files.keys().map(|file| (file.as_str(), self.reached_from(file))).collect();
        let mut circles = BTreeSet::new();
        for (file, others) in &reached {
            let circle: BTreeSet<&str> = others.iter().copied().filter(|other| reached[other].contains(file)).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    /// Returns the shortest way from a file back to itself.
    pub fn way_round(&self, file: &str) -> Vec<&Arrow> {
        let mut came_by: BTreeMap<&str, &Arrow> = BTreeMap::new();
        let mut waiting = VecDeque::from([file]);
        while let Some(at) = waiting.pop_front() {
            for arrow in self.arrows.values().filter(|arrow| arrow.from == at) {
                if came_by.contains_key(arrow.to.as_str()) {
                    continue;
                }
                came_by.insert(&arrow.to, arrow);
                if arrow.to == file {
                    let mut way = vec![arrow];
                    while way[0].from != file {
                        way.insert(0, came_by[way[0].from.as_str()]);
                    }
                    return way;
                }
                waiting.push_back(&arrow.to);
            }
        }
        Vec::new()
    }

    fn reached_from(&self, file: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![file];
        while let Some(at) = waiting.pop() {
            for arrow in self.arrows.values().filter(|arrow| arrow.from == at) {
                if reached.insert(arrow.to.as_str()) {
                    waiting.push(&arrow.to);
                }
            }
        }
        reached
    }
}

/// Returns the module that a file is, as a path from the crate's root.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        // A crate of its own, which no path of the library reaches.
        "main" => vec!["(main)".into()],
        path => path.split('/').map(str::to_owned).collect(),
    }
}

/// Follows a path to the item that it names, from the crate's root; `None` if it leads out of the crate.
fn resolve(
    modules: &BTreeMap<Vec<String>, &str>,
    file: &str,
    source: &Source,
    path: &Mention,
    depth: usize,
) -> Option<Vec<String>> {
    let mut here = below(&module_of(file), &path.within);
    let mut words = path.words.iter().map(String::as_str).peekable();
    let first = words.next()?;
    match first {
        "crate" => here.clear(),
        LIBRARY if file == "main.rs" => here.clear(),
        "self" => {}
        "super" => drop(here.pop()?),
        first if modules.contains_key(&below(&here, [first])) => here.push(first.to_owned()),
        first => {
            let known = source.names.get(first).filter(|known| *known != path && depth < 8)?;
            here = resolve(modules, file, source, known, depth + 1)?;
        }
    }
    while words.next_if_eq(&"super").is_some() {
        here.pop()?;
    }
    Some(below(&here, words))
}

/// Returns the file that holds an item: that of the innermost module on the way to it.
fn leads_to<'a>(modules: &BTreeMap<Vec<String>, &'a str>, item: &[String]) -> Option<&'a str> {
    (0..=item.len()).rev().find_map(|length| modules.get(&item[..length]).copied())
}

fn below<S: AsRef<str>>(module: &[String], path: impl IntoIterator<Item = S>) -> Vec<String> {
    module.iter().cloned().chain(path.into_iter().map(|word| word.as_ref().to_owned())).collect()
}
