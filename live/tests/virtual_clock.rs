//! What becomes of the sound when clocks drift, callbacks come late, and devices, servers and computers stop: on a clock
//! that the tests turn themselves, so that everything happens in the same way every time.

mod identity;

use aeden::Config;
use aeden::spectrum::Framing;
use aeden_live::audio::{AudioError, Direction, Format};
use aeden_live::processor::Controls;
use aeden_live::session::{Event, Plan, Session, Target};
use aeden_live::virtual_clock::{Clock, Signal, Terminal, World};
use std::cell::RefCell;
use std::f64::consts::TAU;
use std::rc::Rc;
use std::sync::Arc;

const MONO: Format = Format {
    rate: 48_000,
    channels: 1,
};

const STEREO: Format = Format {
    rate: 48_000,
    channels: 2,
};

/// Frequency of the tone that delay is measured with: unambiguous up to 100 ms.
const TONE: f64 = 10.0;

fn tone() -> Signal {
    Box::new(|t| (0.5 * (TAU * TONE * t).sin()) as f32)
}

/// Listens to a tone, and tells how late it comes.
#[derive(Default)]
struct Delay {
    sine: f64,
    cosine: f64,
    squares: f64,
    frames: u64,
}

impl Delay {
    fn hear(&mut self, start: f64, samples: &[f32], format: Format) {
        // Every eighth frame is plenty for a tone of 10 Hz.
        for (i, frame) in samples.chunks_exact(format.channels).enumerate().step_by(8) {
            let (sine, cosine) = (TAU * TONE * (start + i as f64 / f64::from(format.rate))).sin_cos();
            let sample = f64::from(frame[0]);
            self.sine += sample * sine;
            self.cosine += sample * cosine;
            self.squares += sample * sample;
            self.frames += 1;
        }
    }

    /// Seconds of delay since the last call, and the level relative to the tone that went in.
    fn take(&mut self) -> (f64, f64) {
        let phase = (-self.cosine).atan2(self.sine).rem_euclid(TAU);
        let level = (self.squares / self.frames as f64 / 0.125).sqrt();
        *self = Delay::default();
        (phase / TAU / TONE, level)
    }
}

/// A world with a microphone and a loudspeaker, and a session between them.
struct Day {
    world: World,
    session: Session,
    delay: Rc<RefCell<Delay>>,
    events: Vec<String>,
}

impl Day {
    fn new(microphone: Clock, loudspeaker: Clock) -> Self {
        Self::with(microphone, loudspeaker, MONO, STEREO, Framing::default())
    }

    fn with(microphone: Clock, loudspeaker: Clock, input: Format, output: Format, framing: Framing) -> Self {
        let world = World::new(7);
        world.add("microphone", input, microphone, Terminal::Input(tone()));
        let delay = Rc::new(RefCell::new(Delay::default()));
        let ear = delay.clone();
        let hear = Box::new(move |start: f64, samples: &[f32]| ear.borrow_mut().hear(start, samples, output));
        world.add("loudspeaker", output, loudspeaker, Terminal::Output(hear));
        let session = start_with(&world, None, framing).unwrap();
        Day {
            world,
            session,
            delay,
            events: Vec::new(),
        }
    }

    /// Lets time pass, with the session being looked after ten times a second.
    fn pass(&mut self, seconds: f64) {
        let until = self.world.now() + seconds;
        while self.world.now() < until {
            self.world.advance((self.world.now() + 0.1).min(until));
            let events = self.session.tick().unwrap();
            self.events.extend(events.iter().map(|event| match event {
                Event::Started { input, outputs } => format!("{input} -> {}", outputs.join(", ")),
                Event::Stopped(error) => format!("stopped: {error}"),
                Event::DefaultChanged(direction) => format!("default {direction:?}"),
                Event::Recording(_) => "recording".into(),
                Event::Lightened { load } => format!("lighter at {load:.1}"),
                other => format!("{other:?}"),
            }));
        }
    }

    /// Delay in ms over the next seconds, after the tone has been found to be whole.
    fn delay_ms(&mut self, seconds: f64) -> f64 {
        self.delay.borrow_mut().take();
        self.pass(seconds);
        let (delay, level) = self.delay.borrow_mut().take();
        assert!(
            (level - 1.0).abs() < 0.01,
            "level {level} at {} s",
            self.world.now()
        );
        1e3 * delay
    }

    fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }
}

fn start(world: &World, input: Option<&str>) -> Result<Session, AudioError> {
    start_with(world, input, Framing::default())
}

fn start_with(world: &World, input: Option<&str>, framing: Framing) -> Result<Session, AudioError> {
    let plan = Plan {
        input: input.map(str::to_owned),
        outputs: vec![Target::Default],
        record: false,
        always_retime: false,
    };
    let controls = Arc::new(Controls::new(&Config::default()));
    let build = Box::new(move |format| identity::denoiser(format, framing.clone(), false));
    Session::start(Box::new(world.host()), plan, controls, build)
}

fn clock(ppm: f64, jitter: f64) -> Clock {
    Clock { ppm, jitter }
}

#[test]
fn a_computer_that_is_too_slow_gets_the_lighter_denoiser() {
    let heavy = Framing::default();
    let light = Framing {
        window: heavy.window / 2,
        hop: heavy.hop / 2,
        ..heavy.clone()
    };
    let latency = |framing: &Framing| 1e3 * framing.window as f64 / f64::from(framing.rate);
    let saved = latency(&heavy) - latency(&light);
    let mut day = Day::new(clock(0.0, 0.0), clock(0.0, 0.0));
    let build = Box::new(move |format| identity::denoiser(format, light.clone(), false));
    day.session = day.session.with_lighter(build);
    // Much to do for a moment is no reason, nor is a computer that just keeps up.
    for (load, seconds) in [(0.5, 5.0), (1.5, 3.0), (0.85, 10.0), (1.5, 3.0), (0.1, 2.0)] {
        day.world.load_worker(load);
        day.pass(seconds);
    }
    assert_eq!(day.events, ["microphone -> loudspeaker"]);
    let before = day.delay_ms(2.0);
    day.world.load_worker(1.2);
    day.pass(20.0);
    day.world.load_worker(0.2);
    let after = day.delay_ms(2.0);
    assert_eq!(
        day.events,
        [
            "microphone -> loudspeaker",
            "lighter at 1.2",
            "microphone -> loudspeaker"
        ]
    );
    assert!(
        (before - after - saved).abs() < 5.0,
        "{before} ms, then {after} ms"
    );
}

/// The day's length: short here, 24 h in `cargo xtask all-day`.
fn hours() -> f64 {
    std::env::var("AEDEN_VIRTUAL_HOURS").map_or(0.25, |hours| hours.parse().expect("a number of hours"))
}

/// At 48 kHz three whole days are an hour of computing. What they are about, blocks of 10 ms and the clocks behind them, is
/// the same at 8 kHz.
fn formats() -> (Format, Format, Framing) {
    if hours() < 1.0 {
        return (MONO, STEREO, Framing::default());
    }
    let mono = Format {
        rate: 8000,
        channels: 1,
    };
    let framing = Framing {
        rate: 8000,
        window: 160,
        hop: 80,
        ..Framing::default()
    };
    (mono, mono, framing)
}

/// A whole day at a drift: jitter of 3 ms on either side, 100 stalls of 20 ms to 2 s of microphone, loudspeaker or worker.
fn day(ppm: f64) {
    let (input, output, framing) = formats();
    let (microphone, loudspeaker) = (clock(ppm / 2.0, 0.003), clock(-ppm / 2.0, 0.003));
    let mut day = Day::with(microphone, loudspeaker, input, output, framing);
    let mut random = fastrand::Rng::with_seed(ppm.to_bits());
    let seconds = 3600.0 * hours();
    let stalls = (100.0 * hours() / 24.0).ceil().max(10.0) as usize;
    // The clocks' difference is found, and the margin settles.
    day.pass(120.0);
    let (mut least, mut most) = (f64::MAX, 0.0f64);
    for _ in 0..stalls {
        let quiet = (seconds / stalls as f64 - 10.0).max(20.0);
        let length = 0.02 + 1.98 * random.f64().powi(2);
        match random.usize(0..3) {
            0 => day.world.stall("microphone", length),
            1 => day.world.stall("loudspeaker", length),
            _ => day.world.stall_worker(length),
        }
        // Ten seconds after each stall the delay is what it was.
        day.pass(length + 10.0);
        let part = quiet / 2.0;
        for _ in 0..2 {
            let delay = day.delay_ms(part);
            (least, most) = (least.min(delay), most.max(delay));
        }
    }
    let status = day.session.status();
    println!(
        "{ppm:+} ppm, {:.1} h, {stalls} stalls: delay {least:.1} to {most:.1} ms, drift found {:.1} ppm; {}",
        day.world.now() / 3600.0,
        status.drift_ppm.unwrap(),
        serde_json::to_string(&status).unwrap()
    );
    // 20 ms of the denoiser, a block of 10 ms on either side, the filter, and a margin for 2 x 3 ms of jitter and what
    // the stalls have taught.
    assert!(least > 40.0 && most < 80.0, "{least} to {most} ms");
    // The wanted level moves as the margin shrinks after a stall, which the estimate follows for a while.
    assert!(
        (status.drift_ppm.unwrap() - ppm).abs() < 60.0,
        "{:?}",
        status.drift_ppm
    );
    // What is said is what is so.
    let heard = day.delay_ms(20.0);
    let said = day.session.status().latency_ms.unwrap();
    assert!((heard - said).abs() < 5.0, "said {said}, heard {heard} ms");
    // The books balance: all that came in was cleaned or is counted as lost, all that was cleaned was played or counted.
    let totals = day.session.totals();
    let elapsed = day.world.now() * (1.0 + ppm / 2.0 * 1e-6);
    let came = totals.received + totals.overrun;
    assert!((came - elapsed).abs() < 0.05, "{came} of {elapsed} s came in");
    assert!(totals.received - totals.converted < 0.02);
    assert_eq!(totals.restarts, 0);
}

#[test]
fn a_day_without_drift() {
    day(0.0);
}

#[test]
fn a_day_with_a_fast_microphone() {
    day(300.0);
}

#[test]
fn a_day_with_a_slow_microphone() {
    day(-300.0);
}

#[test]
fn without_jitter_and_stalls_nothing_is_ever_lacking_or_skipped() {
    let mut day = Day::new(clock(150.0, 0.0), clock(-150.0, 0.0));
    day.pass(900.0);
    let totals = day.session.totals();
    assert_eq!((totals.underruns, totals.skips), (0, 0));
    assert!(day.delay_ms(30.0) < 50.0);
}

#[test]
fn frames_that_are_longer_than_blocks_lack_nothing_either() {
    let framing = Framing {
        window: 1536,
        hop: 768,
        ..Framing::default()
    };
    let (microphone, loudspeaker) = (clock(150.0, 0.0), clock(-150.0, 0.0));
    let mut day = Day::with(microphone, loudspeaker, MONO, STEREO, framing);
    day.pass(300.0);
    let totals = day.session.totals();
    assert_eq!((totals.underruns, totals.skips), (0, 0));
    // As much later as the frames are longer, and what is said is so.
    let delay = day.delay_ms(30.0);
    assert!(delay < 62.0, "{delay} ms");
    let said = day.session.status().latency_ms.unwrap();
    assert!((delay - said).abs() < 5.0, "said {said}, found {delay} ms");
}

#[test]
fn sound_passes_bit_for_bit_on_one_clock_and_every_step_is_counted() {
    let world = World::new(3);
    // Sample n has the value n, as far as f32 counts without gaps.
    let ramp = Box::new(|t: f64| (t * 48_000.0).round() as f32);
    world.add("microphone", MONO, clock(0.0, 0.002), Terminal::Input(ramp));
    let heard = Rc::new(RefCell::new(Vec::new()));
    let ear = heard.clone();
    let hear = Box::new(move |_: f64, samples: &[f32]| ear.borrow_mut().extend_from_slice(samples));
    world.add("loudspeaker", MONO, clock(0.0, 0.002), Terminal::Output(hear));
    world.set_one_clock(true);
    let plan = Plan {
        input: None,
        outputs: vec![Target::Default],
        record: false,
        always_retime: false,
    };
    let controls = Arc::new(Controls::new(&Config::default().bypass(true)));
    let build = Box::new(|format| identity::denoiser(format, Framing::default(), true));
    let mut session = Session::start(Box::new(world.host()), plan, controls, build).unwrap();
    world.advance(30.0);
    world.stall("loudspeaker", 0.4);
    world.advance(60.0);
    world.stall("microphone", 0.3);
    world.advance(90.0);
    let totals = session.totals();
    let heard = heard.borrow();
    // Between the steps: runs of samples that follow one another exactly. Fades at the steps are 5 ms.
    let (mut exact, mut last, mut jumped) = (0, None, 0.0);
    for pair in heard.windows(2).filter(|pair| pair[0] >= 1.0) {
        if pair[1] == pair[0] + 1.0 {
            if let Some(last) = last.filter(|&last| pair[0] != last) {
                jumped += f64::from(pair[0] - last);
            }
            exact += 1;
            last = Some(pair[1]);
        }
    }
    assert!(exact > 89 * 48_000, "{exact} of {} samples", heard.len());
    assert!(totals.skips >= 1 && totals.underruns >= 1, "{totals:?}");
    // Samples that no run holds: those skipped, and those that were faded.
    let faded = f64::from(4 * totals.skips as u32 + 4 * totals.underruns as u32) * 240.0;
    let skipped = totals.skipped * 48_000.0;
    // Less than a block was left out before the first sample.
    let before = 480.0;
    assert!(
        jumped >= skipped - before && jumped <= skipped + faded,
        "{jumped} frames jumped, {skipped} skipped, {faded} faded"
    );
    let _ = session.tick().unwrap();
}

#[test]
fn after_a_stall_the_delay_is_what_it_was() {
    for (what, stall) in [
        ("loudspeaker", 0.5),
        ("microphone", 0.5),
        ("worker", 0.5),
        ("worker", 5.0),
    ] {
        let mut day = Day::new(clock(100.0, 0.001), clock(0.0, 0.001));
        day.pass(60.0);
        let before = day.delay_ms(10.0);
        match what {
            "worker" => day.world.stall_worker(stall),
            device => day.world.stall(device, stall),
        }
        day.pass(stall + 5.0);
        let after = day.delay_ms(10.0);
        // A margin that was too small may have grown, but by no more than its one step.
        assert!(
            (after - before).abs() < 11.0,
            "{what}: {before} ms, then {after} ms"
        );
        let status = day.session.status();
        assert!(
            status.skips + status.underruns > 0,
            "{what}: a stall that nobody counted"
        );
        assert!(
            stall < 2.0 || status.lost_ms > 1000.0 * (stall - 2.5),
            "{status:?}"
        );
    }
}

#[test]
fn a_microphone_that_is_unplugged_is_waited_for() {
    let mut day = Day::new(clock(0.0, 0.001), clock(0.0, 0.001));
    day.pass(5.0);
    assert_eq!(day.events(), ["microphone -> loudspeaker"]);
    day.world.unplug("microphone");
    day.pass(10.0);
    assert_eq!(day.events(), ["stopped: the device is gone"]);
    assert!(!day.session.status().running);
    // It comes back with another format.
    day.world.plug_in(
        "microphone",
        Format {
            rate: 44_100,
            channels: 2,
        },
    );
    day.pass(5.0);
    assert_eq!(day.events(), ["microphone -> loudspeaker"]);
    assert!(day.delay_ms(5.0) < 90.0);
    assert_eq!(day.session.status().restarts, 1);
}

#[test]
fn a_named_microphone_is_not_replaced_by_another() {
    let mut day = Day::new(clock(0.0, 0.0), clock(0.0, 0.0));
    day.world
        .add("other", MONO, clock(0.0, 0.0), Terminal::Input(tone()));
    day.session = start(&day.world, Some("microphone")).unwrap();
    day.world.set_default(Direction::Input, "other");
    day.pass(5.0);
    day.world.unplug("microphone");
    day.pass(5.0);
    assert_eq!(
        day.events(),
        ["microphone -> loudspeaker", "stopped: the device is gone"]
    );
}

#[test]
fn the_default_device_is_followed() {
    let mut day = Day::new(clock(0.0, 0.001), clock(0.0, 0.001));
    day.world
        .add("headset", MONO, clock(0.0, 0.001), Terminal::Input(tone()));
    day.pass(5.0);
    day.world.set_default(Direction::Input, "headset");
    day.pass(5.0);
    assert_eq!(
        day.events(),
        [
            "microphone -> loudspeaker",
            "default Input",
            "headset -> loudspeaker"
        ]
    );
    assert!(day.delay_ms(5.0) < 60.0);
}

#[test]
fn a_server_that_restarts_is_waited_for_and_what_is_known_of_the_clocks_is_kept() {
    let mut day = Day::new(clock(250.0, 0.001), clock(0.0, 0.001));
    day.pass(200.0);
    day.world.restart_server(20.0);
    day.pass(25.0);
    assert_eq!(
        day.events(),
        [
            "microphone -> loudspeaker",
            "stopped: the sound server has ended the connection",
            "microphone -> loudspeaker"
        ]
    );
    let drift = day.session.status().drift_ppm.unwrap();
    assert!((drift - 250.0).abs() < 20.0, "{drift} ppm");
    assert!(day.delay_ms(10.0) < 60.0);
}

#[test]
fn sleep_and_resume_leave_no_delay() {
    let mut day = Day::new(clock(0.0, 0.001), clock(0.0, 0.001));
    day.pass(30.0);
    let before = day.delay_ms(10.0);
    day.world.sleep(8.0 * 3600.0);
    day.pass(10.0);
    let after = day.delay_ms(10.0);
    assert!((after - before).abs() < 11.0, "{before} ms, then {after} ms");
}

#[test]
fn without_a_device_nothing_starts_and_the_message_says_what_to_do() {
    let world = World::new(1);
    world.add(
        "loudspeaker",
        STEREO,
        clock(0.0, 0.0),
        Terminal::Output(Box::new(|_, _| {})),
    );
    let error = start(&world, None).err().unwrap();
    assert_eq!(error, AudioError::NoDevice(Direction::Input));
    assert!(error.to_string().contains("plug one in"));
    let error = start(&world, Some("nowhere")).err().unwrap().to_string();
    assert!(error.contains("aeden devices"), "{error}");
}

/// What a loudspeaker played: how often it fell silent in the middle of the tone, and the largest step from one sample to
/// the next, all since the last call.
#[derive(Default)]
struct Steps {
    last: Option<f32>,
    silent: usize,
    gaps: usize,
    largest: f32,
}

impl Steps {
    fn hear(&mut self, samples: &[f32]) {
        for &sample in samples {
            if let Some(last) = self.last {
                self.largest = self.largest.max((sample - last).abs());
            }
            self.last = Some(sample);
            // The tone itself is exactly zero for one sample at most.
            self.silent = if sample == 0.0 { self.silent + 1 } else { 0 };
            self.gaps += usize::from(self.silent == 20);
        }
    }

    fn take(&mut self) -> (usize, f32) {
        let taken = (self.gaps, self.largest);
        (self.gaps, self.largest) = (0, 0.0);
        taken
    }
}

#[test]
fn a_device_that_nobody_answers_gets_more_in_hand_and_its_gaps_are_faded() {
    let world = World::new(11);
    world.add("microphone", MONO, clock(40.0, 0.001), Terminal::Input(tone()));
    let steps = Rc::new(RefCell::new(Steps::default()));
    let ear = steps.clone();
    let hear = Box::new(move |_: f64, samples: &[f32]| ear.borrow_mut().hear(samples));
    world.add("loudspeaker", MONO, clock(0.0, 0.001), Terminal::Output(hear));
    world.hold("loudspeaker");
    let mut session = start(&world, None).unwrap();
    let mut pass = |seconds: f64| {
        let until = world.now() + seconds;
        while world.now() < until {
            world.advance((world.now() + 0.1).min(until));
            session.tick().unwrap();
        }
        let status = session.status();
        let (gaps, largest) = steps.borrow_mut().take();
        // The tone's own steps are 0.0007 from sample to sample, those of a fade of 5 ms 0.0021.
        assert!(largest < 0.004, "a step of {largest} before {until} s");
        (gaps, status.device_underruns, status.latency_ms.unwrap())
    };
    pass(20.0);
    let (gaps, dry, at_first) = pass(10.0);
    assert_eq!((gaps, dry), (0, 0));
    // What is in hand covers this.
    world.stall("loudspeaker", 0.015);
    assert_eq!(pass(10.0).0, 0);
    // But not this; from then on there is more in hand, until that would be enough.
    let mut stalls = 0;
    let grown = loop {
        world.stall("loudspeaker", 0.045);
        stalls += 1;
        let (gaps, dry, latency) = pass(10.0);
        if gaps == 0 {
            break latency;
        }
        assert_eq!(dry, stalls);
        assert!(stalls < 6, "still gaps after {stalls} stalls");
    };
    assert!(
        stalls > 1 && grown > at_first + 15.0,
        "{at_first} ms, then {grown} ms"
    );
    // In quiet it comes down again, without a gap.
    let (gaps, _, quiet) = pass(600.0);
    assert_eq!(gaps, 0);
    assert!(
        quiet < at_first + 5.0,
        "{at_first} ms, {grown} ms, then {quiet} ms"
    );
}
