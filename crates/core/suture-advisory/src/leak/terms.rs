//! Secrets to terms: which rows of words are looked for, and how strictly.

use std::collections::BTreeMap;

use super::words::{is_ordinary, words};
use super::{Secrets, Why};
use crate::weakness;

/// Shortest part of a fix that is looked for, in letters: less occurs by chance.
const FIX_LETTERS_MIN: usize = 20;
/// Words of a part of a fix: longer lines are looked for in overlapping parts.
const FIX_WORDS: usize = 6;
/// Fewest words of a line of a fix.
const FIX_WORDS_MIN: usize = 4;
/// Shortest rare word, in letters.
const RARE_LETTERS_MIN: usize = 5;
/// Most words of a name; what is longer is looked for by its first.
const NAME_WORDS_MAX: usize = 12;

/// Words by which people call a kind of weakness, for the ids of that kind.
const CALLED: [(&[u32], &[&str]); 12] = [
    (
        &[119, 120, 121, 122, 680, 787, 805, 823],
        &[
            "buffer overflow",
            "heap overflow",
            "stack overflow",
            "out of bounds write",
            "oob write",
            "memory corruption",
        ],
    ),
    (&[119, 125, 126, 127], &["out of bounds read", "oob read", "over read", "overread", "buffer overread"]),
    (&[415, 416, 590, 763], &["use after free", "double free", "dangling pointer", "uaf"]),
    (&[190, 191, 680, 681], &["integer overflow", "integer underflow", "integer truncation", "wraparound"]),
    (&[476, 690], &["null pointer dereference", "null dereference"]),
    (&[362, 367, 662, 667], &["race condition", "toctou", "data race"]),
    (
        &[400, 407, 770, 789, 834, 835, 1333],
        &["denial of service", "resource exhaustion", "infinite loop", "redos", "memory exhaustion"],
    ),
    (
        &[20, 74, 77, 78, 89, 94],
        &["command injection", "code injection", "sql injection", "remote code execution"],
    ),
    (&[22, 59], &["path traversal", "directory traversal", "link following"]),
    (
        &[287, 288, 306, 862, 863, 269, 284],
        &["authentication bypass", "authorization bypass", "privilege escalation"],
    ),
    (&[843, 704], &["type confusion"]),
    (&[457, 824, 908, 909], &["uninitialized memory", "uninitialised memory", "uninitialized variable"]),
];

/// How a term has to stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Anyhow.
    Words,
    /// As one identifier, without spaces.
    Identifier,
    /// As code: called, or between backticks.
    Code,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) shown: String,
    pub(super) why: Why,
    pub(super) form: Form,
}

#[derive(Default)]
struct Terms {
    known: Vec<Vec<String>>,
    all: BTreeMap<Vec<String>, Term>,
}

/// All terms by their words.
pub(super) fn terms(secrets: &Secrets) -> BTreeMap<Vec<String>, Term> {
    let mut terms =
        Terms { known: secrets.known.iter().map(|known| keys(known)).collect(), ..Terms::default() };
    for id in &secrets.ids {
        terms.add(id, id, Why::Id, Form::Words);
    }
    for more in &secrets.more {
        terms.add(more, more, Why::Named, Form::Words);
    }
    for symbol in &secrets.symbols {
        terms.symbol(symbol);
    }
    for path in &secrets.paths {
        terms.path(path);
    }
    for title in &secrets.titles {
        terms.title(title);
    }
    for id in &secrets.weaknesses {
        terms.weakness(id);
    }
    for fix in &secrets.fixes {
        terms.fix(fix);
    }
    terms.all
}

fn keys(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.text).collect()
}

impl Terms {
    /// The strictest reason to look for the same words is kept: the one that came first, in the least strict form.
    fn add(&mut self, text: &str, shown: &str, why: Why, form: Form) {
        self.add_keys(keys(text), shown, why, form);
    }

    fn add_keys(&mut self, keys: Vec<String>, shown: &str, why: Why, form: Form) {
        if keys.is_empty() || self.known.contains(&keys) {
            return;
        }
        let term = self.all.entry(keys).or_insert_with(|| Term { shown: shown.to_owned(), why, form });
        term.form = term.form.min(form);
    }

    /// Adds a name in the form that its words ask for.
    fn add_name(&mut self, name: &str, why: Why) {
        let mut keys = keys(name);
        keys.truncate(NAME_WORDS_MAX);
        let form = match keys.as_slice() {
            [only] if is_rare(only) => Form::Words,
            [_] => Form::Code,
            all if all.iter().all(|word| is_ordinary(word)) => Form::Identifier,
            _ => Form::Words,
        };
        self.add_keys(keys, name, why, form);
    }

    /// A name as linkers write it, as people do, and without what stands before its last part.
    fn symbol(&mut self, symbol: &str) {
        let bare = symbol.split(['(', '<']).next().unwrap_or(symbol).trim();
        let bare = bare.trim_start_matches('_');
        let linked = bare.split(['.', '@', '$']).next().unwrap_or(bare);
        self.add_name(linked, Why::Symbol);
        let parts: Vec<&str> = linked.split("::").filter(|part| !part.is_empty()).collect();
        if let [.., owner, last] = parts.as_slice() {
            self.add_name(last, Why::Symbol);
            self.add_name(&format!("{owner}::{last}"), Why::Symbol);
        }
    }

    /// A path, its file with the directory, and its file alone if there is not one in every program.
    fn path(&mut self, path: &str) {
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
        let Some((file, directories)) = parts.split_last() else { return };
        let stem = file.split('.').next().unwrap_or(file);
        let stem_words = keys(stem);
        if stem_words.iter().any(|word| is_rare(word)) {
            self.add(file, file, Why::Path, Form::Identifier);
        }
        if let [stem] = stem_words.as_slice()
            && is_rare(stem)
        {
            self.add(stem, file, Why::Path, Form::Words);
        }
        if let Some(directory) = directories.last() {
            self.add(&format!("{directory}/{file}"), path, Why::Path, Form::Identifier);
        }
    }

    /// Rare words, and pairs of words of which none is a filler.
    fn title(&mut self, title: &str) {
        let words = words(title);
        for word in &words {
            if is_rare(&word.text) {
                self.add_keys(vec![word.text.clone()], &word.text, Why::Title, Form::Words);
            }
        }
        for pair in words.windows(2) {
            let [first, second] = pair else { continue };
            let is_telling = |word: &str| word.len() >= 4 && !FILLERS.contains(&word);
            let has_known =
                self.known.iter().any(|known| known.contains(&first.text) || known.contains(&second.text));
            if is_telling(&first.text) && is_telling(&second.text) && !has_known {
                let shown = format!("{} {}", first.text, second.text);
                self.add_keys(vec![first.text.clone(), second.text.clone()], &shown, Why::Title, Form::Words);
            }
        }
    }

    /// The id, the official name, and what people call it.
    fn weakness(&mut self, id: &str) {
        self.add(id, id, Why::Weakness, Form::Words);
        if let Some((_, name)) = weakness::table().find(|(known, _)| *known == id) {
            let name = name.split(" ('").next().unwrap_or(name);
            if keys(name).len() > 1 {
                self.add(name, name, Why::Weakness, Form::Words);
            }
        }
        let number: Option<u32> = id.strip_prefix("CWE-").and_then(|number| number.parse().ok());
        for (_, names) in CALLED.iter().filter(|(ids, _)| number.is_some_and(|number| ids.contains(&number)))
        {
            for name in *names {
                self.add(name, name, Why::Weakness, Form::Words);
            }
        }
    }

    /// The lines that a diff takes away and adds, and the files that it names.
    fn fix(&mut self, fix: &str) {
        for line in fix.lines() {
            if let Some(path) = line.strip_prefix("+++ ").or_else(|| line.strip_prefix("--- ")) {
                let path = path.split('\t').next().unwrap_or(path).trim();
                if path != "/dev/null" {
                    self.path(path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path));
                }
            } else if let Some(code) = line.strip_prefix(['+', '-']) {
                self.fix_line(code.trim());
            }
        }
    }

    fn fix_line(&mut self, code: &str) {
        let keys = keys(code);
        let letters = |words: &[String]| words.iter().map(String::len).sum::<usize>();
        if keys.len() < FIX_WORDS_MIN || keys.iter().all(|word| is_ordinary(word)) && keys.len() < FIX_WORDS {
            return;
        }
        for part in keys.windows(FIX_WORDS.min(keys.len())) {
            if letters(part) >= FIX_LETTERS_MIN {
                self.add_keys(part.to_vec(), code, Why::Fix, Form::Words);
            }
        }
    }
}

/// Words that say nothing in a pair.
const FILLERS: [&str; 22] = [
    "when", "with", "from", "into", "that", "this", "than", "over", "under", "after", "before", "through",
    "while", "during", "could", "would", "allow", "allows", "some", "certain", "possible", "code",
];

fn is_rare(word: &str) -> bool {
    word.chars().count() >= RARE_LETTERS_MIN && !is_ordinary(word)
}
