//! [`Theme`]: what a state looks like, keyed by meaning, never by colour.
//!
//! Panes ask for `Up`, `Breach`, `Stale`…; a theme file says how these look. Every theme defines every meaning.
//! Without colour (`NO_COLOR`) each meaning keeps an attribute (reverse, bold, underline) and its glyph, so that
//! nothing is ever told by colour alone. Theme files are compiled in; nothing is read at run time.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// Names and texts of the themes, the default first.
const THEMES: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("blue-orange", include_str!("../../themes/blue-orange.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
];

/// Why a theme could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No theme has this name.
    #[error("theme '{0}' is unknown; choose one of {known}", known = Theme::names().join(", "))]
    Unknown(String),
    /// A theme file does not say what it should.
    #[error("theme '{name}': {reason}")]
    Broken {
        /// Which theme.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

macro_rules! meanings {
    ($($name:ident = $key:literal, $plain:expr, $doc:literal;)*) => {
        /// What something means on screen. One row a meaning: name, key in theme files, attributes without colour.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Meaning { $( #[doc = $doc] $name, )* }

        impl Meaning {
            /// All meanings.
            pub const ALL: &'static [Meaning] = &[$(Meaning::$name),*];
            /// Key in theme files.
            pub const fn key(self) -> &'static str { match self { $(Meaning::$name => $key,)* } }
            /// Attributes that carry it without colour.
            const fn plain(self) -> Modifier { match self { $(Meaning::$name => $plain,)* } }
        }
    };
}

const NONE: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const ALERT: Modifier = Modifier::BOLD.union(Modifier::REVERSED);

meanings! {
    Text = "text", NONE, "Ordinary text, with the background of the whole screen.";
    Muted = "muted", NONE, "Labels, units, hints: there when looked for.";
    Title = "title", BOLD, "Title of a pane.";
    Header = "header", Modifier::UNDERLINED, "Column titles.";
    Border = "border", NONE, "Border of a pane.";
    FocusBorder = "focus_border", BOLD, "Border of the pane that has the keyboard.";
    ModalBorder = "modal_border", BOLD, "Border of a window that can change money or limits.";
    Up = "up", NONE, "Above zero, gained.";
    Down = "down", NONE, "Below zero, lost.";
    Flat = "flat", NONE, "Unchanged.";
    Good = "good", NONE, "As it should be.";
    Warn = "warn", BOLD, "Near a limit, or needs a look.";
    Breach = "breach", ALERT, "Over a limit, refused, failed.";
    Stale = "stale", Modifier::ITALIC, "Older than it should be, or unknown.";
    Simulated = "simulated", Modifier::ITALIC, "Not from a real market.";
    Own = "own", BOLD, "The person's own orders and fills.";
    Accent = "accent", BOLD, "The one figure of a pane that matters most; lines of charts.";
    Bar = "bar", NONE, "Filled part of a bar.";
    Track = "track", NONE, "Empty part of a bar; axes and rules.";
    Selection = "selection", Modifier::REVERSED, "The selected row.";
    Match = "match", Modifier::UNDERLINED, "Text that matches the filter.";
    Key = "key", BOLD, "A key to press.";
    Input = "input", Modifier::UNDERLINED, "A field that takes text.";
    Chrome = "chrome", NONE, "Status and hint rows around the panes.";
    Active = "active", ALERT, "The workspace or tab in front.";
    ModeSim = "mode_sim", ALERT, "The word SIM.";
    ModePaper = "mode_paper", ALERT, "The word PAPER.";
    Halt = "halt", ALERT, "The banner of a halt.";
}

/// One theme as its file says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    styles: BTreeMap<String, StyleFile>,
}

/// One style as a theme file says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleFile {
    #[serde(default)]
    fg: Option<String>,
    #[serde(default)]
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    reverse: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    italic: bool,
}

/// A style for every meaning, and whether glyphs must be ASCII.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Name.
    pub name: &'static str,
    /// No colours at all.
    pub no_color: bool,
    /// ASCII glyphs only.
    pub ascii: bool,
    styles: BTreeMap<Meaning, Style>,
}

impl Theme {
    /// Name of the theme that is used when none is named.
    pub const DEFAULT: &'static str = "dark";

    /// Names of all themes, the default first.
    pub fn names() -> Vec<&'static str> {
        THEMES.iter().map(|(name, _)| *name).collect()
    }

    /// Loads a theme by name; with `no_color` every meaning keeps attributes only.
    pub fn load(name: &str, no_color: bool, ascii: bool) -> Result<Theme, ThemeError> {
        let found = THEMES.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| ThemeError::Unknown(name.escape_default().to_string()))?;
        let styles = if no_color { plain_styles() } else { parse(name, text)? };
        Ok(Theme { name, no_color, ascii, styles })
    }

    /// A theme that needs no file: attributes only.
    pub fn plain(ascii: bool) -> Theme {
        Theme { name: "plain", no_color: true, ascii, styles: plain_styles() }
    }

    /// How a meaning looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles.get(&meaning).copied().unwrap_or_default()
    }
}

fn plain_styles() -> BTreeMap<Meaning, Style> {
    let style = |m: Meaning| Style::new().fg(Color::Reset).bg(Color::Reset).add_modifier(m.plain());
    Meaning::ALL.iter().map(|m| (*m, style(*m))).collect()
}

fn parse(name: &str, text: &str) -> Result<BTreeMap<Meaning, Style>, ThemeError> {
    let broken = |reason: String| ThemeError::Broken { name: name.to_owned(), reason };
    let mut file: ThemeFile = toml::from_str(text).map_err(|e| broken(e.to_string()))?;
    let mut styles = BTreeMap::new();
    for meaning in Meaning::ALL {
        let key = meaning.key();
        let found = file.styles.remove(key).ok_or_else(|| broken(format!("'{key}' is missing")))?;
        styles.insert(*meaning, found.style().map_err(|e| broken(format!("'{key}': {e}")))?);
    }
    match file.styles.keys().next() {
        Some(extra) => Err(broken(format!("'{extra}' means nothing"))),
        None => Ok(styles),
    }
}

impl StyleFile {
    fn style(&self) -> Result<Style, String> {
        let color = |text: &Option<String>| match text {
            None => Ok(None),
            Some(t) => t.parse::<Color>().map(Some).map_err(|_| format!("'{t}' is no colour")),
        };
        let flags = [
            (self.bold, Modifier::BOLD),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
            (self.italic, Modifier::ITALIC),
        ];
        let modifier = flags.iter().filter(|(on, _)| *on).fold(NONE, |all, (_, m)| all.union(*m));
        Ok(Style { fg: color(&self.fg)?, bg: color(&self.bg)?, ..Style::new().add_modifier(modifier) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(value: u8) -> f64 {
        let v = f64::from(value) / 255.0;
        if v <= 0.03928 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
    }

    fn luminance(color: Color) -> Option<f64> {
        match color {
            Color::Rgb(r, g, b) => Some(0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)),
            _ => None,
        }
    }

    #[test]
    fn every_theme_defines_every_meaning() {
        for name in Theme::names() {
            let theme = Theme::load(name, false, false).unwrap();
            assert_eq!(theme.styles.len(), Meaning::ALL.len(), "{name}");
        }
        assert!(Theme::names().contains(&Theme::DEFAULT));
    }

    #[test]
    fn text_stands_out_from_its_background() {
        let unread =
            [Meaning::Border, Meaning::Track, Meaning::FocusBorder, Meaning::ModalBorder, Meaning::Bar];
        let mut checked = 0;
        for name in Theme::names() {
            let theme = Theme::load(name, false, false).unwrap();
            let base = theme.style(Meaning::Text);
            for meaning in Meaning::ALL.iter().filter(|m| !unread.contains(m)) {
                let style = theme.style(*meaning);
                let pair =
                    (style.fg.or(base.fg).and_then(luminance), style.bg.or(base.bg).and_then(luminance));
                let (Some(fg), Some(bg)) = pair else { continue };
                let ratio = (fg.max(bg) + 0.05) / (fg.min(bg) + 0.05);
                assert!(ratio >= 4.5, "{name}: {meaning:?} has a contrast of {ratio:.2}");
                checked += 1;
            }
        }
        assert!(checked > 60, "only {checked} pairs have truecolor");
    }

    #[test]
    fn without_colour_only_attributes_are_left() {
        for name in Theme::names() {
            let theme = Theme::load(name, true, false).unwrap();
            for meaning in Meaning::ALL {
                let style = theme.style(*meaning);
                assert_eq!((style.fg, style.bg), (Some(Color::Reset), Some(Color::Reset)), "{meaning:?}");
            }
            assert!(theme.style(Meaning::Selection).add_modifier.contains(Modifier::REVERSED));
        }
    }

    #[test]
    fn an_unknown_name_says_which_are_known() {
        let error = Theme::load("neon\u{1b}", false, false).unwrap_err().to_string();
        assert_eq!(error, "theme 'neon\\u{1b}' is unknown; choose one of dark, light, blue-orange, terminal");
    }

    #[test]
    fn a_theme_that_lacks_a_meaning_is_refused() {
        let error = parse("x", "[styles]\ntext = { fg = \"white\" }").unwrap_err().to_string();
        assert_eq!(error, "theme 'x': 'muted' is missing");
    }
}
