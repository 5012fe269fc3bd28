//! `--stack`: rasters of one folder whose names differ only in a band token become one COG.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::ConvertError;
use super::input::Input;
use super::options::Options;
use super::plan::{Plan, Task, TaskSource, Told};
use crate::build::token;

/// Plans the stacks of all rasters; those of no stack are left out.
pub(super) fn tasks(inputs: Vec<Input>, options: &Options, plan: &mut Plan) {
    // By folder and what is left of the name without the band.
    let mut scenes: BTreeMap<(PathBuf, String), Vec<(String, Input)>> = BTreeMap::new();
    for input in inputs {
        let stem = input.dest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some(found) = token::find(&stem) else {
            plan.left_out.push((input.label, "its name tells no band"));
            continue;
        };
        let folder = input.dest.parent().map(PathBuf::from).unwrap_or_default();
        scenes.entry((folder, found.rest)).or_default().push((found.band, input));
    }
    for ((folder, rest), members) in scenes {
        for stack in &options.stacks {
            let file = [rest.as_str()].into_iter().filter(|rest| !rest.is_empty());
            let file = file.chain(stack.iter().map(String::as_str)).collect::<Vec<_>>().join("_");
            let dest = options.dest.join(&folder).join(format!("{file}.tif"));
            match sources(&members, stack) {
                Ok(sources) => {
                    plan.tasks.push(Task { label: file, sources, dest, is_container: false, making: None });
                }
                Err(error) => plan.failures.push((folder.join(&rest).display().to_string(), error)),
            }
        }
        let stacked =
            |band: &str| options.stacks.iter().flatten().any(|name| name.eq_ignore_ascii_case(band));
        for (band, input) in members {
            if !stacked(&band) {
                plan.left_out.push((input.label, "no --stack names its band"));
            }
        }
    }
}

fn sources(members: &[(String, Input)], stack: &[String]) -> Result<Vec<TaskSource>, ConvertError> {
    let find = |name: &String| {
        let member = members.iter().find(|(band, _)| band.eq_ignore_ascii_case(name));
        let (band, input) = member.ok_or_else(|| ConvertError::NoBand {
            name: name.clone(),
            has: members.iter().map(|(band, _)| band.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        let told = Told { name: band.clone(), scaling: None, nodata: None };
        let (name, file) = (input.name.clone(), input.file.clone());
        Ok(TaskSource { name, file, bands: vec!["1".to_owned()], told: Some(told), group: String::new() })
    };
    stack.iter().map(find).collect()
}
