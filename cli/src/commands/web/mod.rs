//! `aeden web`: the page in a browser, with this program behind it.
//!
//! It listens on this machine only. Whoever asks must know the token in the address, ask under that address, and, where a browser
//! says where a question comes from, come from the page itself: so no other page, no other user's program and no name that is
//! made to point here (DNS rebinding) gets an answer.

mod http;
mod shelf;

use crate::args::Quality;
use crate::args::web::WebArgs;
use crate::run::plan::inputs;
use aeden_media::output::print;
use aeden_media::problem::{DONE, Problem};
use aeden_media::unfinished::{Scratch, clean_up_when_stopped, sweep};
use clap::ValueEnum;
use http::{Refused, Request, Response};
use shelf::{Refusal, Shelf, Wish};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Connections at a time. Those that say nothing end by themselves.
const MOST_CONNECTIONS: usize = 64;

/// Serves until it is stopped.
pub fn web(args: &WebArgs) -> Result<u8, Problem> {
    if args.files.iter().any(|file| file == Path::new("-")) {
        return Err(Problem::usage(
            "standard input '-' has no name to show; give files, or drop them into the page",
        ));
    }
    let mut files = Vec::new();
    for (source, usable) in inputs(&args.files) {
        usable?;
        let path = std::path::absolute(source.name()).unwrap_or(source.name().into());
        // What cannot be opened is known now, not when a browser is open.
        std::fs::File::open(&path).map_err(|e| Problem::io(source.name(), &e))?;
        files.push(path);
    }
    let place = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let unusable = |e: std::io::Error| Problem::io(&place, &e);
    sweep(&place);
    let scratch = Scratch::within(&place).map_err(unusable)?;
    clean_up_when_stopped(|| DONE);
    let shelf = Shelf::new(scratch, files, cores(args), args.verify).map_err(unusable)?;
    serve(args, Arc::new(shelf))
}

fn cores(args: &WebArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.map_or_else(all, usize::from)
}

fn serve(args: &WebArgs, shelf: Arc<Shelf>) -> Result<u8, Problem> {
    let here = Path::new("127.0.0.1");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).map_err(|e| Problem::io(here, &e))?;
    let port = listener.local_addr().map_err(|e| Problem::io(here, &e))?.port();
    let door = Arc::new(Door::new(port)?);
    let address = format!("http://{}{}/", door.host, door.path);
    print(&format!("{address}\n"))?;
    if !args.quiet {
        let _ = writeln!(std::io::stderr(), "aeden: web: Ctrl-C ends it");
    }
    if !args.no_open && open::that_detached(&address).is_err() {
        let _ = writeln!(
            std::io::stderr(),
            "aeden: web: no browser could be opened; open the address above"
        );
    }
    let worker = shelf.clone();
    std::thread::spawn(move || worker.work());
    let connections = Arc::new(AtomicUsize::new(0));
    loop {
        // A connection that fails is its client's affair; one that cannot be accepted may be for want of files.
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let counted = Counted::new(&connections);
        if connections.load(SeqCst) > MOST_CONNECTIONS {
            continue;
        }
        let (shelf, door) = (shelf.clone(), door.clone());
        // Where the system gives no more threads, the connection is closed.
        let _ = std::thread::Builder::new().spawn(move || {
            let _counted = counted;
            answer(stream, &door, &shelf);
        });
    }
}

/// A connection that is counted as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Who comes in.
struct Door {
    /// As the address has it, with the port.
    host: String,
    /// A slash and the token.
    path: String,
}

impl Door {
    fn new(port: u16) -> Result<Door, Problem> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|e| Problem::usage(format!("the system gives no random numbers: {e}")))?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Door {
            host: format!("127.0.0.1:{port}"),
            path: format!("/{token}"),
        })
    }

    /// The path behind the token of a request that may come in.
    fn open<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let origin = format!("http://{}", self.host);
        let from_here = |origin_field: &str| origin_field == origin;
        let fits = request.field("host") == Some(&self.host)
            && is_absent_or(request, "origin", from_here)
            && is_absent_or(request, "sec-fetch-site", |site| ["same-origin", "none"].contains(&site))
            // Browsers say where what changes something comes from.
            && (request.method == "GET" || request.field("origin").is_some());
        let (token, path) = request.path.split_at_checked(self.path.len())?;
        (fits && is_same(token.as_bytes(), self.path.as_bytes()))
            .then_some(path)?
            .strip_prefix('/')
    }
}

/// Whether a header field is not there, or there once and as it should be.
fn is_absent_or(request: &Request, name: &str, fits: impl Fn(&str) -> bool) -> bool {
    !request.has(name) || request.field(name).is_some_and(fits)
}

/// Whether two words of one length are the same, in a time that does not tell where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn answer(mut stream: TcpStream, door: &Door, shelf: &Shelf) {
    let response = match Request::read(&mut stream) {
        Err(Refused::Gone) => return,
        Err(Refused::Told(response)) => response,
        Ok(request) => match door.open(&request) {
            None => Response::problem(
                403,
                "the address of this page is the one that aeden web has printed",
            ),
            Some(path) => route(&request, path, &stream, shelf)
                .unwrap_or_else(|Refusal(status, what)| Response::problem(status, what)),
        },
    };
    let _ = response.write(stream);
}

/// What there is, and what can be done.
fn route(request: &Request, path: &str, stream: &TcpStream, shelf: &Shelf) -> Result<Response, Refusal> {
    let nothing = || Refusal(404, "there is nothing here".into());
    let done = |()| Response::json(&serde_json::json!({}));
    let parts: Vec<&str> = path.split('/').collect();
    let id = || {
        let number = parts
            .get(1)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        number.and_then(|text| text.parse().ok()).ok_or_else(nothing)
    };
    match (request.method.as_str(), &parts[..]) {
        ("GET", ["recordings"]) => Ok(Response::json(&shelf.list())),
        ("POST", ["recordings"]) => {
            let unclear = || Refusal(400, "a recording has a name and a size".into());
            let name = request.parameter("name").ok_or_else(unclear)?;
            let size = request
                .parameter("size")
                .and_then(|text| text.parse().ok())
                .ok_or_else(unclear)?;
            let id = shelf.announce(&name, size)?;
            Ok(Response::json(&serde_json::json!({ "id": id })))
        }
        ("GET", ["recordings", _]) => Ok(Response::json(&shelf.tell(id()?)?)),
        ("PUT", ["recordings", _]) => shelf
            .receive(id()?, request.length, request.body(stream))
            .map(done),
        ("DELETE", ["recordings", _]) => shelf.remove(id()?).map(done),
        ("POST", ["recordings", _, "clean"]) => shelf.order(id()?, wish(request)?).map(done),
        ("POST", ["recordings", _, "cancel"]) => shelf.cancel(id()?).map(done),
        ("GET", ["recordings", _, "sound"]) => sent(Response::file(shelf.sound(id()?)?)),
        ("GET", ["recordings", _, "result"]) => {
            let (file, name) = shelf.result(id()?)?;
            sent(Response::file(file)).map(|response| response.saved_as(&name))
        }
        ("GET", [name]) => {
            let name = if name.is_empty() { "index.html" } else { name };
            let file = aeden_page::SERVED
                .iter()
                .find(|file| file.name == name)
                .ok_or_else(nothing)?;
            Ok(Response::text(file.media_type, file.text))
        }
        ("GET" | "POST" | "PUT" | "DELETE", _) => Err(nothing()),
        _ => Err(Refusal(405, "there is no such method here".into())),
    }
}

fn sent(response: std::io::Result<Response>) -> Result<Response, Refusal> {
    response.map_err(|e| Refusal(500, aeden_media::problem::describe(&e)))
}

fn wish(request: &Request) -> Result<Wish, Refusal> {
    let unclear = |what: &str| Refusal(400, what.into());
    let quality = request.parameter("quality").unwrap_or_default();
    let strength: Option<f32> = request.parameter("strength").and_then(|text| text.parse().ok());
    let bands = request.parameter("bands").unwrap_or_default();
    Ok(Wish {
        quality: Quality::from_str(&quality, false).map_err(|_| unclear("quality is best, high or light"))?,
        strength: strength
            .filter(|strength| (0.0..=aeden::presets::UNLIMITED).contains(strength))
            .ok_or_else(|| unclear("strength is a number of decibels from 0 to 60"))?,
        bands: bands.parse().map_err(|e: aeden::Error| unclear(&e.to_string()))?,
        heard: request.parameter("heard").is_some(),
    })
}
