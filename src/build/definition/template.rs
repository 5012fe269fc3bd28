//! Patterns with named groups, and texts that these groups fill.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// What the named groups of a pattern hold for one file.
pub type Groups = BTreeMap<String, String>;

/// A regular expression over a file's path below the source, with `/` between folders.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&text).map(Self).map_err(|error| {
            // The library draws the pattern over several lines; the last says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("not a regular expression: {last}")
        })
    }
}

impl Pattern {
    /// The named groups of a path, none when the pattern does not match.
    #[must_use]
    pub fn groups(&self, path: &str) -> Option<Groups> {
        let captures = self.0.captures(path)?;
        let named =
            self.names().filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())));
        Some(named.collect())
    }

    /// The names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }
}

/// Text with `{group}` in it, or `{group|lower}`, `{group|upper}`. A template that is nothing but `{group|int}` or
/// `{group|float}` gives a number. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group { name: String, filter: Filter },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    None,
    Lower,
    Upper,
    Int,
    Float,
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = after.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = after.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else {
                let group = after.strip_prefix('{').and_then(|after| after.split_once('}'));
                let (group, after) =
                    group.ok_or_else(|| format!("'{text}' has a brace without its partner"))?;
                let (name, filter) = match group.split_once('|') {
                    None => (group, Filter::None),
                    Some((name, "lower")) => (name, Filter::Lower),
                    Some((name, "upper")) => (name, Filter::Upper),
                    Some((name, "int")) => (name, Filter::Int),
                    Some((name, "float")) => (name, Filter::Float),
                    Some((_, other)) => {
                        return Err(format!("'{other}' is no filter; there are lower, upper, int and float"));
                    }
                };
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Group { name: name.to_owned(), filter });
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }
}

impl Template {
    /// The groups that it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Group { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text; none when a group took no part in the match.
    #[must_use]
    pub fn fill(&self, groups: &Groups) -> Option<String> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Group { name, filter } => {
                    let text = groups.get(name)?;
                    match filter {
                        Filter::Lower => filled.push_str(&text.to_lowercase()),
                        Filter::Upper => filled.push_str(&text.to_uppercase()),
                        Filter::None | Filter::Int | Filter::Float => filled.push_str(text),
                    }
                }
            }
        }
        Some(filled)
    }

    /// As [`Template::fill`], but a number where the template is a single group that is to be one.
    #[must_use]
    pub fn value(&self, groups: &Groups) -> Option<Value> {
        let filled = self.fill(groups)?;
        match self.0.as_slice() {
            [Part::Group { filter: Filter::Int, .. }] => filled.parse::<i64>().ok().map(Value::from),
            [Part::Group { filter: Filter::Float, .. }] => filled.parse::<f64>().ok().map(Value::from),
            _ => Some(Value::from(filled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, String> {
        Template::try_from(text.to_owned())
    }

    #[test]
    fn groups_fill_templates() {
        let pattern =
            Pattern::try_from(r"(?P<sat>S2[AB])_(?P<orbit>\d+)(?P<rest>x)?".to_owned()).expect("a pattern");
        let groups = pattern.groups("c/S2A_079.tif").expect("a match");
        assert_eq!(
            template("{{{sat|lower}}}!").expect("a template").fill(&groups).as_deref(),
            Some("{s2a}!")
        );
        assert_eq!(template("{orbit|int}").expect("a template").value(&groups), Some(Value::from(79)));
        assert_eq!(template("R{orbit}").expect("a template").value(&groups), Some(Value::from("R079")));
        assert_eq!(template("{rest}").expect("a template").fill(&groups), None);
        assert_eq!(pattern.groups("c/LC08.tif"), None);
    }

    #[test]
    fn faults_are_told() {
        assert!(template("{a").is_err_and(|e| e.contains("brace")));
        assert!(template("a}").is_err_and(|e| e.contains("brace")));
        assert!(template("{a|title}").is_err_and(|e| e.contains("lower")));
        let error = Pattern::try_from("(?P<a".to_owned()).map(|_| ()).expect_err("no pattern");
        assert!(!error.contains('\n') && error.starts_with("not a regular expression"), "{error}");
    }
}
