//! `otus init`: a configuration to begin with. It asks on a terminal, or takes what is given by flags; it writes a file with comments,
//! never over another, and never a token into one.

use crate::{
    cli::{print, refuse},
    config::{self, Origin},
};
use clap::Args;
use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What can be said beforehand.
#[derive(Debug, Clone, Args)]
pub(crate) struct Init {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "config/local.toml")]
    file: PathBuf,
    /// What the robot is called
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where services run, in the order of promotion: staging,production
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    environments: Option<Vec<String>>,
    /// What can be deployed, with its image if it is known: api=registry.example.com/api,web
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    services: Option<Vec<String>>,
    /// Who may deploy: users (U…), user groups (S… or @handle), or * for everybody
    #[arg(long, value_name = "MEMBERS", value_delimiter = ',')]
    deployers: Option<Vec<String>>,
    /// The address of Prometheus, for graphs; empty for none
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// A file with the bot token; else it is in OTUS__SLACK__BOT_TOKEN
    #[arg(long, value_name = "FILE")]
    bot_token_file: Option<PathBuf>,
    /// A file with the app-level token; else it is in OTUS__SLACK__APP_TOKEN
    #[arg(long, value_name = "FILE")]
    app_token_file: Option<PathBuf>,
    /// Asks nothing: what no flag says is left at its default
    #[arg(long)]
    yes: bool,
}

/// What goes into the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answers {
    name: String,
    environments: Vec<String>,
    /// Each with its image, if it is known.
    services: Vec<(String, Option<String>)>,
    deployers: Vec<String>,
    prometheus: Option<String>,
    bot_token_file: Option<String>,
    app_token_file: Option<String>,
}

/// Asks, writes, and says what comes next.
pub(crate) fn main(init: &Init) -> ExitCode {
    if init.file.exists() {
        return refuse(&there_already(&init.file));
    }
    let asks = !init.yes && io::stdin().is_terminal() && io::stdout().is_terminal();
    let answers = if asks {
        print(
            "A few questions; Enter takes what stands in brackets. Nothing is written before the last one.\n\n",
        );
        answers(init, &mut Dialog::new(io::stdin().lock(), io::stdout()))
    } else {
        answers(init, &mut Dialog::silent())
    };
    match answers.and_then(|answers| write(&init.file, &answers)) {
        Ok(()) => {
            print(&next(&init.file));
            ExitCode::SUCCESS
        }
        Err(why) => refuse(&why),
    }
}

fn there_already(file: &Path) -> String {
    format!(
        "{} is there already, and nothing is written over it. Name another file with --file, or take this one away; `otus check` \
         tries what is in it",
        file.display()
    )
}

fn next(file: &Path) -> String {
    let named = if file == Path::new("config/local.toml") {
        String::new()
    } else {
        format!(" --config {}", file.display())
    };
    format!(
        "\
Wrote {file}. What comes next:
  1. `otus manifest{named}` prints the Slack app: paste it at api.slack.com/apps → Create New App → From a manifest
  2. Install the app, and make an app-level token with the scope connections:write under Basic Information
  3. Hand both tokens over: OTUS__SLACK__BOT_TOKEN and OTUS__SLACK__APP_TOKEN, or the files that are named in the configuration
  4. `otus check{named}` tries everything, and says how to mend what is wrong
  5. `otus run{named}`
",
        file = file.display(),
    )
}

/// Questions and answers; without anybody to ask, every answer is the one that is offered.
struct Dialog<R, W> {
    ends: Option<(R, W)>,
}

impl Dialog<io::Empty, io::Sink> {
    fn silent() -> Self {
        Self { ends: None }
    }
}

impl<R: BufRead, W: Write> Dialog<R, W> {
    fn new(read: R, write: W) -> Self {
        Self {
            ends: Some((read, write)),
        }
    }

    /// What was said beforehand, else what somebody answers, else what is offered.
    fn ask(&mut self, given: Option<String>, question: &str, offered: &str) -> Result<String, String> {
        let Some((read, write)) = self.ends.as_mut().filter(|_| given.is_none()) else {
            return Ok(given.unwrap_or_else(|| offered.to_owned()));
        };
        let lost = |error: io::Error| format!("the terminal cannot be used: {error}");
        write!(write, "{question} [{offered}] ")
            .and_then(|()| write.flush())
            .map_err(lost)?;
        let mut line = String::new();
        if read.read_line(&mut line).map_err(lost)? == 0 {
            return Err("left before the last question, so nothing was written".to_owned());
        }
        let line = line.trim();
        Ok(if line.is_empty() { offered } else { line }.to_owned())
    }

    fn list(
        &mut self,
        given: &Option<Vec<String>>,
        question: &str,
        offered: &str,
    ) -> Result<Vec<String>, String> {
        let given = given.as_ref().map(|given| given.join(","));
        let said = self.ask(given, question, offered)?;
        let items = said
            .split([',', ' '])
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Ok(items.map(str::to_owned).collect())
    }
}

fn answers<R: BufRead, W: Write>(init: &Init, dialog: &mut Dialog<R, W>) -> Result<Answers, String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let name = dialog.ask(init.name.clone(), "What is the robot called?", "otus")?;
    let environments = dialog.list(
        &init.environments,
        "Where do services run, in the order of promotion?",
        "staging, production",
    )?;
    let services = dialog.list(
        &init.services,
        "What can be deployed? With its image if you know it (api=registry.example.com/api, web), or nothing yet:",
        "",
    )?;
    let deployers = dialog.list(
        &init.deployers,
        "Who may deploy? Users (U…), user groups (@backend), or * for everybody:",
        "*",
    )?;
    let prometheus = dialog.ask(
        init.prometheus.clone(),
        "Where is Prometheus, for graphs? Nothing for none:",
        "",
    )?;
    let none_if_empty = |said: String| Some(said).filter(|said| !said.is_empty());
    let bot = dialog.ask(
        path(&init.bot_token_file),
        "Which file has the bot token (xoxb-…)? Nothing, if it is in OTUS__SLACK__BOT_TOKEN:",
        "",
    )?;
    let app = dialog.ask(
        path(&init.app_token_file),
        "Which file has the app-level token (xapp-…)? Nothing, if it is in OTUS__SLACK__APP_TOKEN:",
        "",
    )?;
    for file in [&bot, &app] {
        if ["xoxb-", "xapp-", "xoxp-"]
            .iter()
            .any(|kind| file.starts_with(kind))
        {
            return Err(
                "that is a token, not a file with one; it is not written down. Put it into a file, or into the environment variable"
                    .to_owned(),
            );
        }
    }
    Ok(Answers {
        name,
        environments,
        services: services
            .into_iter()
            .map(|said| match said.split_once('=') {
                Some((name, image)) => (name.to_owned(), Some(image.to_owned())),
                None => (said, None),
            })
            .collect(),
        deployers,
        prometheus: none_if_empty(prometheus),
        bot_token_file: none_if_empty(bot),
        app_token_file: none_if_empty(app),
    })
}

/// Writes the file, when the program can read what is in it and nobody has written one meanwhile.
fn write(file: &Path, answers: &Answers) -> Result<(), String> {
    let text = text(answers);
    let loaded = config::load(&Origin {
        program: vec![("the new configuration", without_files(&text))],
        ..Origin::default()
    });
    if !loaded.faults.0.is_empty() {
        return Err(format!(
            "nothing was written, because this would not work: {}",
            loaded.faults.listed()
        ));
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
    }
    let made = OpenOptions::new().write(true).create_new(true).open(file);
    let written = made.and_then(|mut made| made.write_all(text.as_bytes()).and_then(|()| made.sync_all()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => there_already(file),
        _ => format!("{} cannot be written: {error}", file.display()),
    })
}

/// The tokens' files may be put there later.
fn without_files(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("_token_file = "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn text(answers: &Answers) -> String {
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let list = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
        format!("[{}]", items.join(", "))
    };
    let key = |name: &str| toml_edit::Key::new(name).display_repr().into_owned();
    let mut text = String::from(
        "\
# What differs from the defaults of Otus. `otus config` shows all keys with what they are set to and from where, config/default.toml
# explains each, `otus config schema` lets editors complete them, `otus check` tries everything.
",
    );
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n[robot]\n# People say it at the beginning of a message, or mention it.\nname = {}\n",
        quoted(&answers.name)
    );
    text.push_str(
        "# The id of a channel that hears of what goes wrong with Otus itself.\n#notices = \"C012AB3CD\"\n",
    );
    text.push_str("\n[slack]\n");
    for (name, file, variable, what) in [
        (
            "bot_token",
            &answers.bot_token_file,
            "OTUS__SLACK__BOT_TOKEN",
            "The bot token (xoxb-…), from OAuth & Permissions of the Slack app.",
        ),
        (
            "app_token",
            &answers.app_token_file,
            "OTUS__SLACK__APP_TOKEN",
            "The app-level token (xapp-…) with the scope connections:write, from Basic Information.",
        ),
    ] {
        let _ = match file {
            Some(file) => write!(text, "# {what}\n{name}_file = {}\n", quoted(file)),
            None => write!(
                text,
                "# {what} It is in {variable}, or in a file:\n#{name}_file = \"/etc/otus/{}\"\n",
                name.replace('_', "-")
            ),
        };
    }
    text.push_str("\n# Who may do what: a role, and users (U…), user groups (S… or @handle), or * for everybody.\n[roles]\n");
    let _ = writeln!(text, "deployer = {}", list(&answers.deployers));
    text.push_str("\n# Where services run. The name is the namespace, unless `namespace` says otherwise.\n");
    let mut before: Option<&String> = None;
    for environment in &answers.environments {
        let _ = writeln!(text, "[environments.{}]", key(environment));
        if let Some(before) = before {
            let _ = writeln!(text, "after = {}", quoted(before));
        }
        before = Some(environment);
        text.push('\n');
    }
    if answers.services.is_empty() {
        text.push_str(
            "\
# What can be deployed: the name is the Deployment's, unless `workload` says otherwise.
#[services.api]
#image = \"registry.example.com/api\"
",
        );
    } else {
        text.push_str(
            "# What can be deployed. The name is the Deployment's, unless `workload` says otherwise.\n",
        );
    }
    for (name, image) in &answers.services {
        let _ = writeln!(text, "[services.{}]", key(name));
        let _ = match image {
            Some(image) => writeln!(text, "image = {}\n", quoted(image)),
            None => writeln!(
                text,
                "# The image without a tag; else the one that runs.\n#image = \"registry.example.com/{name}\"\n"
            ),
        };
    }
    text.push_str("# Graphs.\n[prometheus]\n");
    let _ = match &answers.prometheus {
        Some(url) => writeln!(text, "url = {}", quoted(url)),
        None => writeln!(text, "#url = \"http://prometheus.monitoring:9090\""),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Init {
        Init {
            file: PathBuf::from("config/local.toml"),
            name: None,
            environments: None,
            services: None,
            deployers: None,
            prometheus: None,
            bot_token_file: None,
            app_token_file: None,
            yes: true,
        }
    }

    #[test]
    fn it_asks_for_what_no_flag_says() {
        let init = Init {
            name: Some("hedwig".into()),
            ..flags()
        };
        let typed = "qa live\napi=registry.test/api, web\n@backend\n\n/etc/bot\n\n";
        let mut shown = Vec::new();
        let said = answers(&init, &mut Dialog::new(typed.as_bytes(), &mut shown)).unwrap();
        let expected = Answers {
            name: "hedwig".into(),
            environments: vec!["qa".into(), "live".into()],
            services: vec![
                ("api".into(), Some("registry.test/api".into())),
                ("web".into(), None),
            ],
            deployers: vec!["@backend".into()],
            prometheus: None,
            bot_token_file: Some("/etc/bot".into()),
            app_token_file: None,
        };
        assert_eq!(said, expected);
        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains("called"), "{shown}");
        assert!(shown.contains("[staging, production]"), "{shown}");
    }

    #[test]
    fn who_leaves_in_between_gets_no_file_and_a_token_is_not_written_down() {
        let left = answers(&flags(), &mut Dialog::new("hedwig\n".as_bytes(), Vec::new()));
        assert!(left.unwrap_err().contains("nothing was written"));
        let typed = "\n\n\n\n\nxoxb-1-2-3\n\n";
        let token = answers(&flags(), &mut Dialog::new(typed.as_bytes(), Vec::new())).unwrap_err();
        assert!(
            token.contains("is not written down") && !token.contains("1-2-3"),
            "{token}"
        );
    }

    #[test]
    fn whatever_is_answered_is_written_as_it_was_meant_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/down/otus.toml");
        let said = Answers {
            name: "o\"tus".into(),
            environments: vec!["a b".into(), "c.d".into()],
            services: vec![("x.y".into(), None)],
            deployers: vec!["*".into()],
            prometheus: Some("http://127.0.0.1:9090".into()),
            bot_token_file: None,
            app_token_file: None,
        };
        write(&file, &said).unwrap();
        let loaded = config::load(&Origin {
            file: Some(file.clone()),
            ..Origin::default()
        });
        assert!(loaded.faults.0.is_empty(), "{}", loaded.faults);
        assert_eq!(loaded.settings.robot.name, "o\"tus");
        assert_eq!(loaded.settings.environments["c.d"].after.as_deref(), Some("a b"));
        assert!(loaded.settings.services.contains_key("x.y"));
        // Never over another.
        assert!(write(&file, &said).unwrap_err().contains("is there already"));
        let twice = Answers {
            services: vec![("api".into(), None), ("api".into(), None)],
            ..said
        };
        let other = folder.path().join("other.toml");
        assert!(write(&other, &twice).unwrap_err().contains("nothing was written"));
        assert!(!other.exists());
    }
}
