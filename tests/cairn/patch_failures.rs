//! A source that cannot be read fails a patch, or takes its time step out of it when that is asked for: never anything between.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::demo;
use crate::http::{Answer, get};
use crate::server::{Server, cairn};
use crate::stores::{Env, Fault, Nginx, Proxy, with};

/// Rows and columns of each patch; samples have two bytes.
const SIZE: usize = 48;

/// The demo set on a web server where one raster has a fault, and a question whose time steps are one Item each.
struct Faulty {
    server: Server,
    _nginx: Nginx,
    _proxy: Proxy,
    _home: tempfile::TempDir,
    fault: Arc<Mutex<Fault>>,
    question: String,
}

/// A path that no request has.
const NOWHERE: &str = "\0";

impl Faulty {
    fn start(broken: &Arc<Mutex<String>>) -> Self {
        let catalog = demo::catalog();
        let top = catalog.ancestors().find(|folder| folder.join("made-by").exists()).unwrap();
        let path = catalog.strip_prefix(top).unwrap().to_str().unwrap();
        let (nginx, home) = (Nginx::over(top), tempfile::tempdir().unwrap());
        let fault = Arc::new(Mutex::new(Fault::None));
        let (chosen, which) = (Arc::clone(&fault), Arc::clone(broken));
        let proxy = Proxy::before(nginx.port(), move |asked| {
            let is_broken = asked.target.contains(which.lock().unwrap().as_str());
            if is_broken { *chosen.lock().unwrap() } else { Fault::None }
        });
        let config = home.path().join("cairn.toml");
        fs::write(&config, format!("[[store]]\nprefix = '{}'\ntimeout_seconds = 1\n", proxy.url())).unwrap();
        let mut command = cairn();
        command.arg("serve").arg(format!("{}/{path}", proxy.url())).args(["--allow", &proxy.url()]);
        command.args(["--bind", "127.0.0.1:0", "--cache-bytes", "0", "--refresh", "0", "--config"]);
        command.arg(config).arg("--cache-dir").arg(home.path());
        let server = Server::start(with(&mut command, &Env::new()));
        let item = get(&format!("{}/search?limit=1", server.url)).json()["features"][0].clone();
        let bbox: Vec<f64> = serde_json::from_value(item["bbox"].clone()).unwrap();
        let (lon, lat) = (f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3]));
        let question = format!(
            "{}/patch?collections={}&bands=B04&group_by=item&center={lon},{lat}&size={SIZE}&datetime=../2024-07-01T00:00:00Z",
            server.url,
            item["collection"].as_str().unwrap()
        );
        Self { server, _nginx: nginx, _proxy: proxy, _home: home, fault, question }
    }

    fn ask(&self, fault: Fault, more: &str) -> Answer {
        *self.fault.lock().unwrap() = fault;
        let answer = get(&format!("{}{more}", self.question));
        *self.fault.lock().unwrap() = Fault::None;
        answer
    }

    /// The request fails with this status, and says whose band it was and nothing of where it lies.
    fn fails(&self, fault: Fault, status: u16, name: &str) {
        let answer = self.ask(fault, "");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{fault:?}: {text}");
        assert!(text.contains(name) && text.contains("'B04'"), "{fault:?}: {text}");
        assert!(!text.contains("127.0.0.1") && !text.contains(".tif"), "{fault:?}: {text}");
    }

    /// The step at `nth` is left out and named, the others are what they are.
    fn drops(&self, fault: Fault, nth: usize, name: &str, all: &[u8]) {
        let answer = self.ask(fault, "&on_error=drop");
        assert_eq!(answer.status, 200, "{fault:?}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("cairn-dropped"), name, "{fault:?}");
        let step = SIZE * SIZE * 2;
        let wanted = [&all[..nth * step], &all[(nth + 1) * step..]].concat();
        let steps = wanted.len() / step;
        assert_eq!(answer.header("cairn-shape"), format!("{steps},1,{SIZE},{SIZE}"), "{fault:?}");
        assert!(answer.body.ends_with(&wanted), "{fault:?}: other pixels");
    }
}

#[test]
fn a_step_that_cannot_be_read_fails_the_patch_or_is_left_out_and_named() {
    let broken = Arc::new(Mutex::new(NOWHERE.to_owned()));
    let faulty = Faulty::start(&broken);
    let plan = faulty.ask(Fault::None, "&format=json").json();
    let steps = plan["steps"].as_array().unwrap();
    let nth = steps.len() / 2;
    let (name, count) = (steps[nth]["items"][0].as_str().unwrap().to_owned(), steps.len());
    assert!(count > 3);
    let (collection, id) = name.split_once('/').unwrap();
    let item = get(&format!("{}/collections/{collection}/items/{id}", faulty.server.url)).json();
    let href = item["assets"]["B04"]["href"].as_str().unwrap();
    let whole = faulty.ask(Fault::None, "");
    let data = whole.body[whole.body.len() - count * SIZE * SIZE * 2..].to_vec();

    // Its header is known, its blocks cannot be read.
    let path = url_path(href);
    *broken.lock().unwrap() = path.clone();
    for (fault, status) in [
        (Fault::Status(403), 502),
        (Fault::Status(404), 502),
        (Fault::Short(100), 502),
        (Fault::Stall(10, Duration::from_secs(3)), 504),
    ] {
        faulty.fails(fault, status, &name);
        faulty.drops(fault, nth, &name, &data);
    }
    assert!(faulty.ask(Fault::None, "").body == whole.body, "all is well again");

    // Nothing is known of it.
    let broken = Arc::new(Mutex::new(path));
    let fresh = Faulty::start(&broken);
    for (fault, status) in
        [(Fault::Status(403), 502), (Fault::Reset, 502), (Fault::Stall(10, Duration::from_secs(3)), 504)]
    {
        fresh.fails(fault, status, &name);
        fresh.drops(fault, nth, &name, &data);
        let plan = fresh.ask(fault, "&on_error=drop&format=json").json();
        assert_eq!(plan["dropped"], Value::from(vec![name.clone()]), "{fault:?}");
        assert_eq!(plan["steps"].as_array().unwrap().len(), count - 1);
    }
    assert!(fresh.ask(Fault::None, "").body == whole.body);
}

/// What follows scheme and host.
fn url_path(href: &str) -> String {
    let (_, rest) = href.split_once("://").unwrap();
    rest[rest.find('/').unwrap()..].to_owned()
}

#[test]
fn many_tiny_steps_are_refused_before_they_take_memory() {
    let server = demo::serve();
    let item = get(&format!("{}/search?limit=1", server.url)).json()["features"][0].clone();
    let bbox: Vec<f64> = serde_json::from_value(item["bbox"].clone()).unwrap();
    let (lon, lat) = (f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3]));
    let collection = item["collection"].as_str().unwrap();
    let before = server.peak_bytes();
    for question in [
        format!("patch?center={lon},{lat}&size=1&timestamps=500000000"),
        format!("patch?center={lon},{lat}&size=1&timestamps=262145&format=json"),
        "patch/random?size=1&count=65536&timestamps=1000".to_owned(),
    ] {
        let answer = get(&format!("{}/{question}&collections={collection}&bands=SCL", server.url));
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!((answer.status, text.contains("the limit of 262144")), (413, true), "{question}: {text}");
    }
    assert!(server.peak_bytes() < before + (64 << 20), "{} bytes", server.peak_bytes());
}
