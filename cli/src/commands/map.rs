//! `aeden map`: how the sounds of a folder lie in the space of codes.

#[path = "../../../jobs/src/map/layout.rs"]
mod layout;

use super::find::vector::Vector;
use crate::args::map::{Colour, MapArgs};
use crate::family::{load, see};
use crate::output::{Output, Target, clean_up_when_stopped, commit, exists, print, sweep};
use crate::plan::inputs;
use crate::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem};
use crate::progress::Progress;
use crate::report::clip::clip;
use aeden::autoencoder::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;

/// Every pair of sounds is looked at, in memory too.
const MOST: usize = 5_000;
/// Seconds of sound on the page that all share, and what one has at least and at most.
const SHARED_SECONDS: f64 = 600.0;
const SECONDS: (f64, f64) = (0.5, 5.0);

const HEAD: &str = include_str!("map.html");
const SCRIPT: &str = include_str!("map.js");

/// Does what the arguments say, and returns the exit status.
pub fn map(args: &MapArgs) -> Result<u8, Problem> {
    let target = Target::File(args.output.clone());
    if args.output.is_dir() {
        return Err(Problem::usage(format!(
            "{}: a folder; -o takes the name of the page, such as map.html",
            args.output.display()
        )));
    }
    if !args.options.overwrite && args.output.symlink_metadata().is_ok() {
        return Err(exists(&args.output));
    }
    let model = load(args.options.model.as_deref(), Kind::SparseKl)?;
    let inputs = inputs(&args.inputs);
    if inputs.len() > MOST {
        return Err(Problem::usage(format!(
            "{} sounds; a map has at most {MOST}, give fewer folders",
            inputs.len()
        )));
    }
    clean_up_when_stopped(|| INTERRUPTED);
    sweep(&target.folder());
    let mut out = Output::create(&target, args.options.overwrite)?;
    let progress = Progress::new(!args.options.quiet);
    let mut status = DONE;
    let (mut sounds, mut points) = (Vec::new(), Vec::new());
    for (source, usable) in &inputs {
        let _bar = progress.file(source.name(), None, 48_000);
        match usable.clone().and_then(|()| see(source, &model, |_, _| {})) {
            Ok(seen) => {
                let vector = Vector::of(&model, &seen.powers);
                let size = vector
                    .0
                    .iter()
                    .map(|&x| f64::from(x as i8).powi(2))
                    .sum::<f64>()
                    .sqrt()
                    .max(1.0);
                points.push(
                    vector
                        .0
                        .iter()
                        .map(|&x| f64::from(x as i8) / size)
                        .collect::<Vec<f64>>(),
                );
                sounds.push((source, seen.seconds));
            }
            Err(problem) => {
                status = FILE_FAILED;
                progress.line(&format!("aeden: map: {problem}"));
            }
        }
    }
    if sounds.is_empty() {
        return Err(Problem::file(
            &args.output,
            "not written: there is no sound to show",
        ));
    }
    let folder_of = |i: usize| {
        let parent = sounds[i].0.name().parent().and_then(|p| p.file_name());
        parent.map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned())
    };
    let folders: BTreeSet<String> = (0..sounds.len()).map(folder_of).collect();
    let count = args.clusters.map_or(folders.len().clamp(2, 12), usize::from);
    let places = layout::on_a_plane(&points);
    // As people see them: on the map, where dense and wide groups have about the same size.
    let on_map: Vec<Vec<f64>> = places.iter().map(|place| place.to_vec()).collect();
    let clusters = layout::clusters(&on_map, count);

    let share = (SHARED_SECONDS / sounds.len() as f64).clamp(SECONDS.0, SECONDS.1);
    let mut write = |text: &str| {
        out.write_all(text.as_bytes())
            .map_err(|e| Problem::io(&args.output, &e))
    };
    write(HEAD)?;
    for (i, (source, seconds)) in sounds.iter().enumerate() {
        let folder = folder_of(i);
        let about = json!({
            "file": source.name().display().to_string(),
            "folder": folder,
            "cluster": clusters[i] + 1,
            "x": (places[i][0] * 1e4).round() / 1e4,
            "y": (places[i][1] * 1e4).round() / 1e4,
            "seconds": seconds,
        });
        if args.options.json {
            print(&format!("{about}\n"))?;
        }
        let mut about = about;
        about["group"] = match args.colour {
            Colour::Folder => folder.into(),
            Colour::Cluster => format!("cluster {}", clusters[i] + 1).into(),
        };
        about["sound"] = STANDARD.encode(clip(source, share)?).into();
        // Nothing in it may end the element.
        let about = about.to_string().replace('<', "\\u003c");
        write(&format!(
            "<script type=\"application/json\" class=\"sound\">{about}</script>\n"
        ))?;
    }
    write(&format!("<script>\n{SCRIPT}</script>\n</body>\n</html>\n"))?;
    commit(vec![out.seal(&[])?])?;
    if !args.options.quiet && !args.options.json {
        let line = format!("{} sounds, {count} clusters", sounds.len());
        progress.line(&format!("aeden: map: {}: {line}", args.output.display()));
    }
    Ok(status)
}
