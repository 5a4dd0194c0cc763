//! Manifests as teams keep them in Git, made from a seed: all kinds that carry a pod, in the styles that editors, Helm and
//! `kubectl` leave behind.

use std::fmt::Write as _;

/// Numbers from a seed, so that a failure can be had again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed ^ 0x9e37_79b9_7f4a_7c15);
        dice.below(2);
        dice
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A value whose members keep their order.
#[derive(Clone)]
enum Value {
    Map(Vec<(&'static str, Value)>),
    List(Vec<Value>),
    /// A scalar as YAML writes it plain, and JSON too.
    Plain(&'static str),
    /// A string.
    Text(&'static str),
    /// A string of several lines.
    Lines(&'static str),
}

use Value::{Lines, List, Map, Plain, Text};

/// Kinds with their `apiVersion`, and where the pod's template stands in them.
const KINDS: [(&str, &str, &[&str]); 9] = [
    ("Pod", "v1", &[]),
    ("Deployment", "apps/v1", &["spec", "template"]),
    ("ReplicaSet", "apps/v1", &["spec", "template"]),
    ("StatefulSet", "apps/v1", &["spec", "template"]),
    ("DaemonSet", "apps/v1", &["spec", "template"]),
    ("Job", "batch/v1", &["spec", "template"]),
    ("CronJob", "batch/v1", &["spec", "jobTemplate", "spec", "template"]),
    ("ReplicationController", "v1", &["spec", "template"]),
    ("PodTemplate", "v1", &["template"]),
];

pub(crate) const KIND_COUNT: usize = KINDS.len();

fn security_context(dice: &mut Dice) -> Value {
    let mut members = Vec::new();
    for (chances, member) in [
        (4, ("allowPrivilegeEscalation", Plain("false"))),
        (5, ("readOnlyRootFilesystem", Plain("true"))),
        (6, ("runAsUser", Plain("1000"))),
        (9, ("runAsNonRoot", Plain("true"))),
        (12, ("privileged", Plain("true"))),
        (5, ("capabilities", Map(Vec::new()))),
        (6, ("capabilities", Map(vec![("add", List(vec![Text("NET_BIND_SERVICE")]))]))),
        (9, ("capabilities", Map(vec![("drop", List(vec![Text("ALL")]))]))),
        (9, ("capabilities", Plain("null"))),
    ] {
        if dice.one_in(chances) && members.iter().all(|(name, _)| *name != member.0) {
            members.push(member);
        }
    }
    if dice.one_in(6) { Plain("null") } else { Map(members) }
}

fn container(dice: &mut Dice, name: &'static str, is_init: bool) -> Value {
    let image = dice.pick(&["nginx:1.27", "registry.example.com/shop/web@sha256:0123", "busybox"]);
    let mut members = vec![("name", Text(name)), ("image", Text(image))];
    let mut sometimes = |chances, name, value| {
        if dice.one_in(chances) {
            members.push((name, value));
        }
    };
    sometimes(3, "command", List(vec![Text("/bin/sh"), Text("-c"), Lines("set -e\n\nexec web\n")]));
    sometimes(3, "args", List(vec![Text("--listen=:8080"), Text("-v"), Text("yes")]));
    let port = Map(vec![("name", Text("http")), ("containerPort", Plain("8080"))]);
    sometimes(2, "ports", List(vec![port]));
    let field = Map(vec![("fieldRef", Map(vec![("fieldPath", Text("status.podIP"))]))]);
    let env = vec![
        Map(vec![("name", Text("MODE")), ("value", Text("no"))]),
        Map(vec![("name", Text("POD_IP")), ("valueFrom", field)]),
    ];
    sometimes(2, "env", List(env));
    let limits = Map(vec![("cpu", Text("100m")), ("memory", Text("64Mi"))]);
    sometimes(2, "resources", Map(vec![("limits", limits.clone()), ("requests", limits)]));
    sometimes(8, "resources", Map(Vec::new()));
    let get = Map(vec![("path", Text("/healthz")), ("port", Text("http"))]);
    sometimes(3, "livenessProbe", Map(vec![("httpGet", get), ("periodSeconds", Plain("10"))]));
    if is_init {
        sometimes(2, "restartPolicy", Text("Always"));
    }
    sometimes(4, "tty", Plain("~"));
    let has_context = dice.one_in(2);
    if has_context {
        let at = 1 + dice.below(members.len());
        let context = security_context(dice);
        members.insert(at, ("securityContext", context));
    }
    let mount = Map(vec![("name", Text("data")), ("mountPath", Text("/data"))]);
    if dice.one_in(2) {
        members.push(("volumeMounts", List(vec![mount])));
    }
    // A probe may be written last, and a block scalar too.
    if dice.one_in(3) {
        let at = 1 + dice.below(members.len() - 1);
        let last = members.remove(at);
        members.push(last);
    }
    let mut seen = Vec::new();
    members.retain(|(name, _)| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    Map(members)
}

fn pod_spec(dice: &mut Dice) -> Value {
    let containers =
        (0..=dice.below(3)).map(|n| container(dice, ["app", "side", "log", "x"][n], false));
    let containers = List(containers.collect());
    let mut members = Vec::new();
    if dice.one_in(3) {
        members.push(("initContainers", List(vec![container(dice, "init", true)])));
    }
    members.push(("containers", containers));
    let source = match dice.below(6) {
        0 => ("hostPath", Map(vec![("path", Text("/var/log"))])),
        1 => ("persistentVolumeClaim", Map(vec![("claimName", Text("data"))])),
        2 => ("configMap", Map(vec![("name", Text("web"))])),
        3 => ("nfs", Map(vec![("server", Text("nfs")), ("path", Text("/"))])),
        _ => ("emptyDir", Map(Vec::new())),
    };
    members.push(("volumes", List(vec![Map(vec![("name", Text("data")), source])])));
    for (chances, member) in [
        (3, ("serviceAccountName", Text("web"))),
        (5, ("automountServiceAccountToken", Plain("false"))),
        (8, ("hostNetwork", Plain("true"))),
        (6, ("hostUsers", Plain("false"))),
        (9, ("hostUsers", Plain("~"))),
        (3, ("nodeSelector", Map(vec![("kubernetes.io/os", Text("linux"))]))),
        (9, ("os", Map(vec![("name", Text("windows"))]))),
        (4, ("securityContext", Map(Vec::new()))),
        (6, ("securityContext", Map(vec![("fsGroup", Plain("2000"))]))),
        (8, ("securityContext", Map(vec![("runAsNonRoot", Plain("true"))]))),
        (9, ("securityContext", Plain("null"))),
        (3, ("terminationGracePeriodSeconds", Plain("30"))),
    ] {
        if dice.one_in(chances) && members.iter().all(|(name, _)| *name != member.0) {
            let at = dice.below(members.len() + 1);
            members.insert(at, member);
        }
    }
    Map(members)
}

fn labels() -> Value {
    Map(vec![("app.kubernetes.io/name", Text("web")), ("team", Text("shop"))])
}

fn object(dice: &mut Dice, kind: usize) -> Value {
    let (name, api_version, template) = KINDS[kind];
    let spec = pod_spec(dice);
    let mut metadata = vec![("name", Text("web"))];
    if dice.one_in(2) {
        metadata.push(("namespace", Text("shop")));
    }
    metadata.push(("labels", labels()));
    if dice.one_in(3) {
        metadata.push(("annotations", Map(vec![("example.com/note", Lines("first\n  second\n"))])));
    }
    let head = vec![("apiVersion", Text(api_version)), ("kind", Text(name))];
    let with_spec = |metadata: Value| vec![("metadata", metadata), ("spec", spec.clone())];
    let Some((innermost, outer)) = template.split_last() else {
        return Map([head, with_spec(Map(metadata))].concat());
    };
    let pod = Map(with_spec(Map(vec![("labels", labels())])));
    let mut body = vec![(*innermost, pod)];
    if !outer.is_empty() && dice.one_in(2) {
        body.insert(0, ("replicas", Plain("2")));
    }
    if !outer.is_empty() && dice.one_in(3) {
        body.push(("revisionHistoryLimit", Plain("3")));
    }
    for step in outer.iter().rev() {
        body = vec![(*step, Map(body))];
    }
    Map([head, vec![("metadata", Map(metadata))], body].concat())
}

/// What stands beside pods in the same files.
fn other(dice: &mut Dice) -> Value {
    let metadata = Map(vec![("name", Text("web")), ("labels", labels())]);
    let (kind, member) = match dice.below(2) {
        0 => ("ConfigMap", ("data", Map(vec![("app.conf", Lines("[web]\n\nport = 8080\n"))]))),
        _ => ("Service", ("spec", Map(vec![("selector", labels())]))),
    };
    Map(vec![("apiVersion", Text("v1")), ("kind", Text(kind)), ("metadata", metadata), member])
}

/// A file's text, with an object of this kind in it, and perhaps others.
pub(crate) fn manifest(seed: u64, kind: usize) -> (&'static str, String) {
    let dice = &mut Dice::new(seed);
    let first = object(dice, kind);
    if dice.one_in(8) {
        let step = dice.pick(&["  ", "    ", "\t"]);
        let mut text = String::new();
        json(&first, (!dice.one_in(4)).then_some(step), "", &mut text);
        if dice.one_in(2) {
            text.push('\n');
        }
        return ("json", text);
    }
    let step = dice.pick(&[2, 2, 2, 4]);
    let mut writer = Writer {
        list: dice.pick(&[0, step]),
        step,
        line_break: if dice.one_in(8) { "\r\n" } else { "\n" },
        has_comments: !dice.one_in(3),
        is_spaced: dice.one_in(4),
        has_anchor: false,
        dice,
        out: String::new(),
    };
    if writer.dice.one_in(20) {
        writer.out.push('\u{feff}');
    }
    if writer.dice.one_in(8) {
        let items = vec![first, other(writer.dice)];
        let list = vec![("apiVersion", Text("v1")), ("kind", Text("List")), ("items", List(items))];
        writer.document(&Map(list));
    } else {
        let count = 1 + writer.dice.below(3);
        for number in 0..count {
            if number > 0 || writer.dice.one_in(2) {
                writer.text("---");
                if writer.dice.one_in(3) {
                    writer.text("# Source: web/templates/deployment.yaml");
                }
            }
            let next = if number == 0 { first.clone() } else { other(writer.dice) };
            writer.document(&next);
        }
        if writer.dice.one_in(12) {
            writer.text("...");
        }
    }
    let mut text = writer.out;
    if seed.is_multiple_of(5) && !text.trim_end().ends_with("8080") {
        text.truncate(text.trim_end().len());
    }
    ("yaml", text)
}

fn json(value: &Value, step: Option<&str>, indent: &str, out: &mut String) {
    let inner = format!("{indent}{}", step.unwrap_or_default());
    let (line, last) = match step {
        Some(_) => (format!("\n{inner}"), format!("\n{indent}")),
        None => (String::new(), String::new()),
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Plain("~") => out.push_str("null"),
        Plain(text) => out.push_str(text),
        Text(text) | Lines(text) => out.push_str(&quoted(text)),
        Map(members) if members.is_empty() => out.push_str("{}"),
        List(items) if items.is_empty() => out.push_str("[]"),
        Map(members) => {
            for (number, (name, value)) in members.iter().enumerate() {
                let colon = if step.is_some() { ": " } else { ":" };
                out.push(if number == 0 { '{' } else { ',' });
                write!(out, "{line}{}{colon}", quoted(name)).unwrap();
                json(value, step, &inner, out);
            }
            write!(out, "{last}}}").unwrap();
        }
        List(items) => {
            for (number, item) in items.iter().enumerate() {
                out.push(if number == 0 { '[' } else { ',' });
                out.push_str(&line);
                json(item, step, &inner, out);
            }
            write!(out, "{last}]").unwrap();
        }
    }
}

struct Writer<'d> {
    dice: &'d mut Dice,
    out: String,
    step: usize,
    list: usize,
    line_break: &'static str,
    has_comments: bool,
    is_spaced: bool,
    /// The document has the anchor `&limits`.
    has_anchor: bool,
}

const COMMENTS: [&str; 4] =
    ["# keep in step with the chart", "# TODO: {a: b}", "#", "# image: nginx:1.26"];

impl Writer<'_> {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str(self.line_break);
    }

    fn end_line(&mut self) {
        if self.has_comments && self.dice.one_in(12) {
            let gap = self.dice.pick(&[" ", "  ", "\t"]);
            let comment = self.dice.pick(&COMMENTS);
            write!(self.out, "{gap}{comment}").unwrap();
        }
        self.out.push_str(self.line_break);
    }

    fn between(&mut self, indent: usize) {
        if self.is_spaced && self.dice.one_in(5) {
            self.text("");
        }
        if self.has_comments && self.dice.one_in(8) {
            let comment = self.dice.pick(&COMMENTS);
            let line = format!("{:indent$}{comment}", "");
            self.text(&line);
        }
    }

    fn document(&mut self, value: &Value) {
        self.has_anchor = false;
        self.between(0);
        if let Map(members) = value {
            self.members(members, 0);
        }
        if self.has_comments && self.dice.one_in(3) {
            self.text("# the end");
        }
    }

    fn members(&mut self, members: &[(&'static str, Value)], indent: usize) {
        for (number, (name, value)) in members.iter().enumerate() {
            if number > 0 {
                self.between(indent);
                write!(self.out, "{:indent$}", "").unwrap();
            }
            let is_quoted = self.dice.one_in(40);
            let name = if is_quoted { format!("\"{name}\":") } else { format!("{name}:") };
            self.out.push_str(&name);
            if name == "resources:" && !is_small(value) {
                // They are the same wherever they are written.
                if self.has_anchor {
                    self.out.push_str(" *limits");
                    self.end_line();
                    continue;
                }
                if self.dice.one_in(2) {
                    self.has_anchor = true;
                    self.out.push_str(" &limits");
                }
            }
            self.child(value, indent);
        }
    }

    fn child(&mut self, value: &Value, indent: usize) {
        let in_flow = self.dice.one_in(if is_small(value) { 3 } else { 25 });
        match value {
            Map(members) if !members.is_empty() && !in_flow => {
                self.end_line();
                let inner = indent + self.step;
                write!(self.out, "{:inner$}", "").unwrap();
                self.members(members, inner);
            }
            List(items) if !items.is_empty() && !in_flow => {
                self.end_line();
                let inner = indent + self.list;
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.between(inner);
                    }
                    write!(self.out, "{:inner$}-", "").unwrap();
                    self.item(item, inner);
                }
            }
            Lines(text) if !self.dice.one_in(4) => self.block(text, indent + self.step),
            Plain("null" | "~") if self.dice.one_in(3) => self.end_line(),
            _ => {
                let text = self.flow(value);
                write!(self.out, " {text}").unwrap();
                self.end_line();
            }
        }
    }

    fn item(&mut self, item: &Value, indent: usize) {
        match item {
            Map(members) if !members.is_empty() && !self.dice.one_in(20) => {
                let inner = indent + 2;
                if self.dice.one_in(12) {
                    self.end_line();
                    write!(self.out, "{:inner$}", "").unwrap();
                } else {
                    self.out.push(' ');
                }
                self.members(members, inner);
            }
            Lines(text) if !self.dice.one_in(4) => self.block(text, indent + 2),
            _ => {
                let text = self.flow(item);
                write!(self.out, " {text}").unwrap();
                self.end_line();
            }
        }
    }

    fn block(&mut self, text: &str, indent: usize) {
        let mark = self.dice.pick(&[" |", " |-", " |+"]);
        self.text(mark);
        for line in text.lines() {
            let indent = if line.is_empty() { 0 } else { indent };
            let line = format!("{:indent$}{line}", "");
            self.text(&line);
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        let gap = if self.dice.one_in(4) { " " } else { "" };
        match value {
            Plain(text) => (*text).to_owned(),
            Text(text)
                if text.starts_with(|c: char| c.is_ascii_alphabetic())
                    && *text != "no"
                    && *text != "yes"
                    && !self.dice.one_in(8) =>
            {
                (*text).to_owned()
            }
            Text(text) if self.dice.one_in(2) => format!("'{text}'"),
            Text(text) | Lines(text) => serde_json::Value::from(*text).to_string(),
            Map(members) if members.is_empty() => "{}".to_owned(),
            Map(members) => {
                let members =
                    members.iter().map(|(name, value)| format!("{name}: {}", self.flow(value)));
                let members: Vec<String> = members.collect();
                format!("{{{gap}{}{gap}}}", members.join(", "))
            }
            List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{gap}{}{gap}]", items.join(", "))
            }
        }
    }
}

fn is_small(value: &Value) -> bool {
    let scalar = |value: &Value| matches!(value, Plain(_) | Text(_));
    match value {
        Map(members) => members.len() < 4 && members.iter().all(|(_, value)| scalar(value)),
        List(items) => items.iter().all(scalar),
        _ => false,
    }
}
