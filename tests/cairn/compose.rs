//! `docker-compose.yml` and `deploy/` cannot be started here: they are read, and what their services run is run natively.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::http::{get, post};
use crate::python::script;
use crate::server::{Server, cairn, plain, repository, run};
use crate::stores::{Azure, Env, S3, with};

fn described() -> Value {
    serde_json::from_str(&script("compose.py", [repository("")])).unwrap()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// A service's environment, with the stores' addresses and credentials as they are here.
fn environment(service: &Value, here: &Env) -> Env {
    let names = [
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
    ];
    let mut given: Vec<&String> = service["environment"].as_object().unwrap().keys().collect();
    given.sort();
    let mut wanted = names.to_vec();
    wanted.sort_unstable();
    assert_eq!(given, wanted);
    here.iter().filter(|(name, _)| names.contains(name)).cloned().collect()
}

/// Serves as a service does, on a free port of this machine.
fn serve(service: &Value, env: &Env, work: &Path) -> Server {
    let mut command = cairn();
    with(&mut command, env);
    for word in words(&service["command"]) {
        command.arg(word.replace("/work", work.to_str().unwrap()).replace("0.0.0.0:8080", "127.0.0.1:0"));
    }
    Server::start(&mut command)
}

#[test]
fn what_the_composed_services_run_ends_in_two_servers_that_answer_alike() {
    let described = described();
    let services = &described["services"];
    let (s3, azure) = (S3::start(&[]), Azure::start());
    let here = [s3.env(), azure.env()].concat();
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");

    let seed = &services["seed"];
    let entry = words(&seed["entrypoint"]);
    let line = words(&seed["command"])[0].replace("/work", work.to_str().unwrap());
    let mut seeding: Command = plain(&entry[0]);
    let binaries = Path::new(env!("CARGO_BIN_EXE_cairn")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    with(&mut seeding, &environment(seed, &here)).env("PATH", path).args(&entry[1..]).arg(line);
    let seeded = run(&mut seeding);
    assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
    assert!(!s3.objects("cairn").is_empty());

    let from_disk = serve(&services["cairn"], &Env::new(), &work);
    let from_bucket =
        serve(&services["cairn-from-bucket"], &environment(&services["cairn-from-bucket"], &here), &work);
    let count =
        |server: &Server| get(&format!("{}/search?limit=1", server.url)).json()["numberMatched"].clone();
    assert!(count(&from_disk).as_u64().unwrap() > 0);
    assert_eq!(count(&from_disk), count(&from_bucket));
    let body = json!({"collections": ["sentinel-2-l2a"], "bands": ["B04", "B08"], "center": [23.37, 61.25], "size": 256,
                      "max_cloud_cover": 50});
    let patch = |server: &Server| {
        let answer = post(&format!("{}/patch", server.url), &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.body
    };
    assert!(patch(&from_disk) == patch(&from_bucket), "pixels from the bucket are those of the disk");
}

#[test]
fn the_unit_and_the_manifest_start_the_server_with_options_that_it_has() {
    let described = described();
    let help = run(cairn().args(["serve", "--help"]));
    let help = String::from_utf8(help.stdout).unwrap();
    for command in described["serve"].as_array().unwrap() {
        let words = words(command);
        assert_eq!(words[0], "serve");
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{option}");
        }
    }
    let paths = fs::read_to_string(repository("openapi/openapi.json")).unwrap();
    for probe in words(&described["probes"]) {
        assert!(paths.contains(&format!("\"{probe}\"")), "{probe}");
    }
}

#[test]
fn systemd_takes_the_unit_where_there_is_a_systemd_to_ask() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(repository("deploy/cairn.service")).unwrap();
    // The unit names the place that the binary is installed in.
    let installed = "/usr/local/bin/cairn";
    assert!(unit.contains(installed), "{unit}");
    let here = folder.path().join("cairn.service");
    fs::write(&here, unit.replace(installed, env!("CARGO_BIN_EXE_cairn"))).unwrap();
    let checked = run(plain("systemd-analyze").arg("verify").arg(&here));
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    let own: Vec<_> = told.lines().filter(|line| line.contains("cairn.service")).collect();
    assert!(checked.status.success() && own.is_empty(), "{told}");
}
