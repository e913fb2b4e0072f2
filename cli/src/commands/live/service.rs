//! `--install-service`: this command at every login, as a systemd user unit.

use crate::args::live::LiveArgs;
use aeden_media::output::print;
use aeden_media::problem::{DONE, Problem};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The unit's name.
const UNIT: &str = "aeden-live.service";

/// The unit. Packages install it too, for the program's place in them.
const TEMPLATE: &str = include_str!("aeden-live.service");

/// Writes the unit, and starts it if systemd runs for this user.
pub fn install(args: &LiveArgs) -> Result<u8, Problem> {
    if !cfg!(target_os = "linux") {
        return Err(Problem::usage(
            "--install-service is for Linux; on Windows put `aeden live` into shell:startup, on macOS into the login items",
        ));
    }
    let folder = units()?;
    std::fs::create_dir_all(&folder).map_err(|e| Problem::io(&folder, &e))?;
    let program = std::env::current_exe().map_err(|e| Problem::io(Path::new("aeden"), &e))?;
    let file = folder.join(UNIT);
    std::fs::write(&file, unit(&program, args)?).map_err(|e| Problem::io(&file, &e))?;
    let systemctl = |arguments: &[&str]| {
        let status = Command::new("systemctl").arg("--user").args(arguments).output();
        status.is_ok_and(|output| output.status.success())
    };
    if !(systemctl(&["daemon-reload"]) && systemctl(&["enable", "--now", UNIT])) {
        let what = "written, but nothing has been started: no systemd answers this user here; where it does, say: systemctl --user \
                    enable --now";
        return Err(Problem::file(&file, format!("{what} {UNIT}")));
    }
    print(&format!(
        "wrote {}\nit runs now; systemctl --user disable --now {UNIT} ends that\n",
        file.display()
    ))?;
    Ok(DONE)
}

/// Where the user's units are.
fn units() -> Result<PathBuf, Problem> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let configuration = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let configuration =
        configuration.ok_or_else(|| Problem::usage("neither HOME nor XDG_CONFIG_HOME is set; set one"))?;
    Ok(configuration.join("systemd/user"))
}

/// The unit: after the sound server, again after a crash, with real-time priority where the user may have it.
fn unit(program: &Path, args: &LiveArgs) -> Result<String, Problem> {
    let mut command = vec![utf8(program)?, "live".into()];
    let mut option = |name: &str, value: Option<String>| {
        command.push(name.into());
        command.extend(value);
    };
    if let Some(id) = &args.input {
        option("--input", Some(id.clone()));
    }
    if let Some(id) = &args.output {
        option("--output", Some(id.clone()));
    }
    if args.virtual_mic {
        option("--virtual-mic", None);
    }
    if args.monitor {
        option("--monitor", None);
    }
    if let Some(system) = &args.system {
        option("--system", Some(system.clone()));
    }
    if let Some(preset) = args.preset {
        option("--preset", Some(preset.name.to_lowercase()));
    }
    if let Some(limit) = args.limit {
        option("--limit", Some(limit.to_string()));
    }
    if let Some(bands) = args.bands {
        option("--bands", Some(bands.to_string()));
    }
    if let Some(mix) = args.mix {
        option("--mix", Some(mix.to_string()));
    }
    if let Some(model) = &args.network.model {
        let model = std::path::absolute(model).map_err(|e| Problem::io(model, &e))?;
        option("--model", Some(utf8(&model)?));
    }
    if let Some(engine) = args.network.engine {
        let value = engine.to_possible_value();
        option("--engine", value.map(|value| value.get_name().to_owned()));
    }
    // What finds its library in this folder or this shell would not find it at login.
    let library = match std::env::var("ORT_DYLIB_PATH") {
        Ok(path) if !path.is_empty() => {
            let path = std::path::absolute(&path).map_err(|e| Problem::io(Path::new(&path), &e))?;
            format!(
                "Environment={}\n",
                quoted(&format!("ORT_DYLIB_PATH={}", utf8(&path)?))
            )
        }
        _ => String::new(),
    };
    let command = command
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ");
    // The environment stands first, so the first place is the right one, whatever the command says.
    Ok(TEMPLATE
        .replace("=COMMAND\n", &format!("={command}\n"))
        .replacen("ENVIRONMENT\n", &library, 1))
}

fn utf8(path: &Path) -> Result<String, Problem> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Problem::file(path, "a service needs a path in UTF-8; move it"))
}

/// A word of `ExecStart=`, in which `%` and `$` have meanings (systemd.service(5)).
fn quoted(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_were() {
        assert_eq!(quoted(r#"/a b/50%$x"y\z"#), r#""/a b/50%%$$x\"y\\z""#);
    }
}
