//! Reads Rust source as text: what is code, what is test code, which paths it names, how long its functions are.
//!
//! Good enough for this project's own formatted code; it is no compiler. Comments and the contents of string
//! literals never count as code. Line numbers are kept by blanking instead of cutting.

/// One source file.
pub struct Source {
    /// Path from the package root, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// Comments and string contents blanked.
    pub code: String,
    /// `code` with `#[cfg(test)]` items blanked.
    pub live: String,
}

impl Source {
    /// From a file's path and text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_comments_and_strings(text);
        let live = blank_test_items(&code);
        Self { path: path.to_string(), text: text.to_string(), code, live }
    }

    /// The first folder or file under `src/`; `None` elsewhere and for `lib.rs`.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        let room = first.strip_suffix(".rs").unwrap_or(first);
        (room != "lib").then_some(room)
    }

    /// How deep the file's module lies under the crate root: 1 for `src/room/mod.rs`.
    pub fn depth(&self) -> usize {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let parts = inside.split('/').count();
        if inside.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// Files that this one declares as `#[cfg(test)] mod name;`, as path prefixes.
    pub fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.strip_suffix("/mod.rs").or(self.path.strip_suffix("/lib.rs")) {
            Some(folder) => folder.to_string(),
            None => self.path.trim_end_matches(".rs").to_string(),
        };
        let items = self.code.split("#[cfg(test)]").skip(1);
        let names = items.filter_map(|rest| {
            let head = rest.trim_start().split(['{', ';']).next()?;
            let declared = rest.trim_start().get(head.len()..)?.starts_with(';');
            let (visibility, name) = head.trim().split_once("mod ")?;
            (matches!(visibility.trim(), "" | "pub" | "pub(crate)") && declared)
                .then(|| format!("{folder}/{}", name.trim()))
        });
        names.collect()
    }
}

/// Keeps line breaks, turns everything else into spaces.
fn blank(out: &mut String, chars: &[char]) {
    out.extend(chars.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
}

/// Where the literal or comment that starts at `at` ends; `None` when none starts there.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let seen = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let find = |from: usize, what: &[char]| {
        (from..chars.len()).find(|i| chars[*i..].starts_with(what)).map_or(chars.len(), |i| i + what.len())
    };
    let starts_word = at == 0 || !(seen(at - 1).is_alphanumeric() || seen(at - 1) == '_');
    match (seen(at), seen(at + 1)) {
        ('/', '/') => Some((at..chars.len()).find(|i| seen(*i) == '\n').unwrap_or(chars.len())),
        ('/', '*') => Some(block_comment_end(chars, at)),
        ('"', _) => Some(string_end(chars, at + 1)),
        ('b' | 'c', '"') if starts_word => Some(string_end(chars, at + 2)),
        ('r', '"' | '#') | ('b' | 'c', 'r') if starts_word => {
            let first = if seen(at) == 'r' { at + 1 } else { at + 2 };
            let hashes = (first..).take_while(|i| seen(*i) == '#').count();
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            (seen(first + hashes) == '"').then(|| find(first + hashes + 1, &close))
        }
        ('\'', '\\') => Some(find(at + 3, &['\''])),
        ('\'', _) if seen(at + 2) == '\'' => Some(at + 3),
        _ => None,
    }
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < chars.len() {
        if chars[i..].starts_with(&['/', '*']) {
            depth += 1;
            i += 2;
        } else if chars[i..].starts_with(&['*', '/']) {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut i = from;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// Comments and literals become spaces; a string keeps its quotes.
pub fn blank_comments_and_strings(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        match literal_end(&chars, at) {
            Some(end) => {
                let end = end.min(chars.len()).max(at + 1);
                blank(&mut out, &chars[at..end]);
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// Items behind `#[cfg(test)]` become spaces.
fn blank_test_items(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let mark: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut out = String::with_capacity(code.len());
    let mut at = 0;
    while at < chars.len() {
        if chars[at..].starts_with(&mark) {
            let end = item_end(&chars, at + mark.len());
            blank(&mut out, &chars[at..end]);
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// The end of the item that starts at `from`: its `;` or its closing brace.
fn item_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    for (i, c) in chars.iter().enumerate().skip(from) {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if *c == '}' && depth == 0 {
                    return i + 1;
                }
            }
            ';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    chars.len()
}

/// One word, or one mark (`::` counts as one).
struct Token {
    line: usize,
    text: String,
}

fn tokens(code: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let end = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                n => n,
            };
            found.push(Token { line: number + 1, text: rest[..end].to_string() });
            rest = rest[end..].trim_start();
        }
    }
    found
}

/// Every path the code names, `use` trees spread out, with its line: `use a::{b, c::d};` gives `a::b`, `a::c::d`.
pub fn paths(code: &str) -> Vec<(usize, String)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let follows = tokens.get(at + 1).is_some_and(|t| t.text == "::");
        if tokens[at].text == "use" {
            at = use_tree(&tokens, at + 1, "", &mut found);
        } else if is_word(&tokens[at].text) && follows {
            at = use_tree(&tokens, at, "", &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads one path (or tree) from `at`; returns where it ends.
fn use_tree(tokens: &[Token], mut at: usize, prefix: &str, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = prefix.to_string();
    let line = tokens.get(at).map_or(0, |t| t.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" if path.is_empty() || path.ends_with("::") => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.text != "}") {
                    let before = at;
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|t| t.text == ",") || at == before {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "::" => path.push_str("::"),
            "*" if path.ends_with("::") => path.push('*'),
            word if is_word(word) && (path.is_empty() || path.ends_with("::")) => path.push_str(word),
            _ => break,
        }
        at += 1;
    }
    if tokens.get(at).is_some_and(|t| t.text == "as") && !prefix.is_empty() {
        at += 2;
    }
    if !path.is_empty() {
        found.push((line, path));
    }
    at.max(1)
}

/// Every word of the code with its line.
pub fn words(code: &str) -> Vec<(usize, String)> {
    tokens(code).into_iter().filter(|t| is_word(&t.text)).map(|t| (t.line, t.text)).collect()
}

/// Lines on which one of these macros is called.
pub fn macro_calls(code: &str, names: &[&str]) -> Vec<(usize, String)> {
    let tokens = tokens(code);
    let calls = tokens.windows(2).filter(|w| w[1].text == "!" && names.contains(&w[0].text.as_str()));
    calls.map(|w| (w[0].line, w[0].text.clone())).collect()
}

/// Name, first line and length in lines of every function with a body.
pub fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = tokens.get(at + 1).filter(|n| token.text == "fn" && is_word(&n.text)) else {
            continue;
        };
        if let Some(end) = body_end(&tokens, at) {
            found.push((name.text.clone(), token.line, end - token.line + 1));
        }
    }
    found
}

/// Line of the brace that closes the function at `at`; `None` when it has no body.
fn body_end(tokens: &[Token], at: usize) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for token in tokens.iter().skip(at) {
        match token.text.as_str() {
            "(" | "[" => round += 1,
            ")" | "]" => round -= 1,
            "{" => curly += 1,
            "}" => {
                curly -= 1;
                if curly == 0 {
                    return Some(token.line);
                }
            }
            ";" if round == 0 && curly == 0 => return None,
            _ => {}
        }
    }
    None
}
