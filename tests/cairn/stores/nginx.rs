//! nginx: ranges, `ETag`s and conditional requests over plain HTTP; a certificate before a store; a proxy on the way to one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::Listening;

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Nginx {
    listening: Listening,
    folder: TempDir,
}

impl std::ops::Deref for Nginx {
    type Target = Listening;

    fn deref(&self) -> &Listening {
        &self.listening
    }
}

impl Nginx {
    /// Serves the files below `root`.
    pub(crate) fn over(root: &Path) -> Self {
        let root = root.display().to_string();
        Self::start(|port, _own| format!("listen 127.0.0.1:{port}; root {root};"))
    }

    /// Answers for a store on this machine by TLS, as `localhost`, with a certificate that no authority knows.
    pub(crate) fn with_certificate_before(store: u16) -> Self {
        Self::start(|port, own| {
            make_certificate(own);
            format!(
                "listen 127.0.0.1:{port} ssl; ssl_certificate {own}/certificate.pem; ssl_certificate_key {own}/key.pem;
                 location / {{ proxy_pass http://127.0.0.1:{store}; proxy_set_header Host $http_host; client_max_body_size 0; }}",
                own = own.display()
            )
        })
    }

    /// An HTTP proxy, which leads to a store on this machine whatever host is asked for.
    pub(crate) fn on_the_way_to(store: u16) -> Self {
        Self::start(|port, _own| {
            format!(
                "listen 127.0.0.1:{port};
                 location / {{ proxy_pass http://127.0.0.1:{store}; proxy_set_header Host $host; client_max_body_size 0; }}"
            )
        })
    }

    /// Leads to a store on this machine whoever has this bearer token, and refuses all others.
    pub(crate) fn with_token_before(store: u16, token: &str) -> Self {
        Self::start(|port, _own| {
            format!(
                "listen 127.0.0.1:{port};
                 location / {{
                     if ($http_authorization != \"Bearer {token}\") {{ return 401; }}
                     proxy_pass http://127.0.0.1:{store}; proxy_set_header Authorization \"\";
                 }}"
            )
        })
    }

    /// The certificate that it shows.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn start(server: impl Fn(u16, &Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().display().to_string();
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let listening = Listening::start(&folder.path().join("log"), |port| {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {own}/{name};"))
                .join(" ");
            let config = format!(
                "daemon off; master_process off; pid {own}/pid; error_log {own}/errors;
                 events {{ worker_connections 512; }}
                 http {{
                     access_log off; {temporary} default_type application/octet-stream;
                     types {{ application/json json; application/geo+json geojson; image/tiff tif tiff; }}
                     server {{ {} }}
                 }}",
                server(port, folder.path())
            );
            let file = folder.path().join("nginx.conf");
            fs::write(&file, config).unwrap();
            let mut command = Command::new(program);
            command.arg("-p").arg(&own).arg("-c").arg(file).arg("-e").arg(format!("{own}/errors"));
            command
        });
        Self { listening, folder }
    }
}

/// Makes a key and a certificate of `localhost` that is its own authority.
fn make_certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(folder.join("key.pem")).arg("-out").arg(folder.join("certificate.pem"));
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
