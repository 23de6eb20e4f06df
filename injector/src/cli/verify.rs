//! `oxidize-inject verify`: three answers, each with its exit status.

use std::error::Error;
use std::process::ExitCode;

use oxidize_format::Hex;
use serde_json::{Value, json};

use super::app::App;
use super::args::Verify;
use super::common::Format;
use super::failure::Failure;
use super::{note, print, signing, text};
use oxidize_inject::internal::bundle;
use oxidize_inject::internal::container;
use oxidize_inject::internal::mmap::Map;
use oxidize_inject::internal::sign::state::{self, State};

/// Exit status for an application that another tool rewrote and left intact. A damaged one is a
/// failure.
const ALTERED: u8 = 3;

/// What can be said of an application that is not damaged.
struct Intact {
    altered: bool,
    digest: String,
    signature: State,
}

pub(super) fn verify(args: &Verify) -> Result<ExitCode, Failure> {
    let name = args.app.display();
    let malformed =
        |error: &(dyn Error + 'static)| Failure::because(format!("cannot judge `{name}`"), error);
    if args.app.is_dir() {
        let signature = bundle::verify(&args.app).map_err(|error| malformed(&error))?;
        return tell_signature(args, signature);
    }
    if let Some(program) = stranger(args)? {
        let signature = state::of(&program).map_err(|error| malformed(&error))?;
        return tell_signature(args, signature);
    }
    let json = args.common.output_format == Format::Json;
    let judged = match App::open_or_judge(&args.app)? {
        Ok(app) => {
            app.check_filled()?;
            judge(&app, args)
        }
        Err(damage) => Err(damage),
    };
    let intact = judged.map_err(|damage| {
        damage
            .detail("state", "damaged")
            .detail("altered", Value::Null)
    })?;
    if let State::Unknown(_, reason) = &intact.signature {
        return Err(unchecked(args, &intact.signature, reason, "not checked"));
    }
    let code = if intact.altered { ALTERED } else { 0 };
    if json {
        print(&format!(
            "{:#}\n",
            json!({
                "ok": true,
                "state": if intact.altered { "altered" } else { "whole" },
                "altered": intact.altered,
                "digest": intact.digest,
                "signature": signing::to_json(&intact.signature),
            })
        ))?;
    } else if !args.common.quiet {
        if intact.altered {
            note(
                "note",
                "another tool rewrote the file after injection; the stub may not come back",
            );
        }
        let state = if intact.altered {
            "altered after injection, program and resources intact"
        } else {
            "ok"
        };
        let signed = match &intact.signature {
            State::None => String::new(),
            signature => format!(", {}", signing::in_words(signature)),
        };
        let details = signing::details(&intact.signature);
        let name = text::path(&args.app);
        print(&format!("{name}: {state}{signed}\n{details}"))?;
    }
    Ok(ExitCode::from(code))
}

/// A program that was not made here, but can be signed here.
fn stranger(args: &Verify) -> Result<Option<Map>, Failure> {
    let name = args.app.display();
    let unreadable =
        |error: std::io::Error| Failure::because(format!("cannot read `{name}`"), &error);
    let program = Map::open(&args.app).map_err(unreadable)?;
    let is_ours = !container::slots(&program).is_ok_and(|slots| slots.is_empty());
    Ok((!is_ours && state::is_signable(&program)).then_some(program))
}

/// What there is to say of a stranger's program is its signature.
fn tell_signature(args: &Verify, signature: State) -> Result<ExitCode, Failure> {
    let name = args.app.display();
    let ok = matches!(signature, State::Good(_) | State::AdHoc { .. });
    const STATE: &str = "not an application";
    if ok && args.common.output_format == Format::Json {
        print(&format!(
            "{:#}\n",
            json!({
                "ok": true,
                "state": STATE,
                "signature": signing::to_json(&signature),
            })
        ))?;
    } else if ok && !args.common.quiet {
        let (words, details) = (signing::in_words(&signature), signing::details(&signature));
        print(&format!("{}: {words}\n{details}", text::path(&args.app)))?;
    }
    let problem = match &signature {
        State::None => format!("`{name}` is not signed, and was not made by oxidize-inject"),
        State::Broken(problem) => format!("the signature of `{name}` is broken: {problem}"),
        State::Unknown(_, reason) => return Err(unchecked(args, &signature, reason, STATE)),
        _ => return Ok(ExitCode::SUCCESS),
    };
    Err(Failure::new(problem)
        .detail("state", STATE)
        .detail("signature", signing::to_json(&signature)))
}

/// Nobody can tell here whether what was signed is still the same.
fn unchecked(args: &Verify, signature: &State, reason: &str, state: &'static str) -> Failure {
    let name = args.app.display();
    let words = format!("the signature of `{name}` cannot be checked here: {reason}");
    if args.common.output_format != Format::Json && !args.common.quiet {
        // Who signed is told all the same, as far as it can be read.
        let details = signing::details(signature);
        let told = format!(
            "{}: {}\n{details}",
            text::path(&args.app),
            signing::in_words(signature)
        );
        if let Err(failure) = print(&told) {
            return failure;
        }
    }
    Failure::new(words)
        .hint(Some(
            "check it on its own system: `codesign --verify --strict` or `signtool verify /pa`",
        ))
        .detail("state", state)
        .detail("signature", signing::to_json(signature))
}

/// `Err`: it is damaged.
fn judge(app: &App, args: &Verify) -> Result<Intact, Failure> {
    let name = args.app.display();
    let broken =
        |error: &(dyn Error + 'static)| Failure::because(format!("`{name}` is damaged"), error);
    let altered = app.check(app.image())?;
    let blobs = app.blobs()?;
    for blob in &blobs {
        for index in 0..blob.data_len() {
            let data = blob.data(index).map_err(|error| broken(&error))?;
            if let Some(path) = app.beside(&data) {
                let found = std::fs::metadata(&path).map(|found| found.len());
                if !found.is_ok_and(|length| length == data.len()) {
                    let path = path.display();
                    return Err(Failure::new(format!(
                        "`{path}`, which `{name}` needs, is missing or has another length"
                    )));
                }
            }
        }
    }
    let signature = state::of(app.image()).map_err(|error| broken(&error))?;
    if let State::Broken(problem) = &signature {
        return Err(
            Failure::new(format!("the signature of `{name}` is broken: {problem}"))
                .hint(Some("sign it again: `oxidize-inject sign FILE`")),
        );
    }
    Ok(Intact {
        altered,
        digest: Hex(&blobs[0].header().digest).to_string(),
        signature,
    })
}
