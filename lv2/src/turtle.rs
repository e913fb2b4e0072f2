//! What LV2 hosts read before they load anything, written from the table of ports. It lies in `aeden.lv2`; a test compares.

use crate::ports::{PLUGINS, Plugin, Port};
use std::fmt::Write;

/// Which plugins there are, and in which file the rest stands.
pub fn manifest() -> String {
    let mut all = String::from("@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n");
    all += "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n";
    for plugin in &PLUGINS {
        let uri = plugin.uri();
        all += &format!(
            "\n<{uri}>\n    a lv2:Plugin ;\n    lv2:binary <aeden.so> ;\n    rdfs:seeAlso <aeden.ttl> .\n"
        );
    }
    all
}

/// Names and ports of all plugins.
pub fn plugins() -> String {
    let mut all = String::new();
    for (name, space) in [
        ("doap", "http://usefulinc.com/ns/doap#"),
        ("lv2", "http://lv2plug.in/ns/lv2core#"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
        ("units", "http://lv2plug.in/ns/extensions/units#"),
    ] {
        all += &format!("@prefix {name}: <{space}> .\n");
    }
    for plugin in &PLUGINS {
        all += &describe(plugin);
    }
    all
}

fn describe(plugin: &Plugin) -> String {
    let ports: Vec<String> = plugin
        .ports()
        .into_iter()
        .enumerate()
        .map(|(index, port)| describe_port(index, port))
        .collect();
    format!(
        "
<{}>
    a lv2:Plugin , lv2:FilterPlugin ;
    doap:name \"{}\" ;
    doap:license <http://opensource.org/licenses/mit> ;
    rdfs:comment \"Takes noise out of speech\" ;
    lv2:optionalFeature lv2:hardRTCapable ;
    lv2:port {} .
",
        plugin.uri(),
        plugin.name,
        ports.join(" , ")
    )
}

fn describe_port(index: usize, port: Port) -> String {
    let kinds = match port {
        Port::Control(_) => "lv2:InputPort , lv2:ControlPort",
        Port::Latency => "lv2:OutputPort , lv2:ControlPort",
        Port::Input(_) => "lv2:InputPort , lv2:AudioPort",
        Port::Output(_) => "lv2:OutputPort , lv2:AudioPort",
    };
    let (symbol, name) = port.names();
    let mut lines = vec![
        format!("a {kinds}"),
        format!("lv2:index {index}"),
        format!("lv2:symbol \"{symbol}\""),
        format!("lv2:name \"{name}\""),
    ];
    match port {
        Port::Control(control) => {
            let look = control.look();
            let [least, default, most] = look.range;
            lines.push(format!("lv2:minimum {least:.1}"));
            lines.push(format!("lv2:default {default:.1}"));
            lines.push(format!("lv2:maximum {most:.1}"));
            lines.push(format!("rdfs:comment \"{}\"", look.about));
            if look.is_switch {
                lines.push("lv2:portProperty lv2:toggled".to_owned());
            }
            if look.is_decibel {
                lines.push("units:unit units:db".to_owned());
            }
        }
        Port::Latency => {
            lines.push("lv2:portProperty lv2:reportsLatency , lv2:integer".to_owned());
            lines.push("lv2:designation lv2:latency".to_owned());
            lines.push("units:unit units:frame".to_owned());
        }
        Port::Input(_) | Port::Output(_) => {}
    }
    let mut all = String::from("[\n");
    for line in &lines {
        let end = if Some(line) == lines.last() { "" } else { " ;" };
        let _ = writeln!(all, "        {line}{end}");
    }
    all + "    ]"
}
