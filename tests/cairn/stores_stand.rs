//! The stores that other tests stand on answer as real ones do, and the proxy in front of them does what it is told.

use std::fs;
use std::time::Duration;

use crate::http::get_with;
use crate::stores::{Azure, Fault, Nginx, Proxy, S3};

#[test]
fn an_s3_server_and_azurite_start_and_refuse_strangers() {
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    assert_eq!(get_with(&format!("{}/bucket", s3.url()), &[]).status, 403);
    assert_eq!(get_with(&format!("{}/cairntest?comp=list", azure.url()), &[]).status, 403);
    assert!(s3.objects("bucket").is_empty());
}

#[test]
fn a_proxy_does_to_each_request_what_it_is_told_and_remembers_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "0123456789").unwrap();
    let nginx = Nginx::over(folder.path());
    let faults = [
        Fault::None,
        Fault::Status(503),
        Fault::Late(Duration::from_millis(5)),
        Fault::Short(4),
        Fault::Reset,
        Fault::Unanswered,
    ];
    let proxy = Proxy::before(nginx.port(), move |asked| {
        faults.get(usize::try_from(asked.number).unwrap()).copied().unwrap_or(Fault::None)
    });
    let url = format!("{}/a.json", proxy.url());
    let ask = || {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer =
            agent.get(&url).header("range", "bytes=2-8").call().map_err(|_broken| "no answer")?;
        let body = answer.body_mut().read_to_vec().map_err(|_broken| "broken off")?;
        Ok::<_, &str>((answer.status().as_u16(), body))
    };
    let part = (206, b"2345678".to_vec());
    assert_eq!(ask(), Ok(part.clone()));
    assert_eq!(ask().unwrap().0, 503);
    assert_eq!(ask(), Ok(part.clone()));
    assert_eq!(ask(), Err("broken off"));
    assert_eq!(ask(), Err("no answer"));
    assert_eq!(ask(), Err("no answer"));
    assert_eq!(ask(), Ok(part));
    let seen = proxy.seen();
    let statuses: Vec<_> = seen.iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(206), None, Some(206), Some(206), None, Some(206), Some(206)]);
    assert_eq!(seen[3].received, 4);
    assert_eq!(proxy.requests(), 7);
    assert_eq!((proxy.sent(), seen[0].method.as_str(), seen[0].target.as_str()), (0, "GET", "/a.json"));
}
