//! `man`: the manual page, one section a command, made from the definition of the command line.

use std::io::Write;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::Env;
use crate::cli::args::Cli;
use crate::cli::errors::Failure;

/// Print the manual page (roff); `qlib-pro man | man -l -` shows it.
#[derive(Debug, Args)]
pub struct Man {}

impl Man {
    /// Prints the page of the program, then those of its commands.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let mut root = Cli::command().disable_help_subcommand(true);
        root.build();
        let mut text = Vec::new();
        Page::new(root.clone()).render(&mut text)?;
        for command in root.get_subcommands() {
            render_tree(command, &mut text)?;
        }
        env.out.bytes(&text)
    }
}

fn render_tree(command: &Command, text: &mut Vec<u8>) -> Result<(), Failure> {
    let mut children = command.get_subcommands().peekable();
    if children.peek().is_none() {
        writeln!(text, ".SH {}", command.get_bin_name().unwrap_or(command.get_name()).to_uppercase())?;
        let page = Page::new(command.clone());
        page.render_description_section(text)?;
        page.render_synopsis_section(text)?;
        page.render_options_section(text)?;
    }
    children.try_for_each(|child| render_tree(child, text))
}
