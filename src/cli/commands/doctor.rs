//! `doctor`: is this machine and home fit to work with? Needs neither home nor user; who is named and may manage data
//! has the vendors asked too.

use clap::Args;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::service::permit::ManageData;
use crate::service::vendor_test::{ALL_SECONDS, VENDORS_ROW};

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

impl DoctorArgs {
    /// Prints what was found; exit 1 when something needs attention.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let mut rows = (env.context.doctor)(env.globals.home.as_deref());
        if env.is_named()
            && let Some(at) = rows.iter().position(|r| r.name == VENDORS_ROW)
        {
            let session = env.session(OpenMode::Read)?;
            match session.permit::<ManageData>() {
                Ok(permit) => {
                    env.open_keys(session.house())?;
                    let mut shown = env.progress();
                    let mut waits = |open: &[&str]| match open {
                        [] => shown(format_args!("")),
                        open => shown(format_args!("asking {} (up to {ALL_SECONDS} s)", open.join(", "))),
                    };
                    let house = session.house();
                    let mut asked = house.test_vendors(&permit, &mut |open| {
                        waits(&open.iter().map(|id| id.as_str()).collect::<Vec<_>>());
                    });
                    waits(&["the broker"]);
                    asked.push(house.test_broker(&permit));
                    waits(&[]);
                    rows.splice(at..=at, asked);
                }
                Err(error) => rows.iter_mut().skip(at).take(1).for_each(|r| r.value = error.to_string()),
            }
        }
        env.out.rows(&rows, "nothing to check")?;
        let bad: Vec<&str> = rows.iter().filter(|r| !r.ok).map(|r| r.name.as_str()).collect();
        if bad.is_empty() {
            return env.out.remark("everything is as it should be");
        }
        Err(Failure::failed(format!("needs attention: {}", bad.join(", "))))
    }
}
