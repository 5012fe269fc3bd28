//! `docker-compose.yml` cannot be started here; it is read.

use crate::python::script;
use crate::server::repository;

#[test]
fn docker_compose_names_the_server_and_a_store() {
    script("compose.py", [repository("docker-compose.yml")]);
}
