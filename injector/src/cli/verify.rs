//! `oxidize-inject verify`: three answers, each with its exit status.

use std::error::Error;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::app::App;
use super::args::Verify;
use super::common::Format;
use super::failure::Failure;
use super::{note, print, signing, text};
use oxidize_inject::internal::container;
use oxidize_inject::internal::sign::state::{self, State};

/// Exit status for an application that another tool rewrote and left intact. A damaged one is a failure.
const ALTERED: u8 = 3;

/// What can be said of an application that is not damaged.
struct Intact {
    altered: bool,
    digest: String,
    signature: State,
}

pub(super) fn verify(args: &Verify) -> Result<ExitCode, Failure> {
    let json = args.common.output_format == Format::Json;
    let judged = match App::open_or_judge(&args.app)? {
        Ok(app) => {
            app.check_filled()?;
            judge(&app, args)
        }
        Err(damage) => Err(damage),
    };
    let name = args.app.display();
    let intact = match judged {
        Ok(intact) => intact,
        Err(damage) => {
            if json {
                print(&format!(
                    "{:#}\n",
                    json!({
                        "ok": false,
                        "state": "damaged",
                        "altered": Value::Null,
                        "problem": damage.in_one_line(),
                    })
                ))?;
            }
            return Err(damage);
        }
    };
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
        print(&format!("{name}: {state}{signed}\n"))?;
    }
    Ok(ExitCode::from(code))
}

/// `Err`: it is damaged.
fn judge(app: &App, args: &Verify) -> Result<Intact, Failure> {
    let name = args.app.display();
    let broken = |error: &dyn Error| Failure::because(format!("`{name}` is damaged"), error);
    let verified = container::verify(app.image()).map_err(|error| broken(&error))?;
    let blobs = app.blobs()?;
    for blob in &blobs {
        blob.validate().map_err(|error| broken(&error))?;
        blob.verify_digest().map_err(|error| broken(&error))?;
        blob.verify_data().map_err(|error| broken(&error))?;
    }
    let signature = state::of(app.image()).map_err(|error| broken(&error))?;
    if let State::Broken(problem) = &signature {
        return Err(
            Failure::new(format!("the signature of `{name}` is broken: {problem}"))
                .hint(Some("sign it again: `oxidize-inject sign FILE`")),
        );
    }
    Ok(Intact {
        altered: verified.altered,
        digest: text::hex(&blobs[0].header().digest),
        signature,
    })
}
