//! The programs ffmpeg and ffprobe: started, watched, and ended together with this one.

use crate::problem::{Problem, describe};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What to do where ffmpeg is needed and missing.
pub const ADVICE: &str = "needs the program ffmpeg, which is not installed; install it (apt install ffmpeg, \
                          brew install ffmpeg, winget install ffmpeg) and try again";

/// A program, or a parser of our own, that says nothing for so long hangs. Damaged files can do that.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How much of what a program says about a file is kept.
const SAID: usize = 1 << 16;

/// A line of it; what is longer counts as several.
const LINE: u64 = 1 << 13;

/// Programs that run now, for the moment when this one is told to stop.
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set when this program is told to stop.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Ends every program at once, before this one ends. What they were writing is then incomplete, and no failure of theirs is told.
pub fn kill_all() {
    STOPPING.store(true, Relaxed);
    for child in lock(&RUNNING).iter() {
        let mut child = lock(child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// How much a program may answer when it is asked about a file. A film with ten thousand chapters takes a tenth of it.
const ANSWER: usize = 64 << 20;

/// `ffmpeg`, silent but for errors, and deaf on standard input.
pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-v", "error"]);
    command
}

/// `ffprobe`, which answers in JSON.
pub fn ffprobe() -> Command {
    let mut command = Command::new("ffprobe");
    command.args(["-hide_banner", "-v", "error", "-of", "json"]);
    command
}

/// A file as an argument that can be taken for neither an option nor another protocol.
pub fn file_argument(path: &Path) -> OsString {
    let mut argument = OsString::from("file:");
    argument.push(path);
    argument
}

/// What ffmpeg may take for sound or a film: kinds of files that hold it themselves. Not among them are playlists and
/// manifests, which open other files (`hls`, `dash`, `concat`, `imf`, `sdp`, …), pictures and their sequences, texts, devices,
/// and generators.
const READ: &str = "3dostr,4xm,aa,aac,aax,ac3,ac4,ace,acm,act,adp,ads,adx,aea,afc,aiff,aix,alp,amr,amrnb,amrwb,apac,apc,ape,\
    apm,aptx,aptx_hd,argo_asf,argo_brp,argo_cvg,asf,asf_o,ast,au,av1,avi,avr,avs,avs2,avs3,bethsoftvid,bfi,bfstm,bink,binka,\
    bit,bmv,boa,bonk,brstm,caf,cavsvideo,cdxl,codec2,daud,dcstr,derf,dfa,dhav,dirac,dnxhd,dsf,dsicin,dss,dts,dtshd,dv,dxa,\
    ea,ea_cdata,eac3,epaf,evc,film_cpk,filmstrip,flac,flic,flv,fsb,fwse,g722,g723_1,g726,g726le,g728,g729,gdv,genh,gsm,gxf,\
    h261,h263,h264,hca,hcom,hevc,hnm,iamf,idcin,iff,ifv,ilbc,ircam,iss,iv8,ivf,kux,kvag,laf,lc3,live_flv,lmlm4,loas,luodat,\
    lvf,lxf,m4v,matroska,mca,mgsts,mjpeg,mlp,mm,mmf,mods,moflex,mov,mp3,mpc,mpc8,mpeg,mpegts,mpegtsraw,mpegvideo,\
    msf,msnwctcp,msp,mtaf,mtv,musx,mv,mvi,mxf,mxg,nc,nistsphere,nsp,nsv,nut,nuv,obu,ogg,oma,osq,paf,pmp,pp_bnk,psxstr,pva,\
    pvf,qcp,qoa,r3d,rcwt,redspark,rka,rl2,rm,roq,rpl,rsd,rso,s337m,sbc,sdns,sdr2,sds,sdx,sga,shn,siff,simbiosis_imx,sln,\
    smjpeg,smk,smush,sol,sox,spdif,svag,svs,swf,tak,thp,tiertexseq,tmv,truehd,tta,ty,usm,vag,vc1,vc1test,vidc,vividas,vivo,\
    vmd,voc,vpk,vqf,vvc,w64,wady,wav,wavarc,wc3movie,webm,wsaud,wsd,wsvqa,wtv,wv,wve,xa,xmd,xmv,xvag,xwma,yop";

/// Adds an input file. Whatever it says, ffmpeg takes it for nothing but a recording, and opens nothing but files.
pub fn add_input(command: &mut Command, path: &Path) {
    add(command, READ, None, &file_argument(path));
}

/// Adds sound without a header, in the form that ffmpeg calls `format`; from standard input where there is no file.
pub fn add_samples(command: &mut Command, format: &str, path: Option<&Path>) {
    let place = path.map_or_else(|| "pipe:0".into(), file_argument);
    add(command, format, Some(format), &place);
}

/// Adds tags in a file of ffmpeg's own kind.
pub fn add_comments(command: &mut Command, path: &Path) {
    add(command, "ffmetadata", Some("ffmetadata"), &file_argument(path));
}

/// The only place that names an input.
fn add(command: &mut Command, allowed: &str, format: Option<&str>, place: &OsStr) {
    command.args([
        "-protocol_whitelist",
        "file,pipe,fd",
        "-format_whitelist",
        allowed,
    ]);
    if let Some(format) = format {
        command.args(["-f", format]);
    }
    command.arg("-i").arg(place);
}

/// How long a program is listened to that has given everything. What it has started may live on and keep its standard error
/// open; what it says itself is here by then.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program under way. Dropped before it has ended, it is killed.
#[derive(Debug)]
pub struct Program {
    child: Arc<Mutex<Child>>,
    errors: Receiver<String>,
    /// Whether it was ended since it took nothing more.
    stuck: Arc<AtomicBool>,
}

impl Program {
    /// Starts a program for the file `subject`. What it says on standard error is collected.
    pub fn start(command: &mut Command, subject: &Path) -> Result<Self, Problem> {
        Program::start_heard(command, subject, |line| Some(line.to_owned()))
    }

    /// The same; `hear` gets every line of standard error as soon as it is said, and gives what of it is to be collected.
    pub fn start_heard(
        command: &mut Command,
        subject: &Path,
        mut hear: impl FnMut(&str) -> Option<String> + Send + 'static,
    ) -> Result<Self, Problem> {
        command.stderr(Stdio::piped());
        let mut running = lock(&RUNNING);
        let mut child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Problem::file(subject, ADVICE),
            _ => Problem::file(subject, format!("ffmpeg cannot be started: {}", describe(&e))),
        })?;
        let stderr = child.stderr.take();
        let child = Arc::new(Mutex::new(child));
        running.push(child.clone());
        drop(running);
        // From here on dropping it ends it.
        let (sender, errors) = sync_channel(1);
        let program = Program {
            child,
            errors,
            stuck: Arc::default(),
        };
        let listen = move || {
            let Some(stderr) = stderr else { return };
            let (mut stderr, mut line, mut said) = (BufReader::new(stderr), Vec::new(), String::new());
            // All of it is read, or the program would wait for us.
            while let Ok(1..) = (&mut stderr).take(LINE).read_until(b'\n', &mut line) {
                let kept = hear(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
                if let Some(kept) = kept.filter(|_| said.len() < SAID) {
                    said.push_str(&kept);
                    said.push('\n');
                }
                line.clear();
            }
            // Nobody may want to know any more.
            let _ = sender.send(said);
        };
        spawn(listen).map_err(|e| Problem::io(subject, &e))?;
        Ok(program)
    }

    /// Its standard output, once, if it was piped.
    pub fn stdout(&self) -> Option<ChildStdout> {
        lock(&self.child).stdout.take()
    }

    /// Its standard input, once, if it was piped.
    pub fn stdin(&self) -> io::Result<Option<Feed>> {
        let Some(stdin) = lock(&self.child).stdin.take() else {
            return Ok(None);
        };
        let writing = Arc::new(AtomicU64::new(0));
        let (watched, child, stuck) = (Arc::downgrade(&writing), self.child.clone(), self.stuck.clone());
        spawn(move || {
            let (mut last, mut same) = (0, 0);
            while let Some(writing) = watched.upgrade().map(|writing| writing.load(Relaxed)) {
                same = if writing == last && writing % 2 == 1 {
                    same + 1
                } else {
                    0
                };
                last = writing;
                if same > PATIENCE.as_secs() {
                    stuck.store(true, Relaxed);
                    // Whoever waits in `write` then finds the pipe closed.
                    let _ = lock(&child).kill();
                    return;
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        })?;
        Ok(Some(Feed { stdin, writing }))
    }

    /// Waits for its end, which should be near: it has got everything, and has given everything. Gives whether it was
    /// content, and what it said.
    pub fn end(self) -> io::Result<(bool, String)> {
        // Short sleeps instead of a wait that holds the lock: `kill_all` must get through.
        let mut pause = Duration::from_millis(1);
        let mut waited = Duration::ZERO;
        let status = loop {
            let stuck = self.stuck.load(Relaxed);
            if let Some(status) = lock(&self.child).try_wait()?.filter(|_| !stuck) {
                break status;
            }
            if stuck || waited >= PATIENCE {
                return Err(too_long("it takes no more sound, or does not end"));
            }
            std::thread::sleep(pause);
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        // Killed because this one ends, which it does in a moment: nobody's fault.
        while !status.success() && STOPPING.load(Relaxed) {
            std::thread::sleep(LAST_WORDS);
        }
        let said = self.errors.recv_timeout(LAST_WORDS);
        Ok((status.success(), said.unwrap_or_default()))
    }
}

/// What a program reads. Where it takes nothing for long, it is ended, and writing fails.
#[derive(Debug)]
pub struct Feed {
    stdin: ChildStdin,
    /// Odd while something is being written.
    writing: Arc<AtomicU64>,
}

impl Write for Feed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writing.fetch_add(1, Relaxed);
        // Little at a time, so that every write is soon done by a program that is alive.
        let written = self.stdin.write(&bytes[..bytes.len().min(1 << 16)]);
        self.writing.fetch_add(1, Relaxed);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.flush()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        {
            let mut child = lock(&self.child);
            let _ = child.kill();
            let _ = child.wait();
        }
        lock(&RUNNING).retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

/// Starts a thread, which the system may refuse.
pub fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().spawn(work);
    thread.map(drop).map_err(|e| {
        io::Error::new(
            e.kind(),
            format!("no thread can be started ({e}); close other programs"),
        )
    })
}

/// The refusal to wait any longer.
pub fn too_long(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{what}, waited for {} s", PATIENCE.as_secs()),
    )
}

/// Runs a program to its end and gives its standard output. The error is what it said last.
pub fn output(command: &mut Command, subject: &Path) -> Result<Vec<u8>, Problem> {
    ask(command, subject)?.map_err(|said| unreadable(subject, &said))
}

/// Runs a program to its end and gives its standard output, or what it had to complain.
pub fn ask(command: &mut Command, subject: &Path) -> Result<Result<Vec<u8>, String>, Problem> {
    let program = Program::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), subject)?;
    let Some(stdout) = program.stdout() else {
        unreachable!("piped just above")
    };
    let mut all = Vec::new();
    for piece in Pieces::of(stdout) {
        match piece {
            Ok(piece) if all.len() + piece.len() <= ANSWER => all.extend(piece),
            Ok(_) => {
                return Ok(Err(format!(
                    "its description has no end after {} MiB",
                    ANSWER >> 20
                )));
            }
            Err(e) => return Ok(Err(e.to_string())),
        }
    }
    let (content, said) = program.end().map_err(|e| Problem::io(subject, &e))?;
    Ok(if content { Ok(all) } else { Err(said) })
}

/// Runs a program that writes a file.
///
/// As long as it tells of its progress, it is alive; `reached` gets the seconds of the file that are written. The error is
/// what the program said last.
pub fn watch(command: &mut Command, subject: &Path, reached: impl Fn(f64)) -> Result<(), Problem> {
    command.args(["-progress", "pipe:1"]);
    let program = Program::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), subject)?;
    let Some(stdout) = program.stdout() else {
        unreachable!("piped just above")
    };
    for piece in Pieces::of(stdout) {
        let piece = piece.map_err(|e| unwritable(subject, &e.to_string()))?;
        // A line that is cut in two is followed by the next one soon.
        let said = String::from_utf8_lossy(&piece);
        let times = said.lines().filter_map(|line| line.strip_prefix("out_time_us="));
        if let Some(microseconds) = times.filter_map(|time| time.parse::<f64>().ok()).next_back() {
            reached(microseconds * 1e-6);
        }
    }
    let (content, said) = program.end().map_err(|e| Problem::io(subject, &e))?;
    match content {
        true => Ok(()),
        false => Err(unwritable(subject, &said)),
    }
}

/// What a program says about an input that it cannot read.
pub fn unreadable(subject: &Path, said: &str) -> Problem {
    Problem::file(
        subject,
        format!("cannot be read ({}); copy or export it again", gist(said)),
    )
}

/// What a program says about an output that it cannot write.
pub fn unwritable(subject: &Path, said: &str) -> Problem {
    if said.contains("No space left on device") {
        return Problem::io(subject, &io::ErrorKind::StorageFull.into());
    }
    // Those that read are named after all the endings that they know, and what they say is not why.
    let reads = |line: &str| {
        line.split_once(" @ ")
            .is_some_and(|(part, _)| part.starts_with('[') && part.contains(','))
    };
    let writers: Vec<&str> = said.lines().filter(|line| !reads(line.trim())).collect();
    let said = if writers.is_empty() {
        said.to_owned()
    } else {
        writers.join("\n")
    };
    Problem::file(subject, format!("ffmpeg cannot write it: {}", gist(&said)))
}

/// The first line that says something, without the names that ffmpeg gives to its parts. What follows is mostly about
/// the consequences.
pub fn gist(said: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    let Some(line) = line else {
        return "ffmpeg does not say why".into();
    };
    if line.contains("Format not on whitelist") {
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.split([' ', ',']).next());
        return format!(
            "it is {}, not a recording by itself",
            name.unwrap_or("a list, a picture or a text")
        );
    }
    let line = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, message)) => message,
        None => line,
    };
    // ffmpeg repeats the name, which our own line begins with.
    let line = match line.strip_prefix("file:").and_then(|rest| rest.rsplit_once(": ")) {
        Some((_, message)) => message,
        None => line,
    };
    line.trim_end_matches('.').to_owned()
}

/// A stream read in a thread of its own, so that a writer that hangs is noticed.
#[derive(Debug)]
pub struct Pieces {
    receiver: Receiver<io::Result<Vec<u8>>>,
    /// Why nothing is read.
    refused: Option<io::Error>,
}

impl Pieces {
    /// Starts reading. Only a few pieces are held at a time.
    pub fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(4);
        Pieces {
            receiver,
            refused: spawn(move || read_all(stream, |piece| sender.send(piece).is_ok())).err(),
        }
    }
}

impl Iterator for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(e) = self.refused.take() {
            return Some(Err(e));
        }
        match patiently(&self.receiver) {
            Ok(piece) => Some(piece),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => Some(Err(too_long("nothing comes out of it"))),
        }
    }
}

/// Reads a stream to its end, piece by piece; `give` says whether somebody still wants them.
pub fn read_all(mut stream: impl Read, mut give: impl FnMut(io::Result<Vec<u8>>) -> bool) {
    loop {
        let mut piece = vec![0; 1 << 17];
        let read = match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(n) => {
                piece.truncate(n);
                Ok(piece)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
        let failed = read.is_err();
        if !give(read) || failed {
            return;
        }
    }
}

/// Waits for what comes next, but no longer than [`PATIENCE`].
pub fn patiently<T>(receiver: &Receiver<T>) -> Result<T, RecvTimeoutError> {
    // In short waits: the time for which we were stopped ourselves (Ctrl-Z) counts for one of them.
    for _ in 0..PATIENCE.as_secs() {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Err(RecvTimeoutError::Timeout) => {}
            other => return other,
        }
    }
    Err(RecvTimeoutError::Timeout)
}
