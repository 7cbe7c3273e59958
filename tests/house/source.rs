//! What one file of Rust says of the modules it uses. No parser for the whole language: comments and literals go, and
//! `use` trees, other paths and the modules that are declared are read from the words that are left.

use std::collections::{BTreeMap, BTreeSet};

/// What a file says of modules.
#[derive(Debug, Default)]
pub struct Source {
    /// The modules that the file holds, inline ones too, by their paths below it.
    pub modules: Vec<Vec<String>>,
    /// The modules that only tests have.
    pub test_modules: BTreeSet<Vec<String>>,
    /// Every path that may lead to another file.
    pub paths: Vec<Mention>,
    /// The names that `use` brings in, and what they stand for.
    pub names: BTreeMap<String, Mention>,
    /// The types that the file declares.
    pub types: BTreeSet<String>,
    /// The types that it gives methods, other than those of a trait, and the lines.
    pub methods_for: Vec<(String, usize)>,
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub words: Vec<String>,
    /// The inline modules around it.
    pub within: Vec<String>,
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Step,
    Sign(char),
}

/// Reads a file, but for what only its tests have.
pub fn read(text: &str) -> Source {
    let mut reader = Reader { tokens: tokens(text), at: 0, within: Vec::new(), found: Source::default() };
    reader.items();
    reader.found
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    /// The inline modules around this place, each with the number of braces that are open in it.
    within: Vec<(String, usize)>,
    found: Source,
}

impl Reader {
    fn items(&mut self) {
        while self.at < self.tokens.len() {
            if self.is_sign(0, '#') && self.is_sign(1, '[') && self.is_for_tests() {
                self.skip_attribute();
                self.skip_item();
                continue;
            }
            match self.word(0) {
                Some("mod") => self.module(),
                // `use<'a>` names what a type captures.
                Some("use") if !self.is_sign(1, '<') => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                Some("struct" | "enum" | "union" | "trait" | "type") => {
                    let name = self.word(1).map(str::to_owned);
                    self.found.types.extend(name);
                    self.at += 1;
                }
                Some("impl") if self.begins_item() => self.methods(),
                Some("pub") if self.is_sign(1, '(') && self.word(2) == Some("in") => self.skip_past(')'),
                Some(_) => self.path(),
                None => self.brace(),
            }
        }
    }

    fn brace(&mut self) {
        if let Some((_, open)) = self.within.last_mut() {
            match self.tokens[self.at].0 {
                Token::Sign('{') => *open += 1,
                Token::Sign('}') => {
                    *open -= 1;
                    if *open == 0 {
                        self.within.pop();
                    }
                }
                _ => {}
            }
        }
        self.at += 1;
    }

    fn module(&mut self) {
        let Some(name) = self.word(1).map(str::to_owned) else {
            self.at += 1;
            return;
        };
        self.at += 2;
        if self.is_sign(0, '{') || self.is_sign(0, ';') {
            let path = self.within().into_iter().chain([name.clone()]).collect();
            self.found.modules.push(path);
        }
        if self.is_sign(0, '{') {
            self.within.push((name, 1));
            self.at += 1;
        }
    }

    /// Takes `impl Type {`; what implements a trait is no method of the type's own.
    fn methods(&mut self) {
        self.at += 1;
        let line = self.line();
        let mut depth = 0_usize;
        let mut name = None;
        for (token, _) in &self.tokens[self.at..] {
            match token {
                Token::Sign('<') => depth += 1,
                Token::Sign('>') => depth = depth.saturating_sub(1),
                Token::Sign('{') => break,
                Token::Word(word) if depth == 0 && word == "for" => return,
                Token::Word(word) if depth == 0 && word == "where" => break,
                Token::Word(word) if depth == 0 => name = Some(word.clone()),
                _ => {}
            }
        }
        self.found.methods_for.extend(name.map(|name| (name, line)));
    }

    /// Takes a `use` tree whose outer part is known.
    fn tree(&mut self, mut words: Vec<String>) {
        let line = self.line();
        while let Some((token, _)) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            match token {
                Token::Step => {}
                Token::Word(word) if word == "as" => {
                    let alias = self.word(0).map(str::to_owned);
                    self.at += 1;
                    return self.import(words, alias, line);
                }
                Token::Word(word) if word == "self" && !words.is_empty() => {}
                Token::Word(word) => words.push(word),
                Token::Sign('*') => return self.import(words, None, line),
                Token::Sign('{') => {
                    while !self.is_sign(0, '}') && self.at < self.tokens.len() {
                        self.tree(words.clone());
                        if self.is_sign(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Token::Sign(_) => {
                    // The end of this branch is the next one's beginning, or the whole tree's end.
                    self.at -= 1;
                    let name = words.last().cloned();
                    return self.import(words, name, line);
                }
            }
        }
    }

    fn import(&mut self, words: Vec<String>, name: Option<String>, line: usize) {
        if words.is_empty() {
            return;
        }
        let path = Mention { words, within: self.within(), line };
        if let Some(name) = name {
            self.found.names.insert(name, path.clone());
        }
        self.found.paths.push(path);
    }

    /// Takes a path outside `use`.
    fn path(&mut self) {
        let line = self.line();
        let continues = self.at > 0 && matches!(self.tokens[self.at - 1].0, Token::Step | Token::Sign('.'));
        let mut words = Vec::new();
        while let Some(word) = self.word(0) {
            words.push(word.to_owned());
            self.at += 1;
            if self.tokens.get(self.at).is_none_or(|(token, _)| *token != Token::Step) || self.word(1).is_none() {
                break;
            }
            self.at += 1;
        }
        if !continues && words.len() > 1 {
            self.found.paths.push(Mention { words, within: self.within(), line });
        }
    }

    /// Tells whether the attribute here leaves an item to tests alone.
    fn is_for_tests(&self) -> bool {
        let words = |at: usize| self.word(at);
        match (words(2), words(4)) {
            (Some("cfg"), Some("test")) => self.is_sign(5, ')'),
            (Some("cfg"), Some("all")) => {
                let inner = self.tokens[self.at..].iter().skip(6);
                let mut depth = 0_usize;
                for (token, _) in inner {
                    match token {
                        Token::Sign('(') => depth += 1,
                        Token::Sign(')') if depth == 0 => return false,
                        Token::Sign(')') => depth -= 1,
                        Token::Word(word) if depth == 0 && word == "test" => return true,
                        _ => {}
                    }
                }
                false
            }
            _ => false,
        }
    }

    fn skip_attribute(&mut self) {
        let mut depth = 0_usize;
        while let Some((token, _)) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Sign('[') => depth += 1,
                Token::Sign(']') if depth == 1 => return,
                Token::Sign(']') => depth -= 1,
                _ => {}
            }
        }
    }

    /// Passes over an item, a statement or a field.
    fn skip_item(&mut self) {
        while self.is_sign(0, '#') {
            self.skip_attribute();
        }
        let (mut is_import, mut is_item) = (false, false);
        let mut depth = 0_usize;
        while let Some((token, _)) = self.tokens.get(self.at) {
            match token {
                Token::Word(word) if depth == 0 && word == "mod" => {
                    let path = self.word(1).map(|name| self.within().into_iter().chain([name.to_owned()]).collect());
                    self.found.test_modules.extend(path);
                    is_item = true;
                }
                Token::Word(word) if depth == 0 => {
                    is_import |= word == "use";
                    is_item |= matches!(word.as_str(), "fn" | "impl" | "struct" | "enum" | "trait" | "type" | "use");
                }
                Token::Sign('{' | '(' | '[') => depth += 1,
                // The block around a field or a statement ends without an end of its own.
                Token::Sign('}' | ')' | ']') if depth == 0 => return,
                Token::Sign(sign @ ('}' | ')' | ']')) => {
                    depth -= 1;
                    if depth == 0 && *sign == '}' && !is_import {
                        self.at += 1;
                        return;
                    }
                }
                Token::Sign(sign @ (';' | ',')) if depth == 0 && (*sign == ';' || !is_item) => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn skip_past(&mut self, sign: char) {
        while self.at < self.tokens.len() && !self.is_sign(0, sign) {
            self.at += 1;
        }
    }

    /// Tells whether the word here begins an item, and is no part of a type.
    fn begins_item(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at].0);
        match before {
            None | Some(Token::Sign('}' | ';' | ']')) => true,
            Some(Token::Word(word)) => word == "unsafe",
            Some(_) => false,
        }
    }

    fn within(&self) -> Vec<String> {
        self.within.iter().map(|(name, _)| name.clone()).collect()
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    fn is_sign(&self, ahead: usize, sign: char) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|(token, _)| *token == Token::Sign(sign))
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, line)| *line)
    }
}

/// Takes a file apart. Comments and literals are left out: nothing in them is a path that the compiler follows.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    while at < text.len() {
        let rest = &text[at..];
        let taken = match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['\'', ..] => quote(rest),
            [':', ':', ..] => {
                tokens.push((Token::Step, line));
                2
            }
            [c, ..] if is_word(*c) => {
                let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
                let length = word.chars().count();
                let after = &rest[length..];
                let hashes = after.iter().take_while(|c| **c == '#').count();
                match (word.as_str(), after.get(hashes)) {
                    ("r" | "br" | "cr", Some('"')) => length + raw_string(after, hashes),
                    ("b" | "c", Some('"')) if hashes == 0 => length + string(after),
                    ("b", Some('\'')) if hashes == 0 => length + quote(after),
                    // r#type is a word like others.
                    ("r", Some(_)) if hashes == 1 => 2,
                    _ => {
                        tokens.push((Token::Word(word), line));
                        length
                    }
                }
            }
            [c, ..] if c.is_whitespace() => 1,
            [c, ..] => {
                tokens.push((Token::Sign(*c), line));
                1
            }
            [] => break,
        };
        line += rest[..taken].iter().filter(|c| **c == '\n').count();
        at += taken;
    }
    tokens
}

fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn string(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw_string(text: &[char], hashes: usize) -> usize {
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let start = hashes + 1;
    let inner = text[start..].windows(end.len()).position(|window| window == end);
    inner.map_or(text.len(), |inner| start + inner + end.len())
}

/// A character, or the mark of a lifetime alone.
fn quote(text: &[char]) -> usize {
    match text {
        ['\'', '\\', _, rest @ ..] => 3 + rest.iter().position(|c| *c == '\'').map_or(rest.len(), |end| end + 1),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}
