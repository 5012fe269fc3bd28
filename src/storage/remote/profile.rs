//! `~/.aws/config` and `~/.aws/credentials`: what the AWS tools keep, read as they read it.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::storage::Secret;
use crate::storage::settings::Environment;

/// What is taken of either file, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What a profile says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) access_key_id: Option<Secret>,
    pub(super) secret_access_key: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) path_style: Option<bool>,
    /// Where its credentials come from, when that is nothing that Cairn asks.
    pub(super) other_source: Option<&'static str>,
}

/// Keys that say that credentials come from elsewhere.
const OTHER_SOURCES: [&str; 5] =
    ["role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];

type Sections = HashMap<String, HashMap<String, String>>;

/// Reads a profile from both files; nothing when neither has it.
///
/// # Errors
/// When a file is there and cannot be read: the path and the system's words.
pub(super) fn read(environment: &Environment, name: &str) -> Result<Option<Profile>, String> {
    let home = environment.first(&["HOME"]).map(PathBuf::from);
    let file = |variable: &str, usual: &str| {
        let named = environment.first(&[variable]).map(PathBuf::from);
        named.or_else(|| Some(home.as_ref()?.join(usual)))
    };
    let config = sections(file("AWS_CONFIG_FILE", ".aws/config"))?;
    let credentials = sections(file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"))?;
    Ok(of(&config, &credentials, name))
}

fn of(config: &Sections, credentials: &Sections, name: &str) -> Option<Profile> {
    let long_name = format!("profile {name}");
    let in_config = config.get(&long_name).or_else(|| config.get(name).filter(|_| name == "default"));
    let in_credentials = credentials.get(name);
    if in_config.is_none() && in_credentials.is_none() {
        return None;
    }
    let both = [in_credentials, in_config];
    let get = |key: &str| both.iter().flatten().find_map(|section| section.get(key)).cloned();
    let secret = |key: &str| get(key).map(Secret::new);
    let services = get("services").and_then(|name| config.get(&format!("services {name}")));
    let of_service = services.and_then(|section| section.get("s3.endpoint_url").cloned());
    let (access_key_id, secret_access_key) = (secret("aws_access_key_id"), secret("aws_secret_access_key"));
    let other_source = OTHER_SOURCES.into_iter().find(|key| get(key).is_some());
    Some(Profile {
        other_source: other_source.filter(|_| access_key_id.is_none()),
        access_key_id,
        secret_access_key,
        session_token: secret("aws_session_token"),
        region: get("region"),
        endpoint: of_service.or_else(|| get("endpoint_url")),
        path_style: get("s3.addressing_style").and_then(|style| match style.as_str() {
            "path" => Some(true),
            "virtual" => Some(false),
            _ => None,
        }),
    })
}

/// The sections of a file; none when it is not there.
fn sections(path: Option<PathBuf>) -> Result<Sections, String> {
    let Some(path) = path else { return Ok(Sections::new()) };
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sections::new()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > MOST_BYTES => {
            return Err(format!("{} is larger than {MOST_BYTES} bytes", path.display()));
        }
        Ok(_) => {}
    }
    Ok(parse(&std::fs::read_to_string(&path).map_err(failed)?))
}

/// Keys below an indented block are `block.key`.
fn parse(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut block: Option<String> = None;
    for line in text.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name)
        {
            let name = name.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect::<Vec<_>>();
            section = Some(name.join(" "));
            block = None;
            continue;
        }
        let (Some(section), Some((key, value))) = (&section, line.split_once('=')) else { continue };
        // A comment after a value has a space before it; a secret may hold a '#' itself.
        let value =
            [" #", " ;"].iter().fold(value, |value, mark| value.split(mark).next().unwrap_or_default());
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
        let key = match &block {
            Some(block) if is_indented => format!("{block}.{key}"),
            _ => {
                block = value.is_empty().then(|| key.clone());
                key
            }
        };
        let section = sections.entry(section.clone()).or_default();
        if !value.is_empty() {
            section.insert(key, value);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONFIG: &str = "
[default]
region = eu-north-1

[profile allas]  # CSC
region=regionOne
endpoint_url = https://a3s.fi
s3 =
    addressing_style = path
    max_concurrent_requests = 20

[profile 'minio']
services = local
[services local]
s3 =
  endpoint_url = http://127.0.0.1:9000
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
";
    const CREDENTIALS: &str = "
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key = sk/de+fault=#1
[allas]
aws_access_key_id=AKALLAS
aws_secret_access_key=SK
aws_session_token = TOKEN
";

    fn profile(name: &str) -> Option<Profile> {
        of(&parse(CONFIG), &parse(CREDENTIALS), name)
    }

    #[test]
    fn profiles_are_read_from_both_files() {
        let default = profile("default").expect("a profile");
        assert_eq!(default.secret_access_key, Some(Secret::new("sk/de+fault=#1")));
        assert_eq!(default.region.as_deref(), Some("eu-north-1"));
        let allas = profile("allas").expect("a profile");
        assert_eq!(allas.endpoint.as_deref(), Some("https://a3s.fi"));
        assert_eq!((allas.path_style, allas.session_token), (Some(true), Some(Secret::new("TOKEN"))));
        assert_eq!(profile("minio").expect("a profile").endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(profile("role").expect("a profile").other_source, Some("role_arn"));
        assert_eq!(profile("nobody"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\[\\]a-z =#;\n\t\"]{0,200}") {
            let _ = of(&parse(&text), &parse(&text), "a");
        }
    }
}
