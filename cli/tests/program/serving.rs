//! `aeden web` as its page meets it, and as those meet it who should not.

use crate::media::ffmpeg;
use crate::recordings::{Folder, noise_file};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The program under way; ended with the test.
struct Served {
    child: Child,
    host: String,
    token: String,
}

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    fn refused(&self, status: u16, part: &str) {
        let said = String::from_utf8_lossy(&self.body);
        assert!(
            self.status == status && said.contains(part),
            "{} {said}",
            self.status
        );
    }
}

impl Served {
    /// Starts it in a folder, with its own files in `scratch/`.
    fn start(folder: &Folder, files: &[&str]) -> Served {
        std::fs::create_dir_all(folder.path("scratch")).unwrap();
        let arguments = ["web", "--no-open", "--quiet", "--scratch", "scratch"];
        let mut child = folder.command(arguments.iter().chain(files)).spawn().unwrap();
        let mut address = String::new();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
        lines.read_line(&mut address).unwrap();
        let (host, token) = address
            .trim()
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        assert!(host.starts_with("127.0.0.1:") && token.len() == 33, "{address}");
        let (host, token) = (host.to_owned(), token.trim_end_matches('/').to_owned());
        Served { child, host, token }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream
    }

    /// Announces a recording of 100,000 bytes and begins to send it: its number, and the connection for its bytes.
    fn begin_sending(&self) -> (u64, TcpStream) {
        let id = self.ask("POST", "recordings?name=b.wav&size=100000", b"").json()["id"]
            .as_u64()
            .unwrap();
        let mut stream = self.connect();
        let head = format!(
            "PUT /{}/recordings/{id} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: 100000\r\n\r\n",
            self.token,
            host = self.host
        );
        stream.write_all(head.as_bytes()).unwrap();
        (id, stream)
    }

    /// Sends bytes as they are.
    fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // It may answer before it has everything.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all
            .windows(4)
            .position(|part| part == b"\r\n\r\n")
            .expect("an answer");
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: all[end + 4..].to_vec(),
        }
    }

    /// As the page asks.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} /{}/{path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Length: {}\r\n\r\n",
            self.token,
            body.len(),
            host = self.host
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    /// Sends a recording; gives its number.
    fn take(&self, name: &str, bytes: &[u8]) -> u64 {
        let answer = self.ask(
            "POST",
            &format!("recordings?name={name}&size={}", bytes.len()),
            b"",
        );
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let id = answer.json()["id"].as_u64().unwrap();
        assert_eq!(self.ask("PUT", &format!("recordings/{id}"), bytes).status, 200);
        id
    }

    fn clean(&self, id: u64, strength: &str) -> Value {
        let order = format!("recordings/{id}/clean?quality=light&strength={strength}&heard=1");
        assert_eq!(self.ask("POST", &order, b"").status, 200);
        self.until(id, |state| state != "waiting" && state != "cleaning")
    }

    fn until(&self, id: u64, wanted: impl Fn(&str) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let about = self.ask("GET", &format!("recordings/{id}"), b"").json();
            if wanted(about["state"].as_str().unwrap()) {
                return about;
            }
            assert!(started.elapsed() < Duration::from_secs(120), "{about}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it; gives its status.
    fn stop(&mut self, signal: &str) -> Option<i32> {
        crate::recordings::send(&self.child, signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The folder of the run.
fn own(folder: &Folder) -> std::path::PathBuf {
    let [name] = &names(&folder.path("scratch"))[..] else {
        panic!("one folder")
    };
    folder.path("scratch").join(name)
}

#[test]
fn only_the_page_under_its_address_gets_in() {
    let folder = Folder::new();
    let served = Served::start(&folder, &[]);
    let (host, token) = (&served.host, &served.token);
    let port = host.split(':').nth(1).unwrap();
    let page = served.ask("GET", "", b"");
    assert_eq!(page.status, 200);
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "nosniff",
        "no-referrer",
        "no-store",
    ] {
        assert!(page.head.contains(rule), "{rule} in {}", page.head);
    }
    let other = token.replace(|c| c != 'x', "0");
    let fine = format!("Host: {host}\r\n");
    for (line, fields) in [
        ("GET / HTTP/1.1".into(), fine.clone()),
        (format!("GET /{other}/ HTTP/1.1"), fine.clone()),
        (format!("GET /{}/ HTTP/1.1", &token[1..]), fine.clone()),
        (format!("GET /{token} HTTP/1.1"), fine.clone()),
        (format!("GET //{token}/ HTTP/1.1"), fine.clone()),
        (format!("GET http://{host}/{token}/ HTTP/1.1"), fine.clone()),
        (format!("GET /{token}/ HTTP/1.1"), String::new()),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("Host: localhost:{port}\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("Host: evil.example:{port}\r\n"),
        ),
        (format!("GET /{token}/ HTTP/1.1"), "Host: 127.0.0.1\r\n".into()),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Host: evil.example\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Origin: http://evil.example\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Origin: null\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Origin: https://{host}\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Sec-Fetch-Site: cross-site\r\n"),
        ),
        (
            format!("GET /{token}/ HTTP/1.1"),
            format!("{fine}Sec-Fetch-Site: same-site\r\n"),
        ),
        (
            format!("POST /{token}/recordings?name=a&size=1 HTTP/1.1"),
            fine.clone(),
        ),
        (format!("DELETE /{token}/recordings/1 HTTP/1.1"), fine.clone()),
    ] {
        let answer = served.send(format!("{line}\r\n{fields}\r\n").as_bytes());
        answer.refused(403, "the address");
        assert!(!String::from_utf8_lossy(&answer.body).contains(token.as_str()));
    }
    assert_eq!(
        served.ask("GET", "recordings", b"").json(),
        Value::Array(Vec::new())
    );
}

#[test]
fn paths_lead_nowhere_else_and_nonsense_is_told_so() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 800));
    let served = Served::start(&folder, &["in.wav"]);
    for path in [
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "lock",
        "recordings/",
        "recordings/9",
        "recordings/1/../../lock",
        "recordings/%31",
        "recordings/-1",
        "recordings/1/result/x",
        "recordings/99999999999999999999",
        "index.html/",
        "Page.js",
        "page.js%00.html",
        "engine.js/..",
    ] {
        let answer = served.ask("GET", path, b"");
        assert_eq!(answer.status, 404, "{path}");
    }
    for path in ["recordings/1/sound", "recordings/1/result"] {
        served.ask("GET", path, b"").refused(409, "not clean yet");
    }
    for query in [
        "",
        "?quality=best",
        "?quality=loud&strength=60",
        "?quality=best&strength=61",
        "?quality=best&strength=60&bands=0",
        "?quality=best&strength=60&bands=9:1,3:1",
        "?quality=best&strength=NaN",
        "?strength=1",
    ] {
        assert_eq!(
            served
                .ask("POST", &format!("recordings/1/clean{query}"), b"")
                .status,
            400,
            "{query}"
        );
    }
    for query in [
        "",
        "?name=a",
        "?size=1",
        "?name=%ff&size=1",
        "?name=a&size=-1",
        "?name=&size=1",
        "?name=%&size=1",
    ] {
        assert_eq!(
            served.ask("POST", &format!("recordings{query}"), b"").status,
            400,
            "{query}"
        );
    }
    assert_eq!(served.ask("BREW", "", b"").status, 405);
    served.send(b"hello\r\n\r\n").refused(400, "not HTTP");
    let head = |field: &str| {
        format!(
            "GET /{}/ HTTP/1.1\r\nHost: {}\r\n{field}\r\n\r\n",
            served.token, served.host
        )
    };
    served
        .send(head(&format!("X: {}", "x".repeat(20_000))).as_bytes())
        .refused(431, "too long");
    served
        .send(head(&"X: x\r\n".repeat(100)).as_bytes())
        .refused(431, "too long");
    served
        .send(head("Transfer-Encoding: chunked").as_bytes())
        .refused(411, "length");
    served
        .send(head("Content-Length: 1\r\nContent-Length: 2").as_bytes())
        .refused(400, "length");
    served
        .send(head("Content-Length: +1").as_bytes())
        .refused(400, "length");
    served
        .send(head("Content-Length: 99999999999999999999999").as_bytes())
        .refused(413, "large");
    assert_eq!(served.ask("GET", "recordings", b"").json()[0]["name"], "in.wav");
}

#[test]
fn what_the_disk_has_no_room_for_is_refused_before_it_comes() {
    let folder = Folder::new();
    let served = Served::start(&folder, &[]);
    for size in [1_u64 << 50, u64::MAX] {
        let answer = served.ask("POST", &format!("recordings?name=film.mp4&size={size}"), b"");
        answer.refused(507, "too large for the disk");
    }
    // What is announced counts for those that come later, until it is taken back.
    let free = served.ask("POST", "recordings?name=a.wav&size=1000", b"").json()["id"]
        .as_u64()
        .unwrap();
    let more = [7; 2000];
    served
        .ask("PUT", &format!("recordings/{free}"), &more)
        .refused(400, "1000 bytes were announced");
    assert_eq!(
        served
            .ask("PUT", &format!("recordings/{free}"), &more[..1000])
            .status,
        200
    );
    served
        .ask("PUT", &format!("recordings/{free}"), &more[..1000])
        .refused(409, "here already");
    assert_eq!(
        served.ask("DELETE", &format!("recordings/{free}"), b"").status,
        200
    );
    // One that breaks off leaves nothing.
    let (_, mut stream) = served.begin_sending();
    stream.write_all(&[1; 5000]).unwrap();
    drop(stream);
    let started = Instant::now();
    while names(&own(&folder)) != ["lock"] {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{:?}",
            names(&own(&folder))
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(
        served.ask("GET", "recordings", b"").json(),
        Value::Array(Vec::new())
    );
}

#[test]
fn recordings_become_what_clean_makes_of_them_and_broken_ones_are_told() {
    let folder = Folder::new();
    let noise = noise_file(2, 44_100, 44_100);
    folder.write("in.wav", &noise);
    folder.aeden("clean in.wav whole.wav --quality light").quietly();
    folder
        .aeden("clean in.wav weak.wav --quality light --limit 12")
        .quietly();
    let served = Served::start(&folder, &["in.wav"]);
    // A name is a name: on the disk nothing of it is left but a harmless ending.
    let hostile = "..%2F..%2Fetc%2F%0D%0A%22%3Cb%3E%27%E2%80%AE.wav";
    let sent = served.take(hostile, &noise);
    for id in [1, sent] {
        let about = served.clean(id, "60");
        assert_eq!(about["state"], "done", "{about}");
        assert_eq!(about["warnings"], Value::Array(Vec::new()));
        let result = served.ask("GET", &format!("recordings/{id}/result"), b"");
        assert!(result.body == folder.read("whole.wav"));
        // Before and after, two channels each, in f32.
        let sound = served.ask("GET", &format!("recordings/{id}/sound"), b"").body;
        assert_eq!(sound.len(), 44_100 * 4 * 4);
        let sample = |n: usize| f32::from_le_bytes(sound[4 * n..][..4].try_into().unwrap());
        let stored = i16::from_le_bytes(noise[44..46].try_into().unwrap());
        assert_eq!(sample(0), f32::from(stored) / 32_768.0);
        let about = served.clean(id, "12");
        assert_eq!(about["saved_strength"], 12.0);
        assert_eq!(
            (&about["quality"], &about["bands"]),
            (&json!("light"), &json!(""))
        );
        assert!(served.ask("GET", &format!("recordings/{id}/result"), b"").body == folder.read("weak.wav"));
    }
    let answer = served.ask("GET", &format!("recordings/{sent}/result"), b"");
    let line = answer
        .head
        .lines()
        .find(|line| line.starts_with("Content-Disposition"))
        .unwrap();
    assert!(
        line.contains("filename*=UTF-8''")
            && line.contains("%0D%0A%22%3Cb%3E")
            && line.ends_with(".clean.wav"),
        "{line}"
    );
    assert_eq!(
        names(&own(&folder).join(sent.to_string())),
        ["recording.clean.wav", "recording.wav", "sound"]
    );
    for (name, bytes) in [
        ("film.mp4", &noise[..2000]),
        ("text.wav", &b"no sound"[..]),
        ("nothing.flac", b""),
        ("%3Cb%3E", &[0; 100]),
    ] {
        let id = served.take(name, bytes);
        let about = served.clean(id, "60");
        let problem = about["problem"].as_str().unwrap_or_else(|| panic!("{about}"));
        assert!(
            about["state"] == "failed" && !problem.contains("scratch"),
            "{about}"
        );
        assert_eq!(served.ask("DELETE", &format!("recordings/{id}"), b"").status, 200);
    }
    // What the command named stays, whatever the page does.
    assert_eq!(served.ask("DELETE", "recordings/1", b"").status, 200);
    assert!(folder.read("in.wav") == noise);
}

#[test]
fn slow_and_silent_clients_keep_nobody_waiting() {
    let folder = Folder::new();
    let served = Served::start(&folder, &[]);
    let silent: Vec<TcpStream> = (0..50).map(|_| served.connect()).collect();
    (&silent[0]).write_all(b"GET / HT").unwrap();
    assert_eq!(served.ask("GET", "", b"").status, 200);
    // They are sent away after ten seconds.
    let mut rest = Vec::new();
    (&silent[0]).read_to_end(&mut rest).unwrap_or_default();
    assert!(rest.is_empty());
    assert_eq!(served.ask("GET", "page.js", b"").status, 200);
}

#[test]
fn work_is_cancelled_and_the_next_recording_has_its_turn() {
    let folder = Folder::new();
    folder.write("long.wav", &noise_file(1, 48_000, 48_000 * 120));
    folder.write("next.wav", &noise_file(1, 16_000, 16_000));
    let served = Served::start(&folder, &["long.wav", "next.wav"]);
    for id in [1, 2] {
        let order = format!("recordings/{id}/clean?quality=best&strength=60&heard=1");
        assert_eq!(served.ask("POST", &order, b"").status, 200);
        served.ask("POST", &order, b"").refused(409, "already");
    }
    served.until(1, |state| state == "cleaning");
    assert_eq!(served.ask("POST", "recordings/1/cancel", b"").status, 200);
    assert_eq!(served.until(1, |_| true)["state"], "cancelled");
    served.until(2, |state| state == "done");
    // It can be begun again, and be taken away in the midst of it.
    let order = "recordings/1/clean?quality=best&strength=60";
    assert_eq!(served.ask("POST", order, b"").status, 200);
    served.until(1, |state| state == "cleaning");
    assert_eq!(served.ask("DELETE", "recordings/1", b"").status, 200);
    served.ask("GET", "recordings/1", b"").refused(404, "no such");
    assert_eq!(served.clean(2, "6")["state"], "done");
    assert_eq!(names(&own(&folder)), ["2", "lock"]);
}

#[test]
fn it_ends_with_the_terminal_and_leaves_nothing() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = Folder::new();
        let long = noise_file(1, 48_000, 48_000 * 120);
        folder.write("long.wav", &long);
        let mut served = Served::start(&folder, &["long.wav"]);
        assert_eq!(
            served
                .ask("POST", "recordings/1/clean?quality=best&strength=60&heard=1", b"")
                .status,
            200
        );
        served.until(1, |state| state == "cleaning");
        // And a recording that is on its way.
        let (id, mut stream) = served.begin_sending();
        stream.write_all(b"12345").unwrap();
        served.until(id, |state| state == "arriving");
        assert_eq!(served.stop(signal), Some(0), "{signal}");
        assert_eq!(names(&folder.path("scratch")), Vec::<String>::new(), "{signal}");
        assert_eq!(folder.names(), ["long.wav", "scratch"]);
        assert!(folder.read("long.wav") == long);
    }
}

#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next() {
    let folder = Folder::new();
    let mut killed = Served::start(&folder, &[]);
    killed.take("a.wav", &noise_file(1, 16_000, 800));
    assert_eq!(killed.stop("KILL"), None);
    let left = own(&folder);
    assert!(left.join("1").exists());
    let served = Served::start(&folder, &[]);
    assert_ne!(own(&folder), left);
    // One that runs is left alone.
    let other = Served::start(&folder, &[]);
    assert_eq!(names(&folder.path("scratch")).len(), 2);
    assert_eq!(
        (
            served.ask("GET", "", b"").status,
            other.ask("GET", "", b"").status
        ),
        (200, 200)
    );
}

#[test]
fn what_cannot_be_served_is_refused_at_once() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 800));
    folder
        .aeden("web --no-open nothing.wav")
        .failed(1, "no such file");
    folder.aeden("web --no-open -").failed(2, "standard input");
    folder
        .aeden("web --no-open --scratch nowhere")
        .failed(1, "no such file");
    folder.aeden("web --no-open --scratch in.wav").failed(1, "in.wav");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    folder
        .aeden(&format!("web --no-open --scratch . --port {port}"))
        .failed(1, "in use");
    assert_eq!(folder.names(), ["in.wav"]);
}

#[test]
fn a_film_comes_back_whole() {
    if !ffmpeg::is_here() {
        println!("skipped: there is no ffmpeg to make a film with");
        return;
    }
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(2, 48_000, 96_000));
    let film = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=96x64:d=2:r=10",
        "-i",
        "in.wav",
        "-c:v",
        "mpeg4",
        "-c:a",
        "aac",
        "film.mp4",
    ];
    assert!(
        Command::new("ffmpeg")
            .args(film)
            .current_dir(&folder)
            .status()
            .unwrap()
            .success()
    );
    let served = Served::start(&folder, &["film.mp4"]);
    let sent = served.take("my%20film.MP4", &folder.read("film.mp4"));
    for (id, name) in [(1, "film.clean.mp4"), (sent, "my film.clean.MP4")] {
        let about = served.clean(id, "60");
        assert_eq!(
            (&about["state"], &about["saved"]),
            (&"done".into(), &name.into()),
            "{about}"
        );
        let result = served.ask("GET", &format!("recordings/{id}/result"), b"").body;
        folder.write("out.mp4", &result);
        let picture = |file: &str| {
            let arguments = [
                "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-f", "md5", "-",
            ];
            Command::new("ffmpeg")
                .args(arguments)
                .current_dir(&folder)
                .output()
                .unwrap()
                .stdout
        };
        assert!(!picture("film.mp4").is_empty() && picture("film.mp4") == picture("out.mp4"));
    }
}
