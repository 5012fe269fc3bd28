//! nginx over a folder: ranges, `ETag`s and conditional requests over plain HTTP.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Listening;

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Nginx {
    listening: Listening,
    _folder: TempDir,
}

impl Nginx {
    /// Serves the files below `root`.
    pub(crate) fn over(root: &Path) -> Self {
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
                     server {{ listen 127.0.0.1:{port}; root {}; }}
                 }}",
                root.display()
            );
            let file = folder.path().join("nginx.conf");
            fs::write(&file, config).unwrap();
            let mut command = Command::new(program);
            command.arg("-p").arg(&own).arg("-c").arg(file).arg("-e").arg(format!("{own}/errors"));
            command
        });
        Self { listening, _folder: folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listening.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}
